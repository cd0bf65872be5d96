// SPDX-License-Identifier: MIT
#include "commands/send/payload.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"

namespace commands {

using base::UsageError;

std::string decoded(std::string_view text, Encoding encoding) {
  switch (encoding) {
    case Encoding::hexadecimal:
      return base::parse_hex(text);
    case Encoding::escapes:
      return base::parse_escapes(text);
    case Encoding::plain:
      break;
  }
  return std::string(text);
}

std::string decoded_head(std::string_view text, Encoding encoding) {
  constexpr std::size_t max_half = 3;  // of `\xff` or `0xff`
  for (std::size_t half = 0; half < max_half && half < text.size(); ++half) {
    try {
      return decoded(text.substr(0, text.size() - half), encoding);
    } catch (const UsageError&) {
    }
  }
  return decoded(text.substr(0, text.size() - std::min(max_half, text.size())), encoding);
}

void check_part(std::uint64_t size, const SourceOptions& options, std::string_view what) {
  const std::uint64_t length = options.length.value_or(size - std::min(options.offset, size));
  if (options.offset <= size && length <= size - options.offset) return;
  const std::string has = fmt::format("{}, which has {}", what, base::counted(size, "byte"));
  if (!options.length) throw UsageError(fmt::format("--offset {} reaches beyond {}", options.offset, has));
  if (options.offset == 0) throw UsageError(fmt::format("--length {} reaches beyond {}", length, has));
  throw UsageError(fmt::format("--offset {} and --length {} reach beyond {}", options.offset, length, has));
}

std::string_view part_of(std::string_view payload, const SourceOptions& options, std::string_view what) {
  check_part(payload.size(), options, what);
  return payload.substr(options.offset, options.length.value_or(payload.size()));
}

std::size_t truncated_size(const SourceOptions& options, const PayloadLimit& limit) {
  const std::size_t holds = limit.bytes - std::min(limit.bytes, options.append.size());
  return std::min<std::uint64_t>(options.truncate.value_or(holds), holds);
}

std::string truncated_text(std::uint64_t count, std::string_view name) {
  return count == 1 ? fmt::format("1 piece of {} was too long, and was cut", name)
                    : fmt::format("{} pieces of {} were too long, and were cut", count, name);
}

void check_fits(std::size_t size, const PayloadLimit& limit, std::string_view what) {
  if (size <= limit.bytes) return;
  throw UsageError(fmt::format("{} has {}; a datagram holds at most {} over {}", what, base::counted(size, "byte"),
                               limit.bytes, net::name_of(limit.family)));
}

}  // namespace commands
