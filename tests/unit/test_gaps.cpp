// SPDX-License-Identifier: MIT
// When datagrams did not come.
#include <doctest/doctest.h>

#include "commands/streams/counted.hpp"
#include "commands/streams/gaps.hpp"
#include "commands/streams/rtp.hpp"

using commands::CountedStream;
using commands::IntervalLoss;
using commands::LongestGap;
using commands::LossInterval;
using commands::RtpKind;
using commands::RtpPacket;
using commands::RtpStream;

namespace {

net::SystemTime at_ms(int milliseconds) { return net::SystemTime(std::chrono::milliseconds(milliseconds)); }

void check_between(const std::optional<IntervalLoss>& loss, std::uint64_t lost, int from, int to) {
  REQUIRE(loss);
  CHECK(loss->lost == lost);
  CHECK(loss->from == at_ms(from));
  CHECK(loss->to == at_ms(to));
}

}  // namespace

TEST_CASE("gaps: the longest, and when it ended") {
  LongestGap gap;
  for (const int time : {10, 20, 50, 60, 80}) gap.add(at_ms(time));
  CHECK(gap.milliseconds() == 30);
  CHECK(gap.ended() == at_ms(50));
}

TEST_CASE(
    "gaps: an interval's losses are between the first that is missing and the last, in percent of what was sent") {
  LossInterval interval;
  CHECK_FALSE(interval.so_far(0, 0));
  interval.add(at_ms(0), false);
  interval.add(at_ms(10), true);
  interval.add(at_ms(20), false);
  interval.add(at_ms(30), true);
  interval.add(at_ms(40), false);
  check_between(interval.so_far(5, 3), 3, 0, 30);
  CHECK(interval.so_far(5, 3)->percent == doctest::Approx(37.5));
  interval.begin(5, 3);
  CHECK_FALSE(interval.so_far(5, 3));
  interval.add(at_ms(50), false);
  CHECK_FALSE(interval.so_far(6, 3));
  interval.add(at_ms(60), true);
  check_between(interval.so_far(7, 4), 1, 50, 60);
}

TEST_CASE("gaps: what comes late is not lost, and a restart is no loss") {
  CountedStream stream(32);
  const auto came = [&](std::uint64_t number, int time) { stream.add({number, false, {}}, at_ms(time), {}); };
  came(1, 0);
  came(3, 10);
  check_between(stream.interval_loss(), 1, 0, 10);
  came(2, 20);
  CHECK_FALSE(stream.interval_loss());
  came(2, 25);  // twice
  came(5, 30);
  check_between(stream.interval_loss(), 1, 0, 30);  // no less is known than that all of it is there
  stream.begin_interval();
  came(900'000'000, 40);
  came(900'000'001, 50);
  CHECK(stream.sequence().restarts() == 1);
  CHECK_FALSE(stream.interval_loss());
  came(900'000'004, 60);
  check_between(stream.interval_loss(), 2, 50, 60);
}

TEST_CASE("gaps: RTP, over the wrap of its numbers") {
  RtpStream stream;
  RtpPacket packet;
  packet.kind = RtpKind::rtp;
  const auto came = [&](std::uint16_t number, int time) {
    packet.sequence = number;
    packet.timestamp = static_cast<std::uint32_t>(time) * 8;
    stream.add(packet, {}, at_ms(time));
  };
  came(65'534, 0);
  came(65'535, 20);
  CHECK_FALSE(stream.interval_loss());
  came(1, 60);
  check_between(stream.interval_loss(), 1, 20, 60);
  CHECK(stream.interval_loss()->percent == doctest::Approx(25));
}
