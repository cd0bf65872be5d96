// SPDX-License-Identifier: MIT
#include "net/group.hpp"

#include <fmt/format.h>

#include "base/error.hpp"
#include "base/text.hpp"
#include "base/units.hpp"

namespace net {
namespace {

using base::UsageError;

constexpr std::uint32_t max_groups = 65'536;

struct Parts {
  std::string_view source, group, count, port;
  bool has_source = false, has_count = false, has_port = false;
};

// Cuts `tail` (what follows the group) into `+N` and `:PORT`.
bool cut_tail(std::string_view tail, Parts& parts) {
  if (!tail.empty() && tail[0] == '+') {
    const std::size_t colon = tail.find(':');
    parts.count = tail.substr(1, colon == std::string_view::npos ? colon : colon - 1);
    parts.has_count = true;
    tail = colon == std::string_view::npos ? std::string_view() : tail.substr(colon);
  }
  if (tail.empty()) return true;
  if (tail[0] != ':') return false;
  parts.port = tail.substr(1);
  parts.has_port = true;
  return true;
}

bool cut(std::string_view word, Parts& parts) {
  if (const std::size_t comma = word.find(','); comma != std::string_view::npos) {
    parts.source = word.substr(0, comma);
    parts.has_source = true;
    word.remove_prefix(comma + 1);
  }
  if (!word.empty() && word[0] == '[') {
    const std::size_t close = word.find(']');
    if (close == std::string_view::npos) return false;
    parts.group = word.substr(1, close - 1);
    return cut_tail(word.substr(close + 1), parts);
  }
  const std::size_t first_colon = word.find(':');
  const bool bare_ipv6 =
      first_colon != std::string_view::npos && word.find(':', first_colon + 1) != std::string_view::npos;
  const std::size_t end = word.find_first_of(bare_ipv6 ? "+" : "+:");
  parts.group = word.substr(0, end);
  return end == std::string_view::npos || cut_tail(word.substr(end), parts);
}

Address parse_source(std::string_view word, const Address& group) {
  const auto source = parse_address(word);
  if (!source || source->is_multicast() || source->is_unspecified() || is_limited_broadcast(*source)) {
    throw UsageError(fmt::format("'{}' is not a unicast address to take as source", base::printable(word)));
  }
  if (family_of(*source) != family_of(group)) {
    throw UsageError(fmt::format("the source {} is {} but the group {} is {}", to_string(*source),
                                 name_of(family_of(*source)), to_string(group), name_of(family_of(group))));
  }
  return *source;
}

}  // namespace

GroupWord parse_group(std::string_view word) {
  Parts parts;
  const std::string shown = base::printable(word.substr(0, 200));
  if (!cut(word, parts)) throw UsageError(fmt::format("'{}' is not of the form [SOURCE,]GROUP[+N][:PORT]", shown));
  const auto group = parse_address(parts.group);
  if (!group) {
    const std::string part = base::printable(parts.group.substr(0, 80));
    throw UsageError(part == shown ? fmt::format("'{}' is not an address", shown)
                                   : fmt::format("'{}': '{}' is not an address", shown, part));
  }
  if (!group->is_multicast()) {
    // As it was typed: `::1:5000` may have been meant for an address with a port.
    const std::string part = base::printable(parts.group);
    throw UsageError(fmt::format("'{}'{} is not a multicast address (224.0.0.0/4 or ff00::/8)", shown,
                                 part == shown ? "" : fmt::format(": {}", part)));
  }
  GroupWord out;
  out.first = *group;
  try {
    if (parts.has_source) out.source = parse_source(parts.source, *group);
    if (parts.has_count) out.count = static_cast<std::uint32_t>(base::parse_integer(parts.count, 1, max_groups));
    if (parts.has_port) out.port = parse_port(parts.port, 1);
  } catch (const UsageError& error) {
    throw UsageError(fmt::format("'{}': {}", shown, error.what()));
  }
  if (!advanced(*group, out.count - 1).is_multicast()) {
    throw UsageError(fmt::format("'{}' reaches beyond the multicast addresses", shown));
  }
  return out;
}

Address advanced(const Address& address, std::uint32_t steps) {
  if (address.is_v4()) return asio::ip::address_v4(address.to_v4().to_uint() + steps);
  auto bytes = address.to_v6().to_bytes();
  std::uint64_t carry = steps;
  for (std::size_t i = bytes.size(); i-- > 0 && carry > 0;) {
    carry += bytes[i];
    bytes[i] = static_cast<std::uint8_t>(carry & 0xff);
    carry >>= 8;
  }
  return asio::ip::address_v6(bytes, address.to_v6().scope_id());
}

bool is_source_specific(const Address& group) {
  if (group.is_v4()) return group.to_v4().to_bytes()[0] == 232;
  const auto bytes = group.to_v6().to_bytes();
  return bytes[0] == 0xff && (bytes[1] & 0xf0) == 0x30 && bytes[2] == 0 && bytes[3] == 0;
}

}  // namespace net
