// SPDX-License-Identifier: MIT
#include "commands/streams/rtp.hpp"

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "support/check.hpp"
#include "support/packets.hpp"

using commands::RtpKind;
using commands::RtpStream;
using net::SystemTime;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using support::big_endian;
using support::joined;
using support::rtp;

namespace {

SystemTime came_at(nanoseconds since) { return SystemTime(std::chrono::hours(480'000) + since); }

// A stream of one SSRC, as it is fed.
struct Heard {
  RtpStream stream;
  commands::ClockRates rates;

  explicit Heard(std::optional<std::uint32_t> rate = 90'000) { rates.any = rate; }
  void add(const std::string& datagram, SystemTime arrival) {
    stream.add(commands::parse_rtp(datagram), rates, arrival);
  }
};

// What comes of these sequence numbers of one source.
Heard after(const std::vector<int>& sequences) {
  Heard heard;
  for (const int sequence : sequences) heard.add(rtp(static_cast<std::uint16_t>(sequence)), came_at({}));
  return heard;
}

std::vector<int> ascending(int first, int last) {
  std::vector<int> all;
  for (int i = first; i <= last; ++i) all.push_back(i);
  return all;
}

}  // namespace

TEST_CASE("the fields of an RTP header are read, and the payload stands without what surrounds it") {
  std::string datagram("\xb2", 1);       // version 2, padding, extension, two CSRCs
  datagram += big_endian(0x80 | 33, 1);  // marker
  datagram += big_endian(0x1234, 2);
  datagram += big_endian(0x89abcdef, 4);
  datagram += big_endian(0x11223344, 4);
  datagram += big_endian(0, 8);           // CSRCs
  datagram += big_endian(0xbede0001, 4);  // extension of one word
  datagram += big_endian(0, 4);
  datagram += "payload";
  datagram += big_endian(3, 3);
  const commands::RtpPacket packet = commands::parse_rtp(datagram);
  CHECK(packet.kind == RtpKind::rtp);
  CHECK(packet.payload_type == 33);
  CHECK(packet.sequence == 0x1234);
  CHECK(packet.timestamp == 0x89abcdef);
  CHECK(packet.ssrc == 0x11223344);
  CHECK(packet.payload == "payload");
  CHECK(commands::parse_rtp(rtp(1, 0, 1, 96, "")).kind == RtpKind::rtp);
}

TEST_CASE("what is not RTP is told apart from RTCP and from what is neither") {
  const auto changed = [](std::size_t at, int value, std::string_view payload = "data") {
    std::string datagram = rtp(1, 0, 1, 96, payload);
    datagram[at] = static_cast<char>(value);
    return datagram;
  };
  struct Row {
    std::string what;
    std::string datagram;
    RtpKind kind;
  };
  for (const Row& row : std::vector<Row>{
           {"empty", "", RtpKind::other},
           {"text", "hello, this is text", RtpKind::other},
           {"version 1", changed(0, 0x40), RtpKind::other},
           {"version 3", changed(0, 0xc0), RtpKind::other},
           {"eleven bytes", rtp(1, 0, 1, 96, "").substr(0, 11), RtpKind::other},
           {"one CSRC, which just fits", changed(0, 0x81), RtpKind::rtp},
           {"two CSRCs beyond the end", changed(0, 0x82), RtpKind::other},
           {"fifteen CSRCs beyond the end", changed(0, 0x8f), RtpKind::other},
           {"an extension without a header", changed(0, 0x90, "abc"), RtpKind::other},
           {"an extension of no words", changed(0, 0x90, std::string_view("\xbe\xde\0\0", 4)), RtpKind::rtp},
           {"an extension beyond the end", changed(0, 0x90, std::string_view("\xbe\xde\0\1", 4)), RtpKind::other},
           {"padding of none", changed(0, 0xa0, std::string_view("a\0", 2)), RtpKind::other},
           {"padding of all", changed(0, 0xa0, "a\x02"), RtpKind::rtp},
           {"padding of more", changed(0, 0xa0, "a\x03"), RtpKind::other},
           {"a sender report", changed(1, 200), RtpKind::rtcp},
           {"an extended report", changed(1, 207), RtpKind::rtcp},
           {"feedback of four bytes", std::string("\x80\xcd\0\0", 4), RtpKind::rtcp},
           {"half an RTCP header", std::string("\x80\xc8", 2), RtpKind::other},
           {"payload type 63 with the marker", changed(1, 191), RtpKind::rtp},
           {"payload type 96 with the marker", changed(1, 224), RtpKind::rtp}}) {
    CAPTURE(row.what);
    CHECK(commands::parse_rtp(row.datagram).kind == row.kind);
  }
}

TEST_CASE("loss, duplicates, reordering and restarts of a source") {
  struct Row {
    std::string what;
    std::vector<int> sequences;
    std::uint64_t lost, duplicate, reordered, restarts;
  };
  for (const Row& row : std::vector<Row>{
           {"one packet", {7}, 0, 0, 0, 0},
           {"a clean run", ascending(10, 500), 0, 0, 0, 0},
           {"a gap of three", {1, 2, 6}, 3, 0, 0, 0},
           {"a late arrival is no loss", {1, 2, 4, 3, 5}, 0, 0, 1, 0},
           {"late, and one still missing", {1, 5, 3, 2}, 1, 0, 2, 0},
           {"a duplicate", {1, 2, 2, 3}, 0, 1, 0, 0},
           {"a duplicate of a late one is not reordered twice", {1, 3, 2, 2, 4}, 0, 1, 1, 0},
           {"a duplicate does not hide a loss", {1, 2, 2, 4}, 1, 1, 0, 0},
           {"wrap", {65'534, 65'535, 0, 1}, 0, 0, 0, 0},
           {"loss across the wrap", {65'534, 2}, 3, 0, 0, 0},
           {"late across the wrap", {65'534, 0, 65'535, 1}, 0, 0, 1, 0},
           {"a duplicate across the wrap", {65'535, 0, 65'535}, 0, 1, 0, 0},
           {"from before the first is not a loss", {10, 8, 11}, 0, 0, 1, 0},
           {"from before 0, which was the first", {0, 65'535, 1}, 0, 0, 1, 0},
           {"the same from before the first twice", {10, 8, 8}, 0, 1, 1, 0},
           {"100 late is late", joined(std::vector{1}, {102, 2}), 99, 0, 1, 0},
           {"the largest dropout", {1, 3'000}, 2'998, 0, 0, 0},
           {"a larger one that goes on is a restart", {1, 2, 3'002, 3'003, 3'004}, 0, 0, 0, 1},
           {"a jump back that goes on is a restart", joined(ascending(5'000, 5'010), ascending(100, 110)), 0, 0, 0, 1},
           {"loss from before a restart stays", {1, 2, 4, 30'000, 30'001, 30'003}, 2, 0, 0, 1},
           {"a single stray from far ahead", {1, 2, 30'000, 3, 4}, 0, 0, 0, 0},
           {"a single stray from far behind came late", {1'000, 1'001, 500, 1'002}, 0, 0, 1, 0},
           {"a copy by a slow path is no restart", {1'000, 1'001, 800, 1'002, 801, 1'003, 802, 1'004}, 0, 0, 3, 0},
           {"two strays that do not follow each other", {1, 20'000, 30'000, 2}, 0, 0, 0, 0},
           {"a restart over the wrap", {1, 65'535 - 30'000, 35'536, 35'537}, 0, 0, 0, 1}}) {
    CAPTURE(row.what);
    const RtpStream stream = after(row.sequences).stream;
    CHECK(stream.received() == row.sequences.size());
    CHECK(stream.sequence().lost() == row.lost);
    CHECK(stream.sequence().duplicate() == row.duplicate);
    CHECK(stream.sequence().reordered() == row.reordered);
    CHECK(stream.sequence().restarts() == row.restarts);
  }
}

TEST_CASE("many cycles are counted exactly") {
  Heard tracker;
  std::uint64_t lost = 0;
  std::uint64_t sent = 0;
  for (std::uint32_t i = 0; i < 300'000; ++i) {
    // The first and the last are heard, so that every gap is closed.
    if (i % 100 == 50) {
      ++lost;
      continue;
    }
    tracker.add(rtp(static_cast<std::uint16_t>(i + 65'000)), came_at({}));
    ++sent;
  }
  const commands::SequenceTracker& sequence = tracker.stream.sequence();
  CHECK(tracker.stream.received() == sent);
  CHECK(sequence.lost() == lost);
  CHECK(sequence.lost() == 3'000);
  CHECK(sequence.runs().counts == std::array<std::uint64_t, 5>{3'000, 0, 0, 0, 0});
  CHECK(sequence.duplicate() == 0);
  CHECK(sequence.restarts() == 0);
}

TEST_CASE("clock rates are those of RFC 3551, else the given one") {
  struct Row {
    std::uint8_t type;
    std::uint32_t rate;
  };
  for (const Row& row :
       std::vector<Row>{{0, 8'000},   {1, 48'000},  {3, 8'000},   {6, 16'000},  {9, 8'000},   {10, 44'100},
                        {11, 44'100}, {13, 8'000},  {14, 90'000}, {16, 11'025}, {17, 22'050}, {18, 8'000},
                        {19, 48'000}, {24, 48'000}, {25, 90'000}, {26, 90'000}, {27, 48'000}, {28, 90'000},
                        {31, 90'000}, {33, 90'000}, {34, 90'000}, {35, 48'000}, {96, 48'000}, {127, 48'000}}) {
    CAPTURE(int{row.type});
    Heard heard(48'000);
    heard.add(rtp(1, 0, row.type, row.type), came_at({}));
    CHECK(heard.stream.payload_type() == row.type);
    CHECK(heard.stream.clock_rate() == row.rate);
    CHECK_FALSE(heard.stream.clock_is_measured());
  }
  commands::ClockRates rates;
  rates.by_type = {{97, 16'000}, {0, 44'100}};
  CHECK(rates.of(97) == 16'000);
  CHECK(rates.of(0) == 44'100);
  CHECK(rates.of(8) == 8'000);
  CHECK_FALSE(rates.of(98));
}

TEST_CASE("jitter is that of RFC 3550: none when arrivals keep the pace, else a sixteenth of each deviation") {
  Heard steady;
  for (int i = 0; i < 200; ++i) {
    steady.add(rtp(static_cast<std::uint16_t>(i), static_cast<std::uint32_t>(i) * 160, 1, 0),
               came_at(milliseconds(20) * i));
  }
  CHECK(*steady.stream.jitter_ms() < 0.01);

  // Every other packet 10 ms late: the deviation is 10 ms each time.
  Heard uneven;
  double expected = 0;
  for (int i = 0; i < 10; ++i) {
    uneven.add(rtp(static_cast<std::uint16_t>(i), static_cast<std::uint32_t>(i) * 160, 1, 0),
               came_at(milliseconds(20) * i + milliseconds(i % 2 * 10)));
    if (i > 0) expected += (10 - expected) / 16;
  }
  CHECK(*uneven.stream.jitter_ms() == doctest::Approx(expected));
}

TEST_CASE("jitter is exact below a unit of the timestamps") {
  Heard heard(8'000);  // 125 us a unit
  for (std::uint32_t i = 0; i < 1'000; ++i) {
    const nanoseconds off = i % 2 == 0 ? std::chrono::microseconds(0) : std::chrono::microseconds(10);
    heard.add(rtp(static_cast<std::uint16_t>(i), i * 160), came_at(milliseconds(20) * i + off));
  }
  CHECK(*heard.stream.jitter_ms() == doctest::Approx(0.010));
}

TEST_CASE("jitter survives wraps of the timestamp, another clock rate, duplicates and restarts") {
  const auto jitter = [](const Heard& heard) { return *heard.stream.jitter_ms(); };

  Heard wrapping;
  for (std::uint32_t i = 0; i < 100; ++i) {
    wrapping.add(rtp(static_cast<std::uint16_t>(i), 0xffffff00u + i * 900), came_at(milliseconds(10) * i));
  }
  CHECK(jitter(wrapping) < 0.01);

  Heard rates;  // PCMU with telephone events of a dynamic type among it
  for (std::uint32_t i = 0; i < 100; ++i) {
    rates.add(rtp(static_cast<std::uint16_t>(i), i * 160, 1, i % 10 == 5 ? 101 : 0), came_at(milliseconds(20) * i));
  }
  CHECK(jitter(rates) < 0.01);

  Heard duplicates;
  for (std::uint32_t i = 0; i < 100; ++i) {
    duplicates.add(rtp(static_cast<std::uint16_t>(i), i * 900), came_at(milliseconds(10) * i));
    duplicates.add(rtp(static_cast<std::uint16_t>(i), i * 900), came_at(milliseconds(10) * i + milliseconds(9)));
  }
  CHECK(jitter(duplicates) < 0.01);

  Heard restarting;
  for (std::uint32_t i = 0; i < 100; ++i) {
    const std::uint32_t jump = i < 50 ? 0 : 20'000;
    restarting.add(rtp(static_cast<std::uint16_t>(i + jump), (i + jump * 7) * 900), came_at(milliseconds(10) * i));
  }
  CHECK(restarting.stream.sequence().restarts() == 1);
  CHECK(jitter(restarting) < 0.01);
}

TEST_CASE("the clock of a dynamic type is measured, and with it the jitter, from the first packet on") {
  struct Row {
    std::uint32_t rate;
    int packet_ms;
    int packets;
  };
  for (const Row& row : std::vector<Row>{{48'000, 20, 150},
                                         {8'000, 20, 60},
                                         {90'000, 10, 100},
                                         {44'100, 10, 120},
                                         {16'000, 5, 150},
                                         {11'025, 40, 50},
                                         {96'000, 1, 1'000}}) {
    CAPTURE(row.rate);
    Heard measured(std::nullopt);
    Heard given(row.rate);
    std::uint32_t seed = 7;
    for (int i = 0; i < row.packets; ++i) {
      seed = seed * 1'664'525 + 1'013'904'223;
      const auto late = std::chrono::microseconds(seed >> 20);  // up to 4 ms
      const auto units =
          static_cast<std::uint32_t>(std::uint64_t{row.rate} * static_cast<unsigned>(row.packet_ms * i) / 1'000);
      const std::string packet = rtp(static_cast<std::uint16_t>(i), 0xfffff000u + units, 1, 97);
      if (i == 5) CHECK_FALSE(measured.stream.clock_rate());
      if (i == 5) CHECK_FALSE(measured.stream.jitter_ms());
      measured.add(packet, came_at(milliseconds(row.packet_ms) * i + late));
      given.add(packet, came_at(milliseconds(row.packet_ms) * i + late));
    }
    REQUIRE(measured.stream.clock_rate() == row.rate);
    CHECK(measured.stream.clock_is_measured());
    CHECK(*measured.stream.jitter_ms() == doctest::Approx(*given.stream.jitter_ms()));
    CHECK(*given.stream.jitter_ms() > 0.1);
  }
}

TEST_CASE("a clock of no usual rate stays unknown") {
  Heard heard(std::nullopt);
  for (std::uint32_t i = 0; i < 500; ++i) {
    heard.add(rtp(static_cast<std::uint16_t>(i), i * 700), came_at(milliseconds(10) * i));  // 70,000 Hz
  }
  CHECK_FALSE(heard.stream.clock_rate());
  CHECK_FALSE(heard.stream.jitter_ms());
  CHECK(heard.stream.sequence().lost() == 0);
}

TEST_CASE("a gap of any length is loss while the timestamps go on with it, else a restart") {
  struct Row {
    std::string what;
    std::uint32_t gap;    // packets
    std::uint32_t jump;   // of the timestamp besides
    milliseconds waited;  // until the next packet comes
    std::uint64_t lost, restarts;
  };
  for (const Row& row :
       std::vector<Row>{{"5,000 without waiting", 5'000, 0, milliseconds(20), 5'000, 0},
                        {"5,000 in their time", 5'000, 0, milliseconds(100'020), 5'000, 0},
                        {"70,000, over the wrap", 70'000, 0, milliseconds(1'400'020), 70'000, 0},
                        {"70,000 without waiting", 70'000, 0, milliseconds(20), 70'000, 0},
                        {"40,000, which looks like behind", 40'000, 0, milliseconds(800'020), 40'000, 0},
                        {"a restart far ahead", 5'000, 0x40000000, milliseconds(20), 0, 1},
                        {"a restart far behind", 50'000, 0x12345678, milliseconds(20), 0, 1},
                        {"a restart near by", 1'000, 0x40000000, milliseconds(20), 0, 1},
                        {"a few", 7, 0, milliseconds(160), 7, 0}}) {
    CAPTURE(row.what);
    Heard heard(std::nullopt);
    for (std::uint32_t i = 0; i < 100; ++i) {
      heard.add(rtp(static_cast<std::uint16_t>(i), i * 960, 1, 97), came_at(milliseconds(20) * i));
    }
    const std::uint32_t from = 100 + row.gap;
    for (std::uint32_t i = 0; i < 100; ++i) {
      heard.add(rtp(static_cast<std::uint16_t>(from + i), (from + i) * 960 + row.jump, 1, 97),
                came_at(milliseconds(20) * 99 + row.waited + milliseconds(20) * i));
    }
    CHECK(heard.stream.sequence().lost() == row.lost);
    CHECK(heard.stream.sequence().restarts() == row.restarts);
    CHECK(heard.stream.received() == 200);
    CHECK(heard.stream.sequence().runs().total() == (row.lost > 0 ? 1 : 0));
    CHECK(heard.stream.longest_gap().milliseconds() == doctest::Approx(static_cast<double>(row.waited.count())));
  }
}

TEST_CASE("a restart whose timestamp happens to be ahead is no loss of millions") {
  constexpr std::uint32_t a_packet = 48;  // 1 ms, so that 2^31 units are many rounds of the numbers
  for (const std::uint32_t jump : {0x40000000u, 0x12345678u, 0x0fedcba9u, 0x7ffff000u, 0x08000000u}) {
    for (const std::uint32_t number : {1'000u, 30'000u, 40'000u, 65'000u}) {
      CAPTURE(jump);
      CAPTURE(number);
      Heard heard(48'000);
      for (std::uint32_t i = 0; i < 500; ++i) {
        heard.add(rtp(static_cast<std::uint16_t>(i), i * a_packet, 1, 97), came_at(milliseconds(1) * i));
      }
      for (std::uint32_t i = 0; i < 500; ++i) {
        heard.add(rtp(static_cast<std::uint16_t>(number + i), (number + i) * a_packet + jump, 1, 97),
                  came_at(milliseconds(1) * (500 + i)));
      }
      CHECK(heard.stream.sequence().lost() == 0);
      CHECK(heard.stream.sequence().restarts() == 1);
    }
  }
}

TEST_CASE("a pause in speech is neither loss nor a restart") {
  Heard heard(8'000);
  for (std::uint32_t i = 0; i < 100; ++i) {
    const std::uint32_t pause = i < 50 ? 0 : 3'000;
    heard.add(rtp(static_cast<std::uint16_t>(i), (i + pause) * 160), came_at(milliseconds(20) * (i + pause)));
  }
  CHECK(heard.stream.sequence().lost() == 0);
  CHECK(heard.stream.sequence().restarts() == 0);
}
