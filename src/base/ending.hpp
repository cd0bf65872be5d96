// SPDX-License-Identifier: MIT
// That the process is to end, told by signal handlers to whatever may block.
#pragma once

#include <atomic>

namespace base {

// Tenths of a second since a signal or the deadline asked for the end; 0: nobody did. Each tick interrupts a system
// call that blocks.
inline std::atomic<int> end_ticks = 0;
static_assert(std::atomic<int>::is_always_lock_free);  // a handler may change it

// How long a write goes on beyond the end: as long as the other side reads, within limits.
class Patience {
 public:
  void progress() { last_ = end_ticks; }
  bool is_over() const {
    constexpr int max_idle = 3, max_in_all = 30;  // ticks
    const int now = end_ticks;
    return now != 0 && (now - last_ >= max_idle || now >= max_in_all);
  }

 private:
  int last_ = end_ticks;
};

}  // namespace base
