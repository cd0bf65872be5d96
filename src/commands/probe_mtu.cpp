#include "commands/probe_modes.hpp"
namespace commands {
base::ExitStatus probe_mtu(const ProbeOptions&) { return base::ExitStatus::failed; }
}
