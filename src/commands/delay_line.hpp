// SPDX-License-Identifier: MIT
// An impaired way and the loop: what is delayed leaves when its time has come, and the end waits for it.
#pragma once

#include <functional>
#include <vector>

#include "commands/impair.hpp"
#include "run/loop.hpp"

namespace commands {

class DelayLine {
 public:
  // `leave` sends what has come to its end; the parcels stay until it returns.
  using Leave = std::function<void(const std::vector<Parcel>&)>;

  DelayLine(run::Loop& loop, const Impairment& how, std::uint64_t seed, Leave leave)
      : loop_(loop), way_(how, seed), leave_(std::move(leave)) {}

  // What is taken is under way from release() on.
  void take(Parcel parcel) { way_.take(std::move(parcel), now()); }
  void release();
  // The end does not wait: what is under way is dropped.
  void give_up();

  const ImpairCounts& counts() const { return way_.counts(); }

 private:
  run::Clock::time_point now();
  void arm();
  void hold(bool wanted);

  run::Loop& loop_;
  ImpairedWay way_;
  Leave leave_;
  std::vector<Parcel> leaving_;
  std::optional<run::Clock::time_point> now_;    // of this batch
  std::optional<run::Clock::time_point> armed_;  // when the next timer calls
  bool holding_ = false;
};

}  // namespace commands
