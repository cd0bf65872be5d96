#include "commands/confine.hpp"

namespace commands {

void confine(const run::PrivilegeOptions& options, const run::LateNeeds& needs, output::Report& report) {
  if (options.user) run::become(*options.user);
  if (!options.sandbox) return;
  for (const std::string& lack : run::enter_sandbox(needs)) report.verbose_notice("sandbox: " + lack);
}

}  // namespace commands
