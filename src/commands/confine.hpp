// The last step of a command before it hears strangers.
#pragma once

#include "output/report.hpp"
#include "run/privileges.hpp"

namespace commands {

// Gives up what is not needed any more, as the options say. Sockets and files are open, and names are known.
void confine(const run::PrivilegeOptions& options, const run::LateNeeds& needs, output::Report& report);

}  // namespace commands
