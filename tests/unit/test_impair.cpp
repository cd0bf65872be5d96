// SPDX-License-Identifier: MIT
#include "commands/impair.hpp"

#include <string>
#include <vector>

#include "support/check.hpp"

using namespace std::chrono_literals;
using commands::ImpairCounts;
using commands::ImpairedWay;
using commands::Impairment;

namespace {

const ImpairedWay::Time first_moment{1h};

struct Left {
  std::string payload;
  base::Nanoseconds after{};  // the first moment
  bool operator==(const Left&) const = default;
};

// Everything that leaves, each when it is due.
std::vector<Left> all_of(ImpairedWay& way) {
  std::vector<Left> left;
  while (const auto due = way.due()) {
    while (const auto parcel = way.leave(*due)) left.push_back({parcel->payload, *due - first_moment});
  }
  return left;
}

// `count` datagrams "0", "1", ... each millisecond.
std::vector<Left> through(ImpairedWay& way, int count) {
  std::vector<Left> left;
  for (int i = 0; i < count; ++i) {
    const auto now = first_moment + i * 1ms;
    way.take({std::to_string(i)}, now);
    while (const auto parcel = way.leave(now)) left.push_back({parcel->payload, now - first_moment});
  }
  for (const Left& one : all_of(way)) left.push_back(one);
  return left;
}

std::uint64_t left_by(const ImpairCounts& counts) {
  return counts.came + counts.duplicated - counts.lost - counts.dropped;
}

// How many come behind one that came later than they.
std::uint64_t overtaken(const std::vector<Left>& left) {
  std::uint64_t count = 0;
  int highest = -1;
  for (const Left& one : left) {
    const int number = std::stoi(one.payload);
    count += number < highest;
    highest = std::max(highest, number);
  }
  return count;
}

}  // namespace

TEST_CASE("impair: without any, everything leaves when it comes, as it came") {
  ImpairedWay way({}, 1);
  const std::vector<Left> left = through(way, 3);
  CHECK(left == std::vector<Left>{{"0", 0ms}, {"1", 1ms}, {"2", 2ms}});
  CHECK(way.counts().delayed == 0);
  CHECK(way.empty());
}

TEST_CASE("impair: a delay is exact, and nothing leaves before it is over") {
  ImpairedWay way({.delay = 50ms}, 1);
  way.take({"a"}, first_moment);
  way.take({"b"}, first_moment + 2ms);
  CHECK(way.due() == first_moment + 50ms);
  CHECK_FALSE(way.leave(first_moment + 50ms - 1ns));
  CHECK(all_of(way) == std::vector<Left>{{"a", 50ms}, {"b", 52ms}});
  CHECK(way.counts().delayed == 2);
}

TEST_CASE("impair: jitter stays within what was asked, and reorders nothing") {
  ImpairedWay way({.delay = 50ms, .jitter = 5ms}, 1);
  base::Nanoseconds least = 1h, most = 0h;
  const std::vector<Left> left = through(way, 1'000);
  REQUIRE(left.size() == 1'000);
  for (std::size_t i = 0; i < left.size(); ++i) {
    CHECK(left[i].payload == std::to_string(i));
    least = std::min(least, left[i].after - static_cast<int>(i) * 1ms);
    most = std::max(most, left[i].after - static_cast<int>(i) * 1ms);
  }
  CHECK(least >= 45ms);
  CHECK(most <= 55ms);
  CHECK(most - least > 5ms);
  CHECK(way.counts().reordered == 0);
}

TEST_CASE("impair: jitter without a delay makes nothing leave before it comes") {
  ImpairedWay way({.jitter = 5ms}, 1);
  const std::vector<Left> left = through(way, 100);
  for (std::size_t i = 0; i < left.size(); ++i) CHECK(left[i].after >= static_cast<int>(i) * 1ms);
}

TEST_CASE("impair: counts are exact, shares are near what was asked, and all or nothing is that") {
  const Impairment all{.loss = 0.1, .duplicate = 0.05, .reorder = 0.02};
  ImpairedWay way(all, 7);
  const std::vector<Left> left = through(way, 10'000);
  const ImpairCounts& counts = way.counts();
  CHECK(counts.came == 10'000);
  CHECK(left.size() == left_by(counts));
  CHECK(overtaken(left) >= counts.reordered);  // both copies of one
  CHECK(counts.lost > 850);
  CHECK(counts.lost < 1'150);
  CHECK(counts.duplicated > 350);
  CHECK(counts.duplicated < 550);
  CHECK(counts.reordered > 130);
  CHECK(counts.reordered < 250);
  ImpairedWay none({.loss = 1}, 7);
  CHECK(through(none, 100).empty());
  ImpairedWay twice({.duplicate = 1}, 7);
  CHECK(through(twice, 100).size() == 200);
}

TEST_CASE("impair: one that is reordered leaves behind the next one, and by itself when none comes") {
  ImpairedWay way({.reorder = 1}, 1);
  const std::vector<Left> left = through(way, 5);
  CHECK(left == std::vector<Left>{{"1", 1ms}, {"0", 1ms}, {"3", 3ms}, {"2", 3ms}, {"4", 104ms}});
  CHECK(way.counts().reordered == 2);
  CHECK(overtaken(left) == 2);
}

TEST_CASE("impair: the rate is bits of payload a second, and the line is free when it has nothing to carry") {
  ImpairedWay way({.rate = 8'000}, 1);  // a millisecond a byte
  way.take({std::string(10, 'a')}, first_moment);
  way.take({std::string(5, 'b')}, first_moment + 2ms);
  way.take({std::string(1, 'c')}, first_moment + 1s);
  std::vector<base::Nanoseconds> times;
  for (const Left& one : all_of(way)) times.push_back(one.after);
  CHECK(times == std::vector<base::Nanoseconds>{10ms, 15ms, 1'001ms});
}

TEST_CASE("impair: the same seed does the same, whatever the time, and another one does not") {
  const Impairment how{.loss = 0.3, .duplicate = 0.3, .reorder = 0.3};
  const auto run = [&](std::uint64_t seed) {
    ImpairedWay way(how, seed);
    std::string all;
    for (const Left& one : through(way, 200)) all += one.payload + " ";
    return all;
  };
  CHECK(run(7) == run(7));
  CHECK(run(7) != run(8));
}

TEST_CASE("impair: no more than 8 MiB waits, and what does not fit is a drop") {
  for (const std::size_t size : {0u, 1'000u, 65'507u}) {
    ImpairedWay way({.delay = 1h}, 1);
    for (int i = 0; i < 50'000; ++i) way.take({std::string(size, 'x')}, first_moment);
    const std::size_t waits = 50'000 - way.counts().dropped;
    CHECK(waits * size <= ImpairedWay::max_waiting);
    CHECK(waits * (size + 1'024) >= ImpairedWay::max_waiting - 65'507);  // what it needs beside its payload is less
    CHECK(all_of(way).size() == waits);
    way.take({"x"}, first_moment + 2h);
    CHECK(all_of(way).size() == 1);  // there is room again
  }
}

TEST_CASE("impair: who does not wait has it dropped") {
  ImpairedWay way({.duplicate = 1, .reorder = 1, .delay = 1s}, 1);
  for (int i = 0; i < 3; ++i) way.take({"x"}, first_moment);
  way.give_up();
  CHECK(way.empty());
  CHECK_FALSE(way.due());
  CHECK(left_by(way.counts()) == 0);
  CHECK(way.counts().dropped == 6);
}

TEST_CASE("impair: a rate that is next to none overflows no clock") {
  ImpairedWay way({.rate = 1e-9}, 1);
  for (int i = 0; i < 100; ++i) way.take({std::string(1'000, 'x')}, first_moment);
  REQUIRE(way.due());
  CHECK(*way.due() > first_moment);
  CHECK(all_of(way).size() == 100);
}
