// SPDX-License-Identifier: MIT
// The statistics of `probe -c N`: what was sent, what came back, and the round-trip times.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace commands {

// What a reply was to the log. `unknown`: to a probe that was never sent, or so long ago that it is forgotten;
// such a reply counts nowhere.
enum class ReplyKind { first, duplicate, unknown };

struct RttSummary {
  double min_ms, avg_ms, max_ms, stddev_ms;                // stddev of the population, as ping(8) has it
  double p50_ms = 0, p90_ms = 0, p99_ms = 0, p999_ms = 0;  // nearest rank
  double jitter_ms = 0;                                    // RFC 3550, 6.4.1 and A.8, over the RTTs in sequence order
};

// Percentiles and jitter cost a look at every RTT that is kept.
enum class Percentiles { told, left_out };

struct ProbeSummary {
  std::uint64_t sent = 0;
  std::uint64_t received = 0;     // probes that were answered, late ones among them
  std::uint64_t lost = 0;         // sent less received, refused ones among them
  double lost_percent = 0;        // of sent
  std::uint64_t duplicate = 0;    // further replies to a probe that had one
  std::uint64_t reordered = 0;    // first replies that a later probe's had overtaken (RFC 4737, 3)
  std::uint64_t late = 0;         // answered, by a reply or an ICMP error, after the wait for it was over
  std::uint64_t refused = 0;      // answered by an ICMP error and nothing else
  std::optional<RttSummary> rtt;  // empty when nothing was received
};

// Round trips in ns and how often each occurs, in ascending order.
using RttSamples = std::vector<std::pair<std::int64_t, std::uint64_t>>;

// The smallest RTT that at least this share, in thousandths, of all `count` does not exceed; of at least one.
std::int64_t nearest_rank(const RttSamples& samples, std::uint64_t count, unsigned thousandths);

// RFC 3550, A.8, with the difference of round-trip times for that of transit times.
struct RttJitter {
  double value = 0;
  std::int64_t last = -1;  // -1: none yet
  void add(std::int64_t rtt);
};

// The distribution of RTT in bins of which each is wider than the one before by the same factor, at most 20 of them
// and none empty at either end; each from `from` up to, but not including, `to`, in ns. Empty of no samples.
struct HistogramBin {
  std::int64_t from = 0, to = 0;
  std::uint64_t count = 0;
};
using Histogram = std::vector<HistogramBin>;
Histogram histogram_of(const RttSamples& samples);

// Lines of text, each ending in a newline and at most `width` columns wide (at least 40): a range, its count, a bar.
std::string histogram_text(const Histogram& bins, std::size_t width);

}  // namespace commands
