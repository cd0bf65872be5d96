// SPDX-License-Identifier: MIT
#include "run/child.hpp"

#include <dirent.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <string>
#include <vector>

#include "support/check.hpp"

using namespace std::chrono_literals;

namespace {

struct Ending {
  int status;
  int signal;
  bool timed_out;
  std::string output;
};

// Runs commands one after another, and stops the loop when so many have ended.
class Runner final : public run::Children::Owner {
 public:
  Runner(const std::string& command, std::size_t places, std::chrono::nanoseconds timeout = 30s)
      : children_(loop_, *this, command, places, timeout) {}

  run::Children& children() { return children_; }
  const std::vector<Ending>& endings() const { return endings_; }

  Ending once(std::string_view input = {}, const std::vector<std::string>& environment = {}) {
    children_.start(environment, input);
    run_until(endings_.size() + 1);
    return endings_.back();
  }

  void run_until(std::size_t count) {
    wanted_ = count;
    if (endings_.size() < count) loop_.context().restart();
    while (endings_.size() < count) loop_.context().run_one();
  }

  void ended(const run::Ended& ended) override {
    endings_.push_back({ended.status, ended.signal, ended.timed_out, std::string(ended.output)});
  }

 private:
  run::Loop loop_;
  std::vector<Ending> endings_;
  std::size_t wanted_ = 0;
  run::Children children_;
};

std::size_t open_descriptors() {
  std::size_t count = 0;
  DIR* directory = opendir("/proc/self/fd");
  while (readdir(directory) != nullptr) ++count;
  closedir(directory);
  return count;
}

bool has_children() { return waitpid(-1, nullptr, WNOHANG) != -1 || errno != ECHILD; }

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

TEST_CASE("child: what goes in comes out, empty and as large as a datagram") {
  Runner runner("cat", 1);
  for (const std::size_t size : {0u, 1u, 65'507u}) {
    const std::string input(size, 'x');
    CHECK(runner.once(input).output == input);
  }
}

TEST_CASE("child: its status, and the signal that ended it") {
  CHECK(Runner("exit 7", 1).once().status == 7);
  CHECK(Runner("exit 0", 1).once().status == 0);
  const Ending killed = Runner("kill -9 $$", 1).once();
  CHECK(killed.signal == 9);
  CHECK_FALSE(killed.timed_out);
}

TEST_CASE("child: the environment is ours, but for what begins with UDPTOOL_ and what a service manager says") {
  setenv("UDPTOOL_OLD", "old", 1);
  setenv("LISTEN_FDS", "3", 1);
  setenv("NOTIFY_SOCKET", "/none", 1);
  setenv("CHILD_TEST", "kept", 1);
  Runner runner("echo $UDPTOOL_OLD,$LISTEN_FDS,$NOTIFY_SOCKET,$CHILD_TEST,$UDPTOOL_PORT", 1);
  CHECK(runner.once({}, {"UDPTOOL_PORT=9"}).output == ",,,kept,9\n");
  for (const char* name : {"UDPTOOL_OLD", "LISTEN_FDS", "NOTIFY_SOCKET", "CHILD_TEST"}) unsetenv(name);
}

TEST_CASE("child: it has default signals, a group of its own and no descriptor of ours") {
  CHECK(Runner("yes | head -1", 1).once().output == "y\n");
  CHECK(Runner("ps -o pgid= -p $$ | tr -d ' \\n'; echo ,$$", 1).once().output.find(',') != std::string::npos);
  CHECK(Runner("cd /proc/self/fd; for f in [3-9] [1-9][0-9]; do [ -e $f ] && readlink $f; done; true", 1)
            .once()
            .output.find("socket") == std::string::npos);
  const int open = dup(STDERR_FILENO);  // not close-on-exec, as a parent may leave one
  CHECK(Runner("[ -e /proc/self/fd/" + std::to_string(open) + " ] && echo there; true", 1).once().output.empty());
  close(open);
}

TEST_CASE("child: it ends when the shell ends, whoever still holds its output") {
  const auto start = std::chrono::steady_clock::now();
  CHECK(Runner("echo one; sleep 30 &", 1).once().output == "one\n");
  CHECK(seconds_since(start) < 10);
}

TEST_CASE("child: of endless output as much is read as no datagram holds, and then nobody reads") {
  CHECK(Runner("yes", 1).once().output.size() == run::Children::max_output);
  CHECK(Runner("head -c 65507 /dev/zero", 1).once().output.size() == 65'507);
}

TEST_CASE("child: after its time its group gets SIGTERM, and a second later SIGKILL") {
  const Ending ended = Runner("sleep 60", 1, 50ms).once();
  CHECK(ended.timed_out);
  CHECK(ended.signal == SIGTERM);

  const auto start = std::chrono::steady_clock::now();
  const Ending stubborn = Runner("trap '' TERM; sleep 60; sleep 60", 1, 1s).once();
  CHECK(stubborn.timed_out);
  CHECK(stubborn.signal == SIGKILL);
  CHECK(seconds_since(start) >= 2);
  CHECK(seconds_since(start) < 20);

  CHECK(Runner("trap 'echo bye; exit 3' TERM; sleep 60 & wait", 1, 1s).once().output == "bye\n");
}

TEST_CASE("child: at the end nothing runs on") {
  Runner runner("trap '' TERM; sleep 60; sleep 60", 2);
  runner.children().start({}, {});
  runner.children().start({}, {});
  CHECK(runner.children().full());
  const auto start = std::chrono::steady_clock::now();
  runner.children().end_all();
  CHECK(seconds_since(start) < 20);
  CHECK_FALSE(has_children());
}

TEST_CASE("child: a place is used again and again, and nothing is left") {
  {
    Runner runner("cat", 4);
    const std::size_t before = open_descriptors();
    std::size_t started = 0;
    while (started < 300) {
      while (!runner.children().full() && started < 300) runner.children().start({}, std::to_string(started++));
      runner.run_until(runner.endings().size() + 1);
    }
    runner.run_until(300);
    for (const Ending& ending : runner.endings()) CHECK(ending.status == 0);
    CHECK(open_descriptors() == before);
  }
  CHECK_FALSE(has_children());
}
