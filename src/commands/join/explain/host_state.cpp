// SPDX-License-Identifier: MIT
// Parsers of what the kernel prints. Reading it is in host_state_linux.cpp.
#include "commands/join/explain/host_state.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "base/lines.hpp"
#include "base/text.hpp"

namespace commands {
namespace {

using base::next_line;
using base::next_word;

// An address as the kernel prints it, in hexadecimal: 32 digits for IPv6, else a number in network order.
std::optional<net::Address> hex_address(std::string_view word) {
  if (word.starts_with("0x")) word.remove_prefix(2);
  net::asio::ip::address_v6::bytes_type bytes;
  if (word.size() != 2 * bytes.size()) {
    const auto value = base::number_of<std::uint32_t>(word, 16);
    if (!value) return std::nullopt;
    return net::asio::ip::address_v4(*value);
  }
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto value = base::number_of<std::uint8_t>(word.substr(2 * i, 2), 16);
    if (!value) return std::nullopt;
    bytes[i] = *value;
  }
  return net::asio::ip::address_v6(bytes);
}

// /proc/net/igmp prints an IPv4 address as this machine holds it in memory.
std::optional<net::asio::ip::address_v4> raw_address(std::string_view word) {
  const auto value = base::number_of<std::uint32_t>(word, 16);
  if (!value || word.size() != 8) return std::nullopt;
  net::asio::ip::address_v4::bytes_type bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const std::size_t shift = std::endian::native == std::endian::little ? i : bytes.size() - 1 - i;
    bytes[i] = static_cast<std::uint8_t>(*value >> (8 * shift));
  }
  return net::asio::ip::address_v4(bytes);
}

}  // namespace

// "2\tv1        :     3      V3" and under it "\t\t\t\t010101EF     1 0:00000000\t\t0".
IgmpTable parse_igmp(std::string_view text) {
  IgmpTable table;
  unsigned interface = 0;
  while (!text.empty()) {
    std::string_view line = next_line(text);
    const bool is_group = line.starts_with('\t');
    const std::string_view first = next_word(line);
    if (is_group) {
      const auto group = raw_address(first);
      const auto users = base::number_of<std::uint64_t>(next_word(line));
      if (group && users && interface != 0) table.memberships.push_back({interface, *group, *users, {}});
      continue;
    }
    interface = base::number_of<unsigned>(first).value_or(0);  // 0 for the title
    const std::size_t version = line.rfind(" V");
    if (interface == 0 || version == std::string_view::npos) continue;
    if (const auto value = base::number_of<int>(line.substr(version + 2))) table.versions[interface] = *value;
  }
  return table;
}

// "2    v1              ff150000000000000000000000000007     1 00000004 0"
std::vector<HostMembership> parse_igmp6(std::string_view text) {
  std::vector<HostMembership> memberships;
  while (!text.empty()) {
    std::string_view line = next_line(text);
    const auto interface = base::number_of<unsigned>(next_word(line));
    next_word(line);  // the interface's name
    const auto group = hex_address(next_word(line));
    const auto users = base::number_of<std::uint64_t>(next_word(line));
    if (interface && group && group->is_v6() && users) memberships.push_back({*interface, *group, *users, {}});
  }
  return memberships;
}

// "  2     v1 0xe8010101 0x0a000009      1      0", in IPv6 without 0x.
void parse_mcfilter(std::string_view text, std::vector<HostMembership>& memberships) {
  std::map<std::pair<unsigned, net::Address>, HostMembership*> by_group;
  for (HostMembership& one : memberships) by_group[{one.interface, one.group}] = &one;
  while (!text.empty()) {
    std::string_view line = next_line(text);
    const auto interface = base::number_of<unsigned>(next_word(line));
    next_word(line);  // the interface's name
    const auto group = hex_address(next_word(line));
    const auto source = hex_address(next_word(line));
    const auto included = base::number_of<std::uint64_t>(next_word(line));
    const auto excluded = base::number_of<std::uint64_t>(next_word(line));
    if (!interface || !group || !source || !included || !excluded) continue;
    const auto found = by_group.find({*interface, *group});
    if (found != by_group.end()) found->second->sources.push_back({*source, *included, *excluded});
  }
}

// "    v1:     391       7    0    0    0     0          0         0      230 ..."
std::optional<ReceiveCounters> parse_receive_counters(std::string_view text, std::string_view interface) {
  while (!text.empty()) {
    std::string_view line = next_line(text);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    std::string_view name = line.substr(0, colon);
    if (next_word(name) != interface) continue;
    line.remove_prefix(colon + 1);
    std::array<std::optional<std::uint64_t>, 8> fields;  // bytes packets errs drop fifo frame compressed multicast
    for (auto& field : fields) field = base::number_of<std::uint64_t>(next_word(line));
    if (!fields[1] || !fields[7]) return std::nullopt;
    return ReceiveCounters{*fields[1], *fields[7]};
  }
  return std::nullopt;
}

std::optional<long> parse_setting(std::string_view text) {
  std::string_view line = next_line(text);
  return base::number_of<long>(next_word(line));
}

const InterfaceState* MulticastState::find(unsigned index) const {
  const auto found = std::find_if(interfaces.begin(), interfaces.end(),
                                  [&](const InterfaceState& one) { return one.interface.index == index; });
  return found == interfaces.end() ? nullptr : &*found;
}

std::string MulticastState::name_of(unsigned interface) const {
  const InterfaceState* state = find(interface);
  return base::escaped(state == nullptr ? net::interface_name(interface) : state->interface.name);
}

}  // namespace commands
