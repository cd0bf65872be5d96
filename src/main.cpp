// SPDX-License-Identifier: MIT
// Words to a command, the command's end to an exit status. The only place that catches everything.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <boost/system/system_error.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <functional>
#include <new>
#include <string>
#include <system_error>
#include <vector>

#include "base/error.hpp"
#include "cli/parse.hpp"
#include "output/report.hpp"
#include "output/sink.hpp"
#include "run/loop.hpp"

namespace {

using base::ExitStatus;

// Started with stdin, stdout or stderr closed (`<&-`), the first socket would take its place, and be read or written
// as if it were that. Something that fails takes it instead.
void occupy_closed_descriptors() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0) continue;
    // Where there is no /dev: a path that is no file to read or write.
    if (open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0 && open("/", O_PATH) < 0) {
      output::print_error("cannot open anything in the place of a descriptor that was closed");
      std::_Exit(2);
    }
  }
}

// Says something beside what a command says itself: before it runs, and when it could not.
template <class Say>
void say(const cli::Invocation& invocation, Say words) {
  output::Options options;
  options.color = invocation.color;
  if (invocation.json) options.format = output::Format::json;
  output::Sink sink(STDOUT_FILENO);
  try {
    output::Report report(options, sink);
    words(report);
  } catch (const base::Failure&) {  // the event cannot be written; the line has been
  }
}

ExitStatus fail(const cli::Invocation& invocation, const base::Error& error, ExitStatus status = ExitStatus::failed) {
  say(invocation, [&](output::Report& report) { report.error(error); });
  return status;
}

// What `work` comes to, and every error that it throws told.
ExitStatus guarded(const cli::Invocation& invocation, const std::function<ExitStatus()>& work) {
  try {
    return work();
  } catch (const base::Ended& error) {
    return fail(invocation, error, ExitStatus::nothing);
  } catch (const base::Error& error) {
    return fail(invocation, error);
  } catch (const std::bad_alloc&) {
    return fail(invocation, base::failure(ENOMEM, "cannot go on"));
  } catch (const std::system_error& error) {
    return fail(invocation, base::failure(error.code().value(), "cannot go on"));
  } catch (const boost::system::system_error& error) {  // its text names places in Boost's sources
    return fail(invocation, base::failure(error.code().value(), "cannot go on"));
  } catch (const std::exception& error) {
    return fail(invocation, base::Failure(EIO, fmt::format("cannot go on: {}", error.what())));
  }
}

ExitStatus carry_out(const cli::Invocation& invocation) {
  if (!invocation.run) return ExitStatus::done;
  return guarded(invocation, [&] {
    for (const std::string& notice : invocation.notices) {
      say(invocation, [&](output::Report& report) { report.notice(notice); });
    }
    try {
      return invocation.run();
    } catch (const base::UsageError& error) {
      throw base::UsageError(fmt::format("{}; see 'udptool {}{}--help'", error.what(), invocation.command,
                                         invocation.command.empty() ? "" : " "));
    }
  });
}

}  // namespace

int main(int argc, char** argv) {
  occupy_closed_descriptors();
  // Help is written at the end and in one piece, and a reader that has gone by then is no failure.
  static std::array<char, 65'536> help;
  std::setvbuf(stdout, help.data(), _IOFBF, help.size());
  std::signal(SIGPIPE, SIG_IGN);
  const std::vector<std::string> words(argv + 1, argv + argc);
  int status = static_cast<int>(guarded({}, [&] { return carry_out(cli::parse(words)); }));
  if (std::fflush(stdout) != 0 && errno != EPIPE) {  // help and version are written by stdio
    output::print_error(fmt::format("cannot write to the output: {}", std::strerror(errno)));
    status = static_cast<int>(ExitStatus::failed);
  }
  // A name lookup that was not waited for may still run: leave without taking away what it uses.
  if (run::Loop::left_work_behind()) {
    std::fflush(nullptr);
    std::_Exit(status);
  }
  return status;
}
