// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <functional>
#include <set>
#include <string>

#include "base/bytes.hpp"
#include "commands/probe/payloads/payloads.hpp"
#include "support/probe.hpp"

using commands::build_request;
using commands::find_payload;
using commands::Payload;
using commands::RandomBits;
using support::bits;
using support::payload;
using namespace std::string_view_literals;
using namespace std::string_literals;

TEST_CASE("requests are small, and different each time where they hold an id") {
  for (const Payload& each : commands::payloads()) {
    CAPTURE(each.name);
    const std::string request = build_request(each, bits(1), each.ports[0]);
    CHECK(request.size() <= (each.name == "quic" ? 1200 : 300));
    CHECK(request == build_request(each, bits(1), each.ports[0]));
    const bool constant = each.name == "ssdp" || each.name == "natpmp" || each.name == "a2s" || each.name == "empty";
    CHECK((request == build_request(each, bits(2), each.ports[0])) == constant);
    if (each.matches_by_id) CHECK(!constant);
  }
}

TEST_CASE("a counter in the first two bytes keeps short ids apart") {
  for (const char* name : {"dns", "mdns", "coap", "memcached", "netbios", "portmap", "quic", "token"}) {
    std::set<std::string> seen;
    RandomBits counting = bits(5);
    for (unsigned i = 0; i < 65'536; i += 17) {
      counting[0] = static_cast<std::uint8_t>(i);
      counting[1] = static_cast<std::uint8_t>(i >> 8);
      CHECK(seen.insert(build_request(payload(name), counting, 9)).second);
    }
  }
  std::set<std::string> tags;
  for (unsigned i = 0; i < 16; ++i) {
    RandomBits counting = bits(5);
    counting[0] = static_cast<std::uint8_t>(0xf8 + i);
    tags.insert(build_request(payload("ipmi"), counting, 623));
  }
  CHECK(tags.size() == 16);
}

TEST_CASE("requests as the protocols write them") {
  RandomBits zero{};
  const auto of = [&](const char* name, std::uint16_t port) { return build_request(payload(name), zero, port); };
  CHECK(of("dns", 53) == "\0\0\1\0\0\1\0\0\0\0\0\0\0\0\2\0\1"s);
  CHECK(of("coap", 5683) == "\x40\0\0\0"s);
  CHECK(of("tftp", 69) == "\0\1udptool-00000000\0octet\0"s);
  CHECK(of("memcached", 11211) == "\0\0\0\0\0\1\0\0version\r\n"s);
  CHECK(of("a2s", 27015) == "\xff\xff\xff\xffTSource Engine Query\0"s);
  CHECK(of("natpmp", 5351) == "\0\0"s);
  CHECK(of("token", 41234) == std::string(16, '\0'));
  CHECK(of("empty", 9).empty());
  CHECK(of("ntp", 123) == "\x23"s + std::string(47, '\0'));
  CHECK(of("quic", 443).size() == 1200);
  CHECK(of("stun", 3478) == "\0\1\0\0\x21\x12\xa4\x42"s + std::string(12, '\0'));
  CHECK(of("openvpn", 1194) == "\x38"s + std::string(13, '\0'));
  CHECK(of("dtls", 5684).size() == 13 + 0x5e);
  CHECK(of("mdns", 5353).substr(12) == "\x09_services\7_dns-sd\4_udp\5local\0\0\x0c\x80\1"s);
  CHECK(of("netbios", 137).substr(12, 34) ==
        "\x20"
        "CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\0"s);
}

TEST_CASE("lengths within requests add up") {
  // BER: every constructed element, down to its end.
  const std::function<bool(std::string_view)> is_ber = [&](std::string_view bytes) {
    base::ByteReader in(bytes);
    while (in.left() > 0) {
      const unsigned tag = in.u8();
      const std::string_view value = in.take(in.u8());
      if ((tag & 0x20) != 0 && !is_ber(value)) return false;
    }
    return in.ok();
  };
  const std::string snmp = build_request(payload("snmp"), bits(1), 161);
  CHECK(snmp.size() == 64);
  CHECK(snmp[1] == 62);
  CHECK(is_ber(snmp));
  CHECK(is_ber(std::string_view(snmp).substr(26, 16)));  // the security parameters

  const std::string ike = build_request(payload("ike"), bits(1), 500);
  base::ByteReader in(ike);
  in.skip(16);
  std::string kinds(1, static_cast<char>(in.u8()));
  in.skip(7);
  CHECK(in.u32() == ike.size());
  while (kinds.back() != 0) {
    kinds += static_cast<char>(in.u8());
    in.skip(1);
    in.skip(in.u16() - 4u);
    REQUIRE(in.ok());
  }
  CHECK(kinds == "\x21\x22\x28\0"s);  // SA, KE, nonce
  CHECK(in.left() == 0);
}

TEST_CASE("a port has its payload") {
  for (const Payload& each : commands::payloads()) {
    for (const std::uint16_t port : each.ports) {
      if (port != 0) CHECK(commands::payload_for_port(port).name == each.name);
    }
    CHECK(find_payload(each.name) == &each);
  }
  CHECK(commands::payload_for_port(4500).name == "ike");
  CHECK(commands::payload_for_port(0).name == "token");
  CHECK(commands::payload_for_port(41234).name == "token");
  CHECK(find_payload("nosuch") == nullptr);
  CHECK(find_payload("") == nullptr);
  CHECK(commands::payloads().size() == 22);
}

TEST_CASE("a reply that holds the request tells which it answers") {
  CHECK(commands::is_echo("abc", "abc"));
  CHECK(commands::is_echo("abc", "xabcx"));
  CHECK(!commands::is_echo("abc", "ab"));
  CHECK(!commands::is_echo("", ""));
}

TEST_CASE("ByteReader never goes past the end") {
  base::ByteReader in("\1\2\3\4\5\6\7x,y"sv);
  CHECK(in.u8() == 1);
  CHECK(in.u16() == 0x0203);
  CHECK(in.u32() == 0x04050607);
  CHECK(in.until(',') == "x");
  CHECK(in.until(',') == "y");
  CHECK(in.ok());
  CHECK(in.until(',').empty());
  CHECK(in.ok());
  CHECK(in.u16() == 0);
  CHECK(!in.ok());
  base::ByteReader cut("abc");
  CHECK(cut.u32() == 0);
  CHECK(cut.left() == 0);
  CHECK(cut.take(0).empty());
  CHECK(!cut.ok());
}
