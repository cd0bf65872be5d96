// SPDX-License-Identifier: MIT
// Numbers that a sender counts its datagrams by: what is lost, duplicate, reordered, in bounded memory. Pure.
#pragma once

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace commands {

// Runs of lost numbers by their length.
struct LossRuns {
  static constexpr std::array<const char*, 5> names{"1", "2", "3-5", "6-10", "11+"};
  std::array<std::uint64_t, 5> counts{};

  void add(std::uint64_t length);
  std::uint64_t total() const;
};

// Numbers of `bits` bits (1 to 64), extended so that a wrap is no loss (RFC 3550, A.1, without the probation: the first
// one counts). What is lost across a restart cannot be known and is not counted.
class SequenceTracker {
 public:
  explicit SequenceTracker(unsigned bits = 16);

  // How a number follows on those before. `far` is off by more than networks do: perhaps a restart, which the number
  // after it tells.
  enum class Step : std::uint8_t { on, late, duplicate, far, restart };
  // What the sender's own clock says of the way to a number.
  enum class Sense : std::uint8_t { unknown, goes_on, jumps };

  // The steps from the highest number so far, the short way round; below 0: behind it.
  std::int64_t distance(std::uint64_t number) const;
  // `cycles` are whole rounds of the numbers that were lost besides, for Sense::goes_on.
  Step add(std::uint64_t number, Sense sense = Sense::unknown, std::uint64_t cycles = 0);
  // The next number begins anew, and that is no restart.
  void finish();

  bool started() const { return started_; }
  std::uint64_t lost() const { return settled_lost_ + missing_in_window(); }  // so far
  std::uint64_t duplicate() const { return duplicate_; }
  std::uint64_t reordered() const { return reordered_; }  // overtaken by a later number; never a duplicate
  std::uint64_t restarts() const { return restarts_; }
  LossRuns runs() const;

 private:
  static constexpr std::size_t window = 1'024;  // numbers remembered: what comes later than that is no late arrival

  std::uint64_t modulo(std::uint64_t number) const { return number & mask_; }
  std::uint64_t oldest() const { return highest_ < first_ + window ? first_ : highest_ - window + 1; }
  void start(std::uint64_t number);
  void advance(std::uint64_t steps);
  Step add_late(std::uint64_t behind);
  Step add_far(std::uint64_t number, bool behind);
  void settle(bool heard);
  void settle_window();
  std::uint64_t missing_in_window() const;

  std::uint64_t mask_;
  std::uint64_t max_dropout_;   // gaps up to here are the network's although nothing shows it
  std::uint64_t max_misorder_;  // lateness likewise
  bool started_ = false;
  std::uint64_t first_ = 0;  // places: numbers that never wrap
  std::uint64_t highest_ = 0;
  std::uint64_t highest_number_ = 0;
  std::bitset<window> heard_;         // of the last `window` numbers up to highest_
  std::optional<std::uint64_t> far_;  // the number before was far off, and this
  bool far_was_behind_ = false;
  std::uint64_t settled_lost_ = 0;  // of what the window has passed, and before the last restart
  std::uint64_t run_ = 0;           // lost in a row, at the window's old end
  LossRuns runs_;
  std::uint64_t duplicate_ = 0;
  std::uint64_t reordered_ = 0;
  std::uint64_t restarts_ = 0;
};

}  // namespace commands
