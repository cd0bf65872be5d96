// SPDX-License-Identifier: MIT
// What every command stands on: the loop, stdout, and what is said beside the records.
#pragma once

#include "base/error.hpp"
#include "output/report.hpp"
#include "output/sink.hpp"
#include "run/loop.hpp"
#include "run/privileges.hpp"
#include "run/stop.hpp"

namespace commands {

// Whether a command that nobody reads any more has still something to do.
enum class Reader { needed, optional };

struct Stage {
  // From here on the deadline runs, and signals stop the loop. So does a reader that goes away, where one is needed
  // (with `-o none` nobody is, but of a capture): the end is quiet then.
  Stage(const output::Options& output, const run::StopOptions& stop, Reader reader = Reader::needed);
  // For a thread beside the first, whose stage is `first`: what stops this one stops that.
  Stage(Stage& first, const output::Options& output);
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  // Gives up what is not needed any more, as the options say. Sockets and files are open, and names are known.
  void confine(const run::PrivilegeOptions& options, const run::LateNeeds& needs);

  // The last step of a command: writes what is left, and tells how many records were not. Returns `status`, but done
  // where the reader had gone.
  base::ExitStatus finish(base::ExitStatus status);

  run::Loop loop;
  output::Sink sink;
  output::Report report;

 private:
  void reader_gone();

  bool needs_reader_;
};

}  // namespace commands
