// SPDX-License-Identifier: MIT
// What rounds of a trace tell of a path, by tables: loss, round trips, where it ends, and which loss is none.
#include "commands/probe/path_statistics.hpp"
#include "support/check.hpp"

using commands::HopRow;
using commands::PathStatistics;
using commands::Percentiles;
using commands::TraceAnswer;
using commands::TracePlan;
using AnswerKind = TraceAnswer::Kind;
using namespace std::chrono_literals;

namespace {

net::Address router(unsigned ttl) { return net::Address(net::asio::ip::address_v4(0x0a000000u + ttl)); }

// A path of three hops, asked in rounds; `fate` says of each probe whether it is answered.
struct TracedPath {
  void probe(unsigned ttl, bool answered, std::chrono::nanoseconds rtt = 1ms) {
    const unsigned number = statistics.sent(ttl);
    if (!answered) return statistics.silent({ttl, number});
    statistics.answered({{ttl, number}, ttl == target ? AnswerKind::reached : AnswerKind::passed, router(ttl), rtt},
                        true);
  }
  template <class Fate>
  void rounds(unsigned count, Fate fate) {
    for (unsigned round = 0; round < count; ++round) {
      for (unsigned ttl = 1; ttl <= std::min(statistics.last(), target); ++ttl) probe(ttl, fate(round, ttl));
    }
  }
  std::vector<HopRow> rows() const { return statistics.rows(Percentiles::told); }

  unsigned target = 3;
  PathStatistics statistics{1, 30};
};

}  // namespace

TEST_CASE("path statistics: what each hop lost, exactly, and how long the answers took") {
  TracedPath path;
  path.rounds(20, [](unsigned round, unsigned ttl) { return ttl != 2 || round % 5 != 0; });
  const auto rows = path.rows();
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].probes.sent == 20);
  CHECK(rows[0].probes.lost == 0);
  CHECK(rows[1].probes.lost == 4);
  CHECK(rows[1].probes.lost_percent == doctest::Approx(20));
  CHECK(rows[1].addresses == std::vector{router(2)});
  CHECK(rows[2].probes.rtt->avg_ms == doctest::Approx(1));
}

TEST_CASE("path statistics: last, average, best, worst and deviation") {
  TracedPath path;
  for (const auto rtt : {4ms, 2ms, 6ms}) path.probe(1, true, rtt);
  const HopRow row = path.rows().at(0);
  CHECK(row.last == 6ms);
  CHECK(row.probes.rtt->avg_ms == doctest::Approx(4));
  CHECK(row.probes.rtt->min_ms == doctest::Approx(2));
  CHECK(row.probes.rtt->max_ms == doctest::Approx(6));
  CHECK(row.probes.rtt->stddev_ms == doctest::Approx(1.633).epsilon(0.001));
  CHECK(row.probes.rtt->p50_ms == doctest::Approx(4));
}

TEST_CASE("path statistics: what is still waited for does not count, and a late answer counts for its own probe") {
  PathStatistics path(1, 30);
  const unsigned first = path.sent(1), second = path.sent(1);
  CHECK(path.rows(Percentiles::told).at(0).probes.sent == 0);
  CHECK(path.rows(Percentiles::told).at(0).is_silent());
  path.silent({1, first});
  path.answered({{1, second}, AnswerKind::passed, router(1), 1ms}, true);
  CHECK(path.rows(Percentiles::told).at(0).probes.lost == 1);
  path.answered({{1, first}, AnswerKind::passed, router(1), 1'200ms}, false);
  const auto late = path.rows(Percentiles::told).at(0).probes;
  CHECK(late.lost == 0);
  CHECK(late.late == 1);
  path.answered({{1, first}, AnswerKind::passed, router(1), 1'300ms}, false);  // twice
  CHECK(path.rows(Percentiles::told).at(0).probes.received == 2);
}

TEST_CASE("path statistics: more probes in flight than are kept are all accounted for") {
  PathStatistics path(1, 1);
  const unsigned count = static_cast<unsigned>(PathStatistics::max_exact) + 500;
  for (unsigned i = 0; i < count; ++i) path.sent(1);
  for (unsigned i = 0; i < count; ++i) path.silent({1, i});
  const auto probes = path.rows(Percentiles::told).at(0).probes;
  CHECK(probes.sent == count);
  CHECK(probes.lost == count);
}

TEST_CASE("path statistics: an answer that later hops do not miss was never lost on the way") {
  const struct {
    unsigned lossy, also;
    bool limits;
  } cases[] = {{2, 2, true}, {1, 1, true}, {3, 3, false}, {1, 2, true}, {2, 3, false}};
  for (const auto& [lossy, also, limits] : cases) {
    TracedPath path;
    path.rounds(10, [&, one = lossy, other = also](unsigned round, unsigned ttl) {
      return (ttl != one && ttl != other) || round != 4;
    });
    const auto rows = path.rows();
    CHECK((rows[lossy - 1].remark.find("limits its ICMP errors") != std::string::npos) == limits);
  }
  TracedPath silent;  // one that never answers has no limit to be told of
  silent.rounds(3, [](unsigned, unsigned ttl) { return ttl != 2; });
  CHECK(silent.rows()[1].remark.empty());
}

TEST_CASE("path statistics: the path ends at the target, and begins to be looked for when it has moved") {
  TracedPath path;
  path.rounds(1, [](unsigned, unsigned) { return true; });
  CHECK(path.statistics.last() == 3);
  CHECK(path.statistics.end() == TracePlan::End::reached);
  CHECK(path.rows().back().remark == "reached");
  path.target = 5;  // a detour
  path.probe(3, true);
  CHECK(path.statistics.last() == 30);
  CHECK(path.statistics.end() == TracePlan::End::open);
  path.rounds(1, [](unsigned, unsigned) { return true; });
  CHECK(path.statistics.last() == 5);
  CHECK(path.rows().size() == 5);
  path.target = 4;
  path.rounds(1, [](unsigned, unsigned) { return true; });
  CHECK(path.rows().size() == 4);
}

TEST_CASE("path statistics: a refusal ends the path, and the target's own answer there weighs more") {
  PathStatistics path(1, 30);
  path.answered({{2, path.sent(2)}, AnswerKind::refused, router(2), 1ms, "host unreachable"}, true);
  CHECK(path.end() == TracePlan::End::refused);
  CHECK(path.last() == 2);
  CHECK(path.rows(Percentiles::told).back().remark == "host unreachable");
  path.answered({{2, path.sent(2)}, AnswerKind::reached, router(9), 1ms}, true);
  CHECK(path.end() == TracePlan::End::reached);
  path.answered({{2, path.sent(2)}, AnswerKind::refused, router(2), 1ms, "host unreachable"}, true);
  CHECK(path.end() == TracePlan::End::reached);
  path.answered({{7, path.sent(7)}, AnswerKind::refused, router(7), 1ms}, true);  // past the end
  CHECK(path.last() == 2);
  CHECK(path.rows(Percentiles::told).back().addresses == std::vector{router(2), router(9)});
}

TEST_CASE("path statistics: a path that does not reach what others reach has lost everything") {
  const auto loss = [](const PathStatistics& path, bool others_reach) {
    const auto found = path.loss_at_end(others_reach);
    return std::pair(found.sent, found.lost);
  };
  using Loss = std::pair<std::uint64_t, std::uint64_t>;
  TracedPath path;
  path.rounds(4, [](unsigned round, unsigned ttl) { return ttl < 3 || round > 0; });
  CHECK(loss(path.statistics, true) == Loss{4, 1});
  TracedPath dead;
  dead.rounds(4, [](unsigned, unsigned ttl) { return ttl < 2; });
  CHECK(loss(dead.statistics, true) == Loss{4, 4});
  CHECK(loss(dead.statistics, false) == Loss{4, 0});  // nobody knows who would have answered further on
  PathStatistics refused(1, 30);
  refused.answered({{1, refused.sent(1)}, AnswerKind::refused, router(1), 1ms, "administratively prohibited"}, true);
  CHECK(loss(refused, true) == Loss{1, 1});
  CHECK(loss(PathStatistics(1, 30), true) == Loss{0, 0});
}

TEST_CASE("path statistics: an address at two hops is a loop, but not where several answer") {
  PathStatistics path(1, 30);
  for (const unsigned ttl : {1u, 2u, 3u, 4u}) {
    path.answered({{ttl, path.sent(ttl)}, AnswerKind::passed, router(ttl % 2), 1ms}, true);
  }
  CHECK(path.rows(Percentiles::told)[1].remark.empty());
  CHECK(path.rows(Percentiles::told)[2].remark == "loop");
  CHECK(path.rows(Percentiles::told)[3].remark == "loop");
  path.answered({{3, path.sent(3)}, AnswerKind::passed, router(8), 1ms}, true);
  CHECK(path.rows(Percentiles::told)[2].remark.empty());
}

TEST_CASE("path statistics: addresses are bounded, whoever answers") {
  PathStatistics path(1, 1);
  for (unsigned i = 0; i < 1'000; ++i) path.answered({{1, path.sent(1)}, AnswerKind::passed, router(i), 1ms}, true);
  CHECK(path.rows(Percentiles::told).at(0).addresses.size() == 16);
}
