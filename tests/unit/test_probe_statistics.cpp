// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <random>

#include "commands/probe/log.hpp"
#include "support/check.hpp"

using namespace std::chrono_literals;
using commands::ProbeLog;
using commands::ReplyKind;
using std::chrono::nanoseconds;
using support::lines_of;

namespace {

void send(ProbeLog& statistics, int count) {
  for (int i = 0; i < count; ++i) statistics.sent({});
}

// Nearest rank, by definition.
double nearest_rank(std::vector<std::int64_t> rtts, double percent) {
  std::sort(rtts.begin(), rtts.end());
  const auto rank = static_cast<std::size_t>(std::ceil(static_cast<double>(rtts.size()) * percent / 100 - 1e-9));
  return static_cast<double>(rtts[rank - 1]) / 1e6;
}

// RFC 3550, A.8, by definition.
double jitter_of(const std::vector<std::int64_t>& rtts) {
  double jitter = 0;
  for (std::size_t i = 1; i < rtts.size(); ++i) {
    jitter += (std::abs(static_cast<double>(rtts[i] - rtts[i - 1])) - jitter) / 16;
  }
  return jitter / 1e6;
}

}  // namespace

TEST_CASE("nothing sent, nothing said") {
  const ProbeLog statistics;
  const auto summary = statistics.summary();
  CHECK(summary.sent == 0);
  CHECK(summary.lost_percent == 0);
  CHECK(!summary.rtt);
  CHECK(commands::histogram_text(commands::histogram_of(statistics.rtts()), 80).empty());
}

TEST_CASE("what is not answered is lost, refused or not") {
  ProbeLog statistics;
  send(statistics, 8);
  CHECK(statistics.reply(0, 1ms) == ReplyKind::first);
  statistics.refused(1);
  statistics.refused(1);
  statistics.refused(2);
  statistics.refused(99);
  CHECK(statistics.reply(2, 1ms) == ReplyKind::first);  // beats the refusal
  statistics.refused(0);                                // after a reply: nothing new
  const auto summary = statistics.summary();
  CHECK(summary.sent == 8);
  CHECK(summary.received == 2);
  CHECK(summary.lost == 6);
  CHECK(summary.lost_percent == 75);
  CHECK(summary.refused == 1);
}

TEST_CASE("a duplicate is neither received twice nor reordered, and its RTT does not count") {
  ProbeLog statistics;
  send(statistics, 3);
  CHECK(statistics.reply(0, 1ms) == ReplyKind::first);
  CHECK(statistics.reply(1, 1ms) == ReplyKind::first);
  CHECK(statistics.reply(0, 90ms) == ReplyKind::duplicate);
  CHECK(statistics.reply(0, 91ms) == ReplyKind::duplicate);
  CHECK(statistics.reply(2, 1ms) == ReplyKind::first);
  const auto summary = statistics.summary();
  CHECK(summary.received == 3);
  CHECK(summary.duplicate == 2);
  CHECK(summary.reordered == 0);
  CHECK(summary.rtt->max_ms == 1);
}

TEST_CASE("reordered is what a later sequence overtook") {
  struct Row {
    std::vector<std::uint64_t> order;
    std::uint64_t reordered;
  };
  const Row rows[] = {{{0, 1, 2, 3}, 0}, {{1, 0, 2, 3}, 1}, {{3, 0, 1, 2}, 3}, {{3, 2, 1, 0}, 3},
                      {{0, 2}, 0},       {{0, 3, 1}, 1},    {{1, 1, 0, 0}, 1}, {{0, 2, 2, 1, 3}, 1}};
  for (const Row& row : rows) {
    ProbeLog statistics;
    send(statistics, 4);
    for (const std::uint64_t sequence : row.order) statistics.reply(sequence, 1ms);
    CHECK(statistics.summary().reordered == row.reordered);
  }
}

TEST_CASE("a late reply is received, and late") {
  ProbeLog statistics;
  send(statistics, 2);
  statistics.reply(0, 1500ms, true);
  statistics.reply(0, 1600ms, true);
  const auto summary = statistics.summary();
  CHECK(summary.received == 1);
  CHECK(summary.late == 1);
  CHECK(summary.lost == 1);
  CHECK(summary.rtt->max_ms == 1500);
}

TEST_CASE("a reply to what was never sent counts nowhere") {
  ProbeLog statistics;
  CHECK(statistics.reply(0, 1ms) == ReplyKind::unknown);
  statistics.sent({});
  CHECK(statistics.reply(1, 1ms) == ReplyKind::unknown);
  CHECK(statistics.reply(~0ull, 1ms) == ReplyKind::unknown);
  CHECK(statistics.summary().received == 0);
}

TEST_CASE("figures of four round trips") {
  ProbeLog statistics;
  send(statistics, 4);
  statistics.reply(0, 2ms);
  statistics.reply(1, 4ms);
  statistics.reply(3, 9ms);
  statistics.reply(2, 5ms);
  const auto rtt = *statistics.summary().rtt;
  CHECK(rtt.min_ms == 2);
  CHECK(rtt.max_ms == 9);
  CHECK(rtt.avg_ms == doctest::Approx(5));
  CHECK(rtt.stddev_ms == doctest::Approx(std::sqrt(26.0 / 4)));
  CHECK(rtt.p50_ms == 4);
  CHECK(rtt.p90_ms == 9);
  CHECK(rtt.p999_ms == 9);
  // In sequence order 2 4 5 9: differences 2, 1, 4.
  CHECK(rtt.jitter_ms == doctest::Approx(((2.0 / 16) * 15 / 16 + 1.0 / 16) * 15 / 16 + 4.0 / 16));
}

TEST_CASE("one round trip, and one of a clock that was set back") {
  ProbeLog statistics;
  send(statistics, 2);
  statistics.reply(0, 3ms);
  CHECK(statistics.summary().rtt->p50_ms == 3);
  CHECK(statistics.summary().rtt->stddev_ms == 0);
  CHECK(statistics.summary().rtt->jitter_ms == 0);
  statistics.reply(1, -3ms);
  CHECK(statistics.summary().rtt->min_ms == 0);
}

TEST_CASE("up to 100,000 probes percentiles and jitter are exact") {
  ProbeLog statistics;
  std::mt19937 random(7);
  std::vector<std::int64_t> rtts;
  for (std::uint64_t i = 0; i < ProbeLog::max_exact; ++i) {
    statistics.sent({});
    rtts.push_back(20'000'000 + static_cast<std::int64_t>(random() % 10'000'000));
  }
  std::vector<std::uint64_t> order(rtts.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::shuffle(order.begin(), order.end(), random);
  for (const std::uint64_t i : order) statistics.reply(i, nanoseconds(rtts[i]));
  const auto rtt = *statistics.summary().rtt;
  CHECK(rtt.p50_ms == nearest_rank(rtts, 50));
  CHECK(rtt.p90_ms == nearest_rank(rtts, 90));
  CHECK(rtt.p99_ms == nearest_rank(rtts, 99));
  CHECK(rtt.p999_ms == nearest_rank(rtts, 99.9));
  CHECK(rtt.jitter_ms == doctest::Approx(jitter_of(rtts)).epsilon(1e-9));
}

TEST_CASE("beyond 100,000 percentiles are within 0.4 % and the rest exact") {
  ProbeLog statistics;
  std::mt19937 random(8);
  std::lognormal_distribution<> skewed(13, 2);
  std::vector<std::int64_t> rtts;
  double sum = 0;
  for (std::uint64_t i = 0; i < 350'000; ++i) {
    statistics.sent({});
    rtts.push_back(static_cast<std::int64_t>(skewed(random)));
    statistics.reply(i, nanoseconds(rtts.back()));
    sum += static_cast<double>(rtts.back());
  }
  const auto summary = statistics.summary();
  CHECK(summary.received == 350'000);
  CHECK(summary.lost == 0);
  CHECK(summary.rtt->p50_ms == doctest::Approx(nearest_rank(rtts, 50)).epsilon(0.004));
  CHECK(summary.rtt->p99_ms == doctest::Approx(nearest_rank(rtts, 99)).epsilon(0.004));
  CHECK(summary.rtt->p999_ms == doctest::Approx(nearest_rank(rtts, 99.9)).epsilon(0.004));
  CHECK(summary.rtt->min_ms == nearest_rank(rtts, 1e-6));
  CHECK(summary.rtt->max_ms == nearest_rank(rtts, 100));
  CHECK(summary.rtt->avg_ms == doctest::Approx(sum / 350'000 / 1e6).epsilon(1e-9));
  CHECK(summary.rtt->jitter_ms == doctest::Approx(jitter_of(rtts)).epsilon(1e-9));
  CHECK(statistics.reply(249'999, 1ms) == ReplyKind::unknown);  // forgotten
  CHECK(statistics.reply(250'000, 1ms) == ReplyKind::duplicate);
}

TEST_CASE("jitter survives the probes that it came from") {
  ProbeLog statistics;
  std::vector<std::int64_t> rtts;
  for (std::uint64_t i = 0; i < 9; ++i) {
    statistics.sent({});
    rtts.push_back(static_cast<std::int64_t>(i * i) * 1'000'000);
    statistics.reply(i, nanoseconds(rtts.back()));
  }
  send(statistics, ProbeLog::max_exact);
  CHECK(statistics.summary().rtt->jitter_ms == doctest::Approx(jitter_of(rtts)));
  CHECK(statistics.summary().rtt->p50_ms == doctest::Approx(16).epsilon(0.004));
}

TEST_CASE("extreme round trips are kept within a day") {
  ProbeLog statistics;
  for (std::uint64_t i = 0; i < 2 * ProbeLog::max_exact; ++i) {
    statistics.sent({});
    if (i % 3 == 0) statistics.reply(i, nanoseconds::max());
    if (i % 3 == 1) statistics.reply(i, 0ns);
    if (i % 3 == 2) statistics.reply(i, 127ns);
  }
  CHECK(statistics.summary().rtt->p99_ms == 86'400'000);
  CHECK(!commands::histogram_text(commands::histogram_of(statistics.rtts()), 80).empty());
}

TEST_CASE("the histogram counts everything once, in bins that widen by a factor, within the width") {
  ProbeLog statistics;
  std::mt19937 random(9);
  for (std::uint64_t i = 0; i < 2000; ++i) {
    statistics.sent({});
    statistics.reply(i, i == 77 ? 900ms : nanoseconds(15'000'000 + random() % 10'000'000));
  }
  const auto bins = commands::histogram_of(statistics.rtts());
  REQUIRE(bins.size() >= 5);
  CHECK(bins.size() <= 20);
  CHECK(bins.front().count > 0);
  CHECK(bins.back().count == 1);
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < bins.size(); ++i) {
    total += bins[i].count;
    CHECK(bins[i].from < bins[i].to);
    if (i > 0) CHECK(bins[i].from == bins[i - 1].to);
    if (i > 1) CHECK(bins[i].to - bins[i].from > bins[i - 1].to - bins[i - 1].from);
  }
  CHECK(total == 2000);
  for (const std::string& line : lines_of(commands::histogram_text(bins, 60))) CHECK(line.size() <= 60);
}

TEST_CASE("a histogram tells 0.02 ms from 0.05 ms beside an outlier of a second") {
  ProbeLog statistics;
  for (std::uint64_t i = 0; i < 300; ++i) {
    statistics.sent({});
    statistics.reply(i, i == 0 ? nanoseconds(1s) : i % 2 == 0 ? nanoseconds(20us) : nanoseconds(50us));
  }
  std::uint64_t largest = 0;
  for (const auto& bin : commands::histogram_of(statistics.rtts())) largest = std::max(largest, bin.count);
  CHECK(largest == 150);
}

TEST_CASE("a histogram of one value is one line") {
  for (const nanoseconds rtt : {nanoseconds(0), nanoseconds(999), nanoseconds(412us), nanoseconds(3h)}) {
    ProbeLog statistics;
    statistics.sent({});
    statistics.reply(0, rtt);
    const auto bins = commands::histogram_of(statistics.rtts());
    REQUIRE(bins.size() == 1);
    CHECK(bins[0].from <= rtt.count());
    CHECK(bins[0].to > rtt.count());
    CHECK(lines_of(commands::histogram_text(bins, 50)).size() == 1);
  }
}
