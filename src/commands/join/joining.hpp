// SPDX-License-Identifier: MIT
// Which groups are joined on which interfaces, at the start and later.
#pragma once

#include <set>
#include <utility>
#include <vector>

#include "commands/join/join.hpp"
#include "commands/join/memberships.hpp"
#include "net/group.hpp"
#include "net/interfaces.hpp"
#include "output/report.hpp"

namespace commands {

class Joining {
 public:
  Joining(const JoinOptions& options, Memberships& memberships, output::Report& report)
      : options_(options), memberships_(memberships), report_(report) {}

  // Throws base::Failure when nothing at all can be joined, or not where it was asked for by name.
  void join_all();
  // Interfaces that have become valid since. One that refuses is told once.
  void join_later_interfaces();

 private:
  void join_one(const net::GroupWord& word, const net::Address& group, const std::vector<net::Interface>& interfaces);
  void tell_cut_short();
  void join_later(const net::GroupWord& word, const net::Address& group, const net::Interface& interface);
  bool is_member(const net::GroupWord& word, const net::Address& group, const net::Interface& interface) const;
  std::vector<net::Interface> interfaces_for(const net::GroupWord& word);
  static const net::Address& zoned(const net::GroupWord& word);
  void tell_or_refuse(const net::Interface& interface, const net::Address& zoned, net::Family family);

  const JoinOptions& options_;
  Memberships& memberships_;
  output::Report& report_;
  std::set<unsigned> refused_;
  std::set<std::pair<unsigned, net::Family>> told_;
};

}  // namespace commands
