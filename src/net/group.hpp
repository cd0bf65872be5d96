// SPDX-License-Identifier: MIT
// Multicast groups as words: `[SOURCE,]GROUP[+N][:PORT]`.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "net/address.hpp"

namespace net {

constexpr std::uint16_t default_group_port = 41'234;

// `count` consecutive groups from `first` on.
struct GroupWord {
  std::optional<Address> source;
  Address first;
  std::uint32_t count = 1;
  std::uint16_t port = default_group_port;
};

// Throws UsageError that names the word and what is wrong with it.
GroupWord parse_group(std::string_view word);

// The address that is `steps` above.
Address advanced(const Address& address, std::uint32_t steps);

// True for groups that are for source-specific multicast only (RFC 4607): 232/8, ff3x::/32.
bool is_source_specific(const Address& group);

}  // namespace net
