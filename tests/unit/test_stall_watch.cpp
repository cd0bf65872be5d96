// SPDX-License-Identifier: MIT
#include "commands/join/stall_watch.hpp"

#include <string>
#include <vector>

#include "net/address.hpp"
#include "support/check.hpp"

using namespace std::chrono_literals;
using commands::StallWatch;
using support::joined;
using Duration = StallWatch::Duration;

namespace {

constexpr StallWatch::Time join_time{12'345s};

// The moments after the join at which datagrams come, from `first` on every `gap`, the last one not after
// `last`.
std::vector<Duration> flow(Duration first, Duration gap, Duration last) {
  std::vector<Duration> all;
  for (Duration at = first; at <= last; at += gap) all.push_back(at);
  return all;
}

// Bursts of 50 datagrams every `gap`.
std::vector<Duration> bursts(Duration first, Duration gap, Duration last) {
  std::vector<Duration> all;
  for (const Duration at : flow(first, gap, last)) all = joined(all, flow(at, 1ms, at + 49ms));
  return all;
}

// The seconds after the join at which the watch gave alarm, when asked every second for twenty minutes.
std::vector<long> alarms(const std::vector<Duration>& arrivals, StallWatch& watch) {
  std::vector<long> all;
  std::size_t next = 0;
  for (Duration now = 0s; now <= 20min; now += 1s) {
    for (; next < arrivals.size() && arrivals[next] <= now; ++next) watch.heard(join_time + arrivals[next]);
    if (watch.stalled(join_time + now)) all.push_back(now / 1s);
  }
  return all;
}

std::vector<long> alarms(const std::vector<Duration>& arrivals) {
  StallWatch watch(join_time);
  return alarms(arrivals, watch);
}

}  // namespace

TEST_CASE("a steady flow that stops 200 to 280 s after the join is noticed once, soon") {
  struct Row {
    std::string what;
    std::vector<Duration> arrivals;
    long when;
  };
  for (const Row& row : std::vector<Row>{
           {"50 a second until 260 s", flow(0s, 20ms, 260s), 265},
           {"50 a second until 200 s", flow(0s, 20ms, 200s), 205},
           {"50 a second until 280 s", flow(0s, 20ms, 280s), 285},
           {"one a second, so 10 s of silence tell", flow(0s, 1s, 255s), 265},
           {"one every two seconds, so 20 s tell", flow(0s, 2s, 258s), 278},
           {"a flow that began late", flow(150s, 20ms, 260s), 265},
           {"bursts every 4 s, so three times that", bursts(0s, 4s, 256s), 268},
           {"a stop in between that mended itself", joined(flow(0s, 20ms, 220s), flow(224s, 20ms, 262s)), 274},
           {"an early one that is long forgotten", joined(flow(0s, 20ms, 60s), flow(120s, 20ms, 262s)), 267}}) {
    CAPTURE(row.what);
    const std::vector<long> when = alarms(row.arrivals);
    REQUIRE(when.size() == 1);
    CHECK(when[0] == row.when);
  }
}

TEST_CASE("what has other causes is not noticed") {
  struct Row {
    std::string what;
    std::vector<Duration> arrivals;
  };
  for (const Row& row :
       std::vector<Row>{{"nothing ever came", {}},
                        {"one datagram", {250s}},
                        {"sparse traffic: one every 10 s", flow(0s, 10s, 255s)},
                        {"two a minute", flow(5s, 30s, 255s)},
                        {"stopped at 100 s", flow(0s, 20ms, 100s)},
                        {"stopped at 199 s", flow(0s, 20ms, 199s)},
                        {"stopped at 281 s", flow(0s, 20ms, 281s)},
                        {"stopped at 400 s", flow(0s, 20ms, 400s)},
                        {"flows for ever", flow(0s, 100ms, 20min)},
                        {"one burst of five seconds", flow(250s, 20ms, 255s)},
                        {"bursts every 20 s", bursts(0s, 20s, 260s)},
                        {"bursts every 4 s that go on", bursts(0s, 4s, 20min)},
                        {"a pause of 4 s at 260 s", joined(flow(0s, 20ms, 260s), flow(264s, 20ms, 20min))},
                        {"a pause of 14 s like the one before",
                         joined(joined(flow(0s, 20ms, 190s), flow(204s, 20ms, 230s)), flow(244s, 20ms, 20min))}}) {
    CAPTURE(row.what);
    CHECK(alarms(row.arrivals).empty());
  }
}

TEST_CASE("after a leave silence is expected") {
  StallWatch watch(join_time);
  watch.heard(join_time + 1s);
  watch.left();
  CHECK(alarms(flow(2s, 20ms, 260s), watch).empty());
}

TEST_CASE("datagrams that came at once count as many, and none as none") {
  StallWatch batches(join_time);
  for (Duration at = 200s; at <= 260s; at += 4s) batches.heard(join_time + at, 5);
  CHECK_FALSE(batches.stalled(join_time + 271s));
  CHECK(batches.stalled(join_time + 272s));
  CHECK_FALSE(batches.stalled(join_time + 273s));
  CHECK(batches.last_heard() == 260s);

  StallWatch nothing(join_time);
  for (Duration at = 200s; at <= 260s; at += 1s) nothing.heard(join_time + at, 0);
  CHECK_FALSE(nothing.stalled(join_time + 300s));
}

TEST_CASE("the text names the group, the interface, the cause of its family and the cure") {
  const net::Endpoint v4(net::parse_address("239.1.1.1").value(), 5'000);
  const std::string text = commands::stall_text(v4, "eth0", 258'900ms);
  CHECK(support::contains(text, "239.1.1.1:5000 on eth0 fell silent 258 s after the join"));
  CHECK(support::contains(text, "enable an IGMP querier"));
  CHECK_FALSE(support::contains(text, "MLD"));
  const net::Endpoint v6(net::parse_address("ff15::7").value(), 5'000);
  CHECK(support::contains(commands::stall_text(v6, "e\x1b", 258s), "[ff15::7]:5000 on e\\x1b fell silent"));
  CHECK(support::contains(commands::stall_text(v6, "eth0", 258s), "enable an MLD querier"));
}
