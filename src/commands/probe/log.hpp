// SPDX-License-Identifier: MIT
// The probes of a run, one ring of them: when each left, whether it is still waited for, and its round trip.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "commands/probe/delay_buckets.hpp"
#include "commands/probe/statistics.hpp"
#include "net/datagram.hpp"

namespace commands {

// One moment on both clocks: the wall clock is what the kernel's receive times are on, the steady one cannot be set.
struct Instant {
  net::SystemTime wall{};
  std::chrono::steady_clock::time_point steady{};
  static Instant now();
};

// The time from `sent` to `arrived`, the kernel's receive time if there is one; `seen` is when the program saw the
// answer. When the wall clock was set in between, the steady clock decides; never less than 0.
std::chrono::nanoseconds round_trip(const Instant& sent, const std::optional<net::SystemTime>& arrived,
                                    const Instant& seen);

// Probes are numbered from 0 in the order in which they left. Each of the last `max_kept` is kept, so that up to
// there everything is exact. The RTTs of older ones live on in buckets of a log-linear histogram that are at most
// 1/128 of their value wide, which puts a percentile off by less than 0.4 %; counts, mean, deviation and jitter stay
// exact, but for replies that come so many probes late. 24 bytes a probe.
class ProbeLog {
 public:
  static constexpr std::size_t max_exact = 100'000;
  explicit ProbeLog(std::size_t max_kept = max_exact) : max_kept_(max_kept) {}

  std::size_t max_kept() const { return max_kept_; }
  std::uint64_t count() const { return count_; }  // sent so far; the next has this number
  std::uint64_t first_kept() const { return count_ - kept_.size(); }
  void sent(const Instant& when);

  bool is_kept(std::uint64_t sequence) const { return sequence < count_ && sequence >= first_kept(); }
  const Instant& departure(std::uint64_t sequence) const { return at(sequence).sent; }  // of a kept one

  // True when another probe would cost one that is still waited for.
  bool is_full() const { return count_ - oldest_waiting_ >= max_kept_; }
  bool is_idle() const { return oldest_waiting_ == count_; }  // none is waited for
  bool is_waiting(std::uint64_t sequence) const { return is_kept(sequence) && at(sequence).waiting; }
  std::uint64_t oldest_waiting() const { return oldest_waiting_; }  // count(): none
  // How many from that one on are, and nothing came yet: a probe of many is waited for after its first reply, too.
  std::uint64_t unanswered(std::uint64_t first = 0) const;
  // Its wait is over.
  void settle(std::uint64_t sequence);

  // A reply to the probe; `late`: its wait was over.
  ReplyKind reply(std::uint64_t sequence, std::chrono::nanoseconds rtt, bool late = false);
  // The probe was refused; `late`: its wait was over. A reply that comes all the same takes its place. False: something
  // came for it before.
  bool refused(std::uint64_t sequence, bool late = false);

  // An error that is not believed yet is taken for this one's, so that the next of its kind is another's.
  void doubt(std::uint64_t sequence) { at(sequence).doubted = true; }
  bool is_undoubted(std::uint64_t sequence) const { return is_waiting(sequence) && !at(sequence).doubted; }
  // The oldest that is waited for and has no such error; count(): none is near.
  std::uint64_t oldest_undoubted() const;

  // `unanswered`: so many of the probes do not count yet.
  ProbeSummary summary(Percentiles percentiles = Percentiles::told, std::uint64_t unanswered = 0) const;
  // The round trips in whole nanoseconds with how often each occurs, in ascending order.
  RttSamples rtts() const;
  // All of them, by how long they took.
  const DelayBuckets& delays() const { return delays_; }

 private:
  struct Probe {
    Instant sent;
    std::int64_t rtt : 48 = no_reply;  // in ns, or what there is instead
    bool waiting : 1 = true;
    bool doubted : 1 = false;
  };
  static constexpr std::int64_t no_reply = -1;
  static constexpr std::int64_t refusal = -2;

  const Probe& at(std::uint64_t sequence) const { return kept_[sequence % max_kept_]; }
  Probe& at(std::uint64_t sequence) { return kept_[sequence % max_kept_]; }
  void forget(std::int64_t rtt);
  double jitter() const;

  std::size_t max_kept_;
  std::vector<Probe> kept_;           // by sequence modulo max_kept_
  std::vector<std::uint64_t> older_;  // counts by bucket; empty until something is forgotten
  RttJitter older_jitter_;            // over the forgotten ones
  DelayBuckets delays_;
  std::uint64_t count_ = 0;
  std::uint64_t oldest_waiting_ = 0;
  std::uint64_t received_ = 0, duplicate_ = 0, reordered_ = 0, late_ = 0, refused_ = 0;
  std::uint64_t highest_ = 0;  // sequence that a reply came for
  std::int64_t min_ = 0, max_ = 0;
  double mean_ = 0, squares_ = 0;  // Welford's: of the RTTs in ns, and the sum of squared differences from the mean
};

}  // namespace commands
