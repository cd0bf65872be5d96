// SPDX-License-Identifier: MIT
// `join --explain`: what on this host keeps multicast from arriving, and what to do about it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "commands/join/explain/host_state.hpp"
#include "net/route.hpp"
#include "output/report.hpp"

namespace commands {

// A group that is to be joined, and where. The interfaces may be ones that cannot be joined on: that is a
// finding.
struct ExplainTarget {
  net::Address group;
  std::optional<net::Address> source;
  std::uint16_t port = 0;
  std::vector<net::Interface> interfaces;
};

struct Finding {
  std::string code;       // for programs; never changes
  std::string interface;  // escaped; "" for what is about the host or a group
  std::string message;    // one clause, ready for a terminal
  std::string advice;     // what to do
};

using RouteLookup = std::function<net::FoundRoute(const net::Address&)>;

// What stands in the way, each thing once: groups that share a finding share its line. Empty when all is
// well.
std::vector<Finding> explain(const std::vector<ExplainTarget>& targets, const MulticastState& state,
                             const RouteLookup& route_to);

// Memberships that were made and that the kernel's table nevertheless lacks.
std::vector<Finding> explain_missing(const std::vector<ExplainTarget>& targets, const MulticastState& state);

// The kernel's memberships of the groups on the interfaces that they are joined on, in the order of the targets; with
// 0 users where the table has none.
std::vector<HostMembership> table_of(const std::vector<ExplainTarget>& targets, const MulticastState& state);

// To be called before and after joining. They read the host's state, and print the findings (one line that
// says so when there is none) and the kernel's table of memberships.
void explain_before(const std::vector<ExplainTarget>& targets, output::Report& report);
void explain_after(const std::vector<ExplainTarget>& targets, output::Report& report);

}  // namespace commands
