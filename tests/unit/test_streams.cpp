// SPDX-License-Identifier: MIT
#include "commands/streams/streams.hpp"

#include <chrono>
#include <string>
#include <vector>

#include "support/check.hpp"
#include "support/packets.hpp"

using commands::CountedStream;
using commands::RtpStream;
using commands::SequenceTracker;
using commands::Stream;
using commands::Streams;
using std::chrono::milliseconds;
using support::big_endian;

namespace {

// One of a flow with 960 ticks from each to the next.
std::string paced_rtp(std::uint16_t sequence, std::uint32_t ssrc) {
  return support::rtp(sequence, std::uint32_t{sequence} * 960, ssrc);
}

std::string iperf(std::int32_t id, std::int64_t sent_us) {
  std::string out;
  out += big_endian(static_cast<std::uint32_t>(id), 4);
  out += big_endian(static_cast<std::uint64_t>(sent_us / 1'000'000), 4);
  out += big_endian(static_cast<std::uint64_t>(sent_us % 1'000'000), 4);
  out += big_endian(0, 4);
  return out;
}

net::Endpoint from_host(unsigned host, std::uint16_t port = 5'004) {
  return {net::asio::ip::address_v4(0x0a000000 + host), port};
}

void feed(Streams& streams, const std::string& payload, const net::Endpoint& from, std::size_t place = 0,
          milliseconds at = {}, unsigned interface = 2) {
  net::Received received;
  received.bytes = payload;
  received.sender = &from;
  received.metadata.interface = interface;
  streams.add(place, received, {net::SystemTime(std::chrono::hours(10) + at), {}});
}

commands::StreamOptions rtp_options() {
  commands::StreamOptions options;
  options.rtp = true;
  return options;
}

std::uint64_t lost(const Stream& stream) { return std::get<RtpStream>(stream.content).sequence().lost(); }

}  // namespace

TEST_CASE("streams: one SSRC of two hosts, by two interfaces or at two places is as many streams") {
  Streams streams(rtp_options());
  for (std::uint16_t i = 0; i < 100; ++i) {
    feed(streams, paced_rtp(i, 7), from_host(1));
    feed(streams, paced_rtp(static_cast<std::uint16_t>(40'000 + i), 7), from_host(2));
    feed(streams, paced_rtp(i, 7), from_host(1), 0, {}, 3);
    feed(streams, paced_rtp(i, 7), from_host(1), 1);
    feed(streams, paced_rtp(i, 8), from_host(1));
  }
  const std::vector<const Stream*> here = streams.of(0);
  REQUIRE(here.size() == 4);
  for (const Stream* stream : here) {
    CHECK(lost(*stream) == 0);
    CHECK(std::get<RtpStream>(stream->content).sequence().restarts() == 0);
    CHECK(stream->datagrams == 100);
  }
  CHECK(here[0]->key.ssrc == 7);
  CHECK(here[3]->key.ssrc == 8);
  CHECK(streams.of(1).size() == 1);
  CHECK(streams.of(2).empty());
}

TEST_CASE("streams: a hundred thousand forged SSRCs leave the honest streams as they are") {
  Streams streams(rtp_options());
  std::uint32_t forged = 1'000;
  for (std::uint16_t i = 0; i < 1'000; ++i) {
    if (i % 10 != 5) feed(streams, paced_rtp(i, 7), from_host(1));
    for (int k = 0; k < 100; ++k, ++forged) feed(streams, paced_rtp(9, forged), from_host(forged));
  }
  const std::vector<const Stream*> all = streams.of(0);
  CHECK(all.size() == Streams::default_max);
  CHECK(all[0]->key.ssrc == 7);
  CHECK(all[0]->datagrams == 900);
  CHECK(lost(*all[0]) == 100);
  CHECK(streams.sums(0).rtp_lost == 100);
  CHECK(streams.forgotten() == 100'001 - Streams::default_max);
}

TEST_CASE("streams: a full table of real ones takes no more, until one has been silent") {
  Streams streams(rtp_options(), 2);
  for (std::uint16_t i = 0; i < 10; ++i) {
    feed(streams, paced_rtp(static_cast<std::uint16_t>(2 * i), 1), from_host(1));
    feed(streams, paced_rtp(i, 2), from_host(1));
  }
  feed(streams, paced_rtp(0, 3), from_host(1));
  CHECK(streams.unlisted() == 1);
  feed(streams, paced_rtp(10, 2), from_host(1), 0, std::chrono::minutes(2));
  feed(streams, paced_rtp(0, 3), from_host(1), 0, std::chrono::minutes(2));
  REQUIRE(streams.of(0).size() == 2);
  CHECK(streams.of(0)[0]->key.ssrc == 2);
  CHECK(streams.of(0)[1]->key.ssrc == 3);
  CHECK(streams.sums(0).rtp_lost == 9);  // a sum never falls
}

TEST_CASE("streams: the interface is not asked for where all comes by one, and told all the same") {
  commands::StreamOptions options = rtp_options();
  CHECK(Streams::needs(options).destination);
  options.sole_interface = 5;
  CHECK_FALSE(Streams::needs(options).destination);
  Streams streams(options);
  const net::Endpoint from = from_host(1);
  const std::string payload = paced_rtp(1, 7);
  net::Received received;
  received.bytes = payload;
  received.sender = &from;
  streams.add(0, received, {});
  received.metadata.interface = 6;  // asked for by others
  streams.add(0, received, {});
  const std::vector<const Stream*> all = streams.of(0);
  REQUIRE(all.size() == 2);
  CHECK(all[0]->key.interface == 5);
  CHECK(all[1]->key.interface == 6);
}

TEST_CASE("streams: a second sender at a place is told once, with both") {
  Streams streams(rtp_options());
  feed(streams, paced_rtp(1, 7), from_host(1));
  feed(streams, paced_rtp(2, 7), from_host(1));
  feed(streams, paced_rtp(1, 9), from_host(2));
  CHECK_FALSE(streams.take_two_senders());  // a single datagram is no stream
  feed(streams, paced_rtp(2, 9), from_host(2));
  const auto two = streams.take_two_senders();
  REQUIRE(two);
  CHECK(two->first == from_host(1));
  CHECK(two->second == from_host(2));
  feed(streams, paced_rtp(1, 10), from_host(3));
  feed(streams, paced_rtp(2, 10), from_host(3));
  CHECK_FALSE(streams.take_two_senders());
}

TEST_CASE("streams: numbers in iperf 2's header, its end said several times, and the next run") {
  commands::StreamOptions options;
  options.sequence = true;
  Streams streams(options);
  std::int64_t us = 1'000'000'000'000;
  for (int run = 0; run < 2; ++run) {
    for (int i = 0; i < 100; ++i, us += 10'000) {
      if (i != 50) feed(streams, iperf(i, us), from_host(1), 0, milliseconds(us / 1'000));
    }
    for (int i = 0; i < 10; ++i, us += 250'000)
      feed(streams, iperf(-100 - i, us), from_host(1), 0, milliseconds(us / 1'000));
  }
  REQUIRE(streams.of(0).size() == 1);
  const auto& counted = std::get<CountedStream>(streams.of(0)[0]->content);
  CHECK(counted.received() == 200);
  CHECK(counted.sequence().lost() == 2);
  CHECK(counted.sequence().duplicate() == 0);
  CHECK(counted.sequence().restarts() == 0);
  CHECK(*counted.jitter_ms() < 0.001);
  CHECK(streams.sums(0).sequence_lost == 2);
  feed(streams, "short", from_host(2));
  CHECK(streams.of(0).size() == 1);
}

TEST_CASE("streams: numbers of 1, 2, 4 and 8 bytes anywhere, over their wrap") {
  for (const unsigned bytes : {1u, 2u, 4u, 8u}) {
    CAPTURE(bytes);
    commands::StreamOptions options;
    options.sequence = true;
    options.field = {111, bytes};
    Streams streams(options);
    const std::uint64_t start = bytes == 8
                                    ? ~std::uint64_t{0} - 299
                                    : (std::uint64_t{1} << (8 * bytes)) - 300 % (1u << (8 * std::min(bytes, 3u)));
    for (std::uint64_t i = 0; i < 600; ++i) {
      if (i % 100 == 50 || i % 100 == 51) continue;
      std::string payload(111, 'x');
      payload += big_endian(start + i, static_cast<int>(bytes));
      feed(streams, payload + "rest", from_host(1));
      if (i == 200) feed(streams, payload, from_host(1));
    }
    const auto& counted = std::get<CountedStream>(streams.of(0).at(0)->content);
    CHECK(counted.received() == 589);
    CHECK(counted.sequence().lost() == 12);
    CHECK(counted.sequence().duplicate() == 1);
    CHECK(counted.sequence().restarts() == 0);
    CHECK(counted.sequence().runs().counts == std::array<std::uint64_t, 5>{0, 6, 0, 0, 0});
    CHECK_FALSE(counted.jitter_ms());
  }
}

TEST_CASE("sequence: runs of loss by their length, after late arrivals have filled them") {
  SequenceTracker tracker(16);
  for (const std::uint64_t number : {0, 2, 3, 6, 7, 13, 14, 24, 25, 50, 5, 4}) tracker.add(number);
  CHECK(tracker.runs().counts == std::array<std::uint64_t, 5>{1, 0, 1, 1, 1});
  CHECK(tracker.lost() == 1 + 5 + 9 + 24);
  CHECK(tracker.reordered() == 2);
  for (std::uint64_t number = 51; number < 5'000; ++number) tracker.add(number);
  CHECK(tracker.runs().counts == std::array<std::uint64_t, 5>{1, 0, 1, 1, 1});
  CHECK(tracker.lost() == 39);
  tracker.add(7'000);
  CHECK(tracker.lost() == 39 + 2'000);
  CHECK(tracker.runs().counts == std::array<std::uint64_t, 5>{1, 0, 1, 1, 2});
}
