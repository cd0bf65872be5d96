// SPDX-License-Identifier: MIT
// What a responder's guard lets through, on a clock that the test moves.
#include "commands/listen/guard.hpp"

#include <doctest/doctest.h>

#include "support/check.hpp"

using namespace std::chrono_literals;
using commands::AnswerGuard;
using support::contains;

namespace {

// As it stands: net::parse_address() makes IPv4 of ::ffff:127.0.0.1.
net::Address literal(const char* text) { return net::asio::ip::make_address(text); }

std::optional<std::vector<net::Address>> addresses_here() {
  return std::vector{literal("10.0.0.1"), literal("fd00::1")};
}
std::optional<std::vector<net::Address>> cannot_tell() { return std::nullopt; }

struct Asked {
  net::Endpoint sender{literal("10.0.0.7"), 4'000};
  std::uint8_t ttl = 64;
  std::string payload;

  net::Received received() const {
    net::Received out;
    out.bytes = payload;
    out.sender = &sender;
    out.metadata.destination = out.metadata.local = literal("10.0.0.1");
    out.metadata.ttl = ttl;
    return out;
  }
};

struct Fixture {
  AnswerGuard guard{false, net::OwnAddresses(&addresses_here)};
  AnswerGuard::Time now{std::chrono::hours(1)};
  Asked asked;

  Fixture() { guard.answers_at({literal("0.0.0.0"), 7'777}); }

  // How many of `count`, `gap` apart, are admitted.
  int admitted(int count, AnswerGuard::Duration gap) {
    int in = 0;
    for (int i = 0; i < count; ++i, now += gap) in += guard.admits(asked.received(), now);
    return in;
  }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "guard: a budget of 10,000 answers that grows by 1,000 a second") {
  CHECK(admitted(20'000, 0ns) == 10'000);
  CHECK(guard.refused() == 10'000);
  CHECK(guard.news() ==
        "10.0.0.7:4000 asks more than 1,000 times a second: not always answered; --allow it if it is yours");
  CHECK_FALSE(guard.news());
  now += 500ms;
  CHECK(admitted(1'000, 0ns) == 500);
  CHECK_FALSE(guard.news());
}

TEST_CASE_FIXTURE(Fixture, "guard: who asks 1,000 times a second is answered for ever") {
  CHECK(admitted(100'000, 1ms) == 100'000);
  CHECK_FALSE(guard.news());
}

TEST_CASE_FIXTURE(Fixture, "guard: what datagrams hold never changes the budget") {
  int in = 0;
  for (int i = 0; i < 20'000; ++i) {
    asked.payload = std::to_string(i);
    in += guard.admits(asked.received(), now);
  }
  CHECK(in == 10'000);
}

TEST_CASE_FIXTURE(Fixture, "guard: an answer to a TTL of 1 costs 100") {
  asked.ttl = 1;
  CHECK(admitted(200, 0ns) == 100);
  CHECK(guard.news() == "10.0.0.7:4000 asks more than 10 times a second with a TTL of 1: not always answered");
}

TEST_CASE_FIXTURE(Fixture, "guard: a budget that was empty for 10 s is cut off until a second without a datagram") {
  CHECK(admitted(10'000, 0ns) == 10'000);
  CHECK(admitted(99'999, 100us) < 10'100);  // 10 s, ten times of what it grows by
  CHECK(admitted(10'000, 100us) <= 1);
  CHECK(admitted(50, 999ms) == 0);
  now += 1s;
  CHECK(admitted(1'000, 0ns) == 1'000);
}

TEST_CASE_FIXTURE(Fixture, "guard: a budget that is met again in time is not cut off") {
  for (int i = 0; i < 20; ++i) {
    admitted(12'000, 0ns);
    now += 990ms;
    CHECK(admitted(900, 100us) > 500);
    now += 950ms;
    now += 950ms;
  }
}

TEST_CASE("guard: --allow lifts the budget, but not for what came with a TTL of 1, which two responders end by") {
  AnswerGuard guard(true, net::OwnAddresses(&addresses_here));
  const AnswerGuard::Time now{std::chrono::hours(1)};
  Asked asked;
  int in = 0;
  for (int i = 0; i < 50'000; ++i) in += guard.admits(asked.received(), now);
  CHECK(in == 50'000);
  asked.ttl = 1;
  in = 0;
  for (int i = 0; i < 500; ++i) in += guard.admits(asked.received(), now);
  CHECK(in == 100);
  const auto news = guard.news();
  REQUIRE(news);
  CHECK(contains(*news, "asks more than 10 times a second with a TTL of 1: not always answered"));
  CHECK_FALSE(contains(*news, "--allow"));  // it is, and that is no cure
  CHECK_FALSE(guard.news());
}

TEST_CASE_FIXTURE(Fixture, "guard: senders that are never answered") {
  const std::pair<const char*, std::uint16_t> rows[] = {
      {"0.0.0.0", 9'999},   {"::", 9'999},        {"::ffff:127.0.0.1", 9'999},
      {"239.1.1.1", 9'999}, {"ff02::1", 9'999},   {"10.0.0.7", 0},
      {"10.0.0.7", 7},      {"10.0.0.7", 53},     {"255.255.255.255", 9'999},
      {"10.0.0.1", 7'777},  {"127.0.0.1", 7'777}, {"127.9.9.9", 7'777},
  };
  for (const auto& [text, port] : rows) {
    CAPTURE(text);
    CAPTURE(port);
    asked.sender = {literal(text), port};
    CHECK_FALSE(guard.admits(asked.received(), now));
  }
  CHECK(guard.refused() == std::size(rows));
  for (const auto& [text, port] : {std::pair("10.0.0.7", 7'777), std::pair("10.0.0.1", 7'778)}) {
    asked.sender = {literal(text), static_cast<std::uint16_t>(port)};
    CHECK(guard.admits(asked.received(), now));
  }
}

TEST_CASE("guard: what cannot be checked is not answered") {
  AnswerGuard guard(false, net::OwnAddresses(&cannot_tell));
  guard.answers_at({literal("0.0.0.0"), 7'777});
  Asked asked;
  CHECK(guard.admits(asked.received(), {}));
  asked.sender.port(7'777);
  CHECK_FALSE(guard.admits(asked.received(), {}));
}

TEST_CASE_FIXTURE(Fixture, "guard: what reached many is not answered with more bytes than it held") {
  net::Received received = asked.received();
  CHECK(guard.allows(received, 1, 2));
  received.metadata.destination = literal("10.0.0.255");
  CHECK(guard.allows(received, 2, 2));
  CHECK_FALSE(guard.allows(received, 1, 2));
  received.metadata.destination = literal("239.1.1.1");
  CHECK_FALSE(guard.allows(received, 1, 2));
  CHECK(guard.refused() == 2);
}

TEST_CASE("own addresses are asked for once a second, and an answer that fails is unknown") {
  int times = 0;
  bool known = true;
  net::OwnAddresses own([&]() -> std::optional<std::vector<net::Address>> {
    ++times;
    if (!known) return std::nullopt;
    return std::vector{literal("10.0.0.1")};
  });
  AnswerGuard::Time now{std::chrono::hours(1)};
  for (int i = 0; i < 1'000; ++i) CHECK(own.holds(literal("10.0.0.1"), now) == true);
  CHECK(own.holds(literal("10.0.0.2"), now) == false);
  CHECK(times == 1);
  known = false;
  now += 1s;
  CHECK_FALSE(own.holds(literal("10.0.0.2"), now));
  CHECK(own.holds(literal("127.0.0.2"), now) == true);
  CHECK(times == 2);
}
