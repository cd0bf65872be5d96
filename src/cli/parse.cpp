// SPDX-License-Identifier: MIT
#include "cli/parse.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <deque>
#include <exception>
#include <memory>
#include <string_view>

#include "base/text.hpp"
#include "cli/commands.hpp"
#include "cli/version.hpp"

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

// A capture on stdout leaves no room for records there.
void settle_output(output::Options& options) {
  if (options.pcap != "-") return;
  if (options.format == output::Format::json) throw UsageError("--pcap - and --json both write to the output");
  options.format = output::Format::none;
}

template <class Command>
Invocation read(OptionTable& table, const std::vector<std::string>& arguments) {
  const auto command = std::make_shared<Command>();
  command->declare(table);
  if (!table.parse(arguments)) return {};
  command->settle(table.words());
  settle_output(command->options.output);
  Invocation invocation;
  if (!command->options.output.quiet) invocation.notices = table.notices();
  invocation.color = command->options.output.color;
  invocation.run = [command] { return command->run(); };
  return invocation;
}

// The options alone: nothing is read into them.
template <class Command>
void declare(OptionTable& table) {
  Command().declare(table);
}

struct Entry {
  std::string_view name;
  Invocation (*read)(OptionTable& table, const std::vector<std::string>& arguments);
  void (*declare)(OptionTable& table);
};

constexpr std::array commands{
    Entry{"listen", &read<Listen>, &declare<Listen>},
    Entry{"send", &read<Send>, &declare<Send>},
    Entry{"join", &read<Join>, &declare<Join>},
    Entry{"probe", &read<Probe>, &declare<Probe>},
};

std::deque<OptionTable> all_tables() {
  std::deque<OptionTable> tables;
  for (const Entry& command : commands) command.declare(tables.emplace_back());
  return tables;
}

// "join and listen": the commands that have an option, or "".
std::string owners_of(std::string_view option) {
  std::vector<std::string_view> owners;
  const std::deque<OptionTable> tables = all_tables();
  for (const OptionTable& table : tables) {
    if (table.has(option)) owners.push_back(table.command());
  }
  std::sort(owners.begin(), owners.end());
  std::string out;
  for (std::size_t i = 0; i < owners.size(); ++i) {
    out += fmt::format("{}{}", i == 0 ? "" : i + 1 == owners.size() ? " and " : ", ", owners[i]);
  }
  return out;
}

// nc and ncat say `-u` for UDP and `-l` to listen; "" where nothing like that was said.
std::string cure_for_netcat(std::string_view command, std::string_view option,
                            const std::vector<std::string>& arguments) {
  const auto is_said = [&](char letter) {
    return std::any_of(arguments.begin(), arguments.end(), [&](const std::string& word) {
      return word.size() > 1 && word[0] == '-' && word[1] != '-' && word.find(letter) != word.npos;
    });
  };
  if (option != "-u" && !(option == "-l" && command != "send" && command != "probe")) return "";
  if (command == "send" || command == "probe") return "it is UDP always: leave -u out";
  const auto port = std::find_if(arguments.begin(), arguments.end(), [](const std::string& word) {
    return !word.empty() && word.find_first_not_of("0123456789") == word.npos;
  });
  const std::string_view number = port == arguments.end() ? std::string_view("PORT") : std::string_view(*port);
  if (command == "listen" || is_said('l')) return fmt::format("it is UDP always: write 'udptool listen {}'", number);
  return "it is UDP always: write 'udptool send HOST PORT'";
}

std::string cure_for(const UnknownOption& unknown, const OptionTable& table,
                     const std::vector<std::string>& arguments) {
  std::string netcat = cure_for_netcat(table.command(), unknown.name, arguments);
  if (!netcat.empty()) return netcat;
  if (unknown.word.size() > 2 && table.has("-" + unknown.word)) return fmt::format("did you mean '-{}'?", unknown.word);
  if (const std::string owners = owners_of(unknown.name); !owners.empty()) {
    return fmt::format("{} is an option of {}", unknown.name, owners);
  }
  const bool is_long = unknown.name.starts_with("--");
  const bool has_messages = table.form().find("MESSAGE") != std::string_view::npos;
  if (!is_long && has_messages) return "'--' goes before a MESSAGE that begins with '-'";
  const std::string meant = is_long ? unknown.name : "-" + unknown.word;
  const std::vector<std::string> known = table.long_names();
  const std::string_view near = meant.size() > 3 ? base::nearest(meant, known) : std::string_view();
  return near.empty() ? "" : fmt::format("did you mean '{}'?", near);
}

UsageError refusal_of(const UnknownOption& unknown, const OptionTable& table,
                      const std::vector<std::string>& arguments) {
  const std::string cure = cure_for(unknown, table, arguments);
  return UsageError(cure.empty() ? std::string(unknown.what()) : fmt::format("{} ({})", unknown.what(), cure));
}

// nullptr: there is none of that name.
const Entry* find_command(std::string_view name) {
  const auto* const found = std::ranges::find(commands, name, &Entry::name);
  return found != commands.end() ? found : nullptr;
}

[[noreturn]] void reject_command(const std::vector<std::string>& arguments) {
  const std::string& word = arguments.front();
  if (word.starts_with('-') && word.size() > 1) {
    if (const auto command = std::ranges::find_if(arguments, &find_command); command != arguments.end()) {
      throw UsageError(
          fmt::format("options stand behind the command: 'udptool {} {}'", *command, base::printable(word)));
    }
    const OptionTable bare;  // --help and --version
    const std::string name = word.starts_with("--") ? word.substr(0, word.find('=')) : word.substr(0, 2);
    throw refusal_of(UnknownOption(word, name), bare, arguments);
  }
  std::vector<std::string_view> names(std::size(commands));
  std::ranges::transform(commands, names.begin(), &Entry::name);
  const std::string_view near = base::nearest(word, names);
  const std::string hint = near.empty() ? "" : fmt::format(" (did you mean '{}'?)", near);
  throw UsageError(fmt::format("no command '{}'{}", base::printable(word), hint));
}

// What README and the completions are made of.
void print_tables(const std::vector<std::string>& arguments) {
  const std::deque<OptionTable> tables = all_tables();
  Tables each;
  for (const OptionTable& table : tables) each.push_back(&table);
  const bool rows = arguments.front() == "--option-tables";
  fmt::print("{}", rows ? option_rows(each) : completion_for(arguments.size() > 1 ? arguments[1] : "", each));
}

// What is wrong is told when it is to run: by then it is known whether as an event.
Invocation refused(const std::exception_ptr& error) {
  Invocation invocation;
  invocation.run = [error]() -> base::ExitStatus { std::rethrow_exception(error); };
  return invocation;
}

// Words without a command; false when they are none of these.
bool answer_without_command(const std::vector<std::string>& arguments) {
  const std::string& word = arguments.front();
  if (word == "-h" || word == "--help" || word == "help") {
    fmt::print("{}", overview);
  } else if (word == "--version" || word == "-V") {
    fmt::print("{}", version_text());
  } else if (word == "--completions" || word == "--option-tables") {
    print_tables(arguments);
  } else {
    return false;
  }
  return true;
}

Invocation read_command(const Entry& command, const std::vector<std::string>& arguments) {
  OptionTable table;
  Invocation invocation;
  try {
    invocation = command.read(table, arguments);
  } catch (const UnknownOption& unknown) {
    invocation = refused(std::make_exception_ptr(refusal_of(unknown, table, arguments)));
  } catch (...) {
    invocation = refused(std::current_exception());
  }
  invocation.command = command.name;
  invocation.json = table.json();
  return invocation;
}

}  // namespace

Invocation parse(const std::vector<std::string>& arguments) {
  if (arguments.empty()) return refused(std::make_exception_ptr(UsageError("no command given")));
  if (arguments.front() == "help" && arguments.size() > 1) return parse({arguments[1], "--help"});
  if (const Entry* const command = find_command(arguments.front()))
    return read_command(*command, {arguments.begin() + 1, arguments.end()});
  try {
    if (!answer_without_command(arguments)) reject_command(arguments);
    return {};
  } catch (...) {
    Invocation invocation = refused(std::current_exception());
    invocation.json = std::ranges::any_of(arguments, [](const auto& one) { return one == "-j" || one == "--json"; });
    return invocation;
  }
}

}  // namespace cli
