// SPDX-License-Identifier: MIT
// A reader of records who takes his time, and what the summary says of what that cost.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <regex>
#include <string>
#include <thread>

#include "support/check.hpp"
#include "support/udptool.hpp"

namespace support {

// A pipe by name and its reader, who takes that little every 5 ms.
class SlowReader {
 public:
  explicit SlowReader(std::size_t bite = 32 * 1'024) : bite_(bite) {
    path_ = TemporaryFile().path();
    REQUIRE(mkfifo(path_.c_str(), 0600) == 0);
    fd_ = open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  }
  ~SlowReader() {
    finish();
    close(fd_);
    std::filesystem::remove(path_);
  }
  SlowReader(const SlowReader&) = delete;
  SlowReader& operator=(const SlowReader&) = delete;

  const std::string& path() const { return path_; }
  // The least that the kernel allows: a page.
  void make_small() const { fcntl(fd_, F_SETPIPE_SZ, 4'096); }
  // When there is a writer.
  void start() {
    thread_ = std::thread([this] { read_all(); });
  }
  void hurry() { hurry_ = true; }
  // All that came; the writer must have gone or be going.
  const std::string& finish() {
    if (thread_.joinable()) thread_.join();
    return bytes_;
  }

 private:
  void read_all() {
    std::string buffer(32 * 1'024, '\0');
    for (;;) {
      const ssize_t size = read(fd_, buffer.data(), hurry_ ? buffer.size() : bite_);
      if (size == 0) return;
      if (size > 0) bytes_.append(buffer, 0, static_cast<std::size_t>(size));
      if (!hurry_ || size < 0) std::this_thread::sleep_for(Milliseconds(5));
    }
  }

  std::size_t bite_;
  std::string path_;
  int fd_ = -1;
  std::thread thread_;
  std::atomic<bool> hurry_ = false;
  std::string bytes_;
};

// What the last summary tells: datagrams, dropped, ignored. SIGUSR1 prints others before it.
struct Summary {
  std::uint64_t datagrams = 0, dropped = 0, ignored = 0;
};

inline Summary summary_of(const std::string& err) {
  const std::regex pattern(
      "([0-9]+) datagrams?, [0-9]+ bytes?, [0-9+]+ senders?, ([0-9]+) dropped, ([0-9]+) ignored, [0-9.]+ s\n");
  std::smatch last;
  for (std::sregex_iterator found(err.begin(), err.end(), pattern), end; found != end; ++found) last = *found;
  CAPTURE(err);
  REQUIRE_FALSE(last.empty());
  return {std::stoull(last[1]), std::stoull(last[2]), std::stoull(last[3])};
}

}  // namespace support
