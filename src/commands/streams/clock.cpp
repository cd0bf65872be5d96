// SPDX-License-Identifier: MIT
#include "commands/streams/clock.hpp"

#include <algorithm>
#include <cmath>

namespace commands {

void Jitter::add(std::uint32_t timestamp, std::uint32_t clock_rate, net::SystemTime arrival) {
  if (clock_rate_ == clock_rate) {
    const double took = std::chrono::duration<double>(arrival - arrival_).count();
    double difference = took * clock_rate - static_cast<std::int32_t>(timestamp - timestamp_);
    // Only differences modulo 2^32 count, as they do for the timestamps themselves.
    constexpr double cycle = 4'294'967'296;
    if (std::fabs(difference) > cycle / 2) difference = std::remainder(difference, cycle);
    jitter_ms_ += (std::fabs(difference) * 1e3 / clock_rate - jitter_ms_) / 16;
  }
  clock_rate_ = clock_rate;
  timestamp_ = timestamp;
  arrival_ = arrival;
}

void ClockMeter::add(std::uint32_t timestamp, net::SystemTime arrival) {
  if (rate_) {
    jitter_.add(timestamp, *rate_, arrival);
    return;
  }
  if (!first_) {
    first_ = {timestamp, arrival};
    units_ = 0;
    n_ = t_ = u_ = tt_ = tu_ = span_ = 0;
    last_timestamp_ = timestamp;
    candidates_ = std::make_unique<std::array<Jitter, usual_rates.size()>>();
  }
  units_ += static_cast<std::int32_t>(timestamp - last_timestamp_);
  last_timestamp_ = timestamp;
  const double t = std::chrono::duration<double>(arrival - first_->arrival).count();
  const auto u = static_cast<double>(units_);
  n_ += 1;
  t_ += t;
  u_ += u;
  tt_ += t * t;
  tu_ += t * u;
  span_ = std::max(span_, t);
  for (std::size_t i = 0; i < usual_rates.size(); ++i) (*candidates_)[i].add(timestamp, usual_rates[i], arrival);
  decide();
}

std::optional<double> ClockMeter::slope() const {
  if (rate_) return *rate_;
  constexpr double min_packets = 8;
  const double spread = n_ * tt_ - t_ * t_;
  if (n_ < min_packets || spread <= 0) return std::nullopt;
  return (n_ * tu_ - t_ * u_) / spread;
}

// Delays of some milliseconds, over 20 packets and 0.4 s, bend the line by less than the usual rates differ (7 %).
void ClockMeter::decide() {
  constexpr double min_span = 0.4;
  constexpr double min_packets = 20;
  constexpr double tolerance = 0.005;
  if (span_ < min_span || n_ < min_packets) return;
  const double found = slope().value_or(0);
  for (std::size_t i = 0; i < usual_rates.size(); ++i) {
    if (std::fabs(found - usual_rates[i]) > tolerance * usual_rates[i]) continue;
    rate_ = usual_rates[i];
    jitter_ = (*candidates_)[i];
    candidates_.reset();
    return;
  }
}

}  // namespace commands
