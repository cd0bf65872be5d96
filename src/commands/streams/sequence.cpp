// SPDX-License-Identifier: MIT
#include "commands/streams/sequence.hpp"

#include <algorithm>
#include <numeric>

namespace commands {

void LossRuns::add(std::uint64_t length) {
  if (length == 0) return;
  constexpr std::array<std::uint64_t, 4> up_to{1, 2, 5, 10};
  const auto place = std::lower_bound(up_to.begin(), up_to.end(), length) - up_to.begin();
  ++counts[static_cast<std::size_t>(place)];
}

std::uint64_t LossRuns::total() const { return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0}); }

// RFC 3550, A.1, takes gaps below 3,000 of 16 bits for the network's; wider numbers hardly jump so near by chance.
SequenceTracker::SequenceTracker(unsigned bits)
    : mask_(bits >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1),
      max_dropout_(bits <= 8    ? mask_ - mask_ / 8
                   : bits <= 16 ? 3'000
                                : std::min<std::uint64_t>(mask_ / 2, 1 << 24)),
      max_misorder_(std::min<std::uint64_t>(mask_ / 8, window - 24)) {}

void SequenceTracker::start(std::uint64_t number) {
  settle_window();
  started_ = true;
  // Some way up, so that a number from just before the first has a place as well.
  first_ = highest_ = window;
  highest_number_ = number;
  heard_.reset();
  heard_.set(highest_ % window);
  far_.reset();
}

void SequenceTracker::finish() {
  settle_window();
  started_ = false;
  far_.reset();
}

std::int64_t SequenceTracker::distance(std::uint64_t number) const {
  const std::uint64_t ahead = modulo(number - highest_number_);
  const std::uint64_t behind = modulo(highest_number_ - number);
  if (ahead <= max_dropout_ || ahead < behind) return static_cast<std::int64_t>(ahead);
  return -static_cast<std::int64_t>(behind);
}

SequenceTracker::Step SequenceTracker::add(std::uint64_t number, Sense sense, std::uint64_t cycles) {
  number = modulo(number);
  if (!started_) {
    start(number);
    return Step::on;
  }
  const std::int64_t steps = distance(number);
  if (sense == Sense::jumps) return add_far(number, steps < 0);
  if (steps > 0 || (sense == Sense::goes_on && steps < 0)) {
    const std::uint64_t ahead = modulo(number - highest_number_);
    if (sense == Sense::unknown && ahead >= max_dropout_) return add_far(number, false);
    advance(ahead + (sense == Sense::goes_on ? cycles * (mask_ + 1) : 0));
    return Step::on;
  }
  const auto behind = static_cast<std::uint64_t>(-steps);
  return behind <= max_misorder_ ? add_late(behind) : add_far(number, true);
}

void SequenceTracker::advance(std::uint64_t steps) {
  const std::uint64_t to = highest_ + steps;
  const std::uint64_t passed = std::min<std::uint64_t>(steps, window);
  for (std::uint64_t at = highest_ + 1; at <= highest_ + passed; ++at) {
    if (at >= first_ + window) settle(heard_[at % window]);  // what stood in that place
    heard_.reset(at % window);
  }
  if (steps > passed) {
    run_ += steps - passed;  // these have come and gone
    settled_lost_ += steps - passed;
  }
  highest_ = to;
  highest_number_ = modulo(highest_number_ + steps);
  heard_.set(to % window);
  far_.reset();
}

SequenceTracker::Step SequenceTracker::add_late(std::uint64_t behind) {
  far_.reset();
  const std::size_t place = (highest_ - behind) % window;
  if (heard_[place]) {
    ++duplicate_;
    return Step::duplicate;
  }
  heard_.set(place);  // one from before the first that was heard was never counted as missing
  ++reordered_;
  return Step::late;
}

// A jump is a restart when the next number goes on from it (RFC 3550, A.1). Unlike there a number of the old run in
// between calls that off, so that a late copy of the stream by another path is no series of restarts.
SequenceTracker::Step SequenceTracker::add_far(std::uint64_t number, bool behind) {
  if (far_ && number == modulo(*far_ + 1)) {
    if (far_was_behind_) --reordered_;  // it was the new beginning
    start(*far_);
    advance(1);
    ++restarts_;
    return Step::restart;
  }
  far_ = number;
  far_was_behind_ = behind;
  if (behind) ++reordered_;
  return Step::far;
}

void SequenceTracker::settle(bool heard) {
  if (!heard) {
    ++run_;
    ++settled_lost_;
    return;
  }
  runs_.add(run_);
  run_ = 0;
}

void SequenceTracker::settle_window() {
  if (!started_) return;
  for (std::uint64_t at = oldest(); at <= highest_; ++at) settle(heard_[at % window]);
  runs_.add(run_);
  run_ = 0;
}

std::uint64_t SequenceTracker::missing_in_window() const {
  if (!started_) return 0;
  std::uint64_t missing = 0;
  for (std::uint64_t at = oldest(); at <= highest_; ++at) missing += heard_[at % window] ? 0 : 1;
  return missing;
}

LossRuns SequenceTracker::runs() const {
  SequenceTracker copy = *this;
  copy.settle_window();
  return copy.runs_;
}

}  // namespace commands
