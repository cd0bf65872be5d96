// SPDX-License-Identifier: MIT
#include "commands/streams/gaps.hpp"

namespace commands {

void LongestGap::add(net::SystemTime arrival) {
  if (last_ && arrival - *last_ > longest_) {
    longest_ = arrival - *last_;
    ended_ = arrival;
  }
  last_ = arrival;
}

void LossInterval::add(net::SystemTime arrival, bool skips) {
  if (skips && last_) {
    if (!from_) from_ = last_;
    to_ = arrival;
  }
  last_ = arrival;
}

std::optional<IntervalLoss> LossInterval::so_far(std::uint64_t heard, std::uint64_t lost) const {
  if (!from_ || lost <= lost_) return std::nullopt;
  const auto missing = static_cast<double>(lost - lost_);
  const double came = heard > heard_ ? static_cast<double>(heard - heard_) : 0;
  return IntervalLoss{lost - lost_, 100 * missing / (missing + came), *from_, to_};
}

void LossInterval::begin(std::uint64_t heard, std::uint64_t lost) {
  from_.reset();
  heard_ = heard;
  lost_ = lost;
}

}  // namespace commands
