// SPDX-License-Identifier: MIT
// Checkers of DNS and of the two protocols that took its message format.
#include <fmt/format.h>

#include <array>

#include "base/bytes.hpp"
#include "commands/probe/payloads/checks.hpp"

namespace commands {
namespace {

constexpr std::size_t header_size = 12;

// RFC 1035, 4.1.1.
struct DnsHeader {
  unsigned rcode;
  std::uint16_t questions;
  std::uint16_t answers;
};

// The header of a response to `request`: the same id, the response bit, opcode 0.
std::optional<DnsHeader> response_header(std::string_view request, std::string_view reply) {
  base::ByteReader in(reply.substr(0, header_size));
  const bool ours = in.take(2) == request.substr(0, 2);
  const std::uint16_t flags = in.u16();
  const std::uint16_t questions = in.u16();
  const std::uint16_t answers = in.u16();
  in.skip(4);
  if (!in.ok() || !ours || (flags & 0xf800) != 0x8000) return std::nullopt;
  return DnsHeader{flags & 15u, questions, answers};
}

// RFC 1035, 4.1.1, and RFC 2136, 2.2.
std::string rcode_name(unsigned rcode) {
  constexpr std::array<std::string_view, 11> names{"NOERROR",  "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED",
                                                   "YXDOMAIN", "YXRRSET", "NXRRSET",  "NOTAUTH",  "NOTZONE"};
  return rcode < names.size() ? std::string(names[rcode]) : fmt::format("rcode {}", rcode);
}

// Past a name, compressed or not (RFC 1035, 4.1.4).
void skip_name(base::ByteReader& in) {
  for (std::uint8_t label = in.u8(); label != 0; label = in.u8()) {
    if (label >= 0xc0) return in.skip(1);
    in.skip(label);
  }
}

}  // namespace

// A server that understood nothing may leave the question out.
Fact check_dns(std::string_view request, std::string_view reply, const ReplyContext&) {
  const auto header = response_header(request, reply);
  if (!header || header->questions > 1) return std::nullopt;
  const std::string_view question = request.substr(header_size);
  if (header->questions == 1 && reply.substr(header_size, question.size()) != question) return std::nullopt;
  return rcode_name(header->rcode);
}

// RFC 6762, 6.7: as we do not ask from port 5353, the responder repeats the id as a DNS server does.
Fact check_mdns(std::string_view request, std::string_view reply, const ReplyContext&) {
  const auto header = response_header(request, reply);
  if (!header) return std::nullopt;
  return fmt::format("{} answer{}", header->answers, header->answers == 1 ? "" : "s");
}

// RFC 1002, 4.2.18: the names of a node; its own is the unique one with the suffix 0.
Fact check_netbios(std::string_view request, std::string_view reply, const ReplyContext&) {
  const auto header = response_header(request, reply);
  if (!header) return std::nullopt;
  if (header->rcode != 0) return fmt::format("rcode {}", header->rcode);
  base::ByteReader in(reply.substr(header_size));
  skip_name(in);
  const std::uint16_t type = in.u16();
  in.skip(6);  // class, time to live
  const std::uint16_t size = in.u16();
  base::ByteReader names(in.take(size));
  if (!in.ok() || header->questions != 0 || type != 0x21) return std::nullopt;
  for (int count = names.u8(); count > 0; --count) {
    const std::string_view name = names.take(15);
    const std::uint8_t suffix = names.u8();
    const bool is_group = (names.u16() & 0x8000) != 0;
    const std::string_view trimmed = name.substr(0, name.find_last_not_of(std::string_view(" \0", 2)) + 1);
    if (names.ok() && suffix == 0 && !is_group && !trimmed.empty()) return std::string(trimmed);
  }
  if (!names.ok()) return std::nullopt;
  return "no name";
}

}  // namespace commands
