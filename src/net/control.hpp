// SPDX-License-Identifier: MIT
// Control messages (cmsg(3)) from bytes to values and back: pure, and safe on any bytes.
#pragma once

#include <cstddef>

#include "net/datagram.hpp"
#include "net/icmp.hpp"

struct msghdr;

namespace net {

// What the control messages of a received datagram say: ip(7), ipv6(7), socket(7), udp(7). Unknown ones and ones
// that are too short are passed over.
Metadata decode_metadata(const msghdr& message);

// The entry of the error queue that `message` holds (IP_RECVERR, IPV6_RECVERR), or nothing when it holds none.
std::optional<TransportError> decode_error(const msghdr& message, std::string_view quoted);

// Room for what the four below append.
constexpr std::size_t send_control_room = 112;

// Appends a control message to `message`, whose msg_control has send_control_room bytes and whose msg_controllen
// is what has been used so far.
void append_source(msghdr& message, Family family, const Source& source);
void append_segment_size(msghdr& message, std::size_t segment_size);
void append_ttl(msghdr& message, Family family, int ttl);
void append_traffic_class(msghdr& message, Family family, int value);

}  // namespace net
