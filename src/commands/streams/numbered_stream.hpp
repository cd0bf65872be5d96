// SPDX-License-Identifier: MIT
// What all streams have whose datagrams carry a number. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "commands/streams/gaps.hpp"
#include "commands/streams/sequence.hpp"
#include "net/datagram.hpp"

namespace commands {

class NumberedStream {
 public:
  std::uint64_t received() const { return received_; }  // duplicates among them
  const SequenceTracker& sequence() const { return sequence_; }
  const LongestGap& longest_gap() const { return gap_; }
  std::optional<IntervalLoss> interval_loss() const { return interval_.so_far(heard(), sequence_.lost()); }
  void begin_interval() { interval_.begin(heard(), sequence_.lost()); }

 protected:
  using Step = SequenceTracker::Step;
  using Sense = SequenceTracker::Sense;

  // `bits` of the numbers.
  explicit NumberedStream(unsigned bits) : sequence_(bits) {}

  // One came with that number; `sense` and `cycles` as SequenceTracker::add() has them.
  Step take(std::uint64_t number, net::SystemTime arrival, Sense sense = Sense::unknown, std::uint64_t cycles = 0) {
    ++received_;
    gap_.add(arrival);
    const bool skips = sequence_.started() && sequence_.distance(number) != 1;
    const Step step = sequence_.add(number, sense, cycles);
    if (step == Step::on || step == Step::restart) interval_.add(arrival, skips && step == Step::on);
    return step;
  }
  // The next number begins anew, and that is no restart.
  void finish() { sequence_.finish(); }

 private:
  std::uint64_t heard() const { return received_ - sequence_.duplicate(); }

  std::uint64_t received_ = 0;
  SequenceTracker sequence_;
  LongestGap gap_;
  LossInterval interval_;
};

}  // namespace commands
