// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "commands/probe/payloads/payloads.hpp"
#include "support/packets.hpp"
#include "support/probe.hpp"

using commands::build_request;
using commands::check_reply;
using commands::Payload;
using commands::ReplyContext;
using support::bits;
using support::payload;
using namespace std::string_view_literals;
using namespace std::string_literals;
using support::big_endian;

namespace {

std::string request_of(std::string_view name, unsigned seed = 1) {
  return build_request(payload(name), bits(seed), payload(name).ports[0]);
}

std::optional<std::string> check(std::string_view name, std::string_view request, std::string_view reply) {
  return check_reply(payload(name), request, reply, {});
}

std::string xored(std::string bytes, std::string_view mask) {
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(bytes[i] ^ mask[i]);
  return bytes;
}

std::string branch_of(const std::string& sip) { return sip.substr(sip.find("branch="), 30); }

std::string netbios_names(const std::string& r, std::string_view names, char count) {
  const std::string data = count + std::string(names) + std::string(46, '\0');
  return r.substr(0, 2) + "\x84\0\0\0\0\1\0\0\0\0"s + r.substr(12, 34) + "\0\x21\0\1\0\0\0\0"s +
         big_endian(data.size(), 2) + data;
}

std::string stun_reply(const std::string& r, int type, const std::string& attributes) {
  return big_endian(type, 2) + big_endian(attributes.size(), 2) + r.substr(4, 16) + attributes;
}

std::string ber(char tag, const std::string& value) { return tag + big_endian(value.size(), 1) + value; }

std::string snmp_report(const std::string& r, const std::string& engine) {
  const std::string usm =
      ber(0x30, ber(4, engine) + ber(2, "\x09") + ber(2, "\x01\x00"s) + ber(4, "") + ber(4, "") + ber(4, ""));
  const std::string body = ber(2, "\x03") +
                           ber(0x30, ber(2, r.substr(9, 4)) + ber(2, "\x05\xdc") + ber(4, "\0"s) + ber(2, "\x03")) +
                           ber(4, usm) + ber(0x30, ber(4, engine) + ber(4, "") + "\xa8\x02\x05\x00"s);
  return "\x30\x81"s + big_endian(body.size(), 1) + body;
}

std::string ike_reply(const std::string& r, char payload_type, const std::string& payloads) {
  return r.substr(0, 8) + "RESPONDR" + payload_type + "\x20\x22\x20"s + big_endian(0, 4) +
         big_endian(28 + payloads.size(), 4) + payloads;
}

std::string ntp_reply(const std::string& r, int stratum, std::uint64_t received, std::uint64_t sent,
                      const std::string& reference = "GPS\0"s) {
  return "\x24"s + static_cast<char>(stratum) + std::string(10, '\1') + reference + std::string(8, '\2') +
         r.substr(40, 8) + big_endian(received, 8) + big_endian(sent, 8);
}

struct Row {
  std::string_view payload;
  std::string_view detail;
  std::function<std::string(const std::string& request)> reply;
  std::size_t least = 0;  // the shortest beginning of the reply that is accepted; 0: only the whole
};

const std::vector<Row>& rows() {
  static const std::vector<Row> table{
      {"dns", "dns NOERROR", [](auto& r) { return r.substr(0, 2) + "\x81\x80\0\1\0\0\0\0\0\0"s + r.substr(12); }},
      {"dns", "dns REFUSED",
       [](auto& r) { return r.substr(0, 2) + "\x81\x05\0\1\0\0\0\0\0\0"s + r.substr(12) + "more"; }, 17},
      {"dns", "dns FORMERR", [](auto& r) { return r.substr(0, 2) + "\x81\x01\0\0\0\0\0\0\0\0"s; }},
      {"dns", "dns rcode 15", [](auto& r) { return r.substr(0, 2) + "\x81\x0f\0\0\0\0\0\0\0\0"s; }},
      {"mdns", "mdns 1 answer", [](auto& r) { return r.substr(0, 2) + "\x84\0\0\0\0\1\0\0\0\0"s + "..."; }, 12},
      {"mdns", "mdns 3 answers", [](auto& r) { return r.substr(0, 2) + "\x84\0\0\1\0\3\0\0\0\0"s; }},
      {"ntp", "ntp stratum 2", [](auto& r) { return ntp_reply(r, 2, 1, 1); }},
      {"ntp", "ntp stratum 0, RATE", [](auto& r) { return ntp_reply(r, 0, 1, 1, "RATE"); }},
      {"ntp", "ntp stratum 16, unsynchronised", [](auto& r) { return ntp_reply(r, 16, 1, 1); }},
      {"snmp", "snmp engine 80001f8804616263", [](auto& r) { return snmp_report(r, "\x80\0\x1f\x88\4abc"s); }},
      {"stun", "stun mapped 203.0.113.7:4455",
       [](auto& r) {
         return stun_reply(r, 0x0101,
                           "\x80\x22\0\3abc\0"s + "\0\x20\0\x08\0\1"s +
                               xored(big_endian(4455, 2) + "\xcb\0\x71\7"s, "\x21\x12\x21\x12\xa4\x42"));
       }},
      {"stun", "stun mapped [2001:db8::7]:4455",
       [](auto& r) {
         const std::string address = "\x20\1\x0d\xb8"s + std::string(11, '\0') + "\7";
         return stun_reply(
             r, 0x0101, "\0\x20\0\x14\0\2"s + xored(big_endian(4455, 2), "\x21\x12") + xored(address, r.substr(4, 16)));
       }},
      {"stun", "stun mapped 192.0.2.1:80",
       [](auto& r) { return stun_reply(r, 0x0101, "\0\1\0\x08\0\1\0\x50\xc0\0\2\1"s); }},
      {"stun", "stun mapped 192.0.2.1:80",  // the XOR one counts, whichever comes first
       [](auto& r) {
         return stun_reply(r, 0x0101,
                           "\0\x20\0\x08\0\1"s + xored("\0\x50\xc0\0\2\1"s, "\x21\x12\x21\x12\xa4\x42") +
                               "\0\1\0\x08\0\1\0\x51\xc6\x33\x64\1"s);
       }},
      {"stun", "stun error 420 Unknown",
       [](auto& r) { return stun_reply(r, 0x0111, "\0\x09\0\x0b\0\0\4\x14Unknown\0"s); }},
      {"stun", "stun success", [](auto& r) { return stun_reply(r, 0x0101, ""); }},
      {"sip", "sip 200 OK",
       [](auto& r) { return "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP x;" + branch_of(r) + ";rport=1\r\n\r\n"; }, 65},
      {"sip", "sip 404", [](auto& r) { return "SIP/2.0 404\r\nv: SIP/2.0/UDP x;" + branch_of(r) + "\r\n"; }, 60},
      {"ssdp", "ssdp 200 OK, Linux UPnP/1.0",
       [](auto&) { return "HTTP/1.1 200 OK\r\nEXT:\r\nServer: Linux UPnP/1.0\r\nUSN: x\r\n\r\n"s; }, 12},
      {"ssdp", "ssdp 404 Not Found", [](auto&) { return "HTTP/1.1 404 Not Found\r\nSERVER: x\r\n"s; }, 12},
      {"ssdp", "ssdp 200 OK", [](auto&) { return "HTTP/1.1 200 OK\r\nUSN: x"s; }, 12},
      {"coap", "coap RST", [](auto& r) { return "\x70\0"s + r.substr(2); }},
      {"coap", "coap ACK 4.04", [](auto& r) { return "\x60\x84"s + r.substr(2); }},
      {"tftp", "tftp error 1 File not found", [](auto&) { return "\0\5\0\1File not found\0"s; }, 4},
      {"tftp", "tftp error 0", [](auto&) { return "\0\5\0\0"s; }},
      {"tftp", "tftp data", [](auto&) { return "\0\3\0\1hello"s; }, 4},
      {"memcached", "memcached version 1.6.18",
       [](auto& r) { return r.substr(0, 2) + "\0\0\0\1\0\0VERSION 1.6.18\r\n"s; }, 16},
      {"memcached", "memcached ERROR", [](auto& r) { return r.substr(0, 2) + "\0\0\0\1\0\0ERROR\r\n"s; }, 13},
      {"quic", "quic versions 1, 2, draft-29, 0x51303530",
       [](auto& r) {
         return "\x91\0\0\0\0"s + r.substr(14, 9) + r.substr(5, 9) +
                "\0\0\0\1\x6b\x33\x43\xcf\xfa\xaa\x4a\x1a\xff\0\0\x1d\x51\x30\x35\x30"s;
       },
       27},
      {"ike", "ike 2.0 NO_PROPOSAL_CHOSEN", [](auto& r) { return ike_reply(r, 41, "\0\0\0\x08\0\0\0\x0e"s); }},
      {"ike", "ike 2.0 notify 9", [](auto& r) { return ike_reply(r, 43, "\x29\0\0\x05z\0\0\0\x08\0\0\0\x09"s); }},
      {"ike", "ike 2.0 SA accepted", [](auto& r) { return ike_reply(r, 33, "\0\0\0\x06xy"s); }},
      {"ike", "ike 2.0 reply", [](auto& r) { return ike_reply(r, 0, ""); }},
      {"natpmp", "natpmp external 1.2.3.4", [](auto&) { return "\0\x80\0\0\0\0\1\0\1\2\3\4"s; }},
      {"natpmp", "natpmp network failure", [](auto&) { return "\0\x80\0\3\0\0\1\0\0\0\0\0"s; }, 8},
      {"natpmp", "natpmp unsupported version", [](auto&) { return "\2\x80\0\1\0\0\0\0"s; }},
      {"portmap", "portmap accepted", [](auto& r) { return r.substr(0, 4) + "\0\0\0\1"s + std::string(16, '\0'); }},
      {"portmap", "portmap program unavailable",
       [](auto& r) { return r.substr(0, 4) + "\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0\3abc\0\0\0\0\1"s; }},
      {"portmap", "portmap denied", [](auto& r) { return r.substr(0, 4) + "\0\0\0\1\0\0\0\1\0\0\0\0"s; }, 12},
      {"netbios", "netbios FILESERVER",
       [](auto& r) {
         return netbios_names(r, "WORKGROUP      \0\x84\0FILESERVER     \x20\4\0FILESERVER     \0\4\0"sv, 3);
       }},
      {"netbios", "netbios no name", [](auto& r) { return netbios_names(r, "WORKGROUP      \0\x84\0"sv, 1); }},
      {"ipmi", "ipmi pong",
       [](auto& r) { return "\6\0\xff\6\0\0\x11\xbe\x40"s + r[9] + "\0\x10"s + std::string(16, '\1'); }},
      {"openvpn", "openvpn server reset",
       [](auto& r) { return "\x40SERVERID\1\0\0\0\0"s + r.substr(1, 8) + "\0\0\0\0"s; }},
      {"dtls", "dtls hello verify request", [](auto&) { return "\x16\xfe\xff\0\0\0\0\0\0\0\0\0\x2f\3\0\0\x23"s; }, 15},
      {"dtls", "dtls alert 40", [](auto&) { return "\x15\xfe\xfd\0\0\0\0\0\0\0\0\0\2\2\x28"s; }},
      {"a2s", "a2s challenge", [](auto&) { return "\xff\xff\xff\xff\x41\1\2\3\4"s; }},
      {"a2s", "a2s info My server", [](auto&) { return "\xff\xff\xff\xff\x49\x11My server\0map\0"s; }, 6},
      {"echo", "echo echoed", [](auto& r) { return r; }},
      {"token", "token echoed", [](auto& r) { return "you said: " + r; }, 1},
      {"token", "token reply", [](auto&) { return "hello"s; }, 1},
      {"empty", "empty reply", [](auto&) { return "hello"s; }, 1},
  };
  return table;
}

}  // namespace

TEST_CASE("the answer to a request says what it says") {
  for (const Row& row : rows()) {
    CAPTURE(row.detail);
    const std::string request = request_of(row.payload);
    CHECK(check(row.payload, request, row.reply(request)) == std::string(row.detail));
  }
}

TEST_CASE("every payload has a row in the table above") {
  for (const Payload& each : commands::payloads()) {
    CAPTURE(each.name);
    CHECK(std::any_of(rows().begin(), rows().end(), [&](const Row& row) { return row.payload == each.name; }));
  }
}

TEST_CASE("an answer to another request does not count where there is an id") {
  for (const Row& row : rows()) {
    CAPTURE(row.detail);
    const bool by_id = payload(row.payload).matches_by_id;
    const std::string other = row.reply(request_of(row.payload, 2));
    CHECK(check(row.payload, request_of(row.payload), other).has_value() == !by_id);
  }
}

TEST_CASE("an answer cut short is refused, as far as what it says is cut") {
  for (const Row& row : rows()) {
    const std::string request = request_of(row.payload);
    const std::string reply = row.reply(request);
    const std::size_t least = row.least == 0 ? reply.size() : row.least;
    for (std::size_t size = 0; size < reply.size(); ++size) {
      CAPTURE(row.detail);
      CAPTURE(size);
      const std::string cut = reply.substr(0, size);  // its own memory, so that a sanitizer sees the end
      const auto fact = check(row.payload, request, cut);
      if (size < least && row.payload != "empty" && row.payload != "token") CHECK(!fact);
      const bool whole_versions = row.payload != "quic" || (size - least) % 4 == 0;
      if (size >= least) CHECK(fact.has_value() == whole_versions);
    }
  }
}

TEST_CASE("a request sent back is not its answer") {
  for (const Payload& each : commands::payloads()) {
    CAPTURE(each.name);
    const std::string request = build_request(each, bits(3), each.ports[0]);
    const bool any = each.name == "token" || each.name == "echo" || each.name == "empty";
    CHECK(check_reply(each, request, request, {}).has_value() == any);
  }
}

TEST_CASE("no damage to an answer is dangerous, and what is said stays short") {
  std::mt19937 random(4);
  for (const Row& row : rows()) {
    const std::string request = request_of(row.payload);
    const std::string reply = row.reply(request);
    for (int round = 0; round < 3000; ++round) {
      std::string damaged = reply;
      for (unsigned n = random() % 4; n > 0 && !damaged.empty(); --n) {
        damaged[random() % damaged.size()] = static_cast<char>(random());
      }
      if (random() % 4 == 0) damaged.resize(random() % (reply.size() + 1));
      if (random() % 4 == 0) damaged += std::string(random() % 300, static_cast<char>(random()));
      const auto fact = check(row.payload, request, damaged);
      if (fact) CHECK(fact->size() <= 100);
    }
  }
}

TEST_CASE("wrong answers are refused") {
  struct Wrong {
    std::string_view payload;
    std::function<std::string(const std::string&)> reply;
  };
  const Wrong wrong[] = {
      {"dns", [](auto& r) { return r.substr(0, 2) + "\x81\0\0\1\0\0\0\0\0\0\0\0\1\0\1"s; }},       // other question
      {"dns", [](auto& r) { return r.substr(0, 2) + "\xa8\0\0\0\0\0\0\0\0\0"s; }},                 // opcode 5
      {"dns", [](auto& r) { return r.substr(0, 2) + "\x81\0\0\2\0\0\0\0\0\0"s + r.substr(12); }},  // two questions
      {"ntp", [](auto& r) { return "\x23" + ntp_reply(r, 2, 1, 1).substr(1); }},                   // mode 3
      {"snmp", [](auto& r) { return snmp_report(r, ""); }},
      {"snmp", [](auto&) { return "\x30\x80"s; }},
      {"snmp", [](auto&) { return "\x30\x88\xff\xff\xff\xff\xff\xff\xff\xff"s; }},
      {"stun", [](auto& r) { return stun_reply(r, 0x0001, ""); }},
      {"stun", [](auto& r) { return stun_reply(r, 0x0101, "\0\x20\0\x09\0\1"s); }},
      {"sip", [](auto& r) { return "HTTP/1.1 200 OK\r\n" + branch_of(r); }},
      {"sip", [](auto& r) { return "SIP/2.0 2000\r\n" + branch_of(r); }},
      {"sip", [](auto&) { return "SIP/2.0 200 OK\r\n"s; }},
      {"ssdp", [](auto&) { return "NOTIFY * HTTP/1.1\r\n"s; }},
      {"coap", [](auto& r) { return "\x40\0"s + r.substr(2); }},
      {"coap", [](auto& r) { return "\xb0\0"s + r.substr(2); }},  // version 2
      {"tftp", [](auto&) { return "\0\4\0\1"s; }},
      {"memcached", [](auto& r) { return r.substr(0, 2) + "\0\1\0\2\0\0VERSION 1\r\n"s; }},
      {"quic", [](auto& r) { return "\x91\0\0\0\0"s + r.substr(5, 9) + r.substr(14, 9) + "\0\0\0\1"s; }},
      {"quic", [](auto& r) { return "\x91\0\0\0\1"s + r.substr(14, 9) + r.substr(5, 9) + "\0\0\0\1"s; }},
      {"quic", [](auto& r) { return "\x91\0\0\0\0"s + r.substr(14, 9) + r.substr(5, 9) + "\0\0\0\1\0"s; }},
      {"quic", [](auto& r) { return "\x91\0\0\0\0"s + r.substr(14, 9) + r.substr(5, 9); }},
      {"ike", [](auto& r) { return ike_reply(r, 41, "\0\0\0\0"s); }},  // a payload of no length
      {"ike", [](auto& r) { return ike_reply(r, 41, "\0\0\0\x08\0\0\0\x0e"s) + "more"; }},
      {"natpmp", [](auto&) { return "\0\x81\0\0\0\0\1\0\1\2\3\4"s; }},
      {"portmap", [](auto& r) { return r.substr(0, 4) + "\0\0\0\1\0\0\0\0\0\0\0\0\xff\xff\xff\xff\0\0\0\0"s; }},
      {"netbios", [](auto& r) { return netbios_names(r, "", 100); }},
      {"ipmi", [](auto& r) { return "\6\0\xff\x86\0\0\x11\xbe\x40"s + r[9] + "\0\x10"s + std::string(16, '\1'); }},
      {"openvpn", [](auto&) { return "\x40SERVERID\0\0\0\0\0"s; }},
      {"openvpn", [](auto&) { return "\x40SERVERID\xff\0\0\0\0"s; }},
      {"a2s", [](auto&) { return "\xfe\xff\xff\xff\x41\1\2\3\4"s; }},
  };
  for (const Wrong& each : wrong) {
    const std::string request = request_of(each.payload);
    CAPTURE(each.payload);
    CAPTURE(&each - wrong);
    CHECK(!check(each.payload, request, each.reply(request)));
  }
}

TEST_CASE("ike on port 4500 stands behind a marker, both ways") {
  const Payload& ike = payload("ike");
  const std::string plain = build_request(ike, bits(1), 500);
  const std::string marked = build_request(ike, bits(1), 4500);
  CHECK(marked == "\0\0\0\0"s + plain);
  const std::string reply = ike_reply(plain, 41, "\0\0\0\x08\0\0\0\x0e"s);
  CHECK(check("ike", marked, "\0\0\0\0"s + reply) == "ike 2.0 NO_PROPOSAL_CHOSEN"s);
  CHECK(!check("ike", marked, reply));
  CHECK(!check("ike", plain, "\0\0\0\0"s + reply));
}

TEST_CASE("ntp's offset is half the difference of the two ways") {
  using namespace std::chrono_literals;
  const std::string request = request_of("ntp");
  const net::SystemTime sent{1'700'000'000s};
  const ReplyContext context{sent, sent + 20ms};
  const auto ntp = [](net::SystemTime time, std::uint64_t era = 0) {
    const auto since = time.time_since_epoch().count();
    const auto seconds = static_cast<std::uint64_t>(since / 1'000'000'000) + 2'208'988'800u + era;
    return seconds << 32 | static_cast<std::uint64_t>(since % 1'000'000'000) * (1ull << 32) / 1'000'000'000;
  };
  struct Case {
    std::chrono::nanoseconds ahead;
    const char* fact;
  };
  for (const Case each : {Case{1300us, "ntp stratum 2, offset +1.3 ms"},
                          {-42ms, "ntp stratum 2, offset -42.0 ms"},
                          {3600s, "ntp stratum 2, offset +3600.0 s"},
                          {-12345ms, "ntp stratum 2, offset -12.3 s"}}) {
    const std::string reply = ntp_reply(request, 2, ntp(sent + 5ms + each.ahead), ntp(sent + 15ms + each.ahead));
    CHECK(check_reply(payload("ntp"), request, reply, context) == std::string(each.fact));
  }
  // 2036: the seconds begin again at 0.
  const net::SystemTime later{2'085'978'496s + 10s};
  CHECK((ntp(later) >> 32) == 10);
  const std::string reply = ntp_reply(request, 2, ntp(later), ntp(later));
  CHECK(check_reply(payload("ntp"), request, reply, {later, later}) == "ntp stratum 2, offset +0.0 ms"s);
}

TEST_CASE("long text is cut, within no character") {
  const std::string request = request_of("tftp");
  const std::string ascii = "\0\5\0\1"s + std::string(100, 'x') + "\0"s;
  CHECK(check("tftp", request, ascii) == "tftp error 1 " + std::string(57, 'x') + "...");
  const std::string umlauts = "\0\5\0\1"s + [] {
    std::string out;
    for (int i = 0; i < 50; ++i) out += "\xc3\xa4";
    return out;
  }();
  CHECK(check("tftp", request, umlauts)->size() == "tftp error 1 "s.size() + 56 + 3);
  CHECK(check("tftp", request, "\0\5\0\1"s + std::string(60, 'y')) == "tftp error 1 " + std::string(60, 'y'));
}
