// SPDX-License-Identifier: MIT
#include "commands/stage.hpp"

#include <unistd.h>

namespace commands {

Stage::Stage(const output::Options& output, const run::StopOptions& stop, Reader reader)
    : sink(STDOUT_FILENO, [this] { reader_gone(); }),
      report(output, sink),
      needs_reader_(reader == Reader::needed && (output.prints_records() || output.pcap == "-")) {
  if (needs_reader_) loop.on_reader_gone(STDOUT_FILENO, [this] { sink.close_reader(); });
  if (stop.deadline) loop.stop_after(*stop.deadline);
}

Stage::Stage(Stage& first, const output::Options& output)
    : loop(first.loop),
      sink(first.sink, [&first] { first.loop.post([&first] { first.reader_gone(); }); }),
      report(output, sink),
      needs_reader_(false) {}

void Stage::reader_gone() {
  if (!needs_reader_) return;
  loop.stop(run::StopReason::reader_gone);
  if (loop.reason() == run::StopReason::reader_gone) report.hush();
}

void Stage::confine(const run::PrivilegeOptions& options, const run::LateNeeds& needs) {
  if (options.user) run::become(*options.user);
  if (!options.sandbox) return;
  for (const std::string& lack : run::enter_sandbox(needs)) report.verbose_notice("sandbox: " + lack);
}

base::ExitStatus Stage::finish(base::ExitStatus status) {
  sink.flush();
  if (loop.reason() == run::StopReason::reader_gone) return base::ExitStatus::done;
  if (const std::uint64_t lost = sink.unwritten(); lost > 0) {
    output::print_error(output::not_read("the output", lost, "record"), report.color());
  }
  return status;
}

}  // namespace commands
