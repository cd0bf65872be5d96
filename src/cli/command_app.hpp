// One command's options and words. The only door to CLI11, so that its cost and its traps stay in one file.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace cli {

class CommandApp {
 public:
  // `usage` is what follows "udptool " in the usage line.
  CommandApp(std::string name, std::string usage, std::string description);
  ~CommandApp();
  CommandApp(const CommandApp&) = delete;
  CommandApp& operator=(const CommandApp&) = delete;

  using Read = std::function<void(const std::string& word)>;

  // The heading of the options that are added next.
  void group(std::string heading);
  // `names` as in "-c,--count". A value given twice counts once, the last; a repeatable one each time. What `read`
  // throws (UsageError) is told with the option's name.
  void flag(const std::string& names, const std::string& help, std::function<void()> set);
  void flag(const std::string& names, const std::string& help, bool& target);
  void value(const std::string& names, const std::string& form, const std::string& help, Read read);
  void repeatable(const std::string& names, const std::string& form, const std::string& help, Read read);
  // A value that may only follow "=", and a default when there is none.
  void optional_value(const std::string& name, const std::string& form, const std::string& without,
                      const std::string& help, Read read);
  // Lines below the options.
  void examples(std::string text);

  // Reads the arguments behind the command; the words among them go to words(). Gives false when help was asked for
  // and printed. Throws UsageError.
  bool parse(const std::vector<std::string>& arguments);
  const std::vector<std::string>& words() const { return words_; }

 private:
  struct App;

  void check_known(std::vector<std::string> extras) const;

  std::unique_ptr<App> app_;
  std::string name_;
  std::string group_;
  std::vector<std::string> words_;
};

}  // namespace cli
