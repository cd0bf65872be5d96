// Words to a command, the command's end to an exit status. The only place that catches everything.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <system_error>

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
    if (open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0) std::_Exit(2);
  }
}

// The usual cure for what went wrong, or "".
std::string_view hint_for(const std::system_error& error) {
  const std::string_view text = error.what();
  const int code = error.code().value();
  if (code == EADDRINUSE) return "port in use: another program has it";
  if (code == EMFILE) return "raise the limit on open files: ulimit -n";
  if (code == ENFILE) return "raise fs.file-max";
  if (code == EADDRNOTAVAIL && text.starts_with("cannot bind")) return "no interface here has this address";
  if (code == EACCES && text.starts_with("cannot bind")) return "ports below 1024 take root or CAP_NET_BIND_SERVICE";
  if (code == EACCES) return "add --broadcast if this is a broadcast address";
  return "";
}

ExitStatus fail(bool json, int code, const std::string& message) {
  output::Options options;
  if (json) options.format = output::Format::json;
  output::Sink sink(1, [] { return true; });
  try {
    output::Report(options, sink).error(code, message);
  } catch (const base::Failure&) {  // the event cannot be written; the line has been
  } catch (const output::Closed&) {
  }
  return ExitStatus::failed;
}

ExitStatus carry_out(const cli::Invocation& invocation) {
  try {
    return invocation.run ? invocation.run() : ExitStatus::done;
  } catch (const output::Closed&) {
    return ExitStatus::done;
  } catch (const base::UsageError& error) {
    return fail(invocation.json, EINVAL, fmt::format("{}; see 'udptool {} --help'", error.what(), invocation.command));
  } catch (const std::system_error& error) {
    const std::string_view hint = hint_for(error);
    const std::string text = error.what();
    return fail(invocation.json, error.code().value(), hint.empty() ? text : fmt::format("{} ({})", text, hint));
  } catch (const std::exception& error) {
    return fail(invocation.json, errno, error.what());
  }
}

}  // namespace

int main(int argc, char** argv) {
  occupy_closed_descriptors();
  cli::Invocation invocation;
  try {
    invocation = cli::parse({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    output::print_error(error.what());
    return static_cast<int>(ExitStatus::failed);
  }
  int status = static_cast<int>(carry_out(invocation));
  if (std::fflush(stdout) != 0) {  // help and version are written by stdio
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
