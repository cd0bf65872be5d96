// SPDX-License-Identifier: MIT
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/error.hpp"
#include "net/udp_options.hpp"

namespace net {
namespace {

// An option with its IPv4 and IPv6 twins side by side.
struct Option {
  int level4, name4;
  int level6, name6;
  const char* words;
};

constexpr Option both(int level, int name, const char* words) { return {level, name, level, name, words}; }

constexpr Option broadcast_option = both(SOL_SOCKET, SO_BROADCAST, "broadcast");
constexpr Option ttl_option{SOL_IP, IP_TTL, SOL_IPV6, IPV6_UNICAST_HOPS, "the TTL"};
constexpr Option multicast_ttl_option{SOL_IP, IP_MULTICAST_TTL, SOL_IPV6, IPV6_MULTICAST_HOPS, "the multicast TTL"};
constexpr Option loopback_option{SOL_IP, IP_MULTICAST_LOOP, SOL_IPV6, IPV6_MULTICAST_LOOP, "multicast loopback"};
constexpr Option all_groups_option{SOL_IP, IP_MULTICAST_ALL, SOL_IPV6, IPV6_MULTICAST_ALL, "IP_MULTICAST_ALL"};
constexpr Option traffic_class_option{SOL_IP, IP_TOS, SOL_IPV6, IPV6_TCLASS, "the DSCP"};
constexpr Option mtu_mode_option{SOL_IP, IP_MTU_DISCOVER, SOL_IPV6, IPV6_MTU_DISCOVER, "path MTU discovery"};
constexpr Option mtu_option{SOL_IP, IP_MTU, SOL_IPV6, IPV6_MTU, "the path MTU"};
constexpr Option errors_option{SOL_IP, IP_RECVERR, SOL_IPV6, IPV6_RECVERR, "ICMP error reports"};
constexpr Option extensions_option{SOL_IP, IP_RECVERR_RFC4884, SOL_IPV6, IPV6_RECVERR_RFC4884, "ICMP extensions"};
constexpr Option destination_option{SOL_IP, IP_PKTINFO, SOL_IPV6, IPV6_RECVPKTINFO, "destination addresses"};
constexpr Option receive_ttl_option{SOL_IP, IP_RECVTTL, SOL_IPV6, IPV6_RECVHOPLIMIT, "received TTLs"};
constexpr Option receive_class_option{SOL_IP, IP_RECVTOS, SOL_IPV6, IPV6_RECVTCLASS, "received DSCPs"};
constexpr Option time_option = both(SOL_SOCKET, SO_TIMESTAMPNS, "receive times");
constexpr Option coalesced_option = both(SOL_UDP, UDP_GRO, "coalesced receiving");
constexpr Option reuse_address_option = both(SOL_SOCKET, SO_REUSEADDR, "address sharing");
constexpr Option reuse_port_option = both(SOL_SOCKET, SO_REUSEPORT, "port sharing");
constexpr Option receive_buffer_option = both(SOL_SOCKET, SO_RCVBUF, "the receive buffer");
constexpr Option receive_buffer_force = both(SOL_SOCKET, SO_RCVBUFFORCE, "the receive buffer");
constexpr Option send_buffer_option = both(SOL_SOCKET, SO_SNDBUF, "the send buffer");
constexpr Option send_buffer_force = both(SOL_SOCKET, SO_SNDBUFFORCE, "the send buffer");

bool try_set(int fd, Family family, const Option& option, int value) {
  const bool v4 = family == Family::ipv4;
  return setsockopt(fd, v4 ? option.level4 : option.level6, v4 ? option.name4 : option.name6, &value, sizeof value) ==
         0;
}

void set(int fd, Family family, const Option& option, int value) {
  if (!try_set(fd, family, option, value)) base::fail(fmt::format("cannot set {} to {}", option.words, value));
}

int get(int fd, Family family, const Option& option) {
  const bool v4 = family == Family::ipv4;
  int value = 0;
  socklen_t size = sizeof value;
  if (getsockopt(fd, v4 ? option.level4 : option.level6, v4 ? option.name4 : option.name6, &value, &size) != 0) {
    base::fail(fmt::format("cannot read {}", option.words));
  }
  return value;
}

// The kernel doubles what is asked for and reports the double: halve it, so that a reader sees what was asked.
std::size_t set_buffer(int fd, const Option& option, const Option& force, std::size_t bytes) {
  const int asked = static_cast<int>(std::min<std::size_t>(bytes, 1u << 30));
  set(fd, Family::ipv4, option, asked);
  const std::size_t granted = static_cast<std::size_t>(get(fd, Family::ipv4, option)) / 2;
  if (granted >= bytes || !try_set(fd, Family::ipv4, force, asked)) return granted;
  return static_cast<std::size_t>(get(fd, Family::ipv4, option)) / 2;
}

sockaddr_storage storage_of(const Address& address) {
  const Endpoint endpoint(address, 0);
  sockaddr_storage storage{};
  std::memcpy(&storage, endpoint.data(), endpoint.size());
  return storage;
}

// RFC 3678's protocol-independent calls serve both families and any number of interfaces.
void change_membership(int fd, bool join, const Address& group, const Interface& interface,
                       const std::optional<Address>& source) {
  const int level = group.is_v4() ? SOL_IP : SOL_IPV6;
  int result = 0;
  if (source) {
    group_source_req request{};
    request.gsr_interface = interface.index;
    request.gsr_group = storage_of(group);
    request.gsr_source = storage_of(*source);
    result = setsockopt(fd, level, join ? MCAST_JOIN_SOURCE_GROUP : MCAST_LEAVE_SOURCE_GROUP, &request, sizeof request);
  } else {
    group_req request{};
    request.gr_interface = interface.index;
    request.gr_group = storage_of(group);
    result = setsockopt(fd, level, join ? MCAST_JOIN_GROUP : MCAST_LEAVE_GROUP, &request, sizeof request);
  }
  if (result == 0) return;
  const std::string from = source ? to_string(*source) + "," : "";
  base::fail(fmt::format("cannot {} {}{} on {}", join ? "join" : "leave", from, to_string(with_zone(group, 0)),
                         interface.shown()));
}

}  // namespace

void UdpOptions::set_broadcast(bool allowed) { set(fd_, family_, broadcast_option, allowed); }
void UdpOptions::set_ttl(int hops) { set(fd_, family_, ttl_option, hops); }
void UdpOptions::set_multicast_ttl(int hops) { set(fd_, family_, multicast_ttl_option, hops); }
void UdpOptions::set_multicast_loopback(bool on) { set(fd_, family_, loopback_option, on); }
void UdpOptions::set_multicast_all(bool on) { set(fd_, family_, all_groups_option, on); }
void UdpOptions::set_traffic_class(int value) { set(fd_, family_, traffic_class_option, value); }
void UdpOptions::set_reuse_address(bool on) { set(fd_, family_, reuse_address_option, on); }
void UdpOptions::set_reuse_port(bool on) { set(fd_, family_, reuse_port_option, on); }

void UdpOptions::set_multicast_interface(unsigned index) {
  int result = 0;
  if (family_ == Family::ipv4) {
    ip_mreqn request{};
    request.imr_ifindex = static_cast<int>(index);
    result = setsockopt(fd_, SOL_IP, IP_MULTICAST_IF, &request, sizeof request);
  } else {
    result = setsockopt(fd_, SOL_IPV6, IPV6_MULTICAST_IF, &index, sizeof index);
  }
  if (result != 0) base::fail(fmt::format("cannot send multicast by {}", shown_interface(index)));
}

void UdpOptions::set_dont_fragment(bool on) {
  set(fd_, family_, mtu_mode_option, on ? IP_PMTUDISC_DO : IP_PMTUDISC_WANT);
}

void UdpOptions::set_path_mtu_probing(bool on) {
  set(fd_, family_, mtu_mode_option, on ? IP_PMTUDISC_PROBE : IP_PMTUDISC_WANT);
  // Over IPv6 the mode alone still lets the sending host fragment.
  if (family_ == Family::ipv6) {
    const int value = on;
    if (setsockopt(fd_, SOL_IPV6, IPV6_DONTFRAG, &value, sizeof value) != 0) base::fail("cannot set IPV6_DONTFRAG");
  }
}

void UdpOptions::bind_to_interface(const Interface& interface) {
  const std::string& name = interface.name;
  if (setsockopt(fd_, SOL_SOCKET, SO_BINDTODEVICE, name.c_str(), static_cast<socklen_t>(name.size() + 1)) != 0) {
    base::fail("cannot bind to interface " + interface.shown());
  }
}

std::size_t UdpOptions::set_receive_buffer(std::size_t bytes) {
  return set_buffer(fd_, receive_buffer_option, receive_buffer_force, bytes);
}

std::size_t UdpOptions::set_send_buffer(std::size_t bytes) {
  return set_buffer(fd_, send_buffer_option, send_buffer_force, bytes);
}

void UdpOptions::want(const WantedMetadata& wanted) {
  if (wanted.destination || wanted.details) set(fd_, family_, destination_option, 1);
  if (wanted.ttl || wanted.details) set(fd_, family_, receive_ttl_option, 1);
  if (wanted.details) set(fd_, family_, receive_class_option, 1);
  if (wanted.time) set(fd_, family_, time_option, 1);
  // Linux 5.0 and later; without it datagrams simply arrive one by one.
  if (wanted.coalesced) try_set(fd_, family_, coalesced_option, 1);
}

void UdpOptions::set_error_reports(bool on) {
  set(fd_, family_, errors_option, on);
  try_set(fd_, family_, extensions_option, on);  // Linux 5.9 and later
}

int UdpOptions::read(Readable option) const {
  // In the order of Readable.
  static constexpr std::array options{ttl_option, multicast_ttl_option,  traffic_class_option, mtu_mode_option,
                                      mtu_option, receive_buffer_option, send_buffer_option};
  const int value = get(fd_, family_, options[static_cast<std::size_t>(option)]);
  const bool is_doubled = option == Readable::receive_buffer || option == Readable::send_buffer;
  return is_doubled ? value / 2 : value;
}

void UdpOptions::add_membership(const Address& group, const Interface& interface,
                                const std::optional<Address>& source) {
  change_membership(fd_, true, group, interface, source);
}

void UdpOptions::drop_membership(const Address& group, const Interface& interface,
                                 const std::optional<Address>& source) {
  change_membership(fd_, false, group, interface, source);
}

}  // namespace net
