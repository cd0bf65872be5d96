// SPDX-License-Identifier: MIT
// Checkers of binary protocols, each from the RFC that it names.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "base/bytes.hpp"
#include "commands/probe/payloads/checks.hpp"
#include "commands/stamp_packet.hpp"

namespace commands {
namespace {

struct Name {
  unsigned number;
  std::string_view name;
};

// The name of `number`, or "WHAT NUMBER".
std::string name_in(std::span<const Name> names, unsigned number, std::string_view what) {
  for (const Name& row : names) {
    if (row.number == number) return std::string(row.name);
  }
  return fmt::format("{} {}", what, number);
}

// How far the server's clock is ahead of this host's, in seconds (RFC 5905, 8). The differences are signed, so that
// they are right across eras.
double ntp_offset(const ReplyContext& context, std::uint64_t received, std::uint64_t sent) {
  const auto written = [](net::SystemTime time) { return stamp::encode_time(time, stamp::TimeFormat::ntp); };
  const auto there = static_cast<std::int64_t>(received - written(context.sent));
  const auto back = static_cast<std::int64_t>(sent - written(context.received));
  return (static_cast<double>(there) + static_cast<double>(back)) / 2 / 4294967296.0;
}

// A (XOR-)MAPPED-ADDRESS attribute (RFC 8489, 14.1 and 14.2); `mask` is cookie and transaction id, or zeros.
std::optional<net::Endpoint> mapped_address(std::string_view value, std::string_view mask) {
  base::ByteReader in(value);
  in.skip(1);
  const std::uint8_t family = in.u8();
  const auto port = static_cast<std::uint16_t>(in.u16() ^ base::ByteReader(mask).u16());
  std::string bytes(in.rest());
  if (!in.ok() || bytes.size() != (family == 1 ? 4u : 16u) || family < 1 || family > 2) return std::nullopt;
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(bytes[i] ^ mask[i]);
  if (family == 1) return net::Endpoint(net::asio::ip::address_v4(base::ByteReader(bytes).u32()), port);
  net::asio::ip::address_v6::bytes_type v6;
  std::copy(bytes.begin(), bytes.end(), v6.begin());
  return net::Endpoint(net::asio::ip::address_v6(v6), port);
}

// "error 401 Unauthorized" (RFC 8489, 14.8).
std::string stun_error(std::string_view value) {
  base::ByteReader in(value);
  in.skip(2);
  const unsigned hundreds = in.u8() & 7u;
  const unsigned number = hundreds * 100 + in.u8();
  return fmt::format("error {} {}", number, shortened(in.rest()));
}

// The contents of the BER element (X.690) that comes next, which must have this tag.
std::string_view ber(base::ByteReader& in, std::uint8_t tag) {
  if (in.u8() != tag) in.fail();
  std::uint64_t size = in.u8();
  if (size == 0x80 || size > 0x82) in.fail();
  if (size > 0x80) size = in.number(size & 0x7f);
  return in.take(size);
}

// RFC 9000, 15, and RFC 9369: how people write a version; "" for one of those reserved to be skipped.
std::string quic_version(std::uint32_t version) {
  if ((version & 0x0f0f0f0f) == 0x0a0a0a0a) return {};
  if (version == 1) return "1";
  if (version == 0x6b3343cf) return "2";
  if (version >> 8 == 0xff0000) return fmt::format("draft-{}", version & 0xff);
  return fmt::format("0x{:08x}", version);
}

// What the first payload of an IKE message that says something says (RFC 7296, 3.2 and 3.10).
std::string ike_verdict(base::ByteReader& in, std::uint8_t payload) {
  constexpr Name notifications[] = {{5, "INVALID_MAJOR_VERSION"},
                                    {7, "INVALID_SYNTAX"},
                                    {14, "NO_PROPOSAL_CHOSEN"},
                                    {17, "INVALID_KE_PAYLOAD"},
                                    {16390, "COOKIE"}};
  constexpr std::uint8_t security_association = 33, notify = 41;
  while (payload != 0 && in.ok()) {
    const std::uint8_t next = in.u8();
    in.skip(1);
    const std::uint16_t size = in.u16();
    if (size < 4) in.fail();
    base::ByteReader body(in.take(size < 4 ? 0 : size - 4u));
    if (payload == security_association && in.ok()) return "SA accepted";
    body.skip(2);  // protocol, size of the SPI
    const std::uint16_t type = body.u16();
    if (payload == notify && body.ok()) return name_in(notifications, type, "notify");
    payload = next;
  }
  return "reply";
}

}  // namespace

// RFC 5905, 7.3: the server returns our random transmit timestamp as origin.
Fact check_ntp(std::string_view request, std::string_view reply, const ReplyContext& context) {
  base::ByteReader in(reply);
  const std::uint8_t first = in.u8();
  const std::uint8_t stratum = in.u8();
  in.skip(10);  // poll, precision, root delay and dispersion
  const std::string_view reference = in.take(4);
  in.skip(8);
  const bool ours = in.take(8) == request.substr(40, 8);
  const std::uint64_t received = in.u64();
  const std::uint64_t sent = in.u64();
  if (!in.ok() || !ours || (first & 7) != 4) return std::nullopt;
  std::string fact = fmt::format("stratum {}", stratum);
  if (stratum == 0) return fact + ", " + std::string(reference);  // a kiss code, 7.4
  if (first >> 6 == 3 || stratum >= 16) return fact + ", unsynchronised";
  if (context.sent == net::SystemTime{} || context.received == net::SystemTime{}) return fact;
  const double offset = ntp_offset(context, received, sent);
  return fact + (std::abs(offset) < 10 ? fmt::format(", offset {:+.1f} ms", offset * 1000)
                                       : fmt::format(", offset {:+.1f} s", offset));
}

namespace {

struct StunReply {
  std::string fact;
  std::optional<net::Endpoint> mapped;
};

// RFC 8489, 5 and 6.3.
std::optional<StunReply> read_stun(std::string_view request, std::string_view reply) {
  constexpr std::uint16_t mapped = 0x0001, error_code = 0x0009, xor_mapped = 0x0020;
  const std::string_view transaction = request.substr(4, 16);  // with the cookie
  base::ByteReader in(reply);
  const std::uint16_t type = in.u16();
  const std::uint16_t size = in.u16();
  const bool ours = in.take(16) == transaction;
  base::ByteReader attributes(in.take(size));
  if (!in.ok() || !ours || (type != 0x0101 && type != 0x0111)) return std::nullopt;
  StunReply found{type == 0x0101 ? "success" : "error", {}};
  bool found_xor = false;
  while (attributes.left() > 0) {
    const std::uint16_t attribute = attributes.u16();
    const std::uint16_t length = attributes.u16();
    const std::string_view value = attributes.take(length);
    attributes.skip((4u - length % 4u) % 4u);
    if (!attributes.ok()) return std::nullopt;
    if (attribute == error_code && value.size() >= 4) found.fact = stun_error(value);
    if (attribute != xor_mapped && (attribute != mapped || found_xor)) continue;
    const auto address = mapped_address(value, attribute == mapped ? std::string(16, '\0') : transaction);
    if (address) found.mapped = address;
    found_xor = attribute == xor_mapped;
  }
  if (found.mapped) found.fact = "mapped " + net::to_string(*found.mapped);
  return found;
}

}  // namespace

Fact check_stun(std::string_view request, std::string_view reply, const ReplyContext&) {
  const auto found = read_stun(request, reply);
  return found ? Fact(found->fact) : std::nullopt;
}

std::optional<net::Endpoint> stun_mapped_address(std::string_view request, std::string_view reply) {
  const auto found = read_stun(request, reply);
  return found ? found->mapped : std::nullopt;
}

// RFC 3412, 6, and RFC 3414, 2.4.
Fact check_snmp(std::string_view request, std::string_view reply, const ReplyContext&) {
  base::ByteReader in(reply);
  base::ByteReader message(ber(in, 0x30));
  const std::string_view version = ber(message, 0x02);
  base::ByteReader header(ber(message, 0x30));
  const std::string_view id = ber(header, 0x02);
  base::ByteReader security(ber(message, 0x04));
  base::ByteReader parameters(ber(security, 0x30));
  const std::string_view engine = ber(parameters, 0x04);
  const bool ours = version == "\x03" && id == request.substr(9, 4);
  if (!in.ok() || !ours || engine.empty()) return std::nullopt;
  std::string digits;
  for (const char byte : engine.substr(0, 32)) digits += fmt::format("{:02x}", static_cast<std::uint8_t>(byte));
  return "engine " + shortened(digits);
}

// RFC 7252, 4.3: an empty confirmable message is answered with a reset of the same message id.
Fact check_coap(std::string_view request, std::string_view reply, const ReplyContext&) {
  base::ByteReader in(reply);
  const std::uint8_t first = in.u8();
  const std::uint8_t code = in.u8();
  const bool ours = in.take(2) == request.substr(2, 2);
  const unsigned type = first >> 4;  // version 1 in the upper two bits
  if (!in.ok() || !ours || (type != 6 && type != 7)) return std::nullopt;
  const std::string_view name = type == 7 ? "RST" : "ACK";
  if (code == 0) return std::string(name);
  return fmt::format("{} {}.{:02}", name, code >> 5, code & 31);
}

// RFC 8999, 6: a Version Negotiation packet has our connection ids the other way round.
Fact check_quic(std::string_view request, std::string_view reply, const ReplyContext&) {
  base::ByteReader in(reply);
  const bool is_long = (in.u8() & 0x80) != 0;
  const std::uint32_t version = in.u32();
  const bool ours = in.take(9) == request.substr(14, 9) && in.take(9) == request.substr(5, 9);
  if (!in.ok() || !is_long || version != 0 || !ours || in.left() == 0 || in.left() % 4 != 0) return std::nullopt;
  std::string versions;
  while (in.left() > 0) {
    const std::string name = quic_version(in.u32());
    if (!name.empty()) versions += (versions.empty() ? "" : ", ") + name;
    if (versions.size() > 60) break;
  }
  return versions.empty() ? "no versions" : "versions " + shortened(versions);
}

// RFC 7296, 3.1; on port 4500 behind four zero bytes (RFC 3948, 2.2).
Fact check_ike(std::string_view request, std::string_view reply, const ReplyContext&) {
  constexpr std::string_view marker("\0\0\0\0", 4);
  if (request.starts_with(marker)) {
    if (!reply.starts_with(marker)) return std::nullopt;
    request.remove_prefix(marker.size());
    reply.remove_prefix(marker.size());
  }
  base::ByteReader in(reply);
  const bool ours = in.take(8) == request.substr(0, 8);
  in.skip(8);  // the responder's SPI
  const std::uint8_t payload = in.u8();
  const std::uint8_t version = in.u8();
  in.skip(1);  // exchange
  const bool is_response = (in.u8() & 0x20) != 0;
  in.skip(4);  // message id
  const std::uint32_t size = in.u32();
  if (!in.ok() || !ours || size != reply.size()) return std::nullopt;
  if (version >> 4 >= 2 && !is_response) return std::nullopt;
  const std::string verdict = ike_verdict(in, payload);
  if (!in.ok()) return std::nullopt;
  return fmt::format("{}.{} {}", version >> 4, version & 15, verdict);
}

// RFC 6886, 3.2 and 3.5; a PCP server's refusal (RFC 6887, 9.2) has its result in the same place.
Fact check_natpmp(std::string_view, std::string_view reply, const ReplyContext&) {
  constexpr Name results[] = {{1, "unsupported version"},
                              {2, "not authorised"},
                              {3, "network failure"},
                              {4, "out of resources"},
                              {5, "unsupported opcode"}};
  base::ByteReader in(reply);
  const std::uint8_t version = in.u8();
  const std::uint8_t operation = in.u8();
  const std::uint16_t result = in.u16();
  in.skip(4);  // seconds since the epoch
  if (!in.ok() || version > 2 || operation != 0x80) return std::nullopt;
  if (result != 0) return name_in(results, result, "error");
  const std::uint32_t address = in.u32();
  if (!in.ok() || version != 0) return std::nullopt;
  return "external " + net::to_string(net::Address(net::asio::ip::address_v4(address)));
}

// RFC 5531, 9.
Fact check_portmap(std::string_view request, std::string_view reply, const ReplyContext&) {
  constexpr Name states[] = {{0, "accepted"},
                             {1, "program unavailable"},
                             {2, "program version mismatch"},
                             {3, "procedure unavailable"},
                             {4, "garbage arguments"},
                             {5, "system error"}};
  base::ByteReader in(reply);
  const bool ours = in.take(4) == request.substr(0, 4);
  const std::uint32_t direction = in.u32();
  const std::uint32_t denied = in.u32();
  if (!in.ok() || !ours || direction != 1 || denied > 1) return std::nullopt;
  if (denied == 1) return "denied";
  in.skip(4);  // verifier
  const std::uint32_t size = in.u32();
  in.skip(size);
  in.skip((4 - size % 4) % 4);
  const std::uint32_t state = in.u32();
  if (!in.ok()) return std::nullopt;
  return name_in(states, state, "state");
}

// ASF 2.0, 3.2.4.3: the pong has the ping's tag and 16 bytes of data.
Fact check_ipmi(std::string_view request, std::string_view reply, const ReplyContext&) {
  base::ByteReader in(reply);
  const std::uint8_t version = in.u8();
  in.skip(2);
  const std::uint8_t message_class = in.u8();
  const std::uint32_t enterprise = in.u32();
  const std::uint8_t type = in.u8();
  const bool ours = in.take(1) == request.substr(9, 1);
  in.skip(1);
  const std::uint8_t size = in.u8();
  in.skip(size);
  const bool pong = version == 6 && message_class == 6 && enterprise == 0x11be && type == 0x40 && size == 16;
  if (!in.ok() || !ours || !pong) return std::nullopt;
  return "pong";
}

// OpenVPN's control channel: P_CONTROL_HARD_RESET_SERVER_V2 with the session id of the client that it acknowledges.
Fact check_openvpn(std::string_view request, std::string_view reply, const ReplyContext&) {
  base::ByteReader in(reply);
  const unsigned operation = in.u8() >> 3;
  in.skip(8);  // the server's session id
  const std::size_t acknowledged = in.u8();
  in.skip(acknowledged * 4);
  const bool ours = acknowledged > 0 && in.take(8) == request.substr(1, 8);
  in.skip(4);  // packet id
  if (!in.ok() || operation != 8 || !ours) return std::nullopt;
  return "server reset";
}

// RFC 6347, 4.1 and 4.2: a record of a handshake or an alert. Nothing in it is the request's.
Fact check_dtls(std::string_view, std::string_view reply, const ReplyContext&) {
  constexpr std::uint8_t alert = 21, handshake = 22, server_hello = 2, hello_verify_request = 3;
  base::ByteReader in(reply);
  const std::uint8_t type = in.u8();
  const std::uint16_t version = in.u16();
  in.skip(2 + 6 + 2);  // epoch, sequence number, length
  const std::uint8_t first = in.u8();
  const std::uint8_t second = in.u8();
  if (!in.ok() || (version != 0xfeff && version != 0xfefd)) return std::nullopt;
  if (type == alert) return fmt::format("alert {}", second);
  if (type != handshake) return std::nullopt;
  if (first == hello_verify_request) return "hello verify request";
  return first == server_hello ? Fact("server hello") : std::nullopt;
}

}  // namespace commands
