// SPDX-License-Identifier: MIT
#include "commands/probe/delay_buckets.hpp"

#include <algorithm>
#include <bit>

namespace commands {
namespace {

constexpr std::uint64_t first_bound = 50'000;  // ns

constexpr std::array<double, DelayBuckets::bounded> bounds_in_seconds() {
  std::array<double, DelayBuckets::bounded> bounds{};
  double bound = 50e-6;  // doubling is exact: the bounds are written as 5e-05, 0.0001, 0.0002, ...
  for (double& each : bounds) {
    each = bound;
    bound *= 2;
  }
  return bounds;
}

}  // namespace

std::span<const double> DelayBuckets::bounds() {
  static constexpr std::array all = bounds_in_seconds();
  return all;
}

std::size_t DelayBuckets::place_of(base::Nanoseconds delay) {
  if (delay.count() <= 0) return 0;
  const std::uint64_t whole_bounds_below = (static_cast<std::uint64_t>(delay.count()) - 1) / first_bound;
  return std::min<std::size_t>(static_cast<std::size_t>(std::bit_width(whole_bounds_below)), bounded);
}

void DelayBuckets::add(base::Nanoseconds delay) {
  ++counts_[place_of(delay)];
  seconds_ += static_cast<double>(std::max<std::int64_t>(delay.count(), 0)) / 1e9;
}

void DelayBuckets::add(const DelayBuckets& other) {
  for (std::size_t i = 0; i < buckets; ++i) counts_[i] += other.counts_[i];
  seconds_ += other.seconds_;
}

}  // namespace commands
