// SPDX-License-Identifier: MIT
#include "cli/table.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <optional>
#include <utility>

#include "base/text.hpp"
#include "cli/version.hpp"

namespace cli {
namespace {

using base::UsageError;

// CLI11 takes a word in square brackets for a list, and `--name=` for `--name`. A mark in front of each value, and of
// each word that is no option, keeps them as they were typed.
constexpr char mark = '\x01';

bool is_option(std::string_view word) { return word.size() > 1 && word[0] == '-'; }

CLI::Option* add_to(CLI::App& cli, const Option& option) {
  std::string names;
  if (!option.letter.empty()) names = fmt::format("-{}", option.letter);
  if (!option.name.empty()) names += fmt::format("{}--{}", names.empty() ? "" : ",", option.name);
  if (option.value != Option::Value::needed) return cli.add_flag(names);
  return cli.add_option(names)->type_size(1)->expected(1)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void refuse_both(const std::string& first, const std::string& second) {
  throw UsageError(fmt::format("{} and {} contradict each other", first, second));
}

}  // namespace

std::string Option::shown() const {
  const bool known_by_letter = name.empty() || (!letter.empty() && letter[0] <= '9');
  return known_by_letter ? fmt::format("-{}", letter) : fmt::format("--{}", name);
}

Option& Option::takes(Takes kind) {
  what = kind;
  return *this;
}

Option& Option::one_of(Names (*names)()) {
  choices = names;
  return *this;
}

Option& Option::exclusive(std::initializer_list<std::string_view> in) {
  groups.insert(groups.end(), in);
  return *this;
}

Option& Option::only_with(std::string_view option) {
  goes_with = option;
  return *this;
}

Option& Option::once() {
  single = true;
  return *this;
}

bool share_a_group(const Names& a, const Names& b) {
  return std::any_of(a.begin(), a.end(),
                     [&](std::string_view one) { return std::find(b.begin(), b.end(), one) != b.end(); });
}

UnknownOption::UnknownOption(std::string whole, std::string option)
    : UsageError(fmt::format("no option '{}'", base::printable(whole))),
      word(std::move(whole)),
      name(std::move(option)) {}

OptionTable::OptionTable() {
  group("Help");
  flag("-h,--help", "this text", help_);
  flag("--version", "the version", version_);
}

void OptionTable::about(std::string_view command, std::string_view form, std::string_view description,
                        std::string_view examples) {
  command_ = command;
  form_ = form;
  description_ = description;
  examples_ = examples;
}

Option& OptionTable::add(std::string_view names, std::string_view help, Read read) {
  Option& option = options_.emplace_back();
  const std::size_t comma = names.find(',');
  for (std::string_view name : {names.substr(0, comma), comma == names.npos ? "" : names.substr(comma + 1)}) {
    if (name.starts_with("--"))
      option.name = name.substr(2);
    else if (!name.empty())
      option.letter = name.substr(1);
  }
  option.heading = heading_;
  option.help = help;
  option.read = std::move(read);
  return option;
}

Option& OptionTable::flag(std::string_view names, std::string_view help, std::function<void()> set) {
  return add(names, help, [set = std::move(set)](const std::string&) { set(); });
}

Option& OptionTable::flag(std::string_view names, std::string_view help, bool& target) {
  return add(names, help, [&target](const std::string&) { target = true; });
}

Option& OptionTable::value(std::string_view names, std::string_view form, std::string_view help, Read read) {
  Option& option = add(names, help, std::move(read));
  option.form = form;
  option.value = Option::Value::needed;
  return option;
}

Option& OptionTable::repeatable(std::string_view names, std::string_view form, std::string_view help, Read read) {
  Option& option = value(names, form, help, std::move(read));
  option.repeatable = true;
  return option;
}

Option& OptionTable::optional_value(std::string_view names, std::string_view form, std::string_view without,
                                    std::string_view help, Read read) {
  Option& option = value(names, form, help, std::move(read));
  option.value = Option::Value::optional;
  option.without = without;
  return option;
}

Option& OptionTable::at(std::string_view name) {
  const Option* found = find(name);
  if (found == nullptr) throw std::logic_error("no such option is declared");
  return const_cast<Option&>(*found);
}

void OptionTable::words_exclusive(std::string_view name, std::size_t first, Names groups) {
  words_name_ = name;
  first_exclusive_word_ = first;
  word_groups_ = std::move(groups);
}

const Option* OptionTable::find(std::string_view name) const {
  const bool is_long = name.starts_with("--");
  const std::string_view bare = name.substr(is_long ? 2 : 1);
  if (bare.empty()) return nullptr;
  const auto found = std::find_if(options_.begin(), options_.end(),
                                  [&](const Option& one) { return (is_long ? one.name : one.letter) == bare; });
  return found == options_.end() ? nullptr : &*found;
}

std::vector<std::string> OptionTable::long_names() const {
  std::vector<std::string> names;
  for (const Option& option : options_) {
    if (!option.name.empty()) names.push_back(fmt::format("--{}", option.name));
  }
  return names;
}

// Where the pass over the arguments is.
struct OptionTable::Marked {
  const Option* waiting = nullptr;       // for its value, the next word
  const Option* optional = nullptr;      // without its value, just before
  std::optional<UnknownOption> unknown;  // the first; the rest is looked at all the same, for -j
};

void OptionTable::note(const Option& option, std::string_view value) {
  mentioned_.push_back(&option);
  json_ = json_ || option.name == "json" || (option.name == "output" && value == "json");
}

void OptionTable::mark_option(std::string& word, Marked& state) {
  const auto refuse = [&](std::string name) {
    if (!state.unknown) state.unknown.emplace(word, std::move(name));
  };
  if (word.starts_with("--")) {
    const std::size_t equals = word.find('=');
    const Option* option = find(word.substr(0, equals));
    if (option == nullptr) return refuse(word.substr(0, equals));
    note(*option, equals == word.npos ? "" : std::string_view(word).substr(equals + 1));
    if (equals != word.npos)
      word.insert(equals + 1, 1, mark);
    else if (option->value == Option::Value::needed)
      state.waiting = option;
    else if (option->value == Option::Value::optional)
      state.optional = option;
    return;
  }
  // `-trace` is no `-t race`.
  if (word.size() > 2 && find("-" + word.substr(0, word.find('='))) != nullptr) return refuse(word);
  for (std::size_t i = 1; i < word.size(); ++i) {
    const Option* option = find(fmt::format("-{}", word[i]));
    if (option == nullptr) return refuse(fmt::format("-{}", word[i]));
    if (option->letter == "h" && word.size() > 2) return refuse(word);  // `-hello` is no `-h`
    note(*option, std::string_view(word).substr(i + 1));
    if (option->value != Option::Value::needed) continue;
    if (i + 1 < word.size())
      word.insert(i + 1, 1, mark);
    else
      state.waiting = option;
    return;
  }
}

std::vector<std::string> OptionTable::marked(const std::vector<std::string>& arguments) {
  Marked state;
  std::vector<std::string> out = arguments;
  bool words_only = false;
  std::size_t words = 0;
  for (std::string& word : out) {
    const Option* const waiting = std::exchange(state.waiting, nullptr);
    const Option* const optional = std::exchange(state.optional, nullptr);
    if (waiting == nullptr && !words_only && is_option(word)) {
      words_only = word == "--";
      if (!words_only) mark_option(word, state);
      continue;
    }
    if (waiting != nullptr)
      note(*waiting, word);
    else
      ++words;
    const bool is_number =
        word.find_first_not_of("0123456789.") == word.npos && std::count(word.begin(), word.end(), '.') <= 1;
    if (optional != nullptr && is_number) {
      notices_.push_back(fmt::format("{0} is not the value of {1}: write {1}={0} if it is meant to be",
                                     base::printable(word), optional->shown()));
    }
    word.insert(0, 1, mark);
  }
  if (words < 2) notices_.clear();  // the number is the only word, and so one that has to be there
  if (state.unknown) throw UnknownOption(*state.unknown);
  if (state.waiting != nullptr) throw UsageError(fmt::format("{} needs a value", state.waiting->shown()));
  return out;
}

bool OptionTable::parse(const std::vector<std::string>& arguments) {
  std::vector<std::string> reversed = marked(arguments);  // as CLI11 wants them
  std::reverse(reversed.begin(), reversed.end());
  CLI::App cli;
  cli.set_help_flag();
  cli.add_option("words", words_);
  // Only those that are there: CLI11 compares each with all before it, which made up two thirds of a start (2026-11).
  std::vector<std::pair<const Option*, const CLI::Option*>> mentioned;
  for (const Option& option : options_) {
    if (std::find(mentioned_.begin(), mentioned_.end(), &option) == mentioned_.end()) continue;
    mentioned.emplace_back(&option, add_to(cli, option));
  }
  try {
    cli.parse(std::move(reversed));
  } catch (const CLI::ParseError& error) {
    throw UsageError(error.what());
  }
  for (std::string& word : words_) word.erase(0, 1);
  std::vector<const Option*> given;
  for (const auto& [option, parsed] : mentioned) {
    if (parsed->count() == 0) continue;
    given.push_back(option);
    read_all(*option, parsed->results());
  }
  if (help_)
    fmt::print("{}", help());
  else if (version_)
    fmt::print("{}", version_text());
  else {
    refuse_contradictions(given);
    refuse_the_idle(given);
  }
  return !help_ && !version_;
}

void OptionTable::read_all(const Option& option, const std::vector<std::string>& values) const {
  if (option.single && values.size() > 1) throw UsageError(fmt::format("{} is given twice", option.shown()));
  for (std::size_t i = option.repeatable ? 0 : values.size() - 1; i < values.size(); ++i) {
    const bool has_value = !values[i].empty() && values[i][0] == mark;
    if (has_value && option.value == Option::Value::none) {
      throw UsageError(
          fmt::format("'{0}={1}': {0} takes no value", option.shown(), base::printable(values[i].substr(1))));
    }
    const std::string word = has_value ? values[i].substr(1) : std::string(option.without);
    try {
      option.read(word);
    } catch (const UsageError& error) {
      if (option.value == Option::Value::none) throw;
      throw refusal(option.shown(), word, error.what());
    }
  }
}

void OptionTable::refuse_contradictions(const std::vector<const Option*>& given) const {
  for (std::size_t i = 0; i < given.size(); ++i) {
    for (std::size_t k = i + 1; k < given.size(); ++k) {
      if (share_a_group(given[i]->groups, given[k]->groups)) refuse_both(given[i]->shown(), given[k]->shown());
    }
    if (words_.size() > first_exclusive_word_ && share_a_group(given[i]->groups, word_groups_)) {
      refuse_both(given[i]->shown(), std::string(words_name_));
    }
  }
}

// What would be taken and change nothing.
void OptionTable::refuse_the_idle(const std::vector<const Option*>& given) const {
  for (const Option* const one : given) {
    if (one->goes_with.empty() || std::ranges::find(given, find(one->goes_with)) != given.end()) continue;
    throw UsageError(fmt::format("{} is for {}", one->shown(), one->goes_with));
  }
}

}  // namespace cli
