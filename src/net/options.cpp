// SPDX-License-Identifier: MIT
#include "net/options.hpp"

#include "net/udp_socket.hpp"

namespace net {

GrantedBuffers apply(const SocketOptions& options, bool multicast, UdpSocket& socket) {
  GrantedBuffers granted;
  if (options.reuse_address) socket.set_reuse_address(true);
  if (options.reuse_port) socket.set_reuse_port(true);
  if (options.interface && multicast) socket.set_multicast_interface(options.interface->index);
  if (options.interface && !multicast) socket.bind_to_interface(*options.interface);
  if (options.ttl && multicast) socket.set_multicast_ttl(*options.ttl);
  if (options.ttl && !multicast) socket.set_ttl(*options.ttl);
  if (options.dscp) socket.set_traffic_class(*options.dscp << 2);
  if (options.broadcast) socket.set_broadcast(true);
  if (!options.multicast_loopback) socket.set_multicast_loopback(false);
  if (options.dont_fragment) socket.set_dont_fragment(true);
  if (options.receive_buffer) granted.receive = socket.set_receive_buffer(*options.receive_buffer);
  if (options.send_buffer) granted.send = socket.set_send_buffer(*options.send_buffer);
  return granted;
}

}  // namespace net
