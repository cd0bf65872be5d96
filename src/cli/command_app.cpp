#include "cli/command_app.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"

namespace cli {
namespace {

using base::UsageError;

// CLI11 takes a word in square brackets for a list, which would cut `[ff15::7]` and the message `[1,2]` up. A mark in
// front keeps it whole.
constexpr char mark = '\x01';

std::string marked(std::string word) { return word.empty() || word[0] != '[' ? word : mark + word; }
std::string unmarked(std::string word) {
  if (!word.empty() && word[0] == mark) word.erase(0, 1);
  return word;
}

class HelpFormatter : public CLI::Formatter {
 public:
  // Usage, what it is for, the options by group, examples.
  std::string make_help(const CLI::App* app, std::string, CLI::AppFormatMode mode) const override {
    std::string groups = make_groups(app, mode);
    for (std::size_t at = 0; (at = groups.find("\n\n\n")) != std::string::npos;) groups.erase(at, 1);
    return make_usage(app, "") + "\n" + make_description(app) + groups + make_footer(app);
  }

  explicit HelpFormatter(std::string usage) : usage_(std::move(usage)) { column_width(30); }

  std::string make_usage(const CLI::App*, std::string) const override { return "Usage: udptool " + usage_ + "\n"; }
  std::string make_description(const CLI::App* app) const override { return app->get_description() + "\n"; }
  std::string make_positionals(const CLI::App*) const override { return ""; }
  // `-f, --file`, and long names without a short one below those with.
  std::string make_option_name(const CLI::Option* option, bool) const override {
    const auto& shorts = option->get_snames();
    const auto& longs = option->get_lnames();
    const std::string first = shorts.empty() ? "    " : "-" + shorts.front() + (longs.empty() ? "" : ", ");
    return longs.empty() ? first : first + "--" + longs.front();
  }
  std::string make_group(std::string heading, bool, std::vector<const CLI::Option*> options) const override {
    std::string out = "\n" + heading + ":\n";
    for (const CLI::Option* option : options) out += make_option(option, false);
    return out;
  }
  std::string make_option_opts(const CLI::Option* option) const override {
    if (option->get_type_name().starts_with('[')) return option->get_type_name();
    return option->get_type_size() == 0 ? "" : " " + option->get_type_name();
  }
  std::string make_footer(const CLI::App* app) const override {
    const std::string footer = app->get_footer();
    return footer.empty() ? "" : "\nExamples:\n" + footer + "\n";
  }

 private:
  std::string usage_;
};

// The name that people know an option by: the long one if it has one.
std::string name_of(const CLI::Option& option) {
  const auto& names = option.get_lnames();
  return names.empty() ? "-" + option.get_snames().front() : "--" + names.front();
}

}  // namespace

struct CommandApp::App {
  explicit App(std::string description) : cli(std::move(description)) {}

  struct Reader {
    CLI::Option* option;
    Read read;
  };

  CLI::App cli;
  std::vector<Reader> readers;
  CLI::Option* words = nullptr;
};

CommandApp::CommandApp(std::string name, std::string usage, std::string description)
    : app_(std::make_unique<App>(std::move(description))), name_(std::move(name)) {
  CLI::App& cli = app_->cli;
  cli.formatter(std::make_shared<HelpFormatter>(std::move(usage)));
  cli.set_help_flag();
  cli.allow_extras();
  app_->words = cli.add_option("words", words_)->group("");
}

CommandApp::~CommandApp() = default;

void CommandApp::group(std::string heading) { group_ = std::move(heading); }

void CommandApp::flag(const std::string& names, const std::string& help, std::function<void()> set) {
  CLI::Option* option = app_->cli.add_flag(names, help)->group(group_);
  app_->readers.push_back({option, [set = std::move(set)](const std::string& word) {
                             if (word != "true") throw UsageError("takes no value");
                             set();
                           }});
}

void CommandApp::flag(const std::string& names, const std::string& help, bool& target) {
  flag(names, help, [&target] { target = true; });
}

void CommandApp::value(const std::string& names, const std::string& form, const std::string& help, Read read) {
  CLI::Option* option = app_->cli.add_option(names, help)->group(group_)->type_name(form)->type_size(1)->expected(1);
  app_->readers.push_back({option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast), std::move(read)});
}

void CommandApp::repeatable(const std::string& names, const std::string& form, const std::string& help, Read read) {
  CLI::Option* option = app_->cli.add_option(names, help)->group(group_)->type_name(form)->type_size(1)->expected(1);
  app_->readers.push_back({option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll), std::move(read)});
}

void CommandApp::optional_value(const std::string& name, const std::string& form, const std::string& without,
                                const std::string& help, Read read) {
  // A flag to CLI11, so that `--stats 41234` leaves 41234 alone.
  CLI::Option* option = app_->cli.add_flag(fmt::format("{}{{{}}}", name, without), help)->group(group_);
  option->type_name(fmt::format("[={}]", form));
  app_->readers.push_back({option, std::move(read)});
}

void CommandApp::examples(std::string text) { app_->cli.footer(std::move(text)); }

bool CommandApp::parse(const std::vector<std::string>& arguments) {
  app_->cli.set_help_flag("-h,--help", "this text")->group(group_);
  std::vector<std::string> reversed;  // as CLI11 wants them
  reversed.reserve(arguments.size());
  for (auto word = arguments.rbegin(); word != arguments.rend(); ++word) reversed.push_back(marked(*word));
  try {
    app_->cli.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    fmt::print("{}", app_->cli.help());
    return false;
  } catch (const CLI::ArgumentMismatch& error) {
    const std::string text = error.what();
    throw UsageError(fmt::format("{} needs a value", text.substr(0, text.find(':'))));
  } catch (const CLI::ParseError& error) {
    throw UsageError(error.what());
  }
  check_known(app_->cli.remaining());
  for (std::string& word : words_) word = unmarked(std::move(word));
  for (const auto& [option, read] : app_->readers) {
    if (option->count() == 0) continue;
    const std::vector<std::string> results = option->results();
    const bool all = option->get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll;
    for (std::size_t i = all ? 0 : results.size() - 1; i < results.size(); ++i) {
      try {
        read(unmarked(results[i]));
      } catch (const UsageError& error) {
        throw UsageError(fmt::format("{}: {}", name_of(*option), error.what()));
      }
    }
  }
  return true;
}

void CommandApp::check_known(std::vector<std::string> extras) const {
  std::erase(extras, "--");  // CLI11 leaves the mark that ends the options among what it does not know
  if (extras.empty()) return;
  const std::string word = extras.front().substr(0, extras.front().find('='));
  std::vector<std::string> known;
  for (const CLI::Option* option : app_->cli.get_options()) {
    for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
  }
  const std::string_view near = word.size() > 2 ? base::nearest(word, known) : std::string_view();
  const std::string shown = base::escaped(word.substr(0, 80));
  throw UsageError(near.empty() ? fmt::format("no option '{}'", shown)
                                : fmt::format("no option '{}' (did you mean '{}'?)", shown, near));
}

}  // namespace cli
