// SPDX-License-Identifier: MIT
#include "commands/probe/payloads/payloads.hpp"

#include <algorithm>

#include "commands/probe/payloads/checks.hpp"

namespace commands {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view token_request = "**** **** **** **** **** **** **** ****";

constexpr std::string_view sip_request =
    "OPTIONS sip:udptool.invalid SIP/2.0\r\n"
    "Via: SIP/2.0/UDP udptool.invalid;branch=z9hG4bK~~~~~~~~~~~~~~~~;rport\r\n"
    "Max-Forwards: 70\r\n"
    "From: <sip:udptool@udptool.invalid>;tag=~~~~~~~~\r\n"
    "To: <sip:udptool.invalid>\r\n"
    "Call-ID: ~~~~~~~~~~~~~~~~\r\n"
    "CSeq: 1 OPTIONS\r\n"
    "Content-Length: 0\r\n\r\n";

constexpr std::string_view ssdp_request =
    "M-SEARCH * HTTP/1.1\r\n"
    "HOST: 239.255.255.250:1900\r\n"
    "MAN: \"ssdp:discover\"\r\n"
    "MX: 1\r\n"
    "ST: upnp:rootdevice\r\n\r\n";

// SNMPv3 with an empty engine id and user: the agent reports its own engine id, no community needed (RFC 3414, 4).
// clang-format off
constexpr std::string_view snmp_request =
    "303e 020103"                                      // message, version 3
    "3011 02044******* 0203 00ffe3 040104 020103"      // id, largest size, reportable, user-based security
    "0410 300e 0400 020100 020100 0400 0400 0400"      // engine, boots, time, user, no authentication, no privacy
    "3014 0400 0400 a00e 02044******* 020100 020100 3000";  // context, GetRequest of nothing

// IKE_SA_INIT (RFC 7296, 1.2) that offers AES-CBC-256, HMAC-SHA2-256 and the groups 31 and 14, with a public value
// for group 31, the smallest.
constexpr std::string_view ike_request =
    "**************** 0000000000000000 21 20 22 08 00000000 00000090"
    "22 00 0038  00 00 0034 01 01 00 05"
    "03 00 000c 01 00 000c 800e0100  03 00 0008 02 00 0005  03 00 0008 03 00 000c"
    "03 00 0008 04 00 001f  00 00 0008 04 00 000e"
    "28 00 0028 001f 0000 ******************************** ********************************"
    "00 00 0014 ********************************";

// A ClientHello without a cookie, which a server answers with HelloVerifyRequest before it remembers anything
// (RFC 6347, 4.2.1). Suites of certificates and of pre-shared keys; the groups x25519 and P-256.
constexpr std::string_view dtls_request =
    "16 feff 0000 000000000000 005e  01 000052 0000 000000 000052"
    "fefd ******************************** ******************************** 00 00"
    "000c c02b c02f c02c c0ae c0a8 00ff  01 00"
    "001c 000a 0006 0004 001d 0017  000b 0002 0100  000d 0008 0006 0403 0804 0401";

// A line or two for each.
constexpr std::array<Payload, 22> table{{
    {"token", "16 random bytes", {}, "", false, Form::hex, token_request, check_token},
    {"dns", "name servers of the root (RFC 1035)", {53}, "", true, Form::hex,
     "**** 0100 0001 0000 0000 0000  00 0002 0001", check_dns},
    {"ntp", "client request (RFC 5905)", {123}, "", true, Form::hex,
     "23000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 ****************",
     check_ntp},
    {"snmp", "SNMPv3 engine discovery (RFC 3414)", {161}, "", true, Form::hex, snmp_request, check_snmp},
    {"stun", "binding request (RFC 8489)", {3478, 19302}, "", true, Form::hex,
     "0001 0000 2112a442 ************************", check_stun},
    {"sip", "OPTIONS (RFC 3261)", {5060}, "", true, Form::text, sip_request, check_sip},
    {"mdns", "service types, answered by unicast (RFC 6762)", {5353}, "224.0.0.251 ff02::fb", true, Form::hex,
     "**** 0000 0001 0000 0000 0000 09 5f7365727669636573 07 5f646e732d7364 04 5f756470 05 6c6f63616c 00 000c 8001",
     check_mdns},
    {"ssdp", "M-SEARCH for root devices (UPnP)", {1900}, "239.255.255.250 ff02::c", false, Form::text, ssdp_request,
     check_ssdp},
    {"coap", "ping (RFC 7252)", {5683}, "224.0.1.187 ff02::fd", true, Form::hex, "4000 ****", check_coap},
    {"tftp", "read of a file that does not exist (RFC 1350)", {69}, "", false, Form::text,
     "\0\1udptool-~~~~~~~~\0octet\0"sv, check_tftp},
    {"memcached", "version", {11211}, "", true, Form::hex, "**** 0000 0001 0000 76657273696f6e 0d0a",
     check_memcached},
    {"quic", "a version that does not exist (RFC 8999)", {443}, "", true, Form::hex,
     "c0 *a*a*a*a 08 **************** 08 ****************", check_quic, 1200},
    {"ike", "IKE_SA_INIT (RFC 7296)", {500, 4500}, "", true, Form::hex, ike_request, check_ike, 0, 4500},
    {"natpmp", "external address (RFC 6886)", {5351}, "", false, Form::hex, "0000", check_natpmp},
    {"portmap", "NULL call (RFC 1833)", {111}, "", true, Form::hex,
     "******** 00000000 00000002 000186a0 00000002 00000000 00000000 00000000 00000000 00000000", check_portmap},
    {"netbios", "node status (RFC 1002)", {137}, "", true, Form::hex,
     "**** 0000 0001 0000 0000 0000 20 434b 4141414141414141414141414141 41414141414141414141414141414141 00"
     "0021 0001",
     check_netbios},
    {"ipmi", "RMCP presence ping (ASF 2.0)", {623}, "", true, Form::hex, "0600ff06 000011be 80 0* 00 00",
     check_ipmi},
    {"openvpn", "hard reset, without tls-auth", {1194}, "", true, Form::hex, "38 **************** 00 00000000",
     check_openvpn},
    {"dtls", "ClientHello of DTLS 1.2 (RFC 6347)", {5684}, "", false, Form::hex, dtls_request, check_dtls},
    {"a2s", "A2S_INFO of game servers", {27015}, "", false, Form::text, "\xff\xff\xff\xffTSource Engine Query\0"sv,
     check_a2s},
    {"echo", "16 random bytes (RFC 862)", {7}, "", true, Form::hex, token_request, check_echo},
    {"empty", "an empty datagram", {}, "", false, Form::hex, "", check_token},
}};
// clang-format on

constexpr std::string_view hex_digits = "0123456789abcdef";

// Random bits, four at a time, the lower half of a byte first; they begin again when used up.
class Nibbles {
 public:
  explicit Nibbles(const RandomBits& random) : random_(random) {}
  unsigned next() {
    const unsigned byte = random_[next_ / 2 % random_.size()];
    return (next_++ % 2 == 0 ? byte : byte >> 4) & 15;
  }

 private:
  const RandomBits& random_;
  std::size_t next_ = 0;
};

void append_hex(std::string& out, std::string_view request, Nibbles& random) {
  int high = -1;
  for (const char c : request) {
    if (c == ' ') continue;
    const int nibble = static_cast<int>(c == '*' ? random.next() : hex_digits.find(c));
    if (high >= 0) out += static_cast<char>(high * 16 + nibble);
    high = high >= 0 ? -1 : nibble;
  }
}

}  // namespace

std::span<const Payload> payloads() { return table; }

const Payload* find_payload(std::string_view name) {
  const auto* const found = std::find_if(table.begin(), table.end(), [&](const Payload& p) { return p.name == name; });
  return found == table.end() ? nullptr : found;
}

const Payload& payload_for_port(std::uint16_t port) {
  for (const Payload& payload : table) {
    if (port != 0 && std::find(payload.ports.begin(), payload.ports.end(), port) != payload.ports.end()) {
      return payload;
    }
  }
  return table.front();
}

std::string build_request(const Payload& payload, const RandomBits& random, std::uint16_t port) {
  std::string out;
  Nibbles nibbles(random);
  if (payload.marked_port != 0 && payload.marked_port == port) out.assign(4, '\0');
  if (payload.form == Form::hex) {
    append_hex(out, payload.request, nibbles);
  } else {
    for (const char c : payload.request) out += c == '~' ? hex_digits[nibbles.next()] : c;
  }
  if (out.size() < payload.padded_to) out.resize(payload.padded_to);
  return out;
}

std::optional<std::string> check_reply(const Payload& payload, std::string_view request, std::string_view reply,
                                       const ReplyContext& context) {
  const Fact fact = payload.check_fact(request, reply, context);
  if (!fact) return std::nullopt;
  return std::string(payload.name) + ' ' + *fact;
}

bool is_echo(std::string_view request, std::string_view reply) {
  return !request.empty() && reply.find(request) != std::string_view::npos;
}

std::string shortened(std::string_view text) {
  constexpr std::size_t longest = 60;
  if (text.size() <= longest) return std::string(text);
  std::size_t end = longest - 3;
  while (end > longest - 6 && (text[end] & 0xc0) == 0x80) --end;  // not within a UTF-8 character
  return std::string(text.substr(0, end)) + "...";
}

}  // namespace commands
