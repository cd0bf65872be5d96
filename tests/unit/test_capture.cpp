// SPDX-License-Identifier: MIT
// Payloads out of packets: links, options and extension headers, padding, fragments, and what is not whole.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "commands/send/capture.hpp"
#include "support/packets.hpp"

namespace {

using namespace std::chrono_literals;
using commands::CapturedDatagram;
using commands::CaptureDecoder;
using support::big_endian;

constexpr int ethernet = 1, raw = 12, null = 0, openbsd_loop = 108, sll = 113, sll2 = 276;

std::string u16(unsigned value) { return big_endian(value, 2); }
std::string bytes(std::initializer_list<int> values) {
  std::string out;
  for (const int value : values) out += static_cast<char>(value);
  return out;
}

std::string udp(const std::string& payload, unsigned port = 5'000) {
  return u16(1'234) + u16(port) + u16(static_cast<unsigned>(payload.size()) + 8) + u16(0) + payload;
}

// `where` is the field of flags and offset; `options` a multiple of four bytes.
std::string ipv4(const std::string& upper, unsigned where = 0, unsigned id = 1, const std::string& options = "",
                 int protocol = 17) {
  const std::size_t header = 20 + options.size();
  return bytes({static_cast<int>(0x40 + header / 4), 0}) + u16(static_cast<unsigned>(header + upper.size())) + u16(id) +
         u16(where) + bytes({64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2}) + options + upper;
}

std::string ipv6(const std::string& upper, int next = 17) {
  return bytes({0x60, 0, 0, 0}) + u16(static_cast<unsigned>(upper.size())) + bytes({next, 64}) + std::string(15, '\0') +
         '\1' + std::string(15, '\0') + '\2' + upper;
}

std::string frame(const std::string& packet, const std::string& type = "\x08") {
  return "\2\2\2\2\2\1\2\2\2\2\2\2" + (type == "\x08" ? u16(0x0800) : type) + packet;
}

// The payload that one packet brings, or "none".
std::string payload_of(int link, const std::string& packet, std::size_t wire_size = 0) {
  CaptureDecoder decoder(link);
  const auto datagram = decoder.take({packet, wire_size, 0s});
  return datagram ? std::string(datagram->payload) : "none";
}

}  // namespace

TEST_CASE("capture: every link's header is taken away") {
  const std::string packet = ipv4(udp("hello"));
  CHECK(payload_of(raw, packet) == "hello");
  CHECK(payload_of(101, packet) == "hello");
  CHECK(payload_of(228, packet) == "hello");
  CHECK(payload_of(229, ipv6(udp("hello"))) == "hello");
  CHECK(payload_of(ethernet, frame(packet)) == "hello");
  CHECK(payload_of(ethernet, frame(ipv6(udp("six")), u16(0x86dd))) == "six");
  CHECK(payload_of(ethernet, frame(packet, u16(0x8100) + u16(7) + u16(0x0800))) == "hello");
  CHECK(payload_of(ethernet, frame(packet, u16(0x88a8) + u16(7) + u16(0x8100) + u16(8) + u16(0x0800))) == "hello");
  CHECK(payload_of(null, bytes({2, 0, 0, 0}) + packet) == "hello");
  CHECK(payload_of(null, bytes({30, 0, 0, 0}) + ipv6(udp("six"))) == "six");
  CHECK(payload_of(openbsd_loop, bytes({0, 0, 0, 2}) + packet) == "hello");
  CHECK(payload_of(sll, std::string(14, '\0') + u16(0x0800) + packet) == "hello");
  CHECK(payload_of(sll2, u16(0x0800) + std::string(18, '\0') + packet) == "hello");
}

TEST_CASE("capture: what is no UDP over IP brings nothing and is not missed") {
  CaptureDecoder decoder(ethernet);
  for (const std::string& packet : {frame("", u16(0x0806) + std::string(28, '\0')), frame(ipv4("x", 0, 1, "", 6)),
                                    frame(""), std::string("short"), std::string()}) {
    CHECK_FALSE(decoder.take({packet, packet.size(), 0s}));
  }
  CHECK(decoder.skipped().snapped == 0);
  CHECK(decoder.skipped().malformed == 0);
}

TEST_CASE("capture: the UDP header says how long a payload is") {
  CHECK(payload_of(ethernet, frame(ipv4(udp(""))) + std::string(18, '\0')) == "");
  CHECK(payload_of(raw, ipv4(udp("abc") + "padding")) == "abc");
  CHECK(payload_of(raw, ipv4(udp("abc"), 0, 1, std::string(8, '\1'))) == "abc");
  CHECK(payload_of(raw, ipv4(udp(std::string(65'507, 'x')))).size() == 65'507);
}

TEST_CASE("capture: IPv6 extension headers are passed over") {
  const std::string options = bytes({60, 0, 1, 4, 0, 0, 0, 0}) + bytes({17, 1}) + std::string(14, '\0');
  CHECK(payload_of(raw, ipv6(options + udp("six"), 0)) == "six");
  const std::string authentication = bytes({17, 4}) + std::string(22, '\0');
  CHECK(payload_of(raw, ipv6(authentication + udp("six"), 51)) == "six");
  const std::string whole_fragment = bytes({17, 0, 0, 0, 0, 0, 0, 9});
  CHECK(payload_of(raw, ipv6(whole_fragment + udp("six"), 44)) == "six");
}

TEST_CASE("capture: the port is the one that it was sent to") {
  CaptureDecoder decoder(raw);
  const std::string packet = ipv4(udp("x", 7'777));
  const auto datagram = decoder.take({packet, packet.size(), 0s});
  REQUIRE(datagram);
  CHECK(datagram->port == 7'777);
}

TEST_CASE("capture: a part of a packet is no datagram, and is counted") {
  CaptureDecoder decoder(raw);
  const std::string packet = ipv4(udp("hello"));
  for (std::size_t kept = 20; kept < packet.size(); ++kept) {
    CHECK_FALSE(decoder.take({std::string_view(packet).substr(0, kept), packet.size(), 0s}));
  }
  CHECK(decoder.skipped().snapped == packet.size() - 20);
  std::string lies = packet;
  lies[24] = 1;  // the UDP length is beyond IP's
  CHECK_FALSE(decoder.take({lies, lies.size(), 0s}));
  CHECK(decoder.skipped().malformed == 1);
}

TEST_CASE("capture: fragments are put together, in any order and of both families") {
  const std::string whole = udp(std::string(3'000, 'a') + "end");
  const std::vector<std::string> four{ipv4(whole.substr(0, 1'480), 0x2000),
                                      ipv4(whole.substr(1'480, 1'480), 0x2000 | 185), ipv4(whole.substr(2'960), 370)};
  const auto six = [&](std::size_t from, std::size_t size, unsigned more) {
    return ipv6(
        bytes({17, 0}) + u16(static_cast<unsigned>(from) | more) + bytes({0, 0, 0, 5}) + whole.substr(from, size), 44);
  };
  const std::vector<std::string> fragments6{six(0, 1'448, 1), six(1'448, 1'448, 1), six(2'896, 10'000, 0)};
  for (const auto& fragments : {four, fragments6}) {
    for (const auto& order : std::vector<std::vector<std::size_t>>{{0, 1, 2}, {2, 1, 0}, {1, 0, 0, 2}}) {
      CaptureDecoder decoder(raw);
      std::string got;
      for (const std::size_t i : order) {
        if (const auto datagram = decoder.take({fragments[i], fragments[i].size(), 0s})) got = datagram->payload;
      }
      CHECK(got == whole.substr(8));
      CHECK(decoder.skipped().incomplete == 0);
    }
  }
}

TEST_CASE("capture: fragments that stay incomplete are counted, and bounded") {
  CaptureDecoder decoder(raw);
  const std::string whole = udp(std::string(2'000, 'a'));
  for (unsigned id = 0; id < 100; ++id) {
    const std::string first = ipv4(whole.substr(0, 1'480), 0x2000, id);
    CHECK_FALSE(decoder.take({first, first.size(), 0s}));
  }
  CHECK(decoder.skipped().incomplete == 100);
  const auto last = [&](unsigned id, base::Nanoseconds time) {
    const std::string packet = ipv4(whole.substr(1'480), 185, id);
    return decoder.take({packet, packet.size(), time}).has_value();
  };
  CHECK_FALSE(last(35, 1s));  // the 64 newest are from 36 on, less one that this has just pushed out
  CHECK(last(37, 1s));
  CHECK(last(99, 30s));
  CHECK_FALSE(last(98, 31s));
}

TEST_CASE("capture: what no Ethernet frame carries is told, on an Ethernet") {
  CaptureDecoder decoder(ethernet);
  const std::string packet = frame(ipv4(udp(std::string(1'473, 'x'))));
  CHECK(decoder.take({packet, packet.size(), 0s}));
  CHECK(decoder.oversized() == 1);
  const std::string fits = frame(ipv4(udp(std::string(1'472, 'x'))));
  CHECK(decoder.take({fits, fits.size(), 0s}));
  const std::string loopback = std::string(12, '\0') + u16(0x0800) + ipv4(udp(std::string(60'000, 'x')));
  CHECK(decoder.take({loopback, loopback.size(), 0s}));
  CHECK(decoder.oversized() == 1);
}
