// SPDX-License-Identifier: MIT
// The kernel's tables of multicast, of any bytes: what is understood, printed as the kernel prints it, is understood
// to be the same.
#include <fmt/format.h>

#include <cstring>
#include <string>

#include "commands/join/explain/host_state.hpp"
#include "fuzz.hpp"

namespace {

std::string hex(const net::Address& address) {
  std::string out;
  for (const unsigned char byte : address.to_v6().to_bytes()) out += fmt::format("{:02x}", byte);
  return out;
}

// As this machine holds it in memory.
std::uint32_t raw(const net::Address& address) {
  std::uint32_t value = 0;
  const auto bytes = address.to_v4().to_bytes();
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

bool same(const std::vector<commands::HostMembership>& a, const std::vector<commands::HostMembership>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const auto& x, const auto& y) {
    return x.interface == y.interface && x.group == y.group && x.users == y.users &&
           std::equal(x.sources.begin(), x.sources.end(), y.sources.begin(), y.sources.end(),
                      [](const auto& s, const auto& t) {
                        return s.address == t.address && s.included == t.included && s.excluded == t.excluded;
                      });
  });
}

void check_igmp(std::string_view text) {
  const commands::IgmpTable table = commands::parse_igmp(text);
  std::string printed = "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n";
  for (const auto& one : table.memberships) {
    MUST(one.interface != 0 && one.group.is_v4());
    const auto version = table.versions.find(one.interface);
    printed += fmt::format("{}\tv1        :     1", one.interface);
    if (version != table.versions.end()) printed += fmt::format("      V{}", version->second);
    printed += fmt::format("\n\t\t\t\t{:08X}     {} 0:00000000\t\t0\n", raw(one.group), one.users);
  }
  const commands::IgmpTable again = commands::parse_igmp(printed);
  MUST(same(table.memberships, again.memberships));
  for (const auto& [interface, version] : again.versions) MUST(table.versions.at(interface) == version);
}

void check_igmp6(std::string_view text, std::string_view filters) {
  std::vector<commands::HostMembership> all = commands::parse_igmp6(text);
  std::string printed;
  for (const auto& one : all) {
    printed += fmt::format("{}    v1              {} {:5} 00000004 0\n", one.interface, hex(one.group), one.users);
  }
  std::vector<commands::HostMembership> again = commands::parse_igmp6(printed);
  MUST(same(all, again));

  commands::parse_mcfilter(filters, all);
  std::string printed_filters;
  for (const auto& one : all) {
    for (const auto& source : one.sources) {
      const std::string from =
          source.address.is_v6() ? hex(source.address) : fmt::format("0x{:08x}", source.address.to_v4().to_uint());
      printed_filters += fmt::format("{:3} {:>6} {} {} {:6} {:6}\n", one.interface, "v1", hex(one.group), from,
                                     source.included, source.excluded);
    }
  }
  commands::parse_mcfilter(printed_filters, again);
  MUST(same(all, again));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t half = std::min(text.find("--\n"), size);  // two tables in one input
  check_igmp(text);
  check_igmp6(text.substr(0, half), text.substr(half));

  const auto counters = commands::parse_receive_counters(text, "v1");
  if (counters) MUST(text.find("v1") != std::string_view::npos);
  const auto setting = commands::parse_setting(text);
  if (setting) MUST(commands::parse_setting(std::to_string(*setting) + "\n") == setting);
  return 0;
}
