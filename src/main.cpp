// Words to a command, the command's end to an exit status. The only place that catches everything.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
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
    if (open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0) std::_Exit(2);
  }
}

ExitStatus fail(bool json, const base::Error& error) {
  output::Options options;
  if (json) options.format = output::Format::json;
  output::Sink sink(1, [] { return true; });
  try {
    output::Report(options, sink).error(error);
  } catch (const base::Failure&) {  // the event cannot be written; the line has been
  } catch (const output::Closed&) {
  }
  return ExitStatus::failed;
}

// What `work` comes to, and every error that it throws told.
ExitStatus guarded(bool json, const std::function<ExitStatus()>& work) {
  try {
    return work();
  } catch (const output::Closed&) {
    return ExitStatus::done;
  } catch (const base::Error& error) {
    return fail(json, error);
  } catch (const std::bad_alloc&) {
    return fail(json, base::failure(ENOMEM, "cannot go on"));
  } catch (const std::system_error& error) {
    return fail(json, base::failure(error.code().value(), "cannot go on"));
  } catch (const std::exception& error) {
    return fail(json, base::Failure(EIO, fmt::format("cannot go on: {}", error.what())));
  }
}

ExitStatus carry_out(const cli::Invocation& invocation) {
  if (!invocation.run) return ExitStatus::done;
  return guarded(invocation.json, [&] {
    try {
      return invocation.run();
    } catch (const base::UsageError& error) {
      throw base::UsageError(fmt::format("{}; see 'udptool {} --help'", error.what(), invocation.command));
    }
  });
}

// Whether the words ask for events, for when they could not be parsed.
bool asks_for_events(const std::vector<std::string>& words) {
  constexpr std::string_view flags = "46bejqrTvx";  // short ones that take no value
  const auto end = std::find(words.begin(), words.end(), "--");
  return std::any_of(words.begin(), end,
                     [&](const std::string& word) {
                       if (word == "--json" || word == "--output=json" || word == "-ojson") return true;
                       const bool cluster =
                           word.size() > 1 && word[0] == '-' && word.find_first_not_of(flags, 1) == std::string::npos;
                       return cluster && word.find('j') != std::string::npos;
                     }) ||
         std::adjacent_find(words.begin(), end, [](const std::string& one, const std::string& next) {
           return (one == "-o" || one == "--output") && next == "json";
         }) != end;
}

}  // namespace

int main(int argc, char** argv) {
  occupy_closed_descriptors();
  const std::vector<std::string> words(argv + 1, argv + argc);
  int status = static_cast<int>(guarded(asks_for_events(words), [&] { return carry_out(cli::parse(words)); }));
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
