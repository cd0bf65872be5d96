// SPDX-License-Identifier: MIT
#include "output/timestamp.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <string>

namespace output {
namespace {

using std::chrono::seconds;

constexpr std::size_t date_size = 20;  // of `2026-01-02T03:04:05.`
constexpr std::size_t max_places = 9;

// The text of one time. All but the digits of the fraction stay for a second.
struct Text {
  std::chrono::sys_seconds second{seconds(-1)};
  std::array<char, date_size + max_places + 1> characters{};
};

void write_date(Text& text, std::chrono::sys_seconds second) {
  const auto day = std::chrono::floor<std::chrono::days>(second);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(second - day);
  const std::string shown = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.", static_cast<int>(date.year()),
                                        static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                                        time.hours().count(), time.minutes().count(), time.seconds().count());
  shown.copy(text.characters.data(), date_size);
  text.second = second;
}

constexpr auto digit_pairs = [] {
  std::array<char, 200> pairs{};
  for (std::size_t i = 0; i < 100; ++i) {
    pairs[2 * i] = static_cast<char>('0' + i / 10);
    pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
  }
  return pairs;
}();

}  // namespace

void append_time(std::string& out, net::SystemTime time, int places) {
  static constinit thread_local Text text;
  const auto second = std::chrono::floor<seconds>(time);
  if (second != text.second) write_date(text, second);
  auto fraction = static_cast<std::uint32_t>((time - second).count());
  char* const digits = text.characters.data() + date_size;
  for (std::size_t at = max_places; at > 1; fraction /= 100) {
    at -= 2;
    std::memcpy(digits + at, digit_pairs.data() + 2 * (fraction % 100), 2);
  }
  digits[0] = static_cast<char>('0' + fraction);
  digits[places] = 'Z';
  out.append(text.characters.data(), date_size + static_cast<std::size_t>(places) + 1);
}

}  // namespace output
