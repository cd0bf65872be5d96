#include "commands/stage.hpp"

#include <unistd.h>

namespace commands {

Stage::Stage(const output::Options& output, const run::StopOptions& stop, Reader)
    : sink(STDOUT_FILENO, &run::Loop::past_deadline), report(output, sink) {
  loop.on_reader_gone(STDOUT_FILENO, [] { throw output::Closed{}; });
  if (stop.deadline) loop.stop_after(*stop.deadline);
}

void Stage::confine(const run::PrivilegeOptions& options, const run::LateNeeds& needs) {
  if (options.user) run::become(*options.user);
  if (!options.sandbox) return;
  for (const std::string& lack : run::enter_sandbox(needs)) report.verbose_notice("sandbox: " + lack);
}

}  // namespace commands
