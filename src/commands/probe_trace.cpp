#include "commands/probe_modes.hpp"
namespace commands {
base::ExitStatus probe_trace(const ProbeOptions&) { return base::ExitStatus::failed; }
}
