// SPDX-License-Identifier: MIT
// What probes say, when they left, and whose answer came.
#include <set>

#include "commands/probe/requests.hpp"
#include "support/check.hpp"
#include "support/probe.hpp"

using namespace std::chrono_literals;
using commands::find_payload;
using commands::Instant;
using commands::Matcher;
using commands::ProbeLog;
using commands::Requests;
using std::chrono::nanoseconds;
using support::at;

namespace {

constexpr std::uint64_t run_seed = 7;

Requests requests(const char* payload, std::uint16_t port = 41'234) {
  return {{find_payload(payload), {}, {}}, port, run_seed};
}
Requests all_alike() { return {{nullptr, "hello", {}}, 9, run_seed}; }

// Probes that left every millisecond, and who answered them.
struct Run {
  Run(Requests made, std::uint64_t count) : requests_made(std::move(made)), matcher(requests_made, log) {
    for (std::uint64_t i = 0; i < count; ++i) log.sent(at(nanoseconds(1ms) * i));
  }
  const Requests& requests() const { return requests_made; }
  auto answered_by(std::string_view reply, const Instant& seen) { return matcher.answered_by(reply, seen); }
  auto quoted_by(std::string_view quoted, const Instant& seen) { return matcher.quoted_by(quoted, seen); }
  void learn(std::uint64_t sequence, nanoseconds rtt) { matcher.learn(sequence, rtt); }
  void settle(std::uint64_t sequence) { log.settle(sequence); }
  bool is_idle() const { return log.is_idle(); }

  Requests requests_made;
  ProbeLog log;
  Matcher matcher;
};

std::string dns_reply(const std::string& request) { return request.substr(0, 2) + "\x81\x80" + request.substr(4); }

}  // namespace

TEST_CASE("requests: a function of the number, and different for each of 65,536 where the id has 16 bits") {
  const Requests dns = requests("dns");
  std::set<std::string> ids;
  for (std::uint64_t i = 0; i < 65'536; ++i) ids.insert(dns.make(i).substr(0, 2));
  CHECK(ids.size() == 65'536);
  CHECK(dns.make(5) == dns.make(5));
  CHECK(dns.distinct());
  CHECK(dns.matches_by_id());
  CHECK(!requests("token").matches_by_id());
  CHECK(requests("token").distinct());
  CHECK(!requests("empty").distinct());
  CHECK(!requests("natpmp").distinct());
  CHECK(!all_alike().distinct());
}

TEST_CASE("requests: what is at home on the port, unless something else is asked for") {
  CHECK(Requests({}, 53, run_seed).make(0).size() == 17);
  CHECK(Requests({}, 41'234, run_seed).make(0).size() == 16);
  CHECK(requests("stun", 53).make(0).size() == 20);
  CHECK(all_alike().make(3) == "hello");
}

TEST_CASE("requests: so many bytes begin with a token, as far as it fits") {
  const Requests large({nullptr, {}, 1'000}, 53, run_seed);
  CHECK(large.make(0).size() == 1'000);
  CHECK(large.distinct());
  CHECK(large.make(0) != large.make(1));
  CHECK(large.answers(1, large.make(1)));
  CHECK(!large.answers(0, large.make(1)));
  CHECK(Requests({nullptr, {}, 0}, 53, run_seed).make(0).empty());
  CHECK(!Requests({nullptr, {}, 2}, 53, run_seed).distinct());
}

TEST_CASE("requests: how much of a quote tells them apart") {
  CHECK(!requests("token").distinct_within(0));
  CHECK(requests("token").distinct_within(1));
  CHECK(!requests("ntp").distinct_within(40));
  CHECK(requests("ntp").distinct_within(41));
  CHECK(!all_alike().distinct_within(5));
}

TEST_CASE("requests: padded and cut") {
  const Requests token = requests("token");
  CHECK(token.make_sized(0, 100).size() == 100);
  CHECK(token.make_sized(0, 100).substr(0, 16) == token.make(0));
  CHECK(token.make_sized(0, 4) == token.make(0).substr(0, 4));
}

TEST_CASE("requests: what a reply says") {
  const Requests token = requests("token");
  CHECK(token.detail(0, token.make(0), {}) == "token echoed");
  CHECK(token.detail(0, "what?", {}) == "token reply");
  CHECK(all_alike().detail(0, "hello", {}) == "data echoed");
  CHECK(requests("dns").detail(0, dns_reply(requests("dns").make(0)), {}) == "dns NOERROR");
  CHECK(requests("tftp").detail(0, "?", {}) == "tftp reply");
}

TEST_CASE("round trip: the kernel's time of arrival counts, not when the program saw it") {
  CHECK(commands::round_trip(at(0ms), at(20ms).wall, at(25ms)) == 20ms);
  CHECK(commands::round_trip(at(0ms), std::nullopt, at(25ms)) == 25ms);
}

TEST_CASE("round trip: a wall clock that was set meanwhile does not count") {
  for (const auto step : {nanoseconds(-1h), nanoseconds(-5ms), nanoseconds(5ms), nanoseconds(1h)}) {
    Instant seen = at(21ms);
    seen.wall += step;
    CHECK(commands::round_trip(at(0ms), at(20ms).wall + step, seen) == 21ms);
  }
  CHECK(commands::round_trip(at(5ms), at(1ms).wall, at(6ms)) == 0ms);  // stamped before it left
  CHECK(commands::round_trip(at(0ms), at(1h).wall, at(6ms)) <= 7ms);   // stamped after it was seen
}

TEST_CASE("log: each reply finds its own probe, whatever order they come in") {
  for (const char* payload : {"dns", "token"}) {
    CAPTURE(payload);
    Run log(requests(payload), 100);
    for (const std::uint64_t sequence : {0, 1, 3, 2, 99, 4, 4, 50}) {
      const std::string request = log.requests().make(sequence);
      const std::string reply = *payload == 'd' ? dns_reply(request) : request;
      CHECK(log.answered_by(reply, at(200ms)) == sequence);
      log.learn(sequence, 20ms);
      log.settle(sequence);
    }
  }
}

TEST_CASE("log: a reply to nobody is nobody's where the protocol has an id") {
  Run log(requests("dns"), 100);
  CHECK(!log.answered_by(dns_reply(log.requests().make(100)), at(200ms)));
  CHECK(!log.answered_by("", at(200ms)));
  CHECK(!Run(requests("dns"), 0).answered_by("x", at(0ms)));
  CHECK(!Run(requests("token"), 0).answered_by("x", at(0ms)));
}

TEST_CASE("log: where there is no id the usual round trip decides, also after losses") {
  Run log(all_alike(), 100);
  // Every tenth is lost; the others come back after 20 ms.
  for (std::uint64_t i = 0; i < 70; ++i) {
    if (i % 10 == 9) continue;
    const auto found = log.answered_by("hello", at(20ms + nanoseconds(1ms) * i));
    CHECK(found == i);
    log.learn(*found, 20ms);
    log.settle(*found);
  }
}

TEST_CASE("log: where nobody waits, a reply without an id is late for the one after the last match") {
  Run log(all_alike(), 3);
  CHECK(log.answered_by("hello", at(20ms)) == 0u);
  log.learn(0, 20ms);
  for (std::uint64_t i = 0; i < 3; ++i) log.settle(i);
  CHECK(log.is_idle());
  CHECK(log.answered_by("hello", at(2s)) == 1u);
  log.learn(2, 2s);
  CHECK(log.answered_by("hello", at(2s)) == 2u);
}

TEST_CASE("log: a quote finds the probe that begins so, and nothing else does") {
  Run log(requests("token"), 50);
  const std::string request = log.requests().make(17);
  CHECK(log.quoted_by(request, at(1s)) == 17u);
  CHECK(log.quoted_by(request.substr(0, 8), at(1s)) == 17u);
  CHECK(log.quoted_by(request + std::string(100, '\0'), at(1s)) == 17u);  // padded (RFC 4884)
  CHECK(!log.quoted_by("something else", at(1s)));
  CHECK(log.quoted_by("", at(1s)) == 0u);  // as little as RFC 792 asks for: the oldest that waits
  log.settle(0);
  CHECK(log.quoted_by("", at(1s)) == 1u);
}

TEST_CASE("log: a quote of probes that are all alike must be theirs") {
  Run log(all_alike(), 3);
  CHECK(log.quoted_by("hel", at(1ms)) == 0u);
  CHECK(!log.quoted_by("help", at(1ms)));
}

TEST_CASE("log: no more than so many are kept") {
  ProbeLog log;
  for (std::uint64_t i = 0; i < ProbeLog::max_exact; ++i) log.sent(at(nanoseconds(1ms) * i));
  CHECK(log.is_full());
  CHECK(log.is_kept(0));
  log.settle(0);
  CHECK(!log.is_full());
  log.sent(at(1h));
  CHECK(!log.is_kept(0));
  CHECK(!log.is_waiting(0));
  CHECK(log.is_waiting(1));
  CHECK(log.departure(ProbeLog::max_exact).steady == at(1h).steady);
}

TEST_CASE("log: what is still waited for counts neither as lost nor, once it was answered, as not sent") {
  ProbeLog log;
  for (int i = 0; i < 3; ++i) log.sent(at(0ns));
  CHECK(log.unanswered() == 3);
  CHECK(log.unanswered(2) == 1);
  log.reply(0, 1ms);  // of many, who are still waited for
  log.settle(1);
  const auto summary = log.summary(commands::Percentiles::left_out, log.unanswered());
  CHECK(summary.sent == 2);
  CHECK(summary.received == 1);
  CHECK(summary.lost == 1);
  CHECK(log.delays().counts()[commands::DelayBuckets::place_of(1ms)] == 1);
}

TEST_CASE("matcher: an id is read where replies carry it, so that none is missed after a long outage") {
  for (const char* payload : {"dns", "token", "ntp", "stun", "snmp", "sip", "portmap", "echo"}) {
    CAPTURE(payload);
    Run log(requests(payload), 60'000);
    for (const std::uint64_t sequence : {3, 40'000, 59'999, 50'000, 2'000}) {
      CHECK(log.quoted_by(log.requests().make(sequence), at(95s)) == sequence);
      if (std::string_view(payload) != "token" && std::string_view(payload) != "echo") continue;
      CHECK(log.answered_by(log.requests().make(sequence), at(95s)) == sequence);
      log.learn(sequence, 20ms);
    }
  }
}

TEST_CASE("matcher: a forged reply costs a few tries, not one for every probe") {
  Run log(requests("dns"), 90'000);
  CHECK(log.answered_by(dns_reply(log.requests().make(5)), at(95s)) == 5u);
  log.learn(5, 20ms);
  const auto begun = std::chrono::steady_clock::now();
  for (int i = 0; i < 100; ++i) CHECK(!log.answered_by(std::string(40, static_cast<char>(i)), at(95s)));
  // 100 searches through 20,000 requests took 200 ms; a bound that no machine is too slow for.
  CHECK(std::chrono::steady_clock::now() - begun < 100ms);
}
