// SPDX-License-Identifier: MIT
#include "base/units.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"

namespace base {
namespace {

struct Unit {
  std::string_view name;
  double factor;
};

[[noreturn]] void reject(std::string_view word, std::string_view wanted) {
  throw UsageError(fmt::format("'{}' is not {}", escaped(word), wanted));
}

// Splits "1.5ms" into 1.5 and "ms"; a word that does not begin with a plain decimal number gives no number.
// Exponents, signs, "inf" and "nan" are not plain.
std::pair<double, std::string_view> split_number(std::string_view word, std::string_view wanted) {
  double value = 0;
  const char* end = word.data() + word.size();
  const bool plain = !word.empty() && ((word[0] >= '0' && word[0] <= '9') || word[0] == '.');
  const auto [rest, error] = std::from_chars(word.data(), end, value, std::chars_format::fixed);
  if (!plain || error != std::errc{}) reject(word, wanted);
  return {value, std::string_view(rest, static_cast<std::size_t>(end - rest))};
}

template <std::size_t N>
double scaled(std::string_view word, const std::array<Unit, N>& units, double max, std::string_view wanted) {
  const auto [value, suffix] = split_number(word, wanted);
  for (const Unit& unit : units) {
    if (unit.name == suffix && value * unit.factor <= max) return value * unit.factor;
  }
  reject(word, wanted);
}

}  // namespace

std::uint64_t parse_integer(std::string_view word, std::uint64_t min, std::uint64_t max) {
  std::uint64_t value = 0;
  const char* end = word.data() + word.size();
  const auto [rest, error] = std::from_chars(word.data(), end, value);
  if (error != std::errc{} || rest != end || value < min || value > max) {
    reject(word, fmt::format("a whole number from {} to {}", min, max));
  }
  return value;
}

Nanoseconds parse_duration(std::string_view word) {
  static constexpr std::array<Unit, 6> units{
      {{"", 1e9}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"m", 60e9}, {"h", 3600e9}}};
  const double nanoseconds = scaled(word, units, 100'000 * 3600e9,
                                    "a duration: a number up to 100000h with us, ms, s, m or h (none: seconds)");
  return Nanoseconds(std::llround(nanoseconds));
}

Nanoseconds parse_positive_duration(std::string_view word) {
  const Nanoseconds duration = parse_duration(word);
  if (duration.count() == 0) throw UsageError("must be more than 0");
  return duration;
}

std::uint64_t parse_size(std::string_view word, std::uint64_t min, std::uint64_t max) {
  const auto wanted = [&] {
    return fmt::format("a size from {} to {} bytes, with K, M or G for 1024, 1024^2, 1024^3", min, max);
  };
  std::uint64_t value = 0;
  const char* end = word.data() + word.size();
  const auto [rest, error] = std::from_chars(word.data(), end, value);
  if (error != std::errc{}) reject(word, wanted());
  const std::string_view suffix(rest, static_cast<std::size_t>(end - rest));
  const int shift = suffix.empty() ? 0 : suffix == "K" ? 10 : suffix == "M" ? 20 : suffix == "G" ? 30 : -1;
  if (shift < 0 || value > (max >> shift) || value << shift < min) reject(word, wanted());
  return value << shift;
}

double parse_rate(std::string_view word) {
  static constexpr std::array<Unit, 4> units{{{"", 1}, {"k", 1e3}, {"M", 1e6}, {"G", 1e9}}};
  constexpr std::string_view wanted = "a rate per second above 0, with k, M or G for 1000, 1000^2, 1000^3";
  const double rate = scaled(word, units, 1e12, wanted);
  if (!(rate >= 1e-6)) reject(word, wanted);
  return rate;
}

std::string with_prefix(double value, std::string_view unit) {
  static constexpr std::array<Unit, 4> prefixes{{{"G", 1e9}, {"M", 1e6}, {"k", 1e3}, {"", 1}}};
  for (const Unit& prefix : prefixes) {
    const double scaled = value / prefix.factor;
    // The bounds are those of the rounded figure: 999.7 is shown as 1.00 k, never as 1000.
    if (scaled < 0.9995 && prefix.factor > 1) continue;
    const int decimals = prefix.factor == 1 || scaled >= 99.95 ? 0 : scaled >= 9.995 ? 1 : 2;
    return fmt::format("{:.{}f} {}{}", scaled, decimals, prefix.name, unit);
  }
  return {};
}

std::string seconds_text(Nanoseconds duration) {
  return fmt::format("{:.3f}", static_cast<double>(duration.count()) / 1e9);
}

std::string counted(std::uint64_t number, std::string_view unit, bool more) {
  std::string text = std::to_string(number);
  if (more) text += '+';
  text += ' ';
  text += unit;
  if (number != 1 || more) text += 's';
  return text;
}

std::string rate_text(double per_second, std::string_view unit) {
  return counted(static_cast<std::uint64_t>(std::llround(per_second)), unit) + "/s";
}

}  // namespace base
