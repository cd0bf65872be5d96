#include "commands/probe/statistics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>

namespace commands {
namespace {

// What a slot holds while there is no RTT.
constexpr std::int64_t waiting = -1;
constexpr std::int64_t refusal = -2;

// No round trip takes longer than a day, nor less than nothing: only a clock that was set in between says so.
constexpr std::int64_t longest_rtt = std::chrono::nanoseconds(std::chrono::hours(24)).count();

constexpr unsigned sub_bits = 7;
constexpr std::uint64_t sub_buckets = 1u << sub_bits;

// Values below 128 have a bucket each; every power of two above is cut into 128.
std::size_t bucket_of(std::int64_t rtt) {
  const auto value = static_cast<std::uint64_t>(rtt);
  if (value < sub_buckets) return value;
  const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - sub_bits - 1;
  return (shift + 1) * sub_buckets + (value >> shift) - sub_buckets;
}

// The middle of a bucket.
std::int64_t value_of(std::size_t bucket) {
  if (bucket < sub_buckets) return static_cast<std::int64_t>(bucket);
  const std::size_t shift = bucket / sub_buckets - 1;
  const std::uint64_t low = (bucket % sub_buckets + sub_buckets) << shift;
  return static_cast<std::int64_t>(low + ((1ull << shift) - 1) / 2);
}

double milliseconds(double nanoseconds) { return nanoseconds / 1e6; }

// The smallest of 1, 2, 5, 10, 20, ... that is at least `least`.
std::int64_t round_step(std::int64_t least) {
  for (std::int64_t power = 1;; power *= 10) {
    for (const int factor : {1, 2, 5}) {
      if (power * factor >= least) return power * factor;
    }
  }
}

}  // namespace

// RFC 3550, A.8, with the difference of round-trip times for that of transit times.
void ProbeStatistics::Jitter::add(std::int64_t rtt) {
  if (last >= 0) value += (std::abs(static_cast<double>(rtt - last)) - value) / 16;
  last = rtt;
}

void ProbeStatistics::sent() {
  if (recent_.size() < exact_probes) {
    recent_.push_back(waiting);
  } else {
    forget(slot(sent_));
    slot(sent_) = waiting;
  }
  ++sent_;
}

void ProbeStatistics::forget(std::int64_t slot) {
  if (slot < 0) return;
  if (older_.empty()) older_.resize((64 - sub_bits) * sub_buckets);
  ++older_[bucket_of(slot)];
  older_jitter_.add(slot);
}

ReplyKind ProbeStatistics::reply(std::uint64_t sequence, std::chrono::nanoseconds rtt, bool late) {
  if (!is_kept(sequence)) return ReplyKind::unknown;
  std::int64_t& kept = slot(sequence);
  if (kept >= 0) {
    ++duplicate_;
    return ReplyKind::duplicate;
  }
  if (kept == refusal) --refused_;
  kept = std::clamp<std::int64_t>(rtt.count(), 0, longest_rtt);
  if (received_ > 0 && sequence < highest_) ++reordered_;
  highest_ = std::max(highest_, sequence);
  min_ = received_ == 0 ? kept : std::min(min_, kept);
  max_ = std::max(max_, kept);
  ++received_;
  if (late) ++late_;
  const double difference = static_cast<double>(kept) - mean_;
  mean_ += difference / static_cast<double>(received_);
  squares_ += difference * (static_cast<double>(kept) - mean_);
  return ReplyKind::first;
}

void ProbeStatistics::refused(std::uint64_t sequence) {
  if (!is_kept(sequence) || slot(sequence) != waiting) return;
  slot(sequence) = refusal;
  ++refused_;
}

void ProbeStatistics::for_each_sample(const UseSample& use) const {
  for (std::size_t bucket = 0; bucket < older_.size(); ++bucket) {
    if (older_[bucket] > 0) use(std::clamp(value_of(bucket), min_, max_), older_[bucket]);
  }
  for (const std::int64_t rtt : recent_) {
    if (rtt >= 0) use(rtt, 1);
  }
}

std::vector<std::pair<std::int64_t, std::uint64_t>> ProbeStatistics::sorted_samples() const {
  std::vector<std::pair<std::int64_t, std::uint64_t>> samples;
  for_each_sample([&](std::int64_t rtt, std::uint64_t count) { samples.emplace_back(rtt, count); });
  std::sort(samples.begin(), samples.end());
  return samples;
}

RttSummary ProbeStatistics::rtt_summary() const {
  const auto samples = sorted_samples();
  // Nearest rank: the smallest value that at least this share, in thousandths, of all does not exceed.
  const auto percentile = [&](std::uint64_t thousandths) {
    const std::uint64_t rank = (received_ * thousandths + 999) / 1'000;
    std::uint64_t seen = 0;
    for (const auto& [rtt, count] : samples) {
      seen += count;
      if (seen >= rank) return milliseconds(static_cast<double>(rtt));
    }
    return milliseconds(static_cast<double>(max_));
  };
  Jitter jitter = older_jitter_;
  for (std::uint64_t sequence = sent_ - recent_.size(); sequence < sent_; ++sequence) {
    const std::int64_t rtt = recent_[sequence % exact_probes];
    if (rtt >= 0) jitter.add(rtt);
  }
  return {milliseconds(static_cast<double>(min_)),
          milliseconds(mean_),
          milliseconds(static_cast<double>(max_)),
          milliseconds(std::sqrt(squares_ / static_cast<double>(received_))),
          percentile(500),
          percentile(900),
          percentile(990),
          percentile(999),
          milliseconds(jitter.value)};
}

ProbeSummary ProbeStatistics::summary() const {
  ProbeSummary out;
  out.sent = sent_;
  out.received = received_;
  out.lost = sent_ - received_;
  if (sent_ > 0) out.lost_percent = 100.0 * static_cast<double>(out.lost) / static_cast<double>(sent_);
  out.duplicate = duplicate_;
  out.reordered = reordered_;
  out.late = late_;
  out.refused = refused_;
  if (received_ > 0) out.rtt = rtt_summary();
  return out;
}

std::string ProbeStatistics::histogram(std::size_t width) const {
  if (received_ == 0) return {};
  constexpr std::int64_t most_rows = 15;
  constexpr std::size_t least_width = 40;
  const std::int64_t high = std::llround(rtt_summary().p99_ms * 1e6);
  const std::int64_t step = round_step(std::max<std::int64_t>((high - min_) / (most_rows - 1), 1'000));
  const std::int64_t first = min_ / step;
  // One row more than the ranges: what lies above the last.
  std::vector<std::uint64_t> counts(static_cast<std::size_t>(high / step - first) + 2);
  for_each_sample([&](std::int64_t rtt, std::uint64_t count) {
    counts[std::min(static_cast<std::size_t>(rtt / step - first), counts.size() - 1)] += count;
  });
  if (counts.back() == 0) counts.pop_back();
  const std::uint64_t largest = *std::max_element(counts.begin(), counts.end());
  const auto edge = [&](std::size_t row) {
    return fmt::format("{:.3f}", milliseconds(static_cast<double>((first + static_cast<std::int64_t>(row)) * step)));
  };
  const std::size_t edge_width = edge(counts.size()).size();
  const std::size_t count_width = fmt::formatted_size("{}", largest);
  const std::size_t last_range = static_cast<std::size_t>(high / step - first);
  std::string out;
  for (std::size_t row = 0; row < counts.size(); ++row) {
    const std::string upper = row > last_range ? "" : edge(row + 1);
    const std::string line =
        fmt::format("{:>{}} - {:>{}} ms  {:>{}}  ", edge(row), edge_width, upper, edge_width, counts[row], count_width);
    const std::size_t room = std::max(width, least_width) - std::min(line.size(), least_width - 1);
    const double share = static_cast<double>(counts[row]) / static_cast<double>(largest);
    const auto bar = static_cast<std::size_t>(std::ceil(share * static_cast<double>(room)));
    out += line + std::string(bar, '#') + '\n';
  }
  return out;
}

}  // namespace commands
