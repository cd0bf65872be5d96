// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <set>

#include "commands/probe/trace_plan.hpp"
#include "support/addresses.hpp"

using commands::TraceAnswer;
using commands::TraceHop;
using commands::TraceOptions;
using commands::TracePlan;
using commands::TraceProbe;
using AnswerKind = TraceAnswer::Kind;
using namespace std::string_literals;
using namespace std::string_view_literals;
using support::address;

namespace {

TraceAnswer answer(unsigned ttl, unsigned attempt, AnswerKind kind = AnswerKind::passed, const char* who = "10.0.0.1") {
  return {{ttl, attempt}, kind, address(who), std::chrono::milliseconds(ttl)};
}

std::vector<TraceProbe> all_next(TracePlan& plan) {
  std::vector<TraceProbe> out;
  while (const auto probe = plan.next()) out.push_back(*probe);
  return out;
}

std::vector<unsigned> all_hops(TracePlan& plan) {
  std::vector<unsigned> out;
  while (const auto hop = plan.take_hop()) out.push_back(hop->ttl);
  return out;
}

}  // namespace

TEST_CASE("trace plan: what left before the end is there, answered or silent, and nothing else") {
  commands::TraceOptions options;
  options.max_hops = 4;
  options.tries = 2;
  commands::TracePlan plan(options);
  CHECK(plan.next() == commands::TraceProbe{1, 0});
  CHECK(plan.next() == commands::TraceProbe{1, 1});
  CHECK(plan.next() == commands::TraceProbe{2, 0});
  const auto unsent = plan.next();
  plan.silent({1, 0});
  plan.silent({1, 1});
  plan.silent({2, 0});
  plan.halt(unsent);
  CHECK(!plan.next());
  CHECK(plan.take_hop()->silent == 2);
  CHECK(plan.take_hop()->silent == 1);
  CHECK(!plan.take_hop());
  CHECK(plan.done());
  CHECK(plan.end() == commands::TracePlan::End::open);
  commands::TracePlan none(options);
  none.halt(none.next());
  CHECK(!none.take_hop());
  CHECK(none.done());
}

TEST_CASE("probes leave by TTL, all tries of one before the next") {
  TracePlan plan({.first_hop = 2, .max_hops = 4, .tries = 2});
  CHECK(all_next(plan) == std::vector<TraceProbe>{{2, 0}, {2, 1}, {3, 0}, {3, 1}, {4, 0}, {4, 1}});
}

TEST_CASE("the window counts TTLs from the first hop that was not taken") {
  TracePlan plan({.max_hops = 10, .tries = 1, .window = 3});
  CHECK(all_next(plan).size() == 3);
  plan.answered(answer(2, 0));
  CHECK(all_hops(plan).empty());
  CHECK(!plan.next());
  plan.answered(answer(1, 0));
  CHECK(all_hops(plan) == std::vector<unsigned>{1, 2});
  CHECK(all_next(plan) == std::vector<TraceProbe>{{4, 0}, {5, 0}});
}

TEST_CASE("a hop is known when each of its probes is answered or silent") {
  TracePlan plan({.max_hops = 3, .tries = 3});
  all_next(plan);
  plan.answered(answer(1, 2, AnswerKind::passed, "10.0.0.2"));
  plan.answered(answer(1, 0, AnswerKind::passed, "10.0.0.1"));
  CHECK(!plan.take_hop());
  plan.silent({1, 1});
  const auto hop = plan.take_hop();
  REQUIRE(hop);
  CHECK(hop->ttl == 1);
  CHECK(hop->silent == 1);
  CHECK(!hop->is_last);
  REQUIRE(hop->answers.size() == 2);
  CHECK(hop->answers[0].probe.attempt == 0);
  CHECK(hop->addresses() == std::vector<net::Address>{address("10.0.0.1"), address("10.0.0.2")});
}

TEST_CASE("one address that answers twice is named once") {
  TraceHop hop;
  hop.answers = {answer(1, 0, AnswerKind::passed, "10.0.0.2"), answer(1, 1),
                 answer(1, 2, AnswerKind::passed, "10.0.0.2")};
  CHECK(hop.addresses() == std::vector<net::Address>{address("10.0.0.2"), address("10.0.0.1")});
}

TEST_CASE("the path ends at the target") {
  TracePlan plan({.max_hops = 30, .tries = 1, .window = 6});
  all_next(plan);
  plan.answered(answer(5, 0, AnswerKind::reached));
  CHECK(plan.end() == TracePlan::End::reached);
  plan.answered(answer(4, 0, AnswerKind::reached));
  plan.answered(answer(6, 0, AnswerKind::reached));
  for (unsigned ttl = 1; ttl <= 3; ++ttl) plan.answered(answer(ttl, 0));
  CHECK(!plan.done());
  std::optional<TraceHop> last;
  while (const auto hop = plan.take_hop()) last = hop;
  REQUIRE(last);
  CHECK(last->ttl == 4);
  CHECK(last->is_last);
  CHECK(plan.done());
  CHECK(!plan.next());
  CHECK(plan.end() == TracePlan::End::reached);
}

TEST_CASE("the path ends where somebody refuses") {
  TracePlan plan({.max_hops = 8, .tries = 2});
  all_next(plan);
  plan.answered(answer(3, 0, AnswerKind::refused));
  plan.answered(answer(3, 1, AnswerKind::refused));
  for (unsigned ttl = 1; ttl <= 2; ++ttl) {
    plan.answered(answer(ttl, 0));
    plan.answered(answer(ttl, 1));
  }
  CHECK(all_hops(plan) == std::vector<unsigned>{1, 2, 3});
  CHECK(plan.done());
  CHECK(plan.end() == TracePlan::End::refused);
}

TEST_CASE("at the last TTL the target weighs more than a refusal, in either order") {
  for (const unsigned first : {0u, 1u}) {
    TracePlan plan({.max_hops = 4, .tries = 2});
    all_next(plan);
    plan.answered(answer(2, first, AnswerKind::refused));
    plan.answered(answer(2, 1 - first, AnswerKind::reached));
    CHECK(plan.end() == TracePlan::End::reached);
  }
}

TEST_CASE("silent hops to the end leave the path open") {
  TracePlan plan({.max_hops = 30, .tries = 3});
  const auto probes = all_next(plan);
  CHECK(probes.size() == 90);  // all in flight: one timeout in total
  for (const TraceProbe& probe : probes) plan.silent(probe);
  CHECK(all_hops(plan).size() == 30);
  CHECK(plan.done());
  CHECK(plan.end() == TracePlan::End::open);
}

TEST_CASE("an answer after its timeout counts until the hop was taken") {
  TracePlan plan({.max_hops = 2, .tries = 1});
  all_next(plan);
  plan.silent({2, 0});
  plan.answered(answer(2, 0));
  plan.silent({1, 0});
  const auto first = plan.take_hop();
  REQUIRE(first);
  CHECK(first->silent == 1);
  plan.answered(answer(1, 0, AnswerKind::reached));
  CHECK(plan.end() == TracePlan::End::open);
  const auto second = plan.take_hop();
  REQUIRE(second);
  CHECK(second->answers.size() == 1);
  CHECK(second->is_last);
}

TEST_CASE("answers to what was not asked, and second answers, are ignored") {
  TracePlan plan({.max_hops = 5, .tries = 1, .window = 2});
  all_next(plan);
  for (const TraceProbe probe : {TraceProbe{0, 0}, {3, 0}, {1, 1}, {6, 0}, {4'000'000'000, 0}, {1, 4'000'000'000}}) {
    plan.answered({probe, AnswerKind::reached, address("10.9.9.9")});
    plan.silent(probe);
  }
  CHECK(plan.end() == TracePlan::End::open);
  plan.answered(answer(1, 0));
  plan.answered(answer(1, 0, AnswerKind::reached, "10.9.9.9"));
  const auto hop = plan.take_hop();
  REQUIRE(hop);
  CHECK(hop->answers.size() == 1);
  CHECK(hop->answers[0].address == address("10.0.0.1"));
}

TEST_CASE("each probe leaves once") {
  TracePlan plan({.max_hops = 255, .tries = 10, .window = 7});
  std::set<std::pair<unsigned, unsigned>> seen;
  while (!plan.done()) {
    while (const auto probe = plan.next()) {
      CHECK(seen.insert({probe->ttl, probe->attempt}).second);
      plan.silent(*probe);
    }
    while (plan.take_hop()) {
    }
  }
  CHECK(seen.size() == 2550);
}

TEST_CASE("the way back is guessed from the TTL") {
  struct Row {
    int ttl;
    unsigned hops;
  };
  for (const Row row : {Row{64, 1}, {61, 4}, {1, 64}, {0, 65}, {128, 1}, {65, 64}, {255, 1}, {250, 6}, {129, 127}}) {
    CHECK(commands::return_hops(static_cast<std::uint8_t>(row.ttl)) == row.hops);
  }
  CHECK(!commands::asymmetric_return(4, 61));
  CHECK(!commands::asymmetric_return(1, 255));
  CHECK(commands::asymmetric_return(4, 60) == 5u);
}

namespace {
// Version 2, checksum not given, one object of two labels: 24001 class 5 TTL 1, 16 class 0 bottom TTL 254.
constexpr std::string_view stack = "\x20\0\0\0\0\x0c\1\1\x05\xdc\x1a\x01\0\x01\x01\xfe"sv;
}  // namespace

TEST_CASE("an MPLS label stack is read") {
  const auto labels = commands::parse_mpls(stack);
  REQUIRE(labels.size() == 2);
  CHECK(labels[0].label == 24001);
  CHECK(labels[0].traffic_class == 5);
  CHECK(!labels[0].bottom);
  CHECK(labels[0].ttl == 1);
  CHECK(labels[1].label == 16);
  CHECK(labels[1].bottom);
  CHECK(labels[1].ttl == 254);
  CHECK(commands::mpls_text(labels) == "MPLS 24001 class 5 ttl 1, MPLS 16 class 0 ttl 254");
  CHECK(commands::mpls_text({}).empty());
}

TEST_CASE("an MPLS label stack behind another object is found") {
  const std::string other = std::string("\x20\0\0\0\0\x08\2\1abcd"sv) + std::string(stack.substr(4));
  CHECK(commands::parse_mpls(other).size() == 2);
}

TEST_CASE("the stack ends at its bottom") {
  std::string longer(stack);
  longer[5] = '\x10';
  CHECK(commands::parse_mpls(longer + "\0\x02\x01\x01"s).size() == 2);
}

TEST_CASE("the checksum counts when it is given") {
  std::string right(stack);
  // The one's complement of the sum of the other words: 2000 + 000c + 0101 + 05dc + 1a01 + 0001 + 01fe = 42e9.
  right[2] = static_cast<char>(0xbd);
  right[3] = static_cast<char>(0x16);
  CHECK(commands::parse_mpls(right).size() == 2);
  right[3] = static_cast<char>(0x17);
  CHECK(commands::parse_mpls(right).empty());
}

TEST_CASE("cut and wrong extensions give no labels") {
  for (std::size_t size = 0; size < stack.size(); ++size) CHECK(commands::parse_mpls(stack.substr(0, size)).empty());
  CHECK(commands::parse_mpls("\x10\0\0\0\0\x08\1\1\0\x01\x01\xfe"sv).empty());  // version 1
  CHECK(commands::parse_mpls("\x20\0\0\0\0\0\1\1\0\x01\x01\xfe"sv).empty());    // an object of no length
  CHECK(commands::parse_mpls("\x20\0\0\0\0\x04\1\1"sv).empty());
  const std::string long_stack = std::string("\x20\0\0\0\x01\x04\1\1"sv) + std::string(256, '\0');
  CHECK(commands::parse_mpls(long_stack).size() == 16);
}
