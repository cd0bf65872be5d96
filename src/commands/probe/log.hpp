// The probes of a run: when each left, whether it is still waited for, and which of them an answer belongs to.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "net/datagram.hpp"
#include "commands/probe/requests.hpp"

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

class ProbeLog {
 public:
  // As many are kept; an answer to an older one is not recognised.
  static constexpr std::size_t most_kept = 100'000;
  // How far from the last match an answer is looked for: what a stranger's datagram may cost.
  static constexpr std::size_t most_steps = 20'000;

  explicit ProbeLog(Requests requests) : requests_(std::move(requests)) {}

  const Requests& requests() const { return requests_; }
  std::uint64_t count() const { return count_; }  // sent so far; the next has this number

  void sent(const Instant& when);
  // True when another probe would cost one that is still waited for.
  bool is_full() const { return count_ - oldest_waiting_ >= most_kept; }
  bool is_kept(std::uint64_t sequence) const { return sequence < count_ && count_ - sequence <= kept_.size(); }
  const Instant& departure(std::uint64_t sequence) const { return kept_[sequence % most_kept].sent; }  // of a kept one
  bool is_waiting(std::uint64_t sequence) const { return is_kept(sequence) && kept_[sequence % most_kept].waiting; }
  bool is_idle() const { return oldest_waiting_ == count_; }  // none is waited for
  // The probe is answered, or its wait is over.
  void settle(std::uint64_t sequence);

  // The probe that a reply which came at `seen` answers: by its id, or by the request that it holds. One that carries
  // neither, where the protocol has no id, goes to the waiting probe whose time is nearest to the usual
  // round trip, the oldest at first; where none waits, to the one after the last match. Nothing: it answers none.
  std::optional<std::uint64_t> answered_by(std::string_view reply, const Instant& seen);

  // The probe that an ICMP error is about: whose request begins as `quoted` does; an error that quotes so
  // little that it could be several goes to one of those that wait, as above.
  std::optional<std::uint64_t> quoted_by(std::string_view quoted, const Instant& seen);

  // To be told for each answer, as it guides the search for the next.
  void learn(std::uint64_t sequence, std::chrono::nanoseconds rtt);

 private:
  struct Entry {
    Instant sent;
    bool waiting = true;
  };
  template <class Fits>
  std::optional<std::uint64_t> nearest(Fits fits) const;
  std::optional<std::uint64_t> best_waiting(const Instant& seen) const;

  Requests requests_;
  std::vector<Entry> kept_;  // by sequence modulo most_kept
  std::uint64_t count_ = 0;
  std::uint64_t oldest_waiting_ = 0;
  std::uint64_t last_match_ = 0;
  std::optional<std::chrono::nanoseconds> rtt_;  // smoothed
  unsigned strange_ = 0;                         // replies without an echo so far
  bool echoes_ = false;                          // one had it
};

}  // namespace commands
