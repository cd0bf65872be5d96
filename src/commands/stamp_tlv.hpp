// SPDX-License-Identifier: MIT
// The TLVs behind the base of a STAMP packet (RFC 8972, section 4). What follows the base may as well be padding as
// TWAMP-Light has it, and is told apart by its sense.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/hash.hpp"
#include "commands/stamp_packet.hpp"

namespace commands::stamp {

constexpr std::size_t class_of_service_size = 8;  // with its header
constexpr std::size_t hmac_tlv_size = 20;         // the same

// An HMAC as packets carry it.
using Mac = std::array<char, 16>;
Mac truncated(const base::Sha256::Digest& digest);

// A sender's: Class of Service, its HMAC under a `key`, Extra Padding, as they fit behind the `base` octets that are
// written; the sequence number is one of them.
void write_tlvs(std::string& packet, std::size_t base, const std::optional<std::uint8_t>& dscp, const base::Hmac* key);

// The Class of Service that a reply holds; nothing when there is none, it was not understood, or its HMAC is wrong.
std::optional<ClassOfService> find_class_of_service(std::string_view packet, std::size_t base, const base::Hmac* key);

// A reflector's: answers those that it understands, marks the others, and returns the Class of Service that was asked
// for. `sequence` is the request's; the packet begins with the reply's.
std::optional<ClassOfService> reflect_tlvs(std::string& packet, std::size_t base, std::uint32_t sequence,
                                           const Arrival& arrival, const base::Hmac* key);

}  // namespace commands::stamp
