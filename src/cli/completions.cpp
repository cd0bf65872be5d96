// SPDX-License-Identifier: MIT
// The completions of bash, zsh and fish, printed from the option tables. What is printed is committed in completions/.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "cli/table.hpp"

namespace cli {
namespace {

using Strings = std::vector<std::string>;

// What completes each kind of value: bash's compgen, zsh's function, fish's function; in the order of Takes.
struct Completer {
  std::string_view bash, zsh, fish;
};
constexpr std::array<Completer, 5> completers{{
    {"", "", " -x"},
    {"-f", "_files", " -r -F"},
    {"-W \"$(ls /sys/class/net 2>/dev/null)\"", "_net_interfaces", " -x -a '(__fish_print_interfaces)'"},
    {"-A service", "_ports", " -x"},
    {"-u", "_users", " -x -a '(__fish_complete_users)'"},
}};

Completer completer_of(const Option& option) { return completers[static_cast<std::size_t>(option.what)]; }
std::string choices_of(const Option& option) { return fmt::format("{}", fmt::join(option.choices(), " ")); }

bool takes_word(const Option& option) { return option.value == Option::Value::needed; }
bool has_hosts(const OptionTable& table) { return table.form().find("HOST") != std::string_view::npos; }

// "-c", "--count"
Strings names_of(const Option& option) {
  Strings names;
  if (!option.letter.empty()) names.push_back(fmt::format("-{}", option.letter));
  if (!option.name.empty()) names.push_back(fmt::format("--{}", option.name));
  return names;
}

// `text` as it stands within single quotes, with a backslash before what is `special` there.
std::string within_quotes(std::string_view text, std::string_view special) {
  std::string out;
  for (const char c : text) {
    if (c == '\'') out += "'\\'";
    if (special.find(c) != special.npos) out += '\\';
    out += c;
  }
  return out;
}
std::string quoted(std::string_view text) { return fmt::format("'{}'", within_quotes(text, "")); }

constexpr std::string_view bash_template =
    R"(# bash completion for udptool, printed by: udptool --completions bash        -*- shell-script -*-

_udptool_takes_value() {{
  case $1 in
    {valued}) ;;
    *) return 1 ;;
  esac
}}

_udptool_offer() {{
  mapfile -t COMPREPLY < <(compgen "$@" -- "$current")
}}

_udptool_values() {{
  case $1 in
{values}  esac
}}

_udptool() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD - 1]}} command='' i positions=0 word
  COMPREPLY=()
  # bash splits --output=json into three words.
  if [[ $current == = ]]; then
    current=''
  elif [[ $previous == = ]]; then
    previous=${{COMP_WORDS[COMP_CWORD - 2]}}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${{COMP_WORDS[i]}}
    if [[ $word == -* ]]; then
      if [[ ${{COMP_WORDS[i + 1]-}} == = ]]; then
        i=$((i + 2))
      elif _udptool_takes_value "$word"; then
        i=$((i + 1))
      fi
    elif [[ -z $command ]]; then
      command=$word
    else
      positions=$((positions + 1))
    fi
  done
  if _udptool_takes_value "$previous"; then
    _udptool_values "$previous"
    return
  fi
  case $command:$current:$positions in
    :-*) _udptool_offer -W '-h --help --version' ;;
    :*) _udptool_offer -W '{commands}' ;;
{cases}  esac
}}

complete -F _udptool udptool
)";

std::string bash_case(const OptionTable& table) {
  Strings names;
  for (const Option& option : table.options()) {
    for (std::string& name : names_of(option)) names.push_back(std::move(name));
  }
  std::string out = fmt::format("    {}:-*) _udptool_offer -W '{}' ;;\n", table.command(), fmt::join(names, " "));
  if (has_hosts(table)) {
    for (const auto& [position, kind] : {std::pair{0, "hostname"}, {1, "service"}}) {
      out += fmt::format("    {}:*:{}) _udptool_offer -A {} ;;\n", table.command(), position, kind);
    }
  }
  return out;
}

std::string bash(const Tables& tables) {
  std::map<std::string, std::string> completes;  // an option's name: how its value is completed
  std::string cases, values;
  Strings commands, valued;
  for (const OptionTable* table : tables) {
    commands.emplace_back(table->command());
    cases += bash_case(*table);
    for (const Option& option : table->options()) {
      if (!takes_word(option)) continue;
      const bool listed = option.choices != nullptr;
      const std::string how =
          listed ? fmt::format("-W '{}'", choices_of(option)) : std::string(completer_of(option).bash);
      for (const std::string& name : names_of(option)) completes[name] = how;
    }
  }
  for (const auto& [name, how] : completes) {
    valued.push_back(name);
    const std::string_view files = how == "-f" ? "compopt -o filenames 2>/dev/null; " : "";
    if (!how.empty()) values += fmt::format("    {}) {}_udptool_offer {} ;;\n", name, files, how);
  }
  return fmt::format(bash_template, fmt::arg("valued", fmt::join(valued, " | ")), fmt::arg("values", values),
                     fmt::arg("commands", fmt::join(commands, " ")), fmt::arg("cases", cases));
}

// "(-j --json -r --raw)": what is no longer offered once it is given; "*" where it may come again.
std::string zsh_excluded(const OptionTable& table, const Option& option) {
  Strings names;
  for (const Option& other : table.options()) {
    if (&other != &option && !share_a_group(option.groups, other.groups)) continue;
    for (std::string& name : names_of(other)) names.push_back(std::move(name));
  }
  return option.repeatable ? "*" : fmt::format("({})", fmt::join(names, " "));
}

std::string zsh_specification(const OptionTable& table, const Option& option) {
  const bool word = takes_word(option);
  Strings names;
  if (!option.letter.empty()) names.push_back(fmt::format("-{}{}", option.letter, word ? "+" : ""));
  if (!option.name.empty()) {
    names.push_back(fmt::format("--{}{}", option.name, word ? "=" : option.form.empty() ? "" : "=-"));
  }
  std::string text = fmt::format("[{}]", within_quotes(option.help, "[]:\\"));
  if (!option.form.empty()) {
    const std::string action =
        option.choices ? fmt::format("({})", choices_of(option)) : std::string(completer_of(option).zsh);
    text += fmt::format("{}:{}:{}", word ? "" : ":", within_quotes(option.form, ":"), action);
  }
  const std::string shown = names.size() > 1 ? fmt::format("{{{}}}", fmt::join(names, ",")) : names.front();
  return fmt::format("        '{}'{}'{}' \\\n", zsh_excluded(table, option), shown, text);
}

std::string zsh(const Tables& tables) {
  std::string commands, cases;
  for (const OptionTable* table : tables) {
    commands += fmt::format("{}{}\\:{}", commands.empty() ? "" : " ", table->command(), quoted(table->purpose()));
    cases += fmt::format("    {})\n      _arguments -s : \\\n", table->command());
    for (const Option& option : table->options()) cases += zsh_specification(*table, option);
    if (has_hosts(*table)) cases += "        '1:host:_hosts' '2:port:_ports' \\\n";
    cases += "        '*:word'\n      ;;\n";
  }
  return fmt::format(R"(#compdef udptool
# Printed by: udptool --completions zsh

local curcontext=$curcontext state line
local -a commands=({})
_arguments -C '(-h --help)'{{-h,--help}}'[this text]' '--version[the version]' '1: :->commands' '*:: :->options'
if [[ $state == commands ]]; then
  _describe command commands
elif [[ $state == options ]]; then
  case $line[1] in
{}  esac
fi
)",
                     commands, cases);
}

std::string fish_line(const Option& option) {
  std::string line;
  if (!option.letter.empty()) line += fmt::format(" -s {}", option.letter);
  if (!option.name.empty()) line += fmt::format(" -l {}", option.name);
  if (option.choices != nullptr)
    line += fmt::format(" -x -a '{}'", choices_of(option));
  else if (takes_word(option))
    line += completer_of(option).fish;
  return fmt::format("{} -d {}", line, quoted(option.help));
}

std::string fish(const Tables& tables) {
  std::vector<std::pair<std::string, std::string>> lines;  // what is offered, and by which commands
  const auto add = [&lines](const std::string& line, std::string_view command) {
    const auto found = std::find_if(lines.begin(), lines.end(), [&](const auto& one) { return one.first == line; });
    if (found == lines.end())
      lines.emplace_back(line, command);
    else
      found->second += fmt::format(" {}", command);
  };
  std::string all;
  std::string out =
      "complete -c udptool -n __udptool_without_command -s h -l help -d 'this text'\n"
      "complete -c udptool -n __udptool_without_command -l version -d 'the version'\n";
  for (const OptionTable* table : tables) {
    all += fmt::format(" {}", table->command());
    add(fmt::format(" -a {} -d {}", table->command(), quoted(table->purpose())), "");
    for (const Option& option : table->options()) add(fish_line(option), table->command());
    if (has_hosts(*table)) add(" -a '(__fish_print_hostnames)'", table->command());
  }
  for (const auto& [line, commands] : lines) {
    const std::string when = commands.empty() ? "__udptool_without_command" : "__fish_seen_subcommand_from " + commands;
    out += fmt::format("complete -c udptool -n '{}'{}\n", when, line);
  }
  return fmt::format(R"(# fish completion for udptool, printed by: udptool --completions fish

function __udptool_without_command
    not __fish_seen_subcommand_from{}
end

complete -c udptool -f
{})",
                     all, out);
}

}  // namespace

std::string completion_for(std::string_view shell, const Tables& tables) {
  if (shell == "bash") return bash(tables);
  if (shell == "zsh") return zsh(tables);
  if (shell == "fish") return fish(tables);
  throw refusal("--completions", shell, "the shells are bash, zsh and fish");
}

}  // namespace cli
