// The modes of probe, each in its own file; they take over once options are known to agree.
#pragma once

#include "base/error.hpp"
#include "commands/probe/probe.hpp"

namespace commands {

base::ExitStatus probe_state(const ProbeOptions& options);
base::ExitStatus probe_trace(const ProbeOptions& options);
base::ExitStatus probe_mtu(const ProbeOptions& options);

}  // namespace commands
