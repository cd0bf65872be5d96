// SPDX-License-Identifier: MIT
// The kernel's table of memberships beside what was asked for, and the printing of --explain.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "base/text.hpp"
#include "base/units.hpp"
#include "commands/join/explain/findings.hpp"
#include "output/json.hpp"

namespace commands {
namespace {

constexpr std::size_t max_lines = 24;  // of the table; what more there is becomes a number

std::string listing(const std::vector<FilteredSource>& sources, std::uint64_t FilteredSource::*count) {
  std::string names;
  for (const FilteredSource& one : sources) {
    if (one.*count == 0) continue;
    if (!names.empty()) names += ", ";
    net::append_address(names, one.address);
  }
  return names;
}

// "239.1.1.1 on eth0: 1 member, IGMPv3, only from 10.0.0.9"
std::string row_text(const HostMembership& row, const MulticastState& state) {
  std::string text = fmt::format("{} on {}: {}", net::to_string(row.group), state.name_of(row.interface),
                                 base::counted(row.users, "member"));
  const InterfaceState* interface = state.find(row.interface);
  if (row.group.is_v4() && interface != nullptr && interface->igmp_version != 0) {
    text += fmt::format(", IGMPv{}", interface->igmp_version);
  }
  const std::string included = listing(row.sources, &FilteredSource::included);
  const std::string excluded = listing(row.sources, &FilteredSource::excluded);
  if (!included.empty()) text += ", from " + included;
  if (!excluded.empty()) text += ", not from " + excluded;
  return text;
}

std::string json_list(const std::vector<FilteredSource>& sources, std::uint64_t FilteredSource::*count) {
  std::string list = "[";
  for (const FilteredSource& one : sources) {
    if (one.*count == 0) continue;
    if (list.size() > 1) list += ',';
    output::append_json_string(list, net::unescaped(one.address));
  }
  return list + "]";
}

void add_row(output::JsonEvent& event, std::string_view when, const HostMembership& row, const MulticastState& state) {
  event.text("when", when).address("group", row.group).text("interface", net::interface_name(row.interface));
  event.number("members", row.users);
  const InterfaceState* interface = state.find(row.interface);
  if (row.group.is_v4() && interface != nullptr && interface->igmp_version != 0) {
    event.number("igmp_version", static_cast<std::uint64_t>(interface->igmp_version));
  }
  event.raw("included", json_list(row.sources, &FilteredSource::included));
  event.raw("excluded", json_list(row.sources, &FilteredSource::excluded));
}

// `when` is "before" or "after".
void print_table(std::string_view when, const std::vector<ExplainTarget>& targets, const MulticastState& state,
                 output::Report& report) {
  std::vector<HostMembership> rows = table_of(targets, state);
  std::erase_if(rows, [](const HostMembership& row) { return row.users == 0; });
  const auto line = [&](const std::string& what) { return fmt::format("explain: {} joining: {}", when, what); };
  if (rows.empty()) report.line(line("nobody on this host is a member of these groups"), output::Tone::asked);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    report.tell(
        output::Tone::asked, "membership", [&](output::JsonEvent& event) { add_row(event, when, rows[i], state); },
        [&] { return i < max_lines ? line(row_text(rows[i], state)) : ""; });
  }
  if (rows.size() > max_lines) {
    report.line(line(fmt::format("and {} more", rows.size() - max_lines)), output::Tone::asked);
  }
}

// They were asked for, so -q does not silence them.
void print(const std::vector<Finding>& findings, output::Report& report) {
  for (const Finding& one : findings) {
    const auto fields = [&](output::JsonEvent& event) {
      event.text("code", one.code);
      if (!one.interface.empty()) event.text("interface", one.interface);
      event.text("message", one.message).text("advice", one.advice);
    };
    report.tell(output::Tone::asked, "finding", fields,
                [&] { return fmt::format("explain: {}: {}", one.message, one.advice); });
  }
  report.flush();
}

}  // namespace

std::vector<HostMembership> table_of(const std::vector<ExplainTarget>& targets, const MulticastState& state) {
  using Key = std::pair<net::Address, unsigned>;
  std::map<Key, const HostMembership*> memberships;
  for (const HostMembership& one : state.memberships) memberships[{one.group, one.interface}] = &one;
  std::set<Key> seen;  // several sources of a group share a row
  std::vector<HostMembership> rows;
  for (const ExplainTarget& target : targets) {
    for (const net::Interface& interface : target.interfaces) {
      const Key key{net::with_zone(target.group, 0), interface.index};
      if (!seen.insert(key).second) continue;
      const auto found = memberships.find(key);
      rows.push_back(found == memberships.end() ? HostMembership{key.second, key.first, 0, {}} : *found->second);
    }
  }
  return rows;
}

std::vector<Finding> explain_missing(const std::vector<ExplainTarget>& targets, const MulticastState& state) {
  std::vector<Finding> findings;
  if (!state.readable) return findings;
  for (const HostMembership& row : table_of(targets, state)) {
    if (row.users > 0) continue;
    const std::string name = state.name_of(row.interface);
    findings.push_back({"not_in_table", name,
                        fmt::format("the kernel's table lacks {} on {}", net::to_string(row.group), name),
                        "the interface may have gone meanwhile; join again"});
  }
  return findings;
}

void explain_before(const std::vector<ExplainTarget>& targets, output::Report& report) {
  const MulticastState state = read_multicast_state();
  std::vector<Finding> findings = explain(targets, state, net::route_to);
  if (findings.empty()) {
    findings.push_back({"all_well", "", "nothing on this host stands in the way, as far as it shows without root",
                        "if nothing comes, look at the firewall (nft list ruleset), the switch, the routers and the "
                        "sender's TTL"});
  }
  print(findings, report);
  print_table("before", targets, state, report);
}

void explain_after(const std::vector<ExplainTarget>& targets, output::Report& report) {
  const MulticastState state = read_multicast_state();
  print(explain_missing(targets, state), report);
  print_table("after", targets, state, report);
}

}  // namespace commands
