// SPDX-License-Identifier: MIT
// Numbers with units, as people write them on a command line. Every parser here takes the whole word or throws
// UsageError with a text that quotes the word and tells the form or range.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace base {

using Nanoseconds = std::chrono::nanoseconds;

// A whole number in decimal, from `min` to `max`; no sign, no blanks.
std::uint64_t parse_integer(std::string_view word, std::uint64_t min = 0,
                            std::uint64_t max = std::numeric_limits<std::uint64_t>::max());

// DURATION: a decimal number and `us`, `ms`, `s`, `m` or `h`; no unit is seconds. At most 100,000 hours.
Nanoseconds parse_duration(std::string_view word);
// The same, but not 0.
Nanoseconds parse_positive_duration(std::string_view word);

// SIZE: a whole number of bytes and `K`, `M` or `G` (1024), from `min` to `max` bytes.
std::uint64_t parse_size(std::string_view word, std::uint64_t min = 0,
                         std::uint64_t max = std::numeric_limits<std::uint32_t>::max());

// RATE: a decimal number per second above 0 and `k`, `M` or `G` (1000). At most 1e12.
double parse_rate(std::string_view word);

// "12.3 Mbit/s" from 12.3e6 and "bit/s": three significant digits and a decimal prefix.
std::string with_prefix(double value, std::string_view unit);

// "2.125" for 2.125 s.
std::string seconds_text(Nanoseconds duration);

// "1 datagram", "7 datagrams", "256+ senders" where there were more than could be counted.
std::string counted(std::uint64_t number, std::string_view unit, bool more = false);

// "1 datagram/s", "1250 datagrams/s", rounded.
std::string rate_text(double per_second, std::string_view unit);

}  // namespace base
