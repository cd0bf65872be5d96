// SPDX-License-Identifier: MIT
#include "commands/streams/mpeg_ts.hpp"

#include <string>
#include <vector>

#include "support/check.hpp"

using commands::TsReport;
using commands::TsStream;

namespace {

enum AdaptationControl { reserved = 0, payload_only = 1, adaptation_only = 2, both = 3 };

struct Ts {
  std::uint16_t pid = 0x100;
  int counter = 0;
  AdaptationControl control = payload_only;
  bool discontinuity = false;
  bool damaged = false;
  char content = 'x';
  char pcr = 0;
};

std::string packet_of(const Ts& ts) {
  std::string out("\x47", 1);
  out += static_cast<char>((ts.damaged ? 0x80 : 0) | ts.pid >> 8);
  out += static_cast<char>(ts.pid & 0xff);
  out += static_cast<char>(ts.control << 4 | (ts.counter & 0x0f));
  if ((ts.control & adaptation_only) != 0) {
    const std::size_t length = ts.control == adaptation_only ? 183 : 7;
    out += static_cast<char>(length);
    out += static_cast<char>((ts.discontinuity ? 0x80 : 0) | 0x10);
    out.append(length - 1, ts.pcr);
  }
  out.resize(commands::ts_packet_size, ts.content);
  return out;
}

// Packets with a payload of their own each.
std::vector<Ts> counting(const std::vector<int>& counters) {
  std::vector<Ts> all;
  for (const int counter : counters) all.push_back({.counter = counter, .content = static_cast<char>(all.size())});
  return all;
}

TsStream tracked(const std::vector<Ts>& packets) {
  TsStream tracker;
  for (const Ts& packet : packets) tracker.add(packet_of(packet), {});
  return tracker;
}

std::string in_rtp(const std::string& payload, int payload_type = 33) {
  std::string out("\x80", 1);
  out += static_cast<char>(payload_type);
  return out.append(10, '\1').append(payload);
}

}  // namespace

TEST_CASE("a transport stream is known by packets of 188 bytes that begin with 0x47, also within RTP of type 33") {
  const std::string one = packet_of({});
  std::string bad_second = one + one;
  bad_second[188] = 'G' + 1;
  struct Row {
    std::string what;
    std::string datagram;
    std::size_t size;
  };
  for (const Row& row : std::vector<Row>{{"one", one, 188},
                                         {"seven", one + one + one + one + one + one + one, 1'316},
                                         {"none", "", 0},
                                         {"a byte less", one.substr(0, 187), 0},
                                         {"a byte more", one + "x", 0},
                                         {"the second out of step", bad_second, 0},
                                         {"text", std::string(188, 'a'), 0},
                                         {"RTP", in_rtp(one + one), 376},
                                         {"RTP of another type", in_rtp(one, 96), 0},
                                         {"RTP with half a packet", in_rtp(one.substr(0, 94)), 0},
                                         {"RTP with nothing", in_rtp(""), 0}}) {
    CAPTURE(row.what);
    CHECK(commands::ts_packets_of(row.datagram, commands::parse_rtp(row.datagram)).size() == row.size);
  }
}

TEST_CASE("errors of the continuity counter") {
  const Ts first{.counter = 4, .content = 'a'};
  struct Row {
    std::string what;
    std::vector<Ts> packets;
    std::uint64_t errors;
  };
  for (const Row& row : std::vector<Row>{
           {"the first may have any", counting({9}), 0},
           {"a run over the wrap", counting({13, 14, 15, 0, 1}), 0},
           {"one lost", counting({1, 2, 4, 5}), 1},
           {"two gaps", counting({1, 3, 5}), 2},
           {"swapped", counting({1, 3, 2, 4}), 3},
           {"a duplicate", {first, first, {.counter = 5}}, 0},
           {"a duplicate twice", {first, first, first, {.counter = 5}}, 1},
           {"two duplicates in a row", {first, first, {.counter = 5}, {.counter = 5}, {.counter = 6}}, 0},
           {"sixteen lost look like a duplicate but for the payload", {first, {.counter = 4, .content = 'b'}}, 1},
           {"a duplicate with another PCR",
            {{.counter = 4, .control = both, .pcr = 1}, {.counter = 4, .control = both, .pcr = 2}},
            0},
           {"no payload, no advance",
            {first,
             {.counter = 4, .control = adaptation_only},
             {.counter = 4, .control = adaptation_only},
             {.counter = 5}},
            0},
           {"no payload but an advance", {first, {.counter = 5, .control = adaptation_only}}, 1},
           {"a discontinuity that is announced",
            {first, {.counter = 11, .control = both, .discontinuity = true}, {.counter = 12}},
            0},
           {"one announced without payload",
            {first, {.counter = 11, .control = adaptation_only, .discontinuity = true}, {.counter = 12}},
            0},
           {"one not announced", {first, {.counter = 11, .control = both}, {.counter = 12}}, 1},
           {"reserved control is skipped", {first, {.counter = 9, .control = reserved}, {.counter = 5}}, 0},
           {"a damaged packet is skipped", {first, {.counter = 9, .damaged = true}, {.counter = 5}}, 0},
           {"null packets count nothing", {{.pid = 0x1fff, .counter = 3}, {.pid = 0x1fff, .counter = 9}}, 0}}) {
    CAPTURE(row.what);
    const TsStream tracker = tracked(row.packets);
    CHECK(tracker.errors() == row.errors);
    CHECK(tracker.packets() == row.packets.size());
  }
}

TEST_CASE("each PID has its own counter and its line, in the order of the PIDs") {
  TsStream tracker;
  tracker.add(packet_of({.pid = 0x101, .counter = 7}) + packet_of({.pid = 0, .counter = 1}) +
                  packet_of({.pid = 0x1fff, .counter = 0}) + packet_of({.pid = 0x101, .counter = 9, .content = 'y'}),
              {});
  tracker.add(packet_of({.pid = 0, .counter = 2, .content = 'y'}) + packet_of({.pid = 0x1ffe, .damaged = true}), {});
  const std::vector<TsReport> reports = tracker.reports();
  REQUIRE(reports.size() == 2);
  CHECK(reports[0].pid == 0);
  CHECK(reports[0].packets == 2);
  CHECK(reports[0].errors == 0);
  CHECK(reports[1].pid == 0x101);
  CHECK(reports[1].packets == 2);
  CHECK(reports[1].errors == 1);
  CHECK(tracker.packets() == 6);
  CHECK(tracker.transport_errors() == 1);
}

TEST_CASE("an adaptation field that claims more than the packet holds is survived") {
  for (const int length : {0, 182, 183, 184, 255}) {
    CAPTURE(length);
    std::string packet = packet_of({.counter = 1, .control = both});
    packet[4] = static_cast<char>(length);
    TsStream tracker;
    tracker.add(packet, {});
    tracker.add(packet_of({.counter = 2}), {});
    CHECK(tracker.packets() == 2);
    CHECK(tracker.errors() == 0);
  }
}

TEST_CASE("the clock's intervals and jitter, and the rate") {
  const auto with_clock = [](std::uint64_t ticks, int counter) {
    std::string packet = packet_of({.counter = counter, .control = both, .content = static_cast<char>(counter)});
    const std::uint64_t value = ticks / 300 << 15 | 0x7e00 | ticks % 300;
    for (std::size_t i = 0; i < 6; ++i) packet[6 + i] = static_cast<char>(value >> (8 * (5 - i)) & 0xff);
    return packet;
  };
  using std::chrono::milliseconds;
  constexpr std::uint64_t ms = 27'000;
  const std::uint64_t wrap = (std::uint64_t{1} << 33) * 300;
  TsStream steady;
  TsStream uneven;
  for (int i = 0; i < 50; ++i) {
    const std::string packet = with_clock((wrap - 10 * 40 * ms + static_cast<unsigned>(i) * 40 * ms) % wrap, i);
    steady.add(packet, net::SystemTime(milliseconds(40) * i));
    uneven.add(packet, net::SystemTime(milliseconds(40) * i + milliseconds(i % 2 * 8)));
  }
  const TsReport report = steady.reports().at(0);
  CHECK(*report.pcr_interval_ms == doctest::Approx(40));
  CHECK(*report.pcr_jitter_ms < 0.001);
  CHECK(report.bits_per_second == doctest::Approx(188 * 8 / 0.04));
  CHECK(steady.bits_per_second() == doctest::Approx(188 * 8 / 0.04));
  CHECK(*uneven.reports().at(0).pcr_interval_ms == doctest::Approx(48));
  CHECK(*uneven.reports().at(0).pcr_jitter_ms == doctest::Approx(8).epsilon(0.05));
  TsStream none;
  none.add(packet_of({}), {});
  CHECK_FALSE(none.reports().at(0).pcr_interval_ms);
}
