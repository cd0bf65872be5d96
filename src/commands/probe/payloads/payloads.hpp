// SPDX-License-Identifier: MIT
// What `probe` says to a port: for each protocol the smallest polite request, and how to know its answer. No request
// invites a large answer: no "any", no lists, no statistics.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "net/datagram.hpp"

namespace commands {

// What makes a request different from every other: transaction ids are cut from it. To be drawn anew for each probe.
// Ids are short where the protocol's are (16 bits in dns, mdns, coap, memcached and netbios; 4 in ipmi): a caller that
// counts in the first two bytes, the first one fastest, gets another id in each of so many consecutive probes.
using RandomBits = std::array<std::uint8_t, 16>;

// What a checker may need beside the bytes: this host's wall clock when the request left and when the reply came.
// Left at the epoch: not known, and nothing is said that rests on them.
struct ReplyContext {
  net::SystemTime sent{};
  net::SystemTime received{};
};

// What a reply says ("NOERROR", "mapped 203.0.113.7:4455"), or nothing when it is not the answer to that request.
// Text from the reply is cut at 60 bytes but not escaped.
using Fact = std::optional<std::string>;
using Check = Fact(std::string_view request, std::string_view reply, const ReplyContext& context);

// A request as written in the table: digits of hexadecimal with blanks between them, or text. A hole stands for four
// random bits: `*` in hexadecimal; `~` in text, where it becomes a hexadecimal digit.
enum class Form { hex, text };

struct Payload {
  std::string_view name;
  std::string_view about;              // for --list-payloads
  std::array<std::uint16_t, 2> ports;  // for which it is the default; 0: none
  std::string_view groups;             // well-known multicast groups of the protocol, or ""
  bool matches_by_id;                  // true: only a reply that check() accepts counts. false: the protocol has no
                                       // id, any reply of the target counts, and check() may still say what it is
  Form form;
  std::string_view request;
  Check* check_fact;
  std::size_t padded_to = 0;      // zeros are added up to this size
  std::uint16_t marked_port = 0;  // requests to this port, and replies, begin with four zero bytes (RFC 3948)
};

// Every payload, in the order of --list-payloads; the first is the token.
std::span<const Payload> payloads();

const Payload* find_payload(std::string_view name);   // nullptr: no such name
const Payload& payload_for_port(std::uint16_t port);  // the token when no protocol is at home there

// The request to send to `port`.
std::string build_request(const Payload& payload, const RandomBits& random, std::uint16_t port);

// The payload's name and the fact, "dns NOERROR", or nothing when `reply` is not the answer to `request`, which was
// built from the same payload. Any bytes are safe.
std::optional<std::string> check_reply(const Payload& payload, std::string_view request, std::string_view reply,
                                       const ReplyContext& context);

// The address that a STUN server saw the request come from, where its reply tells it.
std::optional<net::Endpoint> stun_mapped_address(std::string_view request, std::string_view reply);

// True when the reply holds the whole request: it tells which probe it answers even where the protocol has no id.
bool is_echo(std::string_view request, std::string_view reply);

}  // namespace commands
