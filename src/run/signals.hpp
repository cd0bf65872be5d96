// Signals as flags and a descriptor that becomes readable.
#pragma once

#include "base/units.hpp"

namespace run {

// Makes SIGINT, SIGTERM and SIGHUP set a flag, the second of them end the process as by default, SIGPIPE do nothing.
// System calls that block are interrupted. Once a process. Gives a descriptor that is readable from the first signal
// on.
int catch_signals();

// Sets an alarm whose signal sets a flag, makes the descriptor readable and interrupts system calls, again and again
// until the process ends (setitimer(2)).
void set_alarm(base::Nanoseconds after);

bool stop_signalled();  // SIGINT, SIGTERM, SIGHUP
bool alarm_signalled();

}  // namespace run
