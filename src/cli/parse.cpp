#include "cli/parse.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

#include "base/text.hpp"
#include "cli/commands.hpp"

namespace cli {
namespace {

using base::UsageError;

constexpr std::string_view overview = R"(Usage: udptool COMMAND [options] WORDS...

Receive, send, join and probe UDP: every datagram a record, every sender heard.

  listen   receive on one or more ports
           udptool listen 41234
  send     send messages, lines or files; print the replies
           udptool send localhost 41234 'hello world'
  join     receive multicast
           udptool join 239.1.1.1
  probe    is a port open, where does a path end, how large a datagram fits
           udptool probe 192.0.2.7 53

'udptool COMMAND --help' lists its options, 'man udptool' tells the rest.

Options may stand anywhere; '--' ends them. Records go to stdout, notices and
errors to stderr. Exit status: 0 done, 1 nothing came in time, 2 could not be
done, 3 the network refused.

  -h, --help       this text
      --version    the version
)";

struct Command {
  std::string_view name;
  Invocation (*invocation)(const std::vector<std::string>& arguments);
};

constexpr std::array commands{
    Command{"listen", &listen_invocation},
    Command{"send", &send_invocation},
    Command{"join", &join_invocation},
    Command{"probe", &probe_invocation},
};

[[noreturn]] void reject_command(const std::string& word) {
  std::vector<std::string_view> names;
  names.reserve(commands.size());
  for (const Command& command : commands) names.push_back(command.name);
  const std::string_view near = base::nearest(word, names);
  const std::string hint = near.empty() ? "" : fmt::format(" (did you mean '{}'?)", near);
  throw UsageError(fmt::format("no {} '{}'{}; see 'udptool --help'", word.starts_with('-') ? "option" : "command",
                               base::escaped(word.substr(0, 80)), hint));
}

}  // namespace

Invocation parse(const std::vector<std::string>& arguments) {
  if (arguments.empty()) throw UsageError("no command given; see 'udptool --help'");
  const std::string& word = arguments.front();
  const std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
  if (word == "help" && !rest.empty()) return parse({rest.front(), "--help"});
  if (word == "-h" || word == "--help" || word == "help") {
    fmt::print("{}", overview);
    return {};
  }
  if (word == "--version" || word == "-V") {
    fmt::print("udptool {}\n", UDPTOOL_VERSION);
    return {};
  }
  const auto* command =
      std::find_if(commands.begin(), commands.end(), [&](const Command& c) { return c.name == word; });
  if (command == commands.end()) reject_command(word);
  try {
    Invocation invocation = command->invocation(rest);
    invocation.command = word;
    return invocation;
  } catch (const UsageError& error) {
    throw UsageError(fmt::format("{}; see 'udptool {} --help'", error.what(), word));
  }
}

}  // namespace cli
