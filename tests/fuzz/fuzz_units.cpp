// SPDX-License-Identifier: MIT
// Numbers with units: what is accepted is within the range that is documented, and what is not leaves by
// UsageError with one line that can be printed.
#include <chrono>
#include <cmath>
#include <string_view>

#include "base/error.hpp"
#include "base/units.hpp"
#include "fuzz.hpp"

namespace {

template <class Call>
void attempt(Call&& call) {
  try {
    call();
  } catch (const base::UsageError& error) {
    fuzz::must_be_harmless(error.what());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Feed feed(data, size);
  const std::uint64_t a = feed.byte();
  const std::uint64_t b = feed.byte();
  const std::uint64_t least = std::min(a, b) >> 4;
  const std::uint64_t most = std::max(a, b) << (a & 31);
  const std::string_view word = feed.rest();
  attempt([&] {
    const std::uint64_t value = base::parse_integer(word, least, most);
    MUST(value >= least && value <= most);
    MUST(word.find_first_not_of("0123456789") == std::string_view::npos);
  });
  attempt([&] {
    const std::uint64_t value = base::parse_integer(word);
    const std::string back = std::to_string(value);
    MUST(word.size() >= back.size() && word.substr(word.size() - back.size()) == back);
  });
  attempt([&] {
    const std::uint64_t value = base::parse_size(word, least, most);
    MUST(value >= least && value <= most);
    MUST(word[0] >= '0' && word[0] <= '9');
  });
  attempt([&] { MUST(base::parse_size(word) <= 0xffff'ffff); });
  attempt([&] {
    const base::Nanoseconds value = base::parse_duration(word);
    MUST(value >= base::Nanoseconds::zero() && value <= std::chrono::hours(100'000));
    MUST(base::seconds_text(value).find('-') == std::string::npos);
  });
  attempt([&] {
    const double value = base::parse_rate(word);
    MUST(std::isfinite(value) && value >= 1e-6 && value <= 1e12);
    MUST(!base::with_prefix(value, "bit/s").empty());
  });
  return 0;
}
