// SPDX-License-Identifier: MIT
#include "base/units.hpp"

#include <cstdint>
#include <limits>
#include <vector>

#include "base/error.hpp"
#include "support/check.hpp"

using base::UsageError;
using namespace std::chrono_literals;
using support::contains;
using support::error_of;

TEST_CASE("a whole number is taken from decimal digits only, up to 64 bits") {
  CHECK(base::parse_integer("0") == 0);
  CHECK(base::parse_integer("007") == 7);
  CHECK(base::parse_integer("18446744073709551615") == std::numeric_limits<std::uint64_t>::max());
  for (const char* word : {"", " 1", "1 ", "+1", "-1", "1.0", "1e3", "0x10", "ten", "18446744073709551616", "1\n"}) {
    CAPTURE(word);
    const std::string error = error_of<UsageError>([&] { base::parse_integer(word); });
    CHECK(contains(error, "is not a whole number from 0 to"));
  }
}

TEST_CASE("a whole number outside its range is an error that names the word and the range") {
  CHECK(base::parse_integer("1", 1, 255) == 1);
  CHECK(base::parse_integer("255", 1, 255) == 255);
  for (const char* word : {"0", "256", "-1", "99999999999999999999"}) {
    CAPTURE(word);
    const std::string error = error_of<UsageError>([&] { base::parse_integer(word, 1, 255); });
    CHECK(error == std::string("'") + word + "' is not a whole number from 1 to 255");
  }
}

TEST_CASE("a duration is a number with a unit, and seconds without one") {
  struct Row {
    const char* word;
    base::Nanoseconds value;
  };
  const std::vector<Row> rows{
      {"0", 0ns},
      {"2", 2s},
      {"2s", 2s},
      {"500ms", 500ms},
      {"1m", 60s},
      {"1h", 3600s},
      {"1us", 1us},
      {"0.5", 500ms},
      {".5", 500ms},
      {"1.5ms", 1500us},
      {"0.25us", 250ns},
      {"2.125s", 2125ms},
      {"100000h", std::chrono::hours(100'000)},
      {"0.000000001", 1ns},
  };
  for (const Row& row : rows) {
    CAPTURE(row.word);
    CHECK(base::parse_duration(row.word).count() == row.value.count());
  }
}

TEST_CASE("what is no duration is an error that names the word") {
  for (const char* word : {"",    "s",    "ms",   "-1",  "+1",      "1 s",   " 1",
                           "1S",  "1sec", "1d",   "1ns", "1e3",     "inf",   "nan",
                           "0x1", ".",    "1..2", "1,5", "100001h", "1e400", "999999999999999999999999h"}) {
    CAPTURE(word);
    const std::string error = error_of<UsageError>([&] { base::parse_duration(word); });
    CHECK(error.starts_with(std::string("'") + word + "' is not a duration"));
  }
}

TEST_CASE("a size is whole bytes with K, M or G of 1024") {
  struct Row {
    const char* word;
    std::uint64_t value;
  };
  for (const Row& row : std::vector<Row>{{"0", 0},
                                         {"1400", 1400},
                                         {"1K", 1024},
                                         {"64K", 65536},
                                         {"4M", 4 << 20},
                                         {"3G", 3ull << 30},
                                         {"4294967295", 4294967295}}) {
    CAPTURE(row.word);
    CHECK(base::parse_size(row.word) == row.value);
  }
}

TEST_CASE("what is no size, or too small or large, is an error that names the word and the range") {
  for (const char* word : {"", "K", "1k", "1KB", "1.5K", "-1", "+1", "1 K", "0x10", "4G", "4294967296",
                           "18446744073709551615G", "99999999999999999999"}) {
    CAPTURE(word);
    const std::string error = error_of<UsageError>([&] { base::parse_size(word); });
    CHECK(error.starts_with(std::string("'") + word + "' is not a size from 0 to 4294967295 bytes"));
  }
  CHECK(base::parse_size("1", 1, 65507) == 1);
  CHECK(base::parse_size("65507", 1, 65507) == 65507);
  for (const char* word : {"0", "65508", "64K", "0K"}) {
    CAPTURE(word);
    CHECK(contains(error_of<UsageError>([&] { base::parse_size(word, 1, 65507); }), "from 1 to 65507 bytes"));
  }
}

TEST_CASE("a rate is a number above zero with k, M or G of 1000") {
  CHECK(base::parse_rate("1") == doctest::Approx(1));
  CHECK(base::parse_rate("0.5") == doctest::Approx(0.5));
  CHECK(base::parse_rate("50k") == doctest::Approx(50e3));
  CHECK(base::parse_rate("10M") == doctest::Approx(10e6));
  CHECK(base::parse_rate("1.5G") == doctest::Approx(1.5e9));
  CHECK(base::parse_rate("1000G") == doctest::Approx(1e12));
  for (const char* word : {"", "0", "0.0", "0k", "-1", "k", "1K", "1m", "1kbit", "nan", "inf", "1e3", "1001G"}) {
    CAPTURE(word);
    const std::string error = error_of<UsageError>([&] { base::parse_rate(word); });
    CHECK(error.starts_with(std::string("'") + word + "' is not a rate"));
  }
}

TEST_CASE("a quantity is shown with three significant digits and a decimal prefix") {
  struct Row {
    double value;
    const char* text;
  };
  for (const Row& row : std::vector<Row>{{0, "0 bit/s"},
                                         {7, "7 bit/s"},
                                         {999, "999 bit/s"},
                                         {1000, "1.00 kbit/s"},
                                         {1234, "1.23 kbit/s"},
                                         {12.3e6, "12.3 Mbit/s"},
                                         {123.4e6, "123 Mbit/s"},
                                         {1e9, "1.00 Gbit/s"},
                                         {250e9, "250 Gbit/s"}}) {
    CAPTURE(row.value);
    CHECK(base::with_prefix(row.value, "bit/s") == row.text);
  }
}

TEST_CASE("a quantity just below a prefix is never rounded up to four digits") {
  CHECK(base::with_prefix(999.7, "bit/s") == "1.00 kbit/s");
  CHECK(base::with_prefix(9'996, "bit/s") == "10.0 kbit/s");
  CHECK(base::with_prefix(99'960, "bit/s") == "100 kbit/s");
  CHECK(base::with_prefix(999'900, "bit/s") == "1.00 Mbit/s");
  CHECK(base::with_prefix(999.9e6, "bit/s") == "1.00 Gbit/s");
}

TEST_CASE("seconds are shown with three decimals") {
  CHECK(base::seconds_text(2125ms) == "2.125");
  CHECK(base::seconds_text(0ns) == "0.000");
  CHECK(base::seconds_text(1h) == "3600.000");
}
