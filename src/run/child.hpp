// SPDX-License-Identifier: MIT
// Commands of the shell that run beside the loop, each fed once and heard to its end.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "run/loop.hpp"

namespace run {

// How one came to its end.
struct Ended {
  std::size_t slot = 0;     // what start() returned
  int status = 0;           // that the shell exited with, if no signal ended it
  int signal = 0;           // that ended the shell, or 0
  bool timed_out = false;   // it was ended, for its time was over
  std::string_view output;  // what it wrote, up to max_output bytes; good during the call
};

// Up to a number of commands at once. None of them blocks the loop, whatever it does with its input and output, and
// the process leaves none behind that it has not waited for.
class Children {
 public:
  struct Owner {
    virtual void ended(const Ended& ended) = 0;

   protected:
    ~Owner() = default;
  };

  // More than any datagram holds. A command that writes more than that has nobody who reads the rest (SIGPIPE).
  static constexpr std::size_t max_output = 65'508;

  // `timeout`: after so long the command's process group gets SIGTERM, and SIGKILL a second later.
  Children(Loop& loop, Owner& owner, std::string command, std::size_t max_running, base::Nanoseconds timeout);
  ~Children();  // end_all()
  Children(const Children&) = delete;
  Children& operator=(const Children&) = delete;

  bool full() const { return free_.empty(); }
  std::size_t running() const { return slots_.size() - free_.size(); }

  // Runs `/bin/sh -c COMMAND` in a process group of its own, with default signals and no descriptor of ours but
  // stderr; `input` is its stdin. `environment` (NAME=VALUE) is added to this process's, whose own variables of the
  // prefix UDPTOOL_, and those that a service manager sets for us, are left out. Ends when the shell ends, not when its
  // output does. Throws base::Failure when there is no process, memory or descriptor for it. Not when full().
  std::size_t start(const std::vector<std::string>& environment, std::string_view input);

  // At the end: what still runs gets SIGTERM, and SIGKILL a second later. Blocks for so long at most; nobody is told.
  void end_all();

 private:
  struct Slot;
  // A shell that was ended and is not waited for yet, so that its group's number stays taken until the second is over.
  struct Remains {
    pid_t group;
    Clock::time_point due;
  };

  void watch(std::size_t slot);
  void wait_for_output(std::size_t slot);
  void time_out(std::size_t slot);
  void finish(std::size_t slot);
  void bury(const Remains& remains);

  Loop& loop_;
  Owner& owner_;
  std::string command_;
  base::Nanoseconds timeout_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<std::size_t> free_;
  std::vector<Remains> remains_;
};

}  // namespace run
