// SPDX-License-Identifier: MIT
// How many delays were how long: a histogram whose size does not grow with what it counts. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/units.hpp"

namespace commands {

class DelayBuckets {
 public:
  static constexpr std::size_t bounded = 20;
  static constexpr std::size_t buckets = bounded + 1;  // the last is of what lies above all bounds

  // The upper bounds, in seconds: 50 us, and each twice the one before.
  static std::span<const double> bounds();
  // The first bucket whose bound is not less than the delay.
  static std::size_t place_of(base::Nanoseconds delay);

  // A negative delay, which is by how much two clocks differ, counts as 0, so that the sum never falls.
  void add(base::Nanoseconds delay);
  void add(const DelayBuckets& other);

  std::span<const std::uint64_t> counts() const { return counts_; }  // of each bucket alone
  double seconds() const { return seconds_; }                        // of all delays together
  bool any() const { return seconds_ > 0 || counts_[0] > 0; }

 private:
  std::array<std::uint64_t, buckets> counts_{};
  double seconds_ = 0;
};

}  // namespace commands
