// SPDX-License-Identifier: MIT
// What a MESSAGE, or a piece of the input, becomes before it leaves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "commands/send/source.hpp"

namespace commands {

// The bytes that `text` stands for. Throws UsageError.
std::string decoded(std::string_view text, Encoding encoding);
// The same of text that was cut somewhere: half an escape or digit at its end is left out.
std::string decoded_head(std::string_view text, Encoding encoding);

// Throws UsageError when --offset and --length reach beyond `what`, which has `size` bytes.
void check_part(std::uint64_t size, const SourceOptions& options, std::string_view what);
// What --offset and --length leave of it.
std::string_view part_of(std::string_view payload, const SourceOptions& options, std::string_view what);

// How much of a piece --truncate leaves, so that what --append adds fits as well.
std::size_t truncated_size(const SourceOptions& options, const PayloadLimit& limit);

// "3 pieces of FILE were too long, and were cut"
std::string truncated_text(std::uint64_t count, std::string_view name);

// Text that makes a datagram may be several times as long as that.
constexpr std::size_t max_expansion(Encoding encoding) { return encoding == Encoding::plain ? 1 : 8; }

}  // namespace commands
