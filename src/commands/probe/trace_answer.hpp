// SPDX-License-Identifier: MIT
// What an answer to a probe of a trace tells of its hop.
#pragma once

#include "commands/probe/records.hpp"
#include "commands/probe/run.hpp"
#include "commands/probe/trace_plan.hpp"

namespace commands {

TraceAnswer trace_answer(const Answer& answer, const TraceProbe& probe, const net::Address& target);

// What is known of the port at the end of the path, after one more answer.
ProbeState state_after(ProbeState before, const Answer& answer);

}  // namespace commands
