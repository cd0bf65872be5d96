// SPDX-License-Identifier: MIT
// The schedule of what is sent, by a clock of the test's own.
#include "support/check.hpp"
#include "traffic/pace.hpp"

using traffic::Pacer;

namespace {

constexpr Pacer::Time schedule_start{std::chrono::seconds(1'000)};

// Since the start, in microseconds.
long us(Pacer::Time time) {
  return static_cast<long>(std::chrono::duration_cast<std::chrono::microseconds>(time - schedule_start).count());
}

Pacer::Time at_us(long microseconds) { return schedule_start + std::chrono::microseconds(microseconds); }

}  // namespace

TEST_CASE("pace: each datagram is due on a schedule that begins at once") {
  struct Row {
    double rate;
    double units;  // of each datagram
    std::vector<long> due;
  };
  const Row rows[] = {{20, 1, {0, 50'000, 100'000, 150'000}},
                      {16'000, 800, {0, 50'000, 100'000}},  // bits
                      {1e6, 1, {0, 1, 2, 3}},
                      {0.5, 1, {0, 2'000'000, 4'000'000}},
                      {3, 1, {0, 333'333, 666'666, 1'000'000}}};
  for (const Row& row : rows) {
    CAPTURE(row.rate);
    Pacer pacer(row.rate, schedule_start);
    for (const long due : row.due) {
      CHECK(std::abs(us(pacer.next()) - due) <= 1);
      CHECK(pacer.is_due(at_us(due + 1)));
      CHECK(pacer.is_due(at_us(due - 2)) == false);
      pacer.spend(row.units);
    }
  }
}

TEST_CASE("pace: a million datagrams later the schedule has not drifted") {
  Pacer pacer(30'000, schedule_start);
  for (int i = 0; i < 1'000'000; ++i) pacer.spend(1);
  CHECK(std::abs(us(pacer.next()) - 33'333'333) <= 1);
}

TEST_CASE("pace: what a stall has delayed is due at once, until the schedule is met again") {
  Pacer pacer(10, schedule_start);
  pacer.spend(1);
  for (int burst = 0; burst < 5; ++burst) {  // due at 100, 200, ... 500 ms
    CHECK(pacer.is_due(at_us(500'000)));
    pacer.spend(1);
  }
  CHECK_FALSE(pacer.is_due(at_us(500'000)));
  CHECK(us(pacer.next()) == 600'000);
}

TEST_CASE("pace: time without anything to send is not caught up with") {
  Pacer late(10, schedule_start);
  late.spend(1);
  late.forgive(at_us(5'000'000));
  CHECK(us(late.next()) == 5'000'000);
  late.spend(1);
  CHECK(us(late.next()) == 5'100'000);
  Pacer early(10, schedule_start);
  early.spend(1);
  early.forgive(at_us(20'000));  // not due yet: the gap stays
  CHECK(us(early.next()) == 100'000);
}

TEST_CASE("pace: a rate that is slower than the clock can tell is a long wait, and no burst") {
  Pacer slow(1e-6, schedule_start);
  slow.spend(11'200);
  CHECK_FALSE(slow.is_due(schedule_start + std::chrono::hours(24 * 365)));
}
