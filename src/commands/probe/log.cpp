// SPDX-License-Identifier: MIT
#include "commands/probe/log.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>

namespace commands {

using std::chrono::nanoseconds;

namespace {

// No round trip takes longer than a day, nor less than nothing: only a clock that was set in between says so.
constexpr std::int64_t longest_rtt = nanoseconds(std::chrono::hours(24)).count();

constexpr std::int64_t max_rtt_bits = (std::int64_t{1} << 47) - 1;  // 39 hours

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

}  // namespace

Instant Instant::now() {
  return {std::chrono::time_point_cast<nanoseconds>(std::chrono::system_clock::now()),
          std::chrono::steady_clock::now()};
}

nanoseconds round_trip(const Instant& sent, const std::optional<net::SystemTime>& arrived, const Instant& seen) {
  const nanoseconds steady = seen.steady - sent.steady;
  const nanoseconds wall = seen.wall - sent.wall;
  // Slewing moves the wall clock by at most 0.05 % (adjtimex(2)); the two are read a moment apart.
  const nanoseconds slack = std::chrono::microseconds(500) + steady / 1'000;
  const bool was_set = std::chrono::abs(wall - steady) > slack;
  const nanoseconds measured = arrived && !was_set ? *arrived - sent.wall : steady;
  return std::max(std::min(measured, steady + slack), nanoseconds(0));
}

void ProbeLog::sent(const Instant& when) {
  Probe probe;
  probe.sent = when;
  if (kept_.size() < max_kept_) {
    kept_.push_back(probe);
  } else {
    forget(at(count_).rtt);
    at(count_) = probe;
  }
  ++count_;
}

void ProbeLog::forget(std::int64_t rtt) {
  if (rtt < 0) return;
  if (older_.empty()) older_.resize((64 - sub_bits) * sub_buckets);
  ++older_[bucket_of(rtt)];
  older_jitter_.add(rtt);
}

void ProbeLog::settle(std::uint64_t sequence) {
  if (is_kept(sequence)) at(sequence).waiting = false;
  while (oldest_waiting_ < count_ && !is_waiting(oldest_waiting_)) ++oldest_waiting_;
}

std::uint64_t ProbeLog::unanswered(std::uint64_t first) const {
  std::uint64_t count = 0;
  for (std::uint64_t sequence = std::max(first, oldest_waiting_); sequence < count_; ++sequence) {
    count += is_waiting(sequence) && at(sequence).rtt < 0 ? 1 : 0;
  }
  return count;
}

ReplyKind ProbeLog::reply(std::uint64_t sequence, nanoseconds rtt, bool late) {
  if (!is_kept(sequence)) return ReplyKind::unknown;
  Probe& probe = at(sequence);
  if (probe.rtt >= 0) {
    ++duplicate_;
    return ReplyKind::duplicate;
  }
  if (probe.rtt == refusal) --refused_;
  const auto kept = std::clamp<std::int64_t>(rtt.count(), 0, longest_rtt);
  probe.rtt = kept & max_rtt_bits;
  if (received_ > 0 && sequence < highest_) ++reordered_;
  highest_ = std::max(highest_, sequence);
  min_ = received_ == 0 ? kept : std::min(min_, kept);
  max_ = std::max(max_, kept);
  ++received_;
  if (late) ++late_;
  delays_.add(nanoseconds(kept));
  const double difference = static_cast<double>(kept) - mean_;
  mean_ += difference / static_cast<double>(received_);
  squares_ += difference * (static_cast<double>(kept) - mean_);
  return ReplyKind::first;
}

bool ProbeLog::refused(std::uint64_t sequence, bool late) {
  if (!is_kept(sequence) || at(sequence).rtt != no_reply) return false;
  at(sequence).rtt = refusal;
  ++refused_;
  if (late) ++late_;
  return true;
}

std::uint64_t ProbeLog::oldest_undoubted() const {
  constexpr std::uint64_t max_steps = 20'000;
  const std::uint64_t end = std::min(count_, oldest_waiting_ + max_steps);
  for (std::uint64_t sequence = oldest_waiting_; sequence < end; ++sequence) {
    if (is_undoubted(sequence)) return sequence;
  }
  return count_;
}

RttSamples ProbeLog::rtts() const {
  RttSamples samples;
  for (std::size_t bucket = 0; bucket < older_.size(); ++bucket) {
    if (older_[bucket] > 0) samples.emplace_back(std::clamp(value_of(bucket), min_, max_), older_[bucket]);
  }
  for (const Probe& probe : kept_) {
    if (probe.rtt >= 0) samples.emplace_back(probe.rtt, 1);
  }
  std::sort(samples.begin(), samples.end());
  return samples;
}

double ProbeLog::jitter() const {
  RttJitter jitter = older_jitter_;
  for (std::uint64_t sequence = first_kept(); sequence < count_; ++sequence) {
    if (at(sequence).rtt >= 0) jitter.add(at(sequence).rtt);
  }
  return jitter.value;
}

ProbeSummary ProbeLog::summary(Percentiles percentiles, std::uint64_t unanswered) const {
  ProbeSummary out;
  out.sent = count_ - unanswered;
  out.received = received_;
  out.lost = out.sent - received_;
  if (out.sent > 0) out.lost_percent = 100.0 * static_cast<double>(out.lost) / static_cast<double>(out.sent);
  out.duplicate = duplicate_;
  out.reordered = reordered_;
  out.late = late_;
  out.refused = refused_;
  if (received_ == 0) return out;
  const auto ms = [](double ns) { return ns / 1e6; };
  out.rtt = RttSummary{ms(static_cast<double>(min_)), ms(mean_), ms(static_cast<double>(max_)),
                       ms(std::sqrt(squares_ / static_cast<double>(received_)))};
  if (percentiles == Percentiles::left_out) return out;
  const RttSamples samples = rtts();
  const auto percentile = [&](unsigned thousandths) {
    return ms(static_cast<double>(nearest_rank(samples, received_, thousandths)));
  };
  out.rtt->p50_ms = percentile(500);
  out.rtt->p90_ms = percentile(900);
  out.rtt->p99_ms = percentile(990);
  out.rtt->p999_ms = percentile(999);
  out.rtt->jitter_ms = ms(jitter());
  return out;
}

}  // namespace commands
