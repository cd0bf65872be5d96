// SPDX-License-Identifier: MIT
#include "net/control.hpp"

#include <ctime>  // before errqueue.h, which needs timespec

#include <linux/errqueue.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "support/addresses.hpp"
#include "support/check.hpp"

using net::Family;
using net::Metadata;
using support::address;
using Kind = net::TransportError::Kind;

namespace {

// A message whose control messages are put together by hand.
class Control {
 public:
  Control& add(int level, int type, const void* data, std::size_t size) {
    const std::size_t at = used_;
    used_ += CMSG_SPACE(size);
    auto* header = reinterpret_cast<cmsghdr*>(bytes() + at);
    header->cmsg_level = level;
    header->cmsg_type = type;
    header->cmsg_len = CMSG_LEN(size);
    std::memcpy(CMSG_DATA(header), data, size);
    return *this;
  }
  template <class T>
  Control& add(int level, int type, const T& value) {
    return add(level, type, &value, sizeof value);
  }

  cmsghdr& first() { return *reinterpret_cast<cmsghdr*>(bytes()); }
  char* bytes() { return reinterpret_cast<char*>(words_.data()); }
  std::size_t used() const { return used_; }

  msghdr message(std::size_t used, int flags = 0) {
    msghdr message{};
    message.msg_control = bytes();
    message.msg_controllen = used;
    message.msg_flags = flags;
    return message;
  }
  msghdr message() { return message(used_); }

 private:
  std::vector<std::uint64_t> words_ = std::vector<std::uint64_t>(64);
  std::size_t used_ = 0;
};

in_pktinfo pktinfo4(const char* destination, const char* local, int interface) {
  in_pktinfo info{};
  info.ipi_addr.s_addr = htonl(address(destination).to_v4().to_uint());
  info.ipi_spec_dst.s_addr = htonl(address(local).to_v4().to_uint());
  info.ipi_ifindex = interface;
  return info;
}

in6_pktinfo pktinfo6(const char* destination, unsigned interface) {
  in6_pktinfo info{};
  const auto bytes = address(destination).to_v6().to_bytes();
  std::memcpy(&info.ipi6_addr, bytes.data(), bytes.size());
  info.ipi6_ifindex = interface;
  return info;
}

struct Extended {
  sock_extended_err error{};
  sockaddr_in6 offender{};  // room for either family
};

Extended extended(int code, int origin, int type, int icmp_code, std::uint32_t info = 0) {
  Extended out;
  out.error.ee_errno = static_cast<std::uint32_t>(code);
  out.error.ee_origin = static_cast<std::uint8_t>(origin);
  out.error.ee_type = static_cast<std::uint8_t>(type);
  out.error.ee_code = static_cast<std::uint8_t>(icmp_code);
  out.error.ee_info = info;
  const bool v6 = origin == SO_EE_ORIGIN_ICMP6;
  const net::Endpoint from(address(v6 ? "2001:db8::9" : "10.0.0.9"), 0);
  std::memcpy(&out.offender, from.data(), from.size());
  return out;
}

std::optional<net::TransportError> decode(const Extended& value, Family family, const char* to = nullptr) {
  Control control;
  const bool v4 = family == Family::ipv4;
  control.add(v4 ? SOL_IP : SOL_IPV6, v4 ? IP_RECVERR : IPV6_RECVERR, value);
  msghdr message = control.message();
  net::Endpoint destination;
  if (to != nullptr) {
    destination = net::Endpoint(address(to), 4242);
    message.msg_name = destination.data();
    message.msg_namelen = static_cast<socklen_t>(destination.size());
  }
  return net::decode_error(message, "quoted");
}

}  // namespace

TEST_CASE("every control message of an IPv4 datagram is read") {
  Control control;
  control.add(SOL_IP, IP_PKTINFO, pktinfo4("239.1.1.1", "10.0.0.7", 3));
  control.add(SOL_IP, IP_TTL, 64).add(SOL_IP, IP_TOS, std::uint8_t{0xb9});
  control.add(SOL_SOCKET, SCM_TIMESTAMPNS, timespec{1'767'323'045, 123'456'789});
  control.add(SOL_UDP, UDP_GRO, 1400);
  const Metadata metadata = net::decode_metadata(control.message());
  CHECK(metadata.destination == address("239.1.1.1"));
  CHECK(metadata.local == address("10.0.0.7"));
  CHECK(metadata.interface == 3u);
  CHECK(metadata.ttl == 64);
  CHECK(metadata.traffic_class == 0xb9);
  CHECK(metadata.time->time_since_epoch() == std::chrono::nanoseconds(1'767'323'045'123'456'789));
  CHECK(metadata.segment_size == 1400);
  CHECK_FALSE(metadata.truncated);
}

TEST_CASE("every control message of an IPv6 datagram is read, and a link-local destination has its zone") {
  struct Row {
    const char* destination;
    unsigned zone;
    bool own;  // an address to answer from
  };
  for (const Row& row :
       {Row{"2001:db8::7", 0, true}, Row{"fe80::7", 3, true}, Row{"ff02::1", 3, false}, Row{"ff0e::1", 0, false}}) {
    CAPTURE(row.destination);
    Control control;
    control.add(SOL_IPV6, IPV6_PKTINFO, pktinfo6(row.destination, 3));
    control.add(SOL_IPV6, IPV6_HOPLIMIT, 255).add(SOL_IPV6, IPV6_TCLASS, 0xb8);
    const Metadata metadata = net::decode_metadata(control.message());
    CHECK(metadata.destination == net::with_zone(address(row.destination), row.zone));
    CHECK(metadata.local.has_value() == row.own);
    CHECK(metadata.interface == 3u);
    CHECK(metadata.ttl == 255);
    CHECK(metadata.traffic_class == 0xb8);
    CHECK_FALSE(metadata.time);
    CHECK(metadata.segment_size == 0);
  }
}

TEST_CASE("without control messages every fact is unknown") {
  msghdr message{};
  message.msg_controllen = 64;  // but no buffer
  for (const Metadata& metadata : {net::decode_metadata(message), net::decode_metadata(Control().message())}) {
    CHECK_FALSE(metadata.destination);
    CHECK_FALSE(metadata.local);
    CHECK_FALSE(metadata.interface);
    CHECK_FALSE(metadata.ttl);
    CHECK_FALSE(metadata.traffic_class);
  }
}

TEST_CASE("control messages that did not fit are noted, and those that did are read") {
  Control control;
  control.add(SOL_IP, IP_TTL, 7);
  const Metadata metadata = net::decode_metadata(control.message(control.used(), MSG_CTRUNC));
  CHECK(metadata.truncated);
  CHECK(metadata.ttl == 7);
}

TEST_CASE("unknown control messages are passed over and those behind them are read") {
  Control control;
  control.add(SOL_SOCKET, SCM_CREDENTIALS, 1).add(12345, 67, 2).add(SOL_IP, 999, 3).add(SOL_IPV6, 999, 3);
  control.add(SOL_UDP, 999, 4).add(SOL_UDP, UDP_GRO, 0).add(SOL_UDP, UDP_GRO, -5).add(SOL_IP, IP_TTL, 9);
  const Metadata metadata = net::decode_metadata(control.message());
  CHECK(metadata.ttl == 9);
  CHECK(metadata.segment_size == 0);
}

TEST_CASE("a control message that is too short for its kind gives nothing") {
  struct Row {
    int level, type;
    std::size_t size;
  };
  for (const Row& row :
       {Row{SOL_IP, IP_PKTINFO, sizeof(in_pktinfo)}, Row{SOL_IPV6, IPV6_PKTINFO, sizeof(in6_pktinfo)},
        Row{SOL_IP, IP_TTL, 4}, Row{SOL_IPV6, IPV6_HOPLIMIT, 4}, Row{SOL_IP, IP_TOS, 1}, Row{SOL_IPV6, IPV6_TCLASS, 4},
        Row{SOL_SOCKET, SCM_TIMESTAMPNS, sizeof(timespec)}, Row{SOL_UDP, UDP_GRO, 4}}) {
    for (std::size_t size = 0; size < row.size; ++size) {
      Control control;
      const std::vector<char> bytes(64, 1);
      control.add(row.level, row.type, bytes.data(), size).add(SOL_IP, 999, 0);
      const Metadata metadata = net::decode_metadata(control.message());
      CAPTURE(row.level);
      CAPTURE(row.type);
      CAPTURE(size);
      CHECK_FALSE(metadata.destination);
      CHECK_FALSE(metadata.ttl);
      CHECK_FALSE(metadata.traffic_class);
      CHECK_FALSE(metadata.time);
      CHECK(metadata.segment_size == 0);
    }
  }
}

TEST_CASE("a control message with a hostile length ends the reading") {
  for (const std::size_t length : {std::size_t{0}, std::size_t{1}, sizeof(cmsghdr) - 1, std::size_t{200},
                                   std::size_t{1} << 40, ~std::size_t{0}, ~std::size_t{0} - 7}) {
    CAPTURE(length);
    Control control;
    control.add(SOL_IP, IP_TTL, 9);
    control.first().cmsg_len = length;
    CHECK_FALSE(net::decode_metadata(control.message()).ttl);
    CHECK_FALSE(net::decode_error(control.message(), "").has_value());
  }
}

TEST_CASE("control messages cut at every byte, and random ones, are read without harm") {
  Control whole;
  whole.add(SOL_IP, IP_PKTINFO, pktinfo4("10.0.0.1", "10.0.0.1", 1)).add(SOL_IP, IP_TTL, 9);
  for (std::size_t used = 0; used <= whole.used(); ++used) {
    // A buffer of exactly that size, so that a sanitizer sees every byte too many.
    const auto exact = std::make_unique<char[]>(used);
    std::memcpy(exact.get(), whole.bytes(), used);
    msghdr message{};
    message.msg_control = exact.get();
    message.msg_controllen = used;
    const Metadata metadata = net::decode_metadata(message);
    CHECK(metadata.destination.has_value() == (used >= CMSG_LEN(sizeof(in_pktinfo))));
  }
  std::mt19937 random(1);
  for (int i = 0; i < 20'000; ++i) {
    Control control;
    for (int j = 0; j < 64; ++j) control.bytes()[j] = static_cast<char>(random() % 3 ? random() % 48 : random());
    control.first().cmsg_len = random() % 80;
    net::decode_metadata(control.message(random() % 64));
    net::decode_error(control.message(random() % 64), "");
  }
}

TEST_CASE("an ICMP error is read with its offender and the original destination") {
  const auto error = decode(extended(ECONNREFUSED, SO_EE_ORIGIN_ICMP, 3, 3), Family::ipv4, "10.0.0.7");
  REQUIRE(error);
  CHECK(error->kind == Kind::port_unreachable);
  CHECK(error->code == ECONNREFUSED);
  CHECK(error->offender == address("10.0.0.9"));
  CHECK(net::to_string(error->destination) == "10.0.0.7:4242");
  CHECK(error->quoted == "quoted");
  CHECK(error->is_refusal());
  const auto error6 = decode(extended(ECONNREFUSED, SO_EE_ORIGIN_ICMP6, 1, 4), Family::ipv6, "2001:db8::7");
  REQUIRE(error6);
  CHECK(error6->kind == Kind::port_unreachable);
  CHECK(error6->offender == address("2001:db8::9"));
  CHECK(net::to_string(error6->destination) == "[2001:db8::7]:4242");
}

TEST_CASE("ICMP types and codes become kinds") {
  struct Row {
    int type, code;
    Kind kind;
  };
  const std::vector<Row> v4{{3, 0, Kind::network_unreachable},
                            {3, 1, Kind::host_unreachable},
                            {3, 2, Kind::protocol_unreachable},
                            {3, 3, Kind::port_unreachable},
                            {3, 4, Kind::too_big},
                            {3, 5, Kind::host_unreachable},
                            {3, 6, Kind::network_unreachable},
                            {3, 7, Kind::host_unreachable},
                            {3, 9, Kind::prohibited},
                            {3, 10, Kind::prohibited},
                            {3, 13, Kind::prohibited},
                            {3, 42, Kind::other},
                            {11, 0, Kind::ttl_exceeded},
                            {11, 1, Kind::other},
                            {12, 0, Kind::other},
                            {0, 0, Kind::other}};
  for (const Row& row : v4) {
    CAPTURE(row.type);
    CAPTURE(row.code);
    CHECK(decode(extended(1, SO_EE_ORIGIN_ICMP, row.type, row.code), Family::ipv4)->kind == row.kind);
  }
  const std::vector<Row> v6{{1, 0, Kind::network_unreachable},
                            {1, 1, Kind::prohibited},
                            {1, 3, Kind::host_unreachable},
                            {1, 4, Kind::port_unreachable},
                            {1, 5, Kind::prohibited},
                            {1, 6, Kind::prohibited},
                            {1, 99, Kind::other},
                            {2, 0, Kind::too_big},
                            {3, 0, Kind::ttl_exceeded},
                            {3, 1, Kind::other},
                            {4, 0, Kind::other}};
  for (const Row& row : v6) {
    CAPTURE(row.type);
    CAPTURE(row.code);
    CHECK(decode(extended(1, SO_EE_ORIGIN_ICMP6, row.type, row.code), Family::ipv6)->kind == row.kind);
  }
}

TEST_CASE("too big carries the MTU, and one that this host says has no offender") {
  const auto router = decode(extended(EMSGSIZE, SO_EE_ORIGIN_ICMP, 3, 4, 1400), Family::ipv4);
  CHECK(router->mtu == 1400);
  CHECK_FALSE(router->local());
  CHECK_FALSE(router->is_refusal());
  const auto own = decode(extended(EMSGSIZE, SO_EE_ORIGIN_LOCAL, 0, 0, 1500), Family::ipv4);
  CHECK(own->kind == Kind::too_big);
  CHECK(own->mtu == 1500);
  CHECK(own->local());
  const auto other = decode(extended(EHOSTUNREACH, SO_EE_ORIGIN_LOCAL, 0, 0, 77), Family::ipv6);
  CHECK(other->kind == Kind::other);
  CHECK(other->mtu == 0);
  CHECK_FALSE(other->is_refusal());
}

TEST_CASE("an error that is cut before its offender, or anywhere, is read as far as it goes") {
  const Extended value = extended(ECONNREFUSED, SO_EE_ORIGIN_ICMP, 3, 3);
  for (std::size_t size = 0; size <= sizeof(sock_extended_err) + sizeof(sockaddr_in); ++size) {
    Control control;
    control.add(SOL_IP, IP_RECVERR, &value, size);
    const auto error = net::decode_error(control.message(), "");
    CAPTURE(size);
    REQUIRE(error);
    CHECK(error->code == (size >= sizeof(sock_extended_err) ? ECONNREFUSED : 0));
    CHECK(error->offender.has_value() == (size >= sizeof(sock_extended_err) + sizeof(sockaddr_in)));
  }
}

TEST_CASE("a message without an error is none, and metadata beside an error is read") {
  Control control;
  control.add(SOL_IP, IP_TTL, 61);
  CHECK_FALSE(net::decode_error(control.message(), "").has_value());
  control.add(SOL_IP, IP_RECVERR, extended(EHOSTUNREACH, SO_EE_ORIGIN_ICMP, 11, 0));
  const auto error = net::decode_error(control.message(), "");
  REQUIRE(error);
  CHECK(error->ttl == 61);
}

TEST_CASE("what is appended for sending is what the decoder reads") {
  alignas(cmsghdr) char room[net::send_control_room]{};
  msghdr message{};
  message.msg_control = room;
  net::append_source(message, Family::ipv6, {address("2001:db8::1"), 5});
  net::append_segment_size(message, 1232);
  net::append_ttl(message, Family::ipv6, 3);
  net::append_traffic_class(message, Family::ipv6, 0xb9);
  CHECK(message.msg_controllen <= net::send_control_room);
  const Metadata v6 = net::decode_metadata(message);
  CHECK(v6.destination == address("2001:db8::1"));
  CHECK(v6.interface == 5u);
  CHECK(v6.ttl == 3);
  CHECK(v6.traffic_class == 0xb9);
  message.msg_controllen = 0;
  net::append_source(message, Family::ipv4, {address("10.0.0.1"), 2});
  net::append_ttl(message, Family::ipv4, 1);
  const Metadata v4 = net::decode_metadata(message);
  CHECK(v4.local == address("10.0.0.1"));
  CHECK(v4.interface == 2u);
  CHECK(v4.ttl == 1);
  CHECK_FALSE(v4.truncated);
}
