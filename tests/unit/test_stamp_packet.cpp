// SPDX-License-Identifier: MIT
#include "support/check.hpp"

#include <chrono>
#include <string>

#include "base/text.hpp"
#include "commands/stamp_packet.hpp"

using namespace std::chrono_literals;
using commands::stamp::Arrival;
using commands::stamp::Packets;
using commands::stamp::Reply;
using commands::stamp::Request;
using commands::stamp::TimeFormat;
using net::SystemTime;

namespace {

// Bytes as they stand in the RFCs' figures.
std::string from_hex(std::string_view hex) { return base::parse_hex(hex); }

std::string zeros(std::size_t count) { return std::string(count, '\0'); }

const std::string shared_key = "a secret";

// 44 octets of a sender: sequence 7, T1, error estimate, SSID, and zeros.
const std::string sender_packet = from_hex("00000007 e0000001 80000000 8105 1234") + zeros(28);

const Arrival usual_arrival{.sequence = 3, .time = 0xe000'0002'4000'0000, .ttl = 61, .traffic_class = 0xb8 | 1};

std::string reflected(const Packets& packets, std::string packet, const Arrival& how = usual_arrival) {
  packets.reflect(packet, how);
  packets.depart(packet, 0xe000'0002'4000'1000, 0x0102);
  return packet;
}

std::string reflected(const std::string& packet) { return reflected(Packets(), packet); }

}  // namespace

TEST_CASE("stamp: NTP's time counts from 1900") {
  // RFC 5905's figure: 1 January 1970 is 2,208,988,800.
  CHECK(commands::stamp::encode_time(SystemTime(0s), TimeFormat::ntp) == 0x83aa'7e80'0000'0000);
  CHECK(commands::stamp::encode_time(SystemTime(500ms), TimeFormat::ntp) == 0x83aa'7e80'8000'0000);
  // The era ends in February 2036.
  CHECK(commands::stamp::encode_time(SystemTime(2'085'978'496s), TimeFormat::ntp) == 0);
}

TEST_CASE("stamp: PTP's time counts from 1970 on TAI, which is 37 s ahead, in nanoseconds") {
  CHECK(commands::stamp::encode_time(SystemTime(1s + 5ns), TimeFormat::ptp) == 0x0000'0026'0000'0005);
}

TEST_CASE("stamp: what is written as a time comes back to the nanosecond, on both sides of an era's end") {
  for (const TimeFormat format : {TimeFormat::ntp, TimeFormat::ptp}) {
    for (const auto second : {0s, 1'700'000'000s, 2'085'978'495s, 2'085'978'496s, 4'294'967'259s, 4'294'967'300s}) {
      for (const auto rest : {0ns, 1ns, 123'456'789ns, 999'999'999ns}) {
        const SystemTime time(second + rest);
        const std::uint64_t written = commands::stamp::encode_time(time, format);
        for (const auto away : {-30 * 365 * 24h, 0h, 30 * 365 * 24h}) {
          CHECK(commands::stamp::decode_time(written, format, time + away) == time);
        }
      }
    }
  }
}

TEST_CASE("stamp: an error estimate is never told smaller than it is, and never as none") {
  using commands::stamp::encode_error;
  CHECK(encode_error(false, TimeFormat::ntp, 0ns) == 0x0005);  // a nanosecond is 4.3 of its units
  CHECK(encode_error(true, TimeFormat::ntp, 1ns) == 0x8005);
  CHECK(encode_error(true, TimeFormat::ptp, 1ns) == 0xc005);
  CHECK(encode_error(false, TimeFormat::ntp, 1s) == 0x1980);  // 128 * 2^25 / 2^32
  for (const auto error : {1ns, 59ns, 60ns, 1'000ns, 16'000'000'000ns, 3'600'000'000'000ns}) {
    const std::uint16_t written = encode_error(true, TimeFormat::ntp, error);
    double told = written & 0xff;
    for (int scale = written >> 8 & 0x3f; scale > 0; --scale) told *= 2;
    told /= 4.294967296;  // nanoseconds
    CHECK(told >= static_cast<double>(error.count()) * 0.999999);
    CHECK(told <= static_cast<double>(error.count()) * 1.02 + 1);
  }
}

TEST_CASE("stamp: a sender's packet") {
  std::string packet;
  Packets().write(packet, {.sequence = 7, .time = 0xe000'0001'8000'0000, .error_estimate = 0x8105, .ssid = 0x1234}, 44);
  CHECK(packet == sender_packet);
}

TEST_CASE("stamp: a longer packet is filled by Extra Padding, whose U flag is set") {
  std::string packet;
  const Request wanted{.sequence = 7, .time = 0xe000'0001'8000'0000, .error_estimate = 0x8105, .ssid = 0x1234};
  Packets().write(packet, wanted, 60);
  CHECK(packet == sender_packet + from_hex("8001000c") + zeros(12));
  Packets().write(packet, wanted, 48);
  CHECK(packet == sender_packet + from_hex("80010000"));
  Packets().write(packet, wanted, 47);  // no room for a TLV
  CHECK(packet == sender_packet + zeros(3));
}

TEST_CASE("stamp: a sender's Class of Service holds the DSCP that it wants") {
  std::string packet;
  Request wanted{.sequence = 7, .time = 0xe000'0001'8000'0000, .error_estimate = 0x8105, .ssid = 0x1234};
  wanted.dscp = 46;
  Packets().write(packet, wanted, 52);
  CHECK(packet == sender_packet + from_hex("80040004 b8000000"));
  Packets().write(packet, wanted, 58);
  CHECK(packet == sender_packet + from_hex("80040004 b8000000 80010002 0000"));
  Packets().write(packet, wanted, 51);  // no room for it
  CHECK(packet == sender_packet + from_hex("80010003 000000"));
}

TEST_CASE("stamp: a reflector's packet") {
  CHECK(reflected(sender_packet) ==
        from_hex("00000003 e0000002 40001000 0102 1234"  // sequence, T3, error estimate, SSID
                 "e0000002 40000000"                     // T2
                 "00000007 e0000001 80000000 8105 0000"  // the sender's sequence, T1, error
                 "3d 000000"));                          // TTL 61
}

TEST_CASE("stamp: what a TWAMP-Light sender says fits, and its padding comes back") {
  const std::string sender = from_hex("00000007 e0000001 80000000 8105");
  const std::string reply = reflected(sender);  // the caller cuts it
  CHECK(reply.size() == 44);
  CHECK(reply.substr(24, 14) == sender);
  CHECK(reply.substr(14, 2) == zeros(2));

  const std::string padding(100, '\x55');
  CHECK(reflected(sender_packet + padding).substr(44) == padding);
  CHECK(reflected(sender_packet + zeros(100)).substr(44) == zeros(100));
}

TEST_CASE("stamp: less than a time and an error estimate is no request") {
  for (std::size_t size = 0; size < 14; ++size) CHECK_FALSE(Packets().read_request(zeros(size)));
  CHECK(Packets().read_request(zeros(14)));
}

TEST_CASE("stamp: TLVs that are understood lose their U flag, and the others keep it") {
  struct Case {
    const char* about;
    const char* sent;
    const char* answered;
  };
  const Case cases[] = {
      {"Extra Padding", "80010002 abcd", "00010002 abcd"},
      {"Class of Service: DSCP 46 and ECN 1 arrived", "80040004 28000000", "00040004 2ae40000"},
      {"unknown", "80c80004 01020304", "80c80004 01020304"},
      {"unknown, its U flag forgotten", "00090004 01020304", "80090004 01020304"},
      {"HMAC without a key", "80080010 00112233445566778899aabbccddeeff", "80080010 00112233445566778899aabbccddeeff"},
      {"several", "80c80000 80040004 00000000 80010001 00", "80c80000 00040004 02e40000 00010001 00"},
      {"longer than the packet", "80c80005 01020304", "40c80005 01020304"},
      {"what follows a malformed one is only copied", "80040005 0102030405 80010000", "40040005 0102030405 80010000"},
      {"malformed behind others", "80010000 80ff0100 0102", "00010000 40ff0100 0102"},
      {"less than a header behind the last", "80010000 800100", "00010000 800100"},
      {"padding that begins like no TLV", "80000002 0000", "80000002 0000"},
      {"padding with reserved flags", "8101000200", "8101000200"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.about);
    CHECK(reflected(sender_packet + from_hex(one.sent)).substr(44) == from_hex(one.answered));
  }
}

TEST_CASE("stamp: the reply's DSCP is the one that Class of Service wants, unless the reflector has its own") {
  std::string packet = sender_packet + from_hex("80040004 28000000");
  CHECK(Packets().reflect(packet, usual_arrival) == 10);
  Arrival stubborn = usual_arrival;
  stubborn.may_choose_dscp = false;
  packet = sender_packet + from_hex("80040004 28000000");
  CHECK_FALSE(Packets().reflect(packet, stubborn));
  CHECK(packet.substr(44) == from_hex("00040004 2ae50000"));  // RP says so
  packet = sender_packet;
  CHECK_FALSE(Packets().reflect(packet, usual_arrival));
}

TEST_CASE("stamp: a reply is read") {
  const auto reply = Packets().read_reply(reflected(sender_packet + from_hex("80040004 28000000")));
  REQUIRE(reply);
  CHECK(reply->sequence == 3);
  CHECK(reply->sent == 0xe000'0002'4000'1000);
  CHECK(reply->error_estimate == 0x0102);
  CHECK(reply->ssid == 0x1234);
  CHECK(reply->received == 0xe000'0002'4000'0000);
  CHECK(reply->request_sequence == 7);
  CHECK(reply->request_time == 0xe000'0001'8000'0000);
  CHECK(reply->request_ttl == 61);
  REQUIRE(reply->class_of_service);
  CHECK(reply->class_of_service->wanted_dscp == 10);
  CHECK(reply->class_of_service->dscp == 46);
  CHECK(reply->class_of_service->ecn == 1);
  CHECK_FALSE(reply->class_of_service->refused);
}

TEST_CASE("stamp: TWAMP-Light's reply of 41 octets is read, a shorter one is none") {
  const std::string reply = reflected(sender_packet);
  REQUIRE(Packets().read_reply(reply.substr(0, 41)));
  CHECK(Packets().read_reply(reply.substr(0, 41))->request_ttl == 61);
  for (std::size_t size = 0; size < 41; ++size) CHECK_FALSE(Packets().read_reply(reply.substr(0, size)));
}

TEST_CASE("stamp: a Class of Service that was not understood says nothing") {
  const std::string base = reflected(sender_packet);
  CHECK_FALSE(Packets().read_reply(base + from_hex("80040004 2ae40000"))->class_of_service);
  CHECK_FALSE(Packets().read_reply(base + from_hex("40040004 2ae40000"))->class_of_service);
  CHECK_FALSE(Packets().read_reply(base + from_hex("00040003 2ae400"))->class_of_service);
}

TEST_CASE("stamp: T1 is where a reflector tells it, and there a sender has zeros") {
  CHECK(Packets().reflected_time(sender_packet) == 0);
  CHECK(Packets().reflected_time(reflected(sender_packet)) == 0xe000'0001'8000'0000);
  CHECK(Packets().reflected_time(sender_packet.substr(0, 35)) == 0);
}

TEST_CASE("stamp: authenticated packets, 112 octets") {
  const Packets packets(shared_key);
  std::string packet;
  packets.write(packet, {.sequence = 7, .time = 0xe000'0001'8000'0000, .error_estimate = 0x8105, .ssid = 0x1234}, 44);
  const std::string first = from_hex("00000007") + zeros(12) + from_hex("e0000001 80000000 8105 1234") + zeros(68);
  CHECK(packet.size() == 112);
  CHECK(packet.substr(0, 96) == first);
  const auto digest = base::Hmac(shared_key).of(first);
  CHECK(packet.substr(96) == std::string(digest.begin(), digest.begin() + 16));

  const std::string reply = reflected(packets, packet);
  CHECK(reply.substr(0, 96) == from_hex("00000003") + zeros(12) + from_hex("e0000002 40001000 0102 1234") + zeros(4) +
                                   from_hex("e0000002 40000000") + zeros(8) + from_hex("00000007") + zeros(12) +
                                   from_hex("e0000001 80000000 8105") + zeros(6) + from_hex("3d") + zeros(15));
  const auto read = packets.read_reply(reply);
  REQUIRE(read);
  CHECK(read->request_sequence == 7);
  CHECK(read->request_ttl == 61);
  CHECK(packets.reflected_time(reply) == 0xe000'0001'8000'0000);
}

TEST_CASE("stamp: with a key, one wrong bit is enough") {
  const Packets packets(shared_key);
  std::string packet;
  packets.write(packet, {.sequence = 7}, 0);
  const std::string reply = reflected(packets, packet);
  for (std::size_t at = 0; at < 112; ++at) {
    std::string bad = packet;
    bad[at] = static_cast<char>(bad[at] ^ 4);
    CHECK_FALSE(packets.read_request(bad));
    bad = reply;
    bad[at] = static_cast<char>(bad[at] ^ 4);
    CHECK_FALSE(packets.read_reply(bad));
  }
  CHECK_FALSE(packets.read_request(packet.substr(0, 111)));
  CHECK_FALSE(packets.read_request(sender_packet));
  CHECK_FALSE(Packets("another").read_request(packet));
}

TEST_CASE("stamp: with a key, TLVs are believed under their own HMAC, over the sequence number and themselves") {
  const Packets packets(shared_key);
  std::string packet;
  packets.write(packet, {.sequence = 7, .dscp = std::uint8_t{46}}, 112 + 8 + 20 + 6);
  CHECK(packet.substr(112, 12) == from_hex("80040004 b8000000 80080010"));
  const auto digest = base::Hmac(shared_key).of(from_hex("00000007"), from_hex("80040004 b8000000"));
  CHECK(packet.substr(124, 16) == std::string(digest.begin(), digest.begin() + 16));
  CHECK(packet.substr(140) == from_hex("80010002 0000"));

  const std::string reply = reflected(packets, packet);
  const auto answer = base::Hmac(shared_key).of(from_hex("00000003"), from_hex("00040004 bae40000"));
  CHECK(reply.substr(112, 12) == from_hex("00040004 bae40000 00080010"));
  CHECK(reply.substr(124, 16) == std::string(answer.begin(), answer.begin() + 16));
  REQUIRE(packets.read_reply(reply)->class_of_service);

  std::string bad = reply;
  bad[116] = 0;
  REQUIRE(packets.read_reply(bad));
  CHECK_FALSE(packets.read_reply(bad)->class_of_service);
}

TEST_CASE("stamp: TLVs whose HMAC is wrong, or does not cover them, come back untouched with I set") {
  const Packets packets(shared_key);
  std::string base;
  packets.write(base, {.sequence = 7}, 112);
  const auto tlvs_of = [&](const std::string& tlvs) { return reflected(packets, base + tlvs).substr(112); };
  CHECK(tlvs_of(from_hex("80040004 b8000000")) == from_hex("a0040004 b8000000"));
  CHECK(tlvs_of(from_hex("80040004 b8000000 80080010") + zeros(16)) ==
        from_hex("a0040004 b8000000 a0080010") + zeros(16));
  const auto digest = base::Hmac(shared_key).of(from_hex("00000007"), "");
  const std::string mac(digest.begin(), digest.begin() + 16);
  CHECK(tlvs_of(from_hex("80080010") + mac + from_hex("80040004 b8000000")) ==
        from_hex("a0080010") + mac + from_hex("a0040004 b8000000"));
  CHECK(tlvs_of(from_hex("80010002 0000")) == from_hex("00010002 0000"));  // padding needs none
}
