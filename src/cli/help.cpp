// SPDX-License-Identifier: MIT
// What people read of an option table: --help, and README's table.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "cli/table.hpp"

namespace cli {
namespace {

constexpr std::size_t width = 80;
constexpr std::size_t column = 30;  // where the help of an option begins

struct Form {
  std::string_view name, meaning;
};
constexpr std::array forms{
    Form{"DURATION", "a number with us, ms, s, m or h; with none: seconds"},
    Form{"SIZE", "bytes; with K, M or G: times 1024, 1024^2, 1024^3"},
    Form{"RATE", "a number per second; with k, M or G: 1000, 1000^2, 1000^3 times"},
    Form{"CIDR", "an address or a network: 10.0.0.0/8, ::1"},
};

// Appends `text` in lines that end by `width`, those after the first indented.
void append_wrapped(std::string& out, std::string_view text, std::size_t indent) {
  while (text.size() > width - indent) {
    const std::size_t blank = text.rfind(' ', width - indent);
    if (blank == text.npos) break;
    out += fmt::format("{}\n{:{}}", text.substr(0, blank), "", indent);
    text.remove_prefix(blank + 1);
  }
  out += fmt::format("{}\n", text);
}

std::string with_form(const Option& option, std::string_view name) {
  switch (option.value) {
    case Option::Value::none:
      return std::string(name);
    case Option::Value::needed:
      return fmt::format("{} {}", name, option.form);
    case Option::Value::optional:
      break;
  }
  return fmt::format("{}[={}]", name, option.form);
}

// "  -c, --count N", and long names without a letter below those with.
std::string left_side(const Option& option) {
  if (option.name.empty()) return fmt::format("  -{}", option.letter);
  const std::string letter = option.letter.empty() ? "    " : fmt::format("-{}, ", option.letter);
  return fmt::format("  {}{}", letter, with_form(option, fmt::format("--{}", option.name)));
}

void append_option(std::string& out, const Option& option) {
  const std::string left = left_side(option);
  if (left.size() + 1 < column)
    out += fmt::format("{:{}}", left, column);
  else
    out += fmt::format("{}\n{:{}}", left, "", column);
  append_wrapped(out, option.help, column);
}

std::vector<std::string_view> headings_of(const std::deque<Option>& options) {
  std::vector<std::string_view> headings;
  for (const Option& option : options) {
    if (std::find(headings.begin(), headings.end(), option.heading) == headings.end())
      headings.push_back(option.heading);
  }
  std::rotate(headings.begin(), headings.begin() + 1, headings.end());  // "Help" was the first: it stands last
  return headings;
}

std::string used_forms(const std::deque<Option>& options) {
  std::string out;
  for (const Form& form : forms) {
    const bool used = std::any_of(options.begin(), options.end(), [&](const Option& option) {
      return option.form.find(form.name) != option.form.npos;
    });
    if (used) out += fmt::format("  {:<9} {}\n", form.name, form.meaning);
  }
  return out;
}

}  // namespace

std::string OptionTable::help() const {
  std::string out = fmt::format("Usage: udptool {} {}\n\n{}\n", command_, form_, description_);
  for (const std::string_view heading : headings_of(options_)) {
    out += fmt::format("\n{}:\n", heading);
    for (const Option& option : options_) {
      if (option.heading == heading) append_option(out, option);
    }
  }
  out += fmt::format("\nWords:\n{}\nExamples:\n{}\n", used_forms(options_), examples_);
  return out;
}

std::string option_rows(const Tables& tables) {
  const auto has = [](const OptionTable& table, const Option& option) {
    return std::any_of(table.options().begin(), table.options().end(),
                       [&](const Option& one) { return one.name == option.name && one.letter == option.letter; });
  };
  const auto is_common = [&](const Option& option) {
    return std::all_of(tables.begin(), tables.end(), [&](const OptionTable* table) { return has(*table, option); });
  };
  const auto row = [](std::string_view command, const OptionTable& table, auto wanted) {
    std::string options;
    for (const Option& option : table.options()) {
      if (!wanted(option)) continue;
      const std::string name = with_form(option, option.name.empty() ? "" : fmt::format("--{}", option.name));
      const std::string letter =
          option.letter.empty() ? "" : fmt::format("-{}{}", option.letter, name.empty() ? "" : ", ");
      options += fmt::format("{}`{}{}`", options.empty() ? "" : " ", letter, name);
      if (const std::size_t bar = options.find('|', options.size() - name.size()); bar != options.npos)
        options.insert(bar, 1, '\\');
    }
    return fmt::format("| {} | {} |\n", command, options);
  };
  std::string out = "| command | options |\n| --- | --- |\n" + row("every", *tables.front(), is_common);
  for (const OptionTable* table : tables) {
    out += row(fmt::format("`{}`", table->command()), *table, [&](const Option& option) { return !is_common(option); });
  }
  return out;
}

}  // namespace cli
