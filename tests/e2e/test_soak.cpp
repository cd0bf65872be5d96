// SPDX-License-Identifier: MIT
// Nothing is lost below the limit: `listen` at half of the rate that it reaches here and now. UDPTOOL_SOAK says for how
// many seconds.
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <regex>
#include <thread>

#include "support/check.hpp"
#include "support/kernel.hpp"
#include "support/udptool.hpp"

using namespace support;

namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

// The other end of listen's stdout: reads `sender TAB size TAB number` and sees that the numbers rise by one.
class Checker {
 public:
  Checker() {
    path_ = TemporaryFile().path();
    REQUIRE(mkfifo(path_.c_str(), 0600) == 0);
    fd_ = open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    fcntl(fd_, F_SETPIPE_SZ, 1 << 20);
  }
  ~Checker() {
    finish();
    close(fd_);
    std::filesystem::remove(path_);
  }
  const std::string& path() const { return path_; }
  void start() {
    fcntl(fd_, F_SETFL, 0);  // there is a writer: from now on reads wait
    thread_ = std::thread([this] { read_all(); });
  }
  void finish() {
    if (thread_.joinable()) thread_.join();
  }
  std::uint64_t shown() const { return shown_; }
  std::uint64_t skipped() const { return skipped_; }  // numbers that are missing
  std::uint64_t wrong() const { return wrong_; }      // twice, out of order or not whole

 private:
  void read_all() {
    std::string buffer(1 << 16, '\0');
    std::string line;
    for (ssize_t size = 0; (size = read(fd_, buffer.data(), buffer.size())) > 0;) {
      for (const char c : std::string_view(buffer.data(), static_cast<std::size_t>(size))) {
        if (c != '\n') {
          line += c;
          continue;
        }
        check(line);
        line.clear();
      }
    }
    wrong_ += !line.empty();
  }
  void check(const std::string& line) {
    const std::size_t tab = line.rfind('\t');
    char* end = nullptr;
    const std::uint64_t number = tab == std::string::npos ? 0 : std::strtoull(line.c_str() + tab + 1, &end, 10);
    ++shown_;
    if (!line.starts_with("127.0.0.1:") || end == nullptr || *end != '\0' || number < expected_) {
      ++wrong_;
      return;
    }
    skipped_ += number - expected_;
    expected_ = number + 1;
  }

  std::string path_;
  int fd_ = -1;
  std::uint64_t expected_ = 0;
  std::atomic<std::uint64_t> shown_ = 0;
  std::uint64_t skipped_ = 0;
  std::uint64_t wrong_ = 0;
  std::thread thread_;
};

// Sends numbers, at that many a second (0: as fast as it goes) for so long.
class NumberSender {
 public:
  explicit NumberSender(std::uint16_t port) {
    to_.sin_family = AF_INET;
    to_.sin_port = htons(port);
    to_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  }
  std::uint64_t sent() const { return next_; }
  Seconds paused() const { return paused_; }  // longer than asked for, all together

  void run(Seconds length, double rate) {
    const auto start = Clock::now();
    const std::uint64_t first = next_;
    for (Clock::time_point now = start, before = start; now - start < length; before = now, now = Clock::now()) {
      if (now - before > usual_pause) paused_ += now - before;
      const auto due = static_cast<std::uint64_t>(Seconds(now - start).count() * rate);
      const std::uint64_t wanted = rate == 0 ? batch : first + due - next_;
      if (wanted < batch) {
        std::this_thread::sleep_for(std::chrono::microseconds(100));
      } else {
        send_batch();
      }
    }
  }

 private:
  static constexpr std::size_t batch = 32;
  static constexpr Milliseconds usual_pause{2};

  void send_batch() {
    std::array<std::string, batch> texts;
    std::array<iovec, batch> pieces{};
    std::array<mmsghdr, batch> messages{};
    for (std::size_t i = 0; i < batch; ++i) {
      texts[i] = std::to_string(next_ + i);
      pieces[i] = {texts[i].data(), texts[i].size()};
      messages[i].msg_hdr = {&to_, sizeof to_, &pieces[i], 1, nullptr, 0, 0};
    }
    send_messages(socket_.fd(), messages);
    next_ += batch;
  }

  const RawUdp socket_;
  sockaddr_in to_{};
  std::uint64_t next_ = 0;
  Seconds paused_{};
};

const double usual_length = sanitized() ? 2 : 5;

Seconds soak_length() {
  const char* given = std::getenv("UDPTOOL_SOAK");
  return Seconds(given != nullptr ? std::atof(given) : usual_length);
}

// How long the threads of a process were ready to run and others had the CPU, so far: sched-stats in the kernel's
// documentation, in ns.
Seconds waited_for_cpu(pid_t pid) {
  double sum = 0;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
    std::ifstream file(thread.path() / "schedstat");
    double on_cpu = 0, waited = 0;
    file >> on_cpu >> waited;
    sum += waited;
  }
  return Seconds(sum * 1e-9);
}

std::uint64_t told_dropped(const std::string& err) {
  std::smatch found;
  const bool matched = std::regex_search(err, found, std::regex(" ([0-9]+) dropped, "));
  CAPTURE(err);
  REQUIRE(matched);
  return std::stoull(found[1]);
}

}  // namespace

TEST_CASE("soak: at half of its rate listen shows every datagram once, and does not grow") {
  double most = 0;  // datagrams a second that it shows here and now
  {
    Checker checker;
    const Listener listener({}, {"127.0.0.1:0"}, 1, {.output_file = checker.path()});
    checker.start();
    constexpr Seconds calibration{1};
    NumberSender(listener.port()).run(calibration, 0);
    most = static_cast<double>(checker.shown()) / calibration.count();
  }
  Checker checker;
  Listener listener({}, {"127.0.0.1:0"}, 1, {.output_file = checker.path()});
  checker.start();
  NumberSender sender(listener.port());
  const Seconds before = waited_for_cpu(getpid());
  sender.run(Seconds(0.5), most / 2);  // until it has allocated all that it needs
  const std::uint64_t memory = memory_of(listener.pid(), "VmRSS");
  const std::size_t descriptors = descriptors_of(listener.pid());
  sender.run(soak_length(), most / 2);
  wait_until_taken(listener.port());
  CHECK(memory_of(listener.pid(), "VmRSS") <= memory + 1'024);
  CHECK(descriptors_of(listener.pid()) == descriptors);
  const Seconds disturbed = waited_for_cpu(listener.pid()) + waited_for_cpu(getpid()) - before + sender.paused();

  const Finished result = listener.stop();
  checker.finish();
  const std::uint64_t dropped = told_dropped(result.err);
  CHECK(result.ending == done);
  CHECK(checker.wrong() == 0);
  CHECK(checker.shown() + dropped == sender.sent());
  CHECK(checker.skipped() <= dropped);  // one dropped at the very end leaves no gap
  // Only while others had the CPU may the buffer have run full. On a calm machine that is next to nothing.
  CHECK(static_cast<double>(dropped) <= most / 2 * disturbed.count());
  MESSAGE(sender.sent(), " datagrams, ", most / 2, " a second, ", dropped, " dropped; others had the CPU for ",
          disturbed.count(), " s, memory ", memory, " KiB");
}
