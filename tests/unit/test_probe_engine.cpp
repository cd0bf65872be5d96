// SPDX-License-Identifier: MIT
// The engine of probe on a clock and a network of the test's own: what it tells a mode, when, and in which order.
#include <deque>

#include "commands/probe/run.hpp"
#include "support/check.hpp"
#include "support/probe.hpp"

using namespace std::chrono_literals;
using commands::Answer;
using commands::Ask;
using commands::Engine;
using commands::Instant;
using commands::ProbeLog;
using commands::ProbeTime;
using std::chrono::nanoseconds;
using support::at;

namespace {

const net::Endpoint probed(net::asio::ip::make_address("10.0.0.9"), 7);

// Takes what is sent at the time that it is, unless it is told an error for it.
struct Network : commands::Outlet {
  Sent send(std::string_view payload, const Ask& ask) override {
    const int error = errors.empty() ? 0 : errors.front();
    if (!errors.empty()) errors.pop_front();
    if (error == 0) sent.emplace_back(payload), ttls.push_back(ask.ttl);
    return {error, clock};
  }
  Instant now() const override { return clock; }

  Instant clock = at(0s);
  std::vector<std::string> sent;
  std::vector<int> ttls;
  std::deque<int> errors;
};

// Sends what is in `asks` as soon as it may, and writes down what it is told. A probe says its number.
struct Script : commands::Mode {
  std::string request(std::uint64_t sequence, const Ask&, const Instant&) override { return std::to_string(sequence); }
  std::optional<std::uint64_t> match(const net::Received& reply, const Instant&) override {
    return number(reply.bytes);
  }
  std::optional<std::uint64_t> match(const net::TransportError& error, const Instant&) override {
    return number(error.quoted);
  }
  std::optional<Ask> next(ProbeTime now) override {
    if (asks.empty() || now < not_before) return std::nullopt;
    return asks.front();
  }
  std::optional<ProbeTime> due() const override { return asks.empty() ? std::nullopt : std::optional(not_before); }
  void sent(std::uint64_t sequence, const Ask&) override {
    told.push_back("sent " + std::to_string(sequence));
    asks.pop_front();
    not_before += pace;
  }
  bool kept_back(std::uint64_t sequence, const Ask&, int error) override {
    told.push_back("kept back " + std::to_string(sequence) + " " + std::to_string(error));
    asks.pop_front();
    return counts_kept_back;
  }
  bool answered(const Answer& answer) override {
    told.push_back((answer.error != nullptr ? "refused " : "answered ") + std::to_string(answer.sequence) + " in " +
                   std::to_string(answer.rtt / 1ms) + (answer.waiting ? "" : " late"));
    return settles;
  }
  void silent(std::uint64_t sequence, ProbeTime) override { told.push_back("silent " + std::to_string(sequence)); }
  bool done() const override { return over; }

  static std::optional<std::uint64_t> number(std::string_view bytes) {
    if (bytes.empty() || bytes[0] < '0' || bytes[0] > '9') return std::nullopt;
    return std::stoull(std::string(bytes));
  }

  std::deque<Ask> asks;
  ProbeTime not_before = at(0s).steady;
  nanoseconds pace{};
  bool settles = true, counts_kept_back = true, over = false;
  std::vector<std::string> told;
};

struct Bench {
  std::optional<ProbeTime> turn(nanoseconds when) {
    network.clock = at(when);
    return engine.turn(at(when).steady);
  }
  bool reply(std::string_view bytes, nanoseconds arrived) {
    net::Received received;
    received.bytes = bytes;
    received.sender = &probed;
    received.metadata.time = at(arrived).wall;
    return engine.take(received, true, at(arrived));
  }
  bool refuse(std::string_view quoted, nanoseconds arrived) {
    net::TransportError error;
    error.quoted = quoted;
    error.offender = probed.address();
    error.time = at(arrived).wall;
    return engine.take(error, true, at(arrived));
  }
  std::vector<std::string> told() { return std::exchange(mode.told, {}); }

  Script mode;
  ProbeLog log;
  Network network;
  Engine engine{mode, log, network, 1s};
};

using Told = std::vector<std::string>;

}  // namespace

TEST_CASE("engine: sends what is due, and asks to be called when the first wait is over") {
  Bench bench;
  bench.mode.asks = {{}, {}, {}};
  bench.mode.pace = 100ms;
  CHECK(bench.turn(0s) == at(100ms).steady);
  CHECK(bench.told() == Told{"sent 0"});
  CHECK(bench.turn(100ms) == at(200ms).steady);
  CHECK(bench.turn(200ms) == at(1s).steady);
  CHECK(bench.network.sent == Told{"0", "1", "2"});
}

TEST_CASE("engine: what came in time is told before the end of a wait, and once") {
  Bench bench;
  bench.mode.asks = {{}, {}};
  bench.turn(0s);
  bench.told();
  CHECK(bench.reply("1", 999ms));
  bench.turn(1'001ms);
  CHECK(bench.told() == Told{"answered 1 in 999", "silent 0"});
  CHECK(bench.log.is_idle());
  CHECK(!bench.turn(5s));
  CHECK(bench.told().empty());
}

TEST_CASE("engine: an answer after its wait, and a second one, are told as such") {
  Bench bench;
  bench.mode.asks = {{}};
  bench.turn(0s);
  bench.turn(1s);
  bench.reply("0", 1'200ms);
  bench.reply("0", 1'300ms);
  CHECK(bench.told() == Told{"sent 0", "silent 0", "answered 0 in 1200 late", "answered 0 in 1300 late"});
}

TEST_CASE("engine: a mode that is not convinced goes on waiting") {
  Bench bench;
  bench.mode.asks = {{}};
  bench.turn(0s);
  bench.mode.settles = false;
  CHECK(bench.refuse("0", 10ms));
  CHECK(bench.turn(10ms) == at(1s).steady);
  bench.mode.settles = true;
  bench.reply("0", 20ms);
  CHECK(!bench.turn(1s));
  CHECK(bench.told() == Told{"sent 0", "refused 0 in 10", "answered 0 in 20"});
}

TEST_CASE("engine: what answers no probe is nobody's") {
  Bench bench;
  bench.mode.asks = {{}};
  bench.turn(0s);
  CHECK(!bench.reply("what?", 1ms));
  CHECK(!bench.refuse("", 1ms));
  CHECK(bench.told() == Told{"sent 0"});
}

TEST_CASE("engine: no room is tried again in a moment, with the same probe") {
  Bench bench;
  bench.mode.asks = {{}, {}};
  bench.network.errors = {0, EAGAIN};
  CHECK(bench.turn(0s) == at(1ms).steady);
  bench.turn(1ms);
  CHECK(bench.told() == Told{"sent 0", "sent 1"});
  CHECK(bench.network.sent == Told{"0", "1"});
  CHECK(bench.log.departure(1).steady == at(1ms).steady);
}

TEST_CASE("engine: what this host keeps back is a probe if the mode says so, and never waited for") {
  for (const bool counts : {true, false}) {
    Bench bench;
    bench.mode.asks = {{}, {}};
    bench.mode.counts_kept_back = counts;
    bench.network.errors = {EMSGSIZE};
    bench.turn(0s);
    CHECK(bench.log.count() == (counts ? 2 : 1));
    CHECK(!bench.log.is_waiting(counts ? 0 : 1));
    CHECK(bench.network.sent == Told{counts ? "1" : "0"});
  }
}

TEST_CASE("engine: a probe may have a wait of its own, and take the place of those before") {
  Bench bench;
  Ask ask;
  ask.wait = 100ms;
  ask.alone = true;
  ask.ttl = 5;
  bench.mode.asks = {{}, ask};
  bench.mode.pace = 10ms;
  bench.turn(0s);
  CHECK(bench.turn(10ms) == at(110ms).steady);
  CHECK(!bench.log.is_waiting(0));
  CHECK(bench.network.ttls == std::vector<int>{0, 5});
  bench.turn(110ms);
  bench.reply("0", 120ms);
  CHECK(bench.told() == Told{"sent 0", "sent 1", "silent 1", "answered 0 in 120 late"});
}

TEST_CASE("engine: a burst is cut, so that answers are heard between") {
  Bench bench;
  bench.mode.asks.resize(100);
  CHECK(bench.turn(0s) == at(0s).steady);
  CHECK(bench.network.sent.size() == 64);
  bench.turn(0s);
  CHECK(bench.network.sent.size() == 100);
}

TEST_CASE("engine: no probe costs one that is still waited for") {
  Bench bench;
  ProbeLog small(4);
  Engine engine{bench.mode, small, bench.network, 1s};
  bench.mode.asks.resize(6);
  CHECK(engine.turn(at(0s).steady) == at(1ms).steady);
  CHECK(bench.network.sent.size() == 4);
  engine.turn(at(1s).steady);
  CHECK(bench.network.sent.size() == 6);
}

TEST_CASE("engine: the end is the end of all waits") {
  Bench bench;
  bench.mode.asks = {{}, {}};
  bench.turn(0s);
  CHECK(bench.engine.finish(at(10ms).steady));
  CHECK(bench.told() == Told{"sent 0", "sent 1", "silent 0", "silent 1"});
  CHECK(!bench.engine.finish(at(10ms).steady));
  bench.mode.over = true;
  bench.mode.asks = {{}};
  CHECK(!bench.turn(20ms));
  CHECK(bench.told().empty());
}
