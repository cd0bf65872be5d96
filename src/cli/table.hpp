// SPDX-License-Identifier: MIT
// One command's options and words, each declared once: parsing, --help, the completions and README's tables all read
// this. The only door to CLI11, so that its cost and its traps stay in one file.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/text.hpp"
#include "cli/option.hpp"

namespace cli {

// An option that this command has not; `word` as it was typed, `name` without its value.
struct UnknownOption : base::UsageError {
  UnknownOption(std::string whole, std::string option);
  std::string word, name;
};

class OptionTable {
 public:
  OptionTable();
  OptionTable(const OptionTable&) = delete;
  OptionTable& operator=(const OptionTable&) = delete;

  // `form` as in "[options] HOST PORT", what the command is for, and lines below the options.
  void about(std::string_view command, std::string_view form, std::string_view description, std::string_view examples);
  // The heading of the options that are declared next.
  void group(std::string_view heading) { heading_ = heading; }
  // `names` as in "-c,--count". A value given twice counts once, the last; a repeatable one each time. What `read`
  // throws (UsageError) is told with the option's name and the whole word.
  Option& flag(std::string_view names, std::string_view help, std::function<void()> set);
  Option& flag(std::string_view names, std::string_view help, bool& target);
  Option& value(std::string_view names, std::string_view form, std::string_view help, Read read);
  Option& repeatable(std::string_view names, std::string_view form, std::string_view help, Read read);
  // A value that may only follow "=", and what it is when there is none.
  Option& optional_value(std::string_view names, std::string_view form, std::string_view without, std::string_view help,
                         Read read);
  // An option that was declared, by a name of it such as "--count".
  Option& at(std::string_view name);
  // The words from the `first` on are NAME, and in these exclusive groups.
  void words_exclusive(std::string_view name, std::size_t first, Names groups);

  // Reads the arguments behind the command. Returns false when help or the version was asked for and printed. Throws
  // UsageError.
  bool parse(const std::vector<std::string>& arguments);
  const std::vector<std::string>& words() const { return words_; }
  // What parse() saw, however it ended.
  bool json() const { return json_; }
  const std::vector<std::string>& notices() const { return notices_; }

  std::string_view command() const { return command_; }
  std::string_view form() const { return form_; }  // "[options] HOST PORT"
  std::string_view purpose() const { return description_.substr(0, description_.find('\n')); }
  const std::deque<Option>& options() const { return options_; }
  bool has(std::string_view name) const { return find(name) != nullptr; }  // "--count", "-c"
  std::vector<std::string> long_names() const;
  std::string help() const;

 private:
  struct Marked;

  Option& add(std::string_view names, std::string_view help, Read read);
  const Option* find(std::string_view name) const;  // "-c" or "--count"
  std::vector<std::string> marked(const std::vector<std::string>& arguments);
  void mark_option(std::string& word, Marked& state);
  void note(const Option& option, std::string_view value);
  void read_all(const Option& option, const std::vector<std::string>& values) const;
  void refuse_contradictions(const std::vector<const Option*>& given) const;
  void refuse_the_idle(const std::vector<const Option*>& given) const;

  std::string_view command_, form_, description_, examples_, heading_;
  std::deque<Option> options_;
  std::string_view words_name_;
  std::size_t first_exclusive_word_ = 0;
  Names word_groups_;
  bool help_ = false;
  bool version_ = false;
  std::vector<const Option*> mentioned_;
  bool json_ = false;
  std::vector<std::string> words_, notices_;
};

using Tables = std::vector<const OptionTable*>;

using base::refusal;

// The completion for "bash", "zsh" or "fish"; throws UsageError for another shell.
std::string completion_for(std::string_view shell, const Tables& tables);

// README's table of options.
std::string option_rows(const Tables& tables);

}  // namespace cli
