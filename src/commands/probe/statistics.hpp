// The statistics of `probe -c N`: what was sent, what came back, and the round-trip times.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace commands {

// What a reply was to the statistics. `unknown`: to a probe that was never sent, or so long ago that it is forgotten;
// such a reply counts nowhere.
enum class ReplyKind { first, duplicate, unknown };

struct RttSummary {
  double min_ms, avg_ms, max_ms, stddev_ms;  // stddev of the population, as ping(8) has it
  double p50_ms, p90_ms, p99_ms, p999_ms;    // nearest rank
  double jitter_ms;                          // RFC 3550, 6.4.1 and A.8, over the RTTs in sequence order
};

struct ProbeSummary {
  std::uint64_t sent = 0;
  std::uint64_t received = 0;     // probes that were answered, late ones among them
  std::uint64_t lost = 0;         // sent less received, refused ones among them
  double lost_percent = 0;        // of sent
  std::uint64_t duplicate = 0;    // further replies to a probe that had one
  std::uint64_t reordered = 0;    // first replies that a later probe's had overtaken (RFC 4737, 3)
  std::uint64_t late = 0;         // answered after the wait for it was over
  std::uint64_t refused = 0;      // answered by an ICMP error and nothing else
  std::optional<RttSummary> rtt;  // empty when nothing was received
};

// Keeps each of the last 100,000 probes, so that up to there everything is exact. The RTTs of older ones live on in
// buckets of a log-linear histogram that are at most 1/128 of their value wide, which puts a percentile off by less
// than 0.4 %; counts, mean, deviation and jitter stay exact, but for replies that come 100,000 probes late. Memory
// is bounded: less than 1 MiB.
class ProbeStatistics {
 public:
  static constexpr std::size_t exact_probes = 100'000;

  // Another probe left. Probes are numbered from 0 in the order of these calls.
  void sent();

  // A reply to probe `sequence`; `late`: the wait for it was over.
  ReplyKind reply(std::uint64_t sequence, std::chrono::nanoseconds rtt, bool late = false);

  // An ICMP error for probe `sequence`. A reply that comes all the same takes its place.
  void refused(std::uint64_t sequence);

  ProbeSummary summary() const;

  // The distribution of RTT as lines of text, each ending in a newline and at most `width` columns wide (at least
  // 40): a range, its count, a bar. Ranges are equally wide up to the 99th percentile; a last one takes the rest.
  // "" when nothing was received.
  std::string histogram(std::size_t width) const;

 private:
  using UseSample = std::function<void(std::int64_t rtt, std::uint64_t count)>;
  struct Jitter {
    double value = 0;
    std::int64_t last = -1;  // -1: none yet
    void add(std::int64_t rtt);
  };

  bool is_kept(std::uint64_t sequence) const { return sequence < sent_ && sent_ - sequence <= recent_.size(); }
  std::int64_t& slot(std::uint64_t sequence) { return recent_[sequence % exact_probes]; }
  void forget(std::int64_t slot);
  void for_each_sample(const UseSample& use) const;
  std::vector<std::pair<std::int64_t, std::uint64_t>> sorted_samples() const;
  RttSummary rtt_summary() const;

  std::vector<std::int64_t> recent_;  // by sequence modulo exact_probes: an RTT in ns, or what there is instead
  std::vector<std::uint64_t> older_;  // counts by bucket; empty until something is forgotten
  Jitter older_jitter_;               // over the forgotten ones
  std::uint64_t sent_ = 0, received_ = 0, duplicate_ = 0, reordered_ = 0, late_ = 0, refused_ = 0;
  std::uint64_t highest_ = 0;  // sequence that a reply came for
  std::int64_t min_ = 0, max_ = 0;
  double mean_ = 0, squares_ = 0;  // Welford's: of the RTTs in ns, and the sum of squared differences from the mean
};

}  // namespace commands
