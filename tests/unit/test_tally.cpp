// SPDX-License-Identifier: MIT
// What `probe --metrics` counts.
#include <cstdint>

#include "commands/probe/tally.hpp"
#include "support/check.hpp"

using namespace std::chrono_literals;
using commands::DelayBuckets;
using commands::LostWays;
using commands::Tally;
using support::contains;

namespace {

bool operator==(const LostWays& a, const LostWays& b) {
  return a.forward == b.forward && a.backward == b.backward && a.unknown == b.unknown;
}

}  // namespace

TEST_CASE("delay buckets: a bound belongs to its bucket, and what is longer to the next") {
  struct {
    base::Nanoseconds delay;
    std::size_t place;
  } const rows[] = {
      {-1h, 0},
      {0ns, 0},
      {1ns, 0},
      {49'999ns, 0},
      {50us, 0},
      {50'001ns, 1},
      {100us, 1},
      {100'001ns, 2},
      {150us, 2},
      {200us, 2},
      {200'001ns, 3},
      {1ms, 5},
      {1'600us, 5},
      {1'600'001ns, 6},
      {26'214'400us, 19},
      {13'107'200us, 18},
      {13'107'200'001ns, 19},
      {26'214'400'001ns, 20},
      {24h, 20},
      {base::Nanoseconds::max(), 20},
  };
  for (const auto& row : rows) {
    CAPTURE(row.delay.count());
    CHECK(DelayBuckets::place_of(row.delay) == row.place);
  }
}

TEST_CASE("delay buckets: each delay lies between the bounds of its bucket") {
  const auto bounds = DelayBuckets::bounds();
  REQUIRE(bounds.size() == 20);
  CHECK(bounds.front() == 50e-6);
  for (std::size_t i = 1; i < bounds.size(); ++i) CHECK(bounds[i] == 2 * bounds[i - 1]);
  for (std::int64_t ns = 1; ns < 60'000'000'000; ns += ns / 7 + 1) {
    CAPTURE(ns);
    const std::size_t place = DelayBuckets::place_of(base::Nanoseconds(ns));
    const double seconds = static_cast<double>(ns) / 1e9;
    if (place < bounds.size()) CHECK(seconds <= bounds[place]);
    if (place > 0) CHECK(seconds > bounds[place - 1]);
  }
}

TEST_CASE("delay buckets: counts and sum, which a clock that is ahead does not make fall") {
  DelayBuckets one, two;
  CHECK_FALSE(one.any());
  one.add(-3s);
  CHECK(one.any());
  CHECK(one.seconds() == 0);
  two.add(40us);
  two.add(2s);
  one.add(two);
  CHECK(one.counts().size() == 21);
  CHECK(one.counts()[0] == 2);
  CHECK(one.counts()[DelayBuckets::place_of(2s)] == 1);
  CHECK(one.seconds() == doctest::Approx(2.00004));
}

TEST_CASE("lost ways: none falls, and together they are what is lost") {
  LostWays told;
  const auto after = [&told](const LostWays& now) {
    told.follow(now);
    return told;
  };
  CHECK(after({0, 0, 2}) == LostWays{0, 0, 2});
  CHECK(after({2, 0, 0}) == LostWays{0, 0, 2});  // told already
  CHECK(after({3, 1, 0}) == LostWays{2, 0, 2});
  CHECK(after({3, 2, 0}) == LostWays{3, 0, 2});
  CHECK(after({3, 3, 0}) == LostWays{3, 1, 2});
  CHECK(after({2, 3, 0}) == LostWays{3, 1, 2});  // one came late
  CHECK(after({2, 3, 2}) == LostWays{3, 2, 2});
}

TEST_CASE("tally: flows are summed, and of their hops the most are told") {
  Tally all, one;
  one.sent = 5;
  one.received = 4;
  one.timeouts = 1;
  one.late = one.duplicates = one.reordered = one.refused = 2;
  one.lost = LostWays{1, 2, 3};
  one.hops_forward = 3;
  one.rtt.add(1ms);
  one.forward.add(1ms);
  all.add(one);
  one.hops_forward = 2;
  one.hops_backward = 7;
  all.add(one);
  CHECK(all.sent == 10);
  CHECK(all.received == 8);
  CHECK(all.timeouts == 2);
  CHECK(all.late == 4);
  CHECK(all.duplicates == 4);
  CHECK(all.reordered == 4);
  CHECK(all.refused == 4);
  CHECK(*all.lost == LostWays{2, 4, 6});
  CHECK(all.hops_forward == 3);
  CHECK(all.hops_backward == 7);
  CHECK(all.rtt.counts()[5] == 2);
  CHECK(all.forward.counts()[5] == 2);
  CHECK_FALSE(all.backward.any());
}

TEST_CASE("tally: what is not STAMP has no ways, and clocks that were never synchronised no delays") {
  output::MetricsText text;
  Tally tally;
  measure(text, "h:1", tally);
  CHECK(contains(text.text(), "\nudptool_probe_sent_total{target=\"h:1\"} 0\n"));
  CHECK(contains(text.text(), "\nudptool_probe_rtt_seconds_bucket{target=\"h:1\",le=\"5e-05\"} 0\n"));
  CHECK(contains(text.text(), "\nudptool_probe_rtt_seconds_bucket{target=\"h:1\",le=\"26.2144\"} 0\n"));
  CHECK_FALSE(contains(text.text(), "direction"));
  text.clear();
  tally.lost = LostWays{1, 2, 3};
  measure(text, "h:1", tally);
  CHECK(contains(text.text(), "\nudptool_probe_lost_total{target=\"h:1\",direction=\"backward\"} 2\n"));
  CHECK_FALSE(contains(text.text(), "hops"));
  CHECK_FALSE(contains(text.text(), "delay_seconds"));
  text.clear();
  tally.hops_backward = 4;
  tally.backward.add(70us);
  measure(text, "h:1", tally);
  CHECK(contains(text.text(), "\nudptool_probe_hops{target=\"h:1\",direction=\"backward\"} 4\n"));
  CHECK(contains(text.text(), "\nudptool_probe_backward_delay_seconds_bucket{target=\"h:1\",le=\"0.0001\"} 1\n"));
  CHECK_FALSE(contains(text.text(), "forward_delay_seconds"));
}
