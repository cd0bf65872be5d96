// SPDX-License-Identifier: MIT
// Other programs as a test sees them: started with words, written to, read from, waited for, and never left
// behind.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace support {

using Words = std::vector<std::string>;
using Milliseconds = std::chrono::milliseconds;

// Long enough for a loaded machine under a sanitizer; only what fails waits for so long.
constexpr Milliseconds patience{30'000};
// For what must not come.
constexpr Milliseconds moment{150};

enum class Input { null, closed, pipe, file };
enum class Stream { out, err };

struct ProcessOptions {
  Input input = Input::null;
  std::string input_file = {};   // for Input::file
  std::string output_file = {};  // not empty: stdout goes there and is not captured
  Words environment = {};        // NAME=VALUE, added to that of the test
};

// How a process ended: by its own exit status, or by a signal.
struct Ending {
  int status = -1;
  int signal = 0;
  bool operator==(const Ending&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Ending& ending);

struct Finished {
  Ending ending;
  std::string out;
  std::string err;
};

// Waiting throws std::runtime_error that shows what came when the time is over.
class Process {
 public:
  explicit Process(const Words& words, const ProcessOptions& options = {});
  ~Process();  // kills what still runs, with its children
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }

  // The next whole line that has `text` in it; lines before it are passed over.
  std::string wait_for(Stream stream, std::string_view text, Milliseconds timeout = patience);
  // The same for an ECMAScript regular expression: the line and what the groups matched.
  std::vector<std::string> wait_for_match(Stream stream, const std::string& pattern, Milliseconds timeout = patience);
  // Waits until the stream holds so many bytes.
  void wait_for_bytes(Stream stream, std::size_t count, Milliseconds timeout = patience);
  // Waits until the process has a bound UDP socket and gives its port: for those that do not tell.
  std::uint16_t wait_for_port(Milliseconds timeout = patience);

  // Everything that came so far; everything that came at all after wait().
  std::string out() const;
  std::string err() const;

  void write(std::string_view bytes);
  void close_input();
  void signal(int number);
  Ending wait(Milliseconds timeout = patience);
  // Waits, and returns all that came; stop() ends it first, as Ctrl-C does.
  Finished finish();
  Finished stop(int signal_number = 2);

 private:
  struct Pipe {
    int fd = -1;
    std::string bytes;
    std::size_t looked_at = 0;  // by wait_for
  };

  void read_all();
  bool take_line(Pipe& pipe, std::string& line) const;
  [[noreturn]] void give_up(const std::string& what) const;
  template <class Use>
  void wait_until(const std::string& what, Milliseconds timeout, Use done);

  Words words_;
  pid_t pid_ = -1;
  int input_ = -1;
  bool ended_ = false;
  Ending ending_;
  mutable std::mutex mutex_;  // guards the pipes' bytes and open_
  std::condition_variable came_;
  Pipe out_, err_;
  int open_ = 0;  // pipes that have not reached their end
  std::thread reader_;
};

// Runs to the end.
Finished run(const Words& words, const ProcessOptions& options = {}, Milliseconds timeout = patience);

// The last of the lines in the text, with its newline.
std::string last_line(const std::string& text);

// Whether the whole text is like that regular expression (ECMAScript).
bool is_like(const std::string& text, const std::string& pattern);

// Whether a program of that name is installed.
bool have(std::string_view program);

}  // namespace support
