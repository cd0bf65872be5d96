// SPDX-License-Identifier: MIT
// Signals as flags and a descriptor that becomes readable.
#pragma once

#include <csignal>

#include "base/units.hpp"

namespace run {

// Makes SIGINT, SIGTERM and SIGHUP set a flag, the second of them end the process as by default (but those that the
// parent ignored), SIGUSR1 set another, SIGPIPE and SIGXFSZ do nothing; a mask that blocked them is lifted.
// System calls that block are interrupted. To be called once in a process. Returns a descriptor that is readable from
// the first signal on.
int catch_signals();

// Sets an alarm whose signal sets a flag, makes the descriptor readable and interrupts system calls, again and again
// until the process ends (setitimer(2)).
void set_alarm(base::Nanoseconds after);

// From now on what blocks in this thread, too, is interrupted at each tick of the end: the system wakes one thread by a
// signal. At most max_threads of them, which stay until the process ends or call leave_alarm().
constexpr int max_threads = 64;
void share_alarm();
void leave_alarm();

// While it lives, threads that are started take no signal but the alarm's: handlers run in the first one.
class MaskedForThreads {
 public:
  MaskedForThreads();
  ~MaskedForThreads();
  MaskedForThreads(const MaskedForThreads&) = delete;
  MaskedForThreads& operator=(const MaskedForThreads&) = delete;

 private:
  sigset_t before_;
};

bool stop_signalled();  // SIGINT, SIGTERM, SIGHUP
bool alarm_signalled();
bool take_usr1();   // true once after SIGUSR1
void clear_wake();  // the descriptor is readable again at the next signal

}  // namespace run
