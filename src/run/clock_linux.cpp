// SPDX-License-Identifier: MIT
#include <sys/timex.h>

#include "run/clock.hpp"

namespace run {

ClockState clock_state() {
  timex asked{};  // no modes: nothing is set
  if (adjtimex(&asked) < 0) return {};
  return {(asked.status & STA_UNSYNC) == 0, std::chrono::microseconds(asked.maxerror)};
}

}  // namespace run
