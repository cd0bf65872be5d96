// SPDX-License-Identifier: MIT
#include <ctime>  // before errqueue.h, which needs timespec

#include <linux/errqueue.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "net/control.hpp"

namespace net {
namespace {

using Kind = TransportError::Kind;

// The control message's data as a T, or nothing when it is shorter than that.
template <class T>
std::optional<T> data_as(const cmsghdr& header) {
  if (header.cmsg_len < CMSG_LEN(sizeof(T))) return std::nullopt;
  T value;
  std::memcpy(&value, CMSG_DATA(&header), sizeof value);
  return value;
}

// CMSG_NXTHDR of glibc is not safe on lengths that run past the buffer in every version: step by hand.
template <class Use>
void for_each_control(const msghdr& message, Use use) {
  const auto* bytes = static_cast<const char*>(message.msg_control);
  std::size_t at = 0;
  while (bytes != nullptr && message.msg_controllen - at >= sizeof(cmsghdr)) {
    const auto* header = reinterpret_cast<const cmsghdr*>(bytes + at);
    if (header->cmsg_len < sizeof(cmsghdr) || header->cmsg_len > message.msg_controllen - at) return;
    use(*header);
    at += std::min<std::size_t>(CMSG_ALIGN(header->cmsg_len), message.msg_controllen - at);
  }
}

Address address_of(const in_addr& address) { return asio::ip::address_v4(ntohl(address.s_addr)); }

Address address_of(const in6_addr& address, unsigned interface_index) {
  asio::ip::address_v6::bytes_type bytes;
  std::memcpy(bytes.data(), &address, bytes.size());
  const asio::ip::address_v6 plain(bytes);
  const bool scoped = plain.is_link_local() || plain.is_multicast_link_local() || plain.is_multicast_node_local();
  return asio::ip::address_v6(bytes, scoped ? interface_index : 0);
}

// The sockaddr at `bytes` as an endpoint, or nothing when it is cut or of another family.
std::optional<Endpoint> endpoint_of(const void* bytes, std::size_t size) {
  sa_family_t family = AF_UNSPEC;
  if (bytes == nullptr || size < sizeof family) return std::nullopt;
  std::memcpy(&family, bytes, sizeof family);
  const std::size_t wanted = family == AF_INET ? sizeof(sockaddr_in) : family == AF_INET6 ? sizeof(sockaddr_in6) : 0;
  if (wanted == 0 || size < wanted) return std::nullopt;
  Endpoint endpoint;
  endpoint.resize(wanted);
  std::memcpy(endpoint.data(), bytes, wanted);
  return endpoint;
}

void decode_ipv4(const cmsghdr& header, Metadata& out) {
  if (header.cmsg_type == IP_PKTINFO) {
    if (const auto info = data_as<in_pktinfo>(header)) {
      out.destination.emplace(address_of(info->ipi_addr));
      out.local.emplace(address_of(info->ipi_spec_dst));
      out.interface = static_cast<unsigned>(info->ipi_ifindex);
    }
  } else if (header.cmsg_type == IP_TTL) {
    if (const auto ttl = data_as<int>(header)) out.ttl = static_cast<std::uint8_t>(*ttl);
  } else if (header.cmsg_type == IP_TOS) {
    if (const auto tos = data_as<std::uint8_t>(header)) out.traffic_class = *tos;
  }
}

void decode_ipv6(const cmsghdr& header, Metadata& out) {
  if (header.cmsg_type == IPV6_PKTINFO) {
    if (const auto info = data_as<in6_pktinfo>(header)) {
      out.destination = address_of(info->ipi6_addr, info->ipi6_ifindex);
      if (!out.destination->is_multicast()) out.local = out.destination;
      out.interface = info->ipi6_ifindex;
    }
  } else if (header.cmsg_type == IPV6_HOPLIMIT) {
    if (const auto ttl = data_as<int>(header)) out.ttl = static_cast<std::uint8_t>(*ttl);
  } else if (header.cmsg_type == IPV6_TCLASS) {
    if (const auto traffic = data_as<int>(header)) out.traffic_class = static_cast<std::uint8_t>(*traffic);
  }
}

// A time that nanoseconds since 1970 can tell, from 1970 to 2262; any other is nothing.
std::optional<SystemTime> time_of(const timespec& stamp) {
  constexpr auto last = std::chrono::floor<std::chrono::seconds>(std::chrono::nanoseconds::max()).count();
  const bool valid = stamp.tv_sec >= 0 && stamp.tv_sec < last && stamp.tv_nsec >= 0 && stamp.tv_nsec < 1'000'000'000;
  if (!valid) return std::nullopt;
  return SystemTime(std::chrono::seconds(stamp.tv_sec) + std::chrono::nanoseconds(stamp.tv_nsec));
}

void decode_socket(const cmsghdr& header, Metadata& out) {
  if (header.cmsg_type != SCM_TIMESTAMPNS) return;
  if (const auto stamp = data_as<timespec>(header)) out.time = time_of(*stamp);
}

void decode_udp(const cmsghdr& header, Metadata& out) {
  if (header.cmsg_type != UDP_GRO) return;
  if (const auto size = data_as<int>(header); size && *size > 0) out.segment_size = static_cast<std::size_t>(*size);
}

// Cuts what the kernel gave behind the ICMP header into the quoted payload and the extension structure. The kernel
// tells where that begins when the packet says so (RFC 4884); routers older than that put it behind a quote of 128
// bytes (RFC 4884, 5.5), of which `headers` are not payload. What is no structure fails its decoder's checks.
void split_quote(std::string_view quoted, std::size_t told, std::size_t headers, TransportError& out) {
  constexpr std::size_t classic_quote = 128;
  const std::size_t at = told != 0 ? told : classic_quote - headers;
  const bool splits = at < quoted.size();
  if (splits) out.extension = quoted.substr(at);
  out.quoted = told != 0 && splits ? quoted.substr(0, at) : quoted;
}

void decode_extended_error(const cmsghdr& header, std::string_view quoted, TransportError& out) {
  const auto extended = data_as<sock_extended_err>(header);
  if (!extended) return;
  out.code = static_cast<int>(extended->ee_errno);
  out.icmp_type = extended->ee_type;
  out.icmp_code = extended->ee_code;
  if (out.code == EMSGSIZE) out.mtu = extended->ee_info;
  const bool v4 = extended->ee_origin == SO_EE_ORIGIN_ICMP;
  const bool v6 = extended->ee_origin == SO_EE_ORIGIN_ICMP6;
  if (extended->ee_origin == SO_EE_ORIGIN_LOCAL) out.kind = out.code == EMSGSIZE ? Kind::too_big : Kind::other;
  if (!v4 && !v6) return;
  out.kind = icmp_kind(v4 ? Family::ipv4 : Family::ipv6, out.icmp_type, out.icmp_code);
  split_quote(quoted, extended->ee_rfc4884.len, headers_size(v4 ? Family::ipv4 : Family::ipv6), out);
  // SO_EE_OFFENDER: the sockaddr right behind the fixed part.
  const auto* offender = CMSG_DATA(&header) + sizeof(sock_extended_err);
  const std::size_t room = header.cmsg_len - CMSG_LEN(sizeof(sock_extended_err));
  if (const auto endpoint = endpoint_of(offender, room)) out.offender = endpoint->address();
}

// Appends one control message; the caller's buffer has room for every one that this file appends.
template <class T>
void append(msghdr& message, int level, int type, const T& value) {
  auto* header = reinterpret_cast<cmsghdr*>(static_cast<char*>(message.msg_control) + message.msg_controllen);
  header->cmsg_level = level;
  header->cmsg_type = type;
  header->cmsg_len = CMSG_LEN(sizeof value);
  std::memcpy(CMSG_DATA(header), &value, sizeof value);
  message.msg_controllen += CMSG_SPACE(sizeof value);
}

static_assert(send_control_room >=
              CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(std::uint16_t)) + 2 * CMSG_SPACE(sizeof(int)));

}  // namespace

Metadata decode_metadata(const msghdr& message) {
  Metadata out;
  out.truncated = (message.msg_flags & MSG_CTRUNC) != 0;
  for_each_control(message, [&](const cmsghdr& header) {
    switch (header.cmsg_level) {
      case SOL_IP:
        return decode_ipv4(header, out);
      case SOL_IPV6:
        return decode_ipv6(header, out);
      case SOL_SOCKET:
        return decode_socket(header, out);
      case SOL_UDP:
        return decode_udp(header, out);
      default:
        return;
    }
  });
  return out;
}

std::optional<TransportError> decode_error(const msghdr& message, std::string_view quoted) {
  TransportError out;
  bool found = false;
  for_each_control(message, [&](const cmsghdr& header) {
    const bool v4 = header.cmsg_level == SOL_IP && header.cmsg_type == IP_RECVERR;
    const bool v6 = header.cmsg_level == SOL_IPV6 && header.cmsg_type == IPV6_RECVERR;
    if (!v4 && !v6) return;
    found = true;
    out = {};  // of several the last one, not a mixture
    out.quoted = quoted;
    decode_extended_error(header, quoted, out);
  });
  if (!found) return std::nullopt;
  if (const auto destination = endpoint_of(message.msg_name, message.msg_namelen)) out.destination = *destination;
  const Metadata metadata = decode_metadata(message);
  out.time = metadata.time;
  out.ttl = metadata.ttl;
  return out;
}

void append_source(msghdr& message, Family family, const Source& source) {
  if (family == Family::ipv4) {
    in_pktinfo info{};
    info.ipi_ifindex = static_cast<int>(source.interface);
    if (source.address) info.ipi_spec_dst.s_addr = htonl(source.address->to_v4().to_uint());
    append(message, SOL_IP, IP_PKTINFO, info);
  } else {
    in6_pktinfo info{};
    info.ipi6_ifindex = source.interface;
    if (source.address) {
      const auto bytes = source.address->to_v6().to_bytes();
      std::memcpy(&info.ipi6_addr, bytes.data(), bytes.size());
    }
    append(message, SOL_IPV6, IPV6_PKTINFO, info);
  }
}

void append_segment_size(msghdr& message, std::size_t segment_size) {
  append(message, SOL_UDP, UDP_SEGMENT, static_cast<std::uint16_t>(segment_size));
}

void append_ttl(msghdr& message, Family family, int ttl) {
  if (family == Family::ipv4) {
    append(message, SOL_IP, IP_TTL, ttl);
  } else {
    append(message, SOL_IPV6, IPV6_HOPLIMIT, ttl);
  }
}

void append_traffic_class(msghdr& message, Family family, int value) {
  if (family == Family::ipv4) {
    append(message, SOL_IP, IP_TOS, value);
  } else {
    append(message, SOL_IPV6, IPV6_TCLASS, value);
  }
}

}  // namespace net
