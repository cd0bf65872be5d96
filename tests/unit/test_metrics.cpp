// SPDX-License-Identifier: MIT
#include <array>
#include <string>

#include "output/metrics.hpp"
#include "support/check.hpp"

using output::labels;
using output::Metric;
using output::MetricsText;
using support::contains;

namespace {

constexpr Metric packet_count{"packets_total", Metric::Type::counter, "Packets."};
constexpr Metric hosts{"hosts", Metric::Type::gauge, "Hosts."};
constexpr Metric seconds{"rtt_seconds", Metric::Type::histogram, "Time."};

}  // namespace

TEST_CASE("metrics: values of labels are escaped") {
  CHECK(labels({}) == "");
  CHECK(labels({{"endpoint", "[::1]:5"}}) == R"(endpoint="[::1]:5")");
  CHECK(labels({{"a", "x\"y"}, {"b", "back\\slash\nline"}}) == R"(a="x\"y",b="back\\slash\nline")");
}

TEST_CASE("metrics: the samples of one metric stand together under one HELP") {
  MetricsText text;
  text.add(packet_count, labels({{"to", "a"}}), std::uint64_t{1});
  text.add(hosts, "", 2.5);
  text.add(packet_count, labels({{"to", "b"}}), std::uint64_t{18'446'744'073'709'551'615u});
  CHECK(text.text() ==
        "# HELP packets_total Packets.\n# TYPE packets_total counter\n"
        "packets_total{to=\"a\"} 1\npackets_total{to=\"b\"} 18446744073709551615\n"
        "# HELP hosts Hosts.\n# TYPE hosts gauge\nhosts 2.5\n");
}

TEST_CASE("metrics: a counter never falls, a gauge may") {
  MetricsText text;
  const auto shown = [&](std::uint64_t to_a, std::uint64_t to_b, std::uint64_t gauge) {
    text.clear();
    text.add(packet_count, labels({{"to", "a"}}), to_a);
    text.add(packet_count, labels({{"to", "b"}}), to_b);
    text.add(hosts, "", gauge);
    return text.text();
  };
  CHECK(contains(shown(5, 1, 9), "{to=\"a\"} 5\n"));
  const std::string less = shown(3, 2, 4);
  CHECK(contains(less, "{to=\"a\"} 5\n"));
  CHECK(contains(less, "{to=\"b\"} 2\n"));
  CHECK(contains(less, "hosts 4\n"));
  CHECK(contains(shown(6, 2, 4), "{to=\"a\"} 6\n"));
}

TEST_CASE("metrics: the buckets of a histogram add up") {
  MetricsText text;
  constexpr std::array bounds{0.00005, 0.0001};
  constexpr std::array<std::uint64_t, 3> counts{2, 0, 1};
  text.add(seconds, labels({{"target", "h:1"}}), bounds, counts, 0.25);
  CHECK(text.text() ==
        "# HELP rtt_seconds Time.\n# TYPE rtt_seconds histogram\n"
        "rtt_seconds_bucket{target=\"h:1\",le=\"5e-05\"} 2\n"
        "rtt_seconds_bucket{target=\"h:1\",le=\"0.0001\"} 2\n"
        "rtt_seconds_bucket{target=\"h:1\",le=\"+Inf\"} 3\n"
        "rtt_seconds_sum{target=\"h:1\"} 0.25\nrtt_seconds_count{target=\"h:1\"} 3\n");
  text.clear();
  text.add(seconds, "", bounds, counts, 0);
  CHECK(contains(text.text(), "rtt_seconds_bucket{le=\"+Inf\"} 3\nrtt_seconds_sum 0\nrtt_seconds_count 3\n"));
}
