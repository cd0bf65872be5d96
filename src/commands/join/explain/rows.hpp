// SPDX-License-Identifier: MIT
// The findings of `join --explain` about an interface, a group or a sender: a row each of code, when it holds, what is
// said and what helps.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "commands/join/explain/findings.hpp"

namespace commands {

// What the rows below look at: a group on an interface. `state` is null for an interface that came meanwhile.
struct Facts {
  const MulticastState& host;
  const ExplainTarget& target;
  const net::Interface& interface;
  const InterfaceState* state;
  net::Family family;
  net::FoundRoute way_back;  // to the source, else the default one

  bool v4() const { return family == net::Family::ipv4; }
  bool usable() const { return interface.up && state != nullptr; }
  std::string name() const;  // escaped, as all texts
  // A setting of the interface, or of all, as sysctl(8) takes it.
  std::string setting(std::string_view key) const;
  std::string setting_of_all(std::string_view key) const;
  // What owns the interface and takes what arrives by it; null when it is nobody's port.
  const InterfaceState* owner() const;
  std::string or_another() const;  // advice, where there is another interface
  long forced_version() const { return v4() ? state->forced_igmp : state->forced_mld; }

  // RFC 3704: strict takes only what comes by the interface that the way back leaves by; loose takes what has one.
  // An interface without an address is strict in both (fib_validate_source).
  bool no_way_back() const { return way_back.answer == net::FoundRoute::Answer::none; }
  bool is_strict() const { return state->rp_filter == 1 || !interface.ipv4; }
  bool drops_by_rp_filter() const;
  std::string mode() const { return state->rp_filter == 1 ? "strict" : "loose"; }
  std::string cure() const;  // the least that lets them in
};

// A row applies where its predicate holds.
struct Row {
  const char* code;
  bool (*holds)(const Facts&);
  std::string (*message)(const Facts&);
  std::string (*advice)(const Facts&);
  bool of_group = false;  // said once for all the groups that it holds for
};

struct GroupRow {
  const char* code;
  bool (*holds)(const ExplainTarget&);
  const char* message;
  const char* advice;
};

// Once an interface and family, once a group, and for each group on each interface (IPv4): about a source that was
// named, or about any sender.
std::span<const Row> interface_rows();
std::span<const GroupRow> group_rows();
std::span<const Row> source_rows();
std::span<const Row> any_sender_rows();

}  // namespace commands
