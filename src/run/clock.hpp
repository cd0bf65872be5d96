// SPDX-License-Identifier: MIT
// How good this host's clock is, as the kernel knows it.
#pragma once

#include "base/units.hpp"

namespace run {

struct ClockState {
  bool synchronised = false;                               // to something outside, as NTP or PTP do
  base::Nanoseconds max_error = std::chrono::seconds(16);  // the kernel's own word for "unknown"
};

// adjtimex(2), which takes no privilege to read. A kernel that refuses it says nothing: not synchronised.
ClockState clock_state();

}  // namespace run
