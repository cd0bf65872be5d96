// SPDX-License-Identifier: MIT
// The options of a UDP socket and its memberships: ip(7), ipv6(7), socket(7), udp(7). Each asks the kernel at once.
// Throws base::Failure whose text names the option and the value, or the group and the interface.
#pragma once

#include <cstddef>
#include <optional>

#include "net/datagram.hpp"
#include "net/interfaces.hpp"

namespace net {

class UdpOptions {
 public:
  void set_broadcast(bool allowed);      // SO_BROADCAST
  void set_ttl(int hops);                // 1-255, unicast and broadcast
  void set_multicast_ttl(int hops);      // 0-255
  void set_multicast_loopback(bool on);  // whether groups joined on this host get what is sent
  void set_multicast_interface(unsigned index);
  void set_multicast_all(bool on);     // off: only groups that this socket joined
  void set_traffic_class(int value);   // 0-255: DSCP << 2
  void set_dont_fragment(bool on);     // DF, and nothing larger than the path MTU leaves
  void set_path_mtu_probing(bool on);  // DF, and the cached path MTU is ignored
  void set_reuse_address(bool on);
  void set_reuse_port(bool on);
  void bind_to_interface(const Interface& interface);  // SO_BINDTODEVICE
  std::size_t set_receive_buffer(std::size_t bytes);   // returns what was granted
  std::size_t set_send_buffer(std::size_t bytes);
  void want(const WantedMetadata& wanted);

  // What the kernel says an option is now. Sizes are bytes; path_mtu is the IP packet that the route of a connected
  // socket takes, path_mtu_mode is IP_MTU_DISCOVER.
  enum class Readable { ttl, multicast_ttl, traffic_class, path_mtu_mode, path_mtu, receive_buffer, send_buffer };
  int read(Readable option) const;

  // Membership (RFC 3678), by interface. `source` makes it source-specific.
  void add_membership(const Address& group, const Interface& interface, const std::optional<Address>& source = {});
  void drop_membership(const Address& group, const Interface& interface, const std::optional<Address>& source = {});

 protected:
  ~UdpOptions() = default;
  void set_error_reports(bool on);  // IP_RECVERR, and where ICMP extensions begin (RFC 4884)

  int fd_ = -1;
  Family family_ = Family::ipv4;
};

}  // namespace net
