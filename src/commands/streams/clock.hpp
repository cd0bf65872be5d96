// SPDX-License-Identifier: MIT
// The clock of a stream's timestamps: how fast it runs, and the jitter of arrivals against it. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "net/datagram.hpp"

namespace commands {

// Interarrival jitter (RFC 3550, 6.4.1 and A.8), kept in milliseconds so that a payload type of another clock rate does
// not spoil it. Arrivals are not rounded to units of the timestamps, which a quiet network's jitter is smaller than.
class Jitter {
 public:
  // `clock_rate` in Hz, above 0. A change of it compares nothing.
  void add(std::uint32_t timestamp, std::uint32_t clock_rate, net::SystemTime arrival);
  // After a restart: the next timestamp has nothing to do with the last one.
  void forget_last() { clock_rate_ = 0; }
  double milliseconds() const { return jitter_ms_; }

 private:
  std::uint32_t clock_rate_ = 0;  // of the last packet; 0: there is none
  std::uint32_t timestamp_ = 0;   // likewise
  net::SystemTime arrival_{};
  double jitter_ms_ = 0;
};

// Finds a clock's rate by the line that fits timestamps against arrivals best: the nearest of the usual rates within
// 0.5 %. Measures jitter against all of them meanwhile, so that none is lost when the rate shows.
class ClockMeter {
 public:
  void add(std::uint32_t timestamp, net::SystemTime arrival);
  void restart() { first_.reset(); }

  std::optional<std::uint32_t> rate() const { return rate_; }
  // Units a second as they seem now, usual or not; nothing before there is a slope.
  std::optional<double> slope() const;
  const Jitter& jitter() const { return jitter_; }  // once there is a rate

  static constexpr std::array<std::uint32_t, 12> usual_rates{8'000,  11'025, 12'000, 16'000, 22'050, 24'000,
                                                             32'000, 44'100, 48'000, 90'000, 96'000, 192'000};

 private:
  void decide();

  struct First {
    std::uint32_t timestamp;
    net::SystemTime arrival;
  };
  std::optional<First> first_;
  std::int64_t units_ = 0;  // since the first, extended
  std::uint32_t last_timestamp_ = 0;
  double n_ = 0, t_ = 0, u_ = 0, tt_ = 0, tu_ = 0;  // sums for the line; times in seconds
  double span_ = 0;
  std::unique_ptr<std::array<Jitter, usual_rates.size()>> candidates_;
  std::optional<std::uint32_t> rate_;
  Jitter jitter_;
};

}  // namespace commands
