// SPDX-License-Identifier: MIT
// When the next datagram is due, on an absolute schedule: pure arithmetic, the clock is passed in.
#pragma once

#include <algorithm>
#include <chrono>

namespace traffic {

// The schedule is start + units/rate, so that a late datagram does not delay those after it. After a stall what is
// due is sent in a burst, until the schedule is met again.
class Pacer {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // `rate` units a second; a unit is whatever spend() counts: datagrams, or bits.
  Pacer(double rate, Time start) : seconds_per_unit_(1.0 / rate), start_(start) {}

  // When the next datagram is due; the first at `start`.
  Time next() const {
    constexpr double max_wait = 1e9;  // seconds, which the clock can still hold: thirty years
    const std::chrono::duration<double> since(std::min(spent_ * seconds_per_unit_, max_wait));
    return start_ + std::chrono::duration_cast<Time::duration>(since);
  }
  bool is_due(Time now) const { return next() <= now; }

  // Counts a datagram that was sent, or put in a batch to be sent.
  void spend(double units) { spent_ += units; }

  // Moves a schedule that is late so that the next datagram is due at `now`: for time in which there was nothing to
  // send, which must not be caught up with.
  void forgive(Time now) {
    if (is_due(now)) start_ += now - next();
  }

 private:
  double seconds_per_unit_;
  double spent_ = 0;
  Time start_;
};

}  // namespace traffic
