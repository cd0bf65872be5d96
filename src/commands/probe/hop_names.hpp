// SPDX-License-Identifier: MIT
// The names of hops, looked up beside the trace.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "net/address.hpp"
#include "run/loop.hpp"

namespace commands {

class HopNames {
 public:
  // Without `wanted` no address has a name. `named`: called when one has been found.
  HopNames(bool wanted, run::Loop& loop, run::Handler named) : wanted_(wanted), loop_(loop), named_(std::move(named)) {}

  // Each address once.
  void look_up(const std::vector<net::Address>& addresses);
  // None of them is still looked up.
  bool are_known(const std::vector<net::Address>& addresses) const;
  std::string of(const net::Address& address) const;  // ""; as it is, so to be escaped
  // "10.0.0.1 (r1.example), 10.0.0.2"
  std::string text(const std::vector<net::Address>& addresses) const;

 private:
  void look_up(const net::Address& address);

  bool wanted_;
  run::Loop& loop_;
  run::Handler named_;
  std::map<net::Address, std::optional<std::string>> names_;  // nothing: still looked up; "": it has none
};

}  // namespace commands
