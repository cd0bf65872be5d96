// SPDX-License-Identifier: MIT
// Where Linux keeps what there is to know about multicast: proc(5), ip-sysctl.
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>

#include "commands/join/explain/host_state.hpp"

namespace commands {
namespace {

std::optional<std::string> contents(const std::string& path) {
  std::ifstream file(path);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::optional<long> setting(const std::string& name) {
  const auto text = contents("/proc/sys/net/" + name);
  return text ? parse_setting(*text) : std::nullopt;
}

// "all" overrides an interface unless it is 0.
long forced(const char* format, const std::string& name) {
  const long all = setting(fmt::format(fmt::runtime(format), "all")).value_or(0);
  return all != 0 ? all : setting(fmt::format(fmt::runtime(format), name)).value_or(0);
}

InterfaceState state_of(const net::Interface& interface, const std::map<unsigned, int>& versions) {
  const std::string& name = interface.name;
  InterfaceState state;
  state.interface = interface;
  state.rp_filter = std::max(setting("ipv4/conf/all/rp_filter").value_or(0),
                             setting(fmt::format("ipv4/conf/{}/rp_filter", name)).value_or(0));
  if (const auto version = versions.find(interface.index); version != versions.end()) {
    state.igmp_version = version->second;
  }
  state.forced_igmp = forced("ipv4/conf/{}/force_igmp_version", name);
  state.forced_mld = forced("ipv6/conf/{}/force_mld_version", name);
  return state;
}

void add_links(std::vector<InterfaceState>& interfaces) {
  const std::vector<net::Link> links = net::links();
  for (InterfaceState& one : interfaces) {
    for (const net::Link& link : links) {
      if (link.index == one.interface.index) one.link = link;
      if (link.parent == one.interface.index && link.takes_all) one.stolen = true;
    }
  }
}

HostKind host_kind() {
  std::string release = contents("/proc/sys/kernel/osrelease").value_or("");
  std::transform(release.begin(), release.end(), release.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; });
  if (release.find("microsoft") != std::string::npos) return HostKind::wsl;
  const bool container = access("/.dockerenv", F_OK) == 0 || access("/run/.containerenv", F_OK) == 0;
  return container ? HostKind::container : HostKind::plain;
}

std::uint64_t max_files() {
  rlimit limit{};
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : RLIM_INFINITY;
}

}  // namespace

std::optional<ReceiveCounters> receive_counters(std::string_view interface) {
  const auto text = contents("/proc/net/dev");
  return text ? parse_receive_counters(*text, interface) : std::nullopt;
}

MulticastState read_multicast_state() {
  MulticastState state;
  const auto igmp = contents("/proc/net/igmp");
  const auto igmp6 = contents("/proc/net/igmp6");  // missing where IPv6 is
  state.readable = igmp || igmp6;
  IgmpTable table = parse_igmp(igmp.value_or(""));
  state.memberships = std::move(table.memberships);
  const std::vector<HostMembership> v6 = parse_igmp6(igmp6.value_or(""));
  state.memberships.insert(state.memberships.end(), v6.begin(), v6.end());
  for (const char* path : {"/proc/net/mcfilter", "/proc/net/mcfilter6"}) {
    parse_mcfilter(contents(path).value_or(""), state.memberships);
  }
  for (const net::Interface& one : net::interfaces()) state.interfaces.push_back(state_of(one, table.versions));
  add_links(state.interfaces);
  state.max_memberships = setting("ipv4/igmp_max_memberships");
  state.max_sources_v4 = setting("ipv4/igmp_max_msf");
  state.max_sources_v6 = setting("ipv6/mld_max_msf");
  state.max_files = max_files();
  state.host = host_kind();
  return state;
}

}  // namespace commands
