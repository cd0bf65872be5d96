// SPDX-License-Identifier: MIT
// The bounded memory of senders against one that forgets nothing.
#include "traffic/sender_table.hpp"

#include <doctest/doctest.h>

#include <map>
#include <utility>

using NumberTable = traffic::SenderTable<int>;
using namespace std::chrono_literals;

TEST_CASE("sender table: a value a key, made anew where there is none, with the time before") {
  NumberTable table(64);
  const NumberTable::Time start{std::chrono::hours(1)};
  CHECK(table.find(5) == nullptr);
  {
    const auto first = table.touch(5, start);
    CHECK_FALSE(first.before);
    CHECK(first.value == 0);
    first.value = 42;
  }
  const auto again = table.touch(5, start + 1s);
  CHECK(again.before == start);
  CHECK(again.value == 42);
  REQUIRE(table.find(5) != nullptr);
  CHECK(table.find(5)->heard == start + 1s);
}

TEST_CASE("sender table: never more than its places; who was heard least lately goes") {
  NumberTable table(4);
  NumberTable::Time now{};
  for (std::uint64_t key = 1; key <= 4; ++key) table.touch(key, now += 1s).value = static_cast<int>(key);
  table.touch(1, now += 1s);
  table.touch(9, now += 1s).value = 9;
  CHECK(table.find(2) == nullptr);
  for (const int key : {1, 3, 4, 9}) {
    REQUIRE(table.find(static_cast<std::uint64_t>(key)) != nullptr);
    CHECK(table.find(static_cast<std::uint64_t>(key))->value == key);
  }
}

TEST_CASE("sender table: places are rounded up to a power of two") {
  for (const auto& [asked, places] : {std::pair{0u, 4u}, {5u, 8u}, {4'096u, 4'096u}}) {
    NumberTable table(asked);
    for (std::uint64_t key = 1; key <= 2 * places; ++key)
      table.touch(key, NumberTable::Time(std::chrono::seconds(key)));
    std::uint64_t kept = 0;
    for (std::uint64_t key = 1; key <= 2 * places; ++key) kept += table.find(key) != nullptr;
    CHECK(kept == places);
  }
}

TEST_CASE("sender table: as long as nothing is pushed out it remembers as a map does") {
  NumberTable table(1'024);
  std::map<std::uint64_t, int> model;
  for (std::uint64_t i = 1; i <= 1'024; ++i) {  // keys that spread over all the sets
    table.touch(i, NumberTable::Time(std::chrono::seconds(i))).value += static_cast<int>(i);
    model[i] += static_cast<int>(i);
  }
  for (const auto& [key, value] : model) {
    REQUIRE(table.find(key) != nullptr);
    CHECK(table.find(key)->value == value);
  }
}
