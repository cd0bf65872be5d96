#include "output/timestamp.hpp"

#include <fmt/format.h>

#include <array>

namespace output {
namespace {

using std::chrono::seconds;

std::string date_text(std::chrono::sys_seconds second) {
  const auto day = std::chrono::floor<std::chrono::days>(second);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(second - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), time.hours().count(),
                     time.minutes().count(), time.seconds().count());
}

}  // namespace

void append_time(std::string& out, net::SystemTime time, int places) {
  thread_local std::chrono::sys_seconds known;
  thread_local std::string date;
  const auto second = std::chrono::floor<seconds>(time);
  if (second != known || date.empty()) {
    date = date_text(second);
    known = second;
  }
  auto fraction = static_cast<std::uint32_t>((time - second).count());
  std::array<char, 10> digits;
  digits[9] = 'Z';
  const auto shown = static_cast<std::size_t>(places);
  for (std::size_t i = 9; i-- > 0; fraction /= 10) digits[i] = static_cast<char>('0' + fraction % 10);
  digits[shown] = 'Z';
  out += date;
  out.append(digits.data(), shown + 1);
}

}  // namespace output
