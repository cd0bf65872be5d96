// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/error_code.hpp>
#include <cerrno>
#include <csignal>
#include <utility>

#include "base/error.hpp"
#include "base/file.hpp"
#include "run/child.hpp"

namespace run {

namespace asio = boost::asio;
using asio::posix::stream_descriptor;
using base::Descriptor;

namespace {

constexpr auto grace = std::chrono::seconds(1);  // between SIGTERM and SIGKILL

// A descriptor is gone, whatever closing it says.
void close_quietly(stream_descriptor& descriptor) {
  boost::system::error_code ignored;
  descriptor.close(ignored);
}

[[noreturn]] void fail(int error, const char* what) { throw base::failure(error, what); }

// Memory as a file: it takes all of the input at once, whoever reads it when.
Descriptor file_with(std::string_view input) {
  Descriptor file(memfd_create("datagram", MFD_CLOEXEC));
  if (!file.is_open()) fail(errno, "cannot make the command's input");
  while (!input.empty()) {
    const ssize_t written = write(file.get(), input.data(), input.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(errno, "cannot write the command's input");
    input.remove_prefix(static_cast<std::size_t>(written));
  }
  lseek(file.get(), 0, SEEK_SET);
  return file;
}

struct Pipe {
  Descriptor read;
  Descriptor write;
};

Pipe make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) fail(errno, "cannot make the command's output");
  Pipe made{Descriptor(ends[0]), Descriptor(ends[1])};
  fcntl(made.read.get(), F_SETFL, O_NONBLOCK);
  return made;
}

bool is_ours(std::string_view variable) {
  return variable.starts_with("UDPTOOL_") || variable.starts_with("LISTEN_") || variable.starts_with("NOTIFY_SOCKET=");
}

std::vector<char*> environment_with(const std::vector<std::string>& added) {
  std::vector<char*> all;
  for (char** one = environ; *one != nullptr; ++one) {
    if (!is_ours(*one)) all.push_back(*one);
  }
  for (const std::string& one : added) all.push_back(const_cast<char*>(one.c_str()));
  all.push_back(nullptr);
  return all;
}

// What a new process is given: posix_spawn(3)'s two structures.
class Birth {
 public:
  Birth(int input, int output) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_adddup2(&actions_, input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 34)
    posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);  // what a parent left open to us, too
#endif
    posix_spawnattr_init(&attributes_);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setpgroup(&attributes_, 0);
    sigset_t signals;
    sigfillset(&signals);
    posix_spawnattr_setsigdefault(&attributes_, &signals);
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes_, &signals);
  }
  ~Birth() {
    posix_spawnattr_destroy(&attributes_);
    posix_spawn_file_actions_destroy(&actions_);
  }
  Birth(const Birth&) = delete;
  Birth& operator=(const Birth&) = delete;

  pid_t run(const std::string& command, char* const* environment) {
    std::array<char*, 4> words{const_cast<char*>("sh"), const_cast<char*>("-c"), const_cast<char*>(command.c_str()),
                               nullptr};
    pid_t pid = -1;
    const int error = posix_spawn(&pid, "/bin/sh", &actions_, &attributes_, words.data(), environment);
    if (error != 0) fail(error, "cannot run /bin/sh");
    return pid;
  }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

void wait_for(pid_t pid) {
  while (waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Descriptor watch_process(pid_t pid) {
  Descriptor process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (process.is_open()) return process;
  const int error = errno;
  kill(-pid, SIGKILL);
  wait_for(pid);
  fail(error, "cannot watch the command");
}

bool is_over(pid_t pid) {
  siginfo_t info{};
  return waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == pid;
}

}  // namespace

struct Children::Slot {
  explicit Slot(asio::io_context& context) : process(context), output(context), timer(context) {}

  pid_t pid = -1;  // -1: free
  stream_descriptor process;
  stream_descriptor output;
  asio::steady_timer timer;
  bool timed_out = false;
  std::uint64_t life = 0;  // which of those that had the slot: a handler may be late
  std::string text;

  // Takes what waits; true when there may be more to come.
  bool read_output() {
    std::array<char, 65'536> buffer;
    while (output.is_open()) {
      const ssize_t got = read(output.native_handle(), buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno == EAGAIN) return true;
      if (got > 0) text.append(buffer.data(), std::min(static_cast<std::size_t>(got), max_output - text.size()));
      if (got <= 0 || text.size() == max_output) close_quietly(output);
    }
    return false;
  }
};

Children::Children(Loop& loop, Owner& owner, std::string command, std::size_t max_running, base::Nanoseconds timeout)
    : loop_(loop), owner_(owner), command_(std::move(command)), timeout_(timeout) {
  std::signal(SIGCHLD, SIG_DFL);  // a parent that ignored it would have ours vanish without a status
  for (std::size_t i = 0; i < max_running; ++i) {
    slots_.push_back(std::make_unique<Slot>(loop.context()));
    free_.push_back(max_running - 1 - i);
  }
}

Children::~Children() { end_all(); }

std::size_t Children::start(const std::vector<std::string>& environment, std::string_view input) {
  const Descriptor file = file_with(input);
  Pipe pipe = make_pipe();
  const std::vector<char*> variables = environment_with(environment);
  const pid_t pid = Birth(file.get(), pipe.write.get()).run(command_, variables.data());
  Descriptor process = watch_process(pid);
  const std::size_t number = free_.back();
  free_.pop_back();
  Slot& slot = *slots_[number];
  slot.pid = pid;
  slot.timed_out = false;
  slot.text.clear();
  ++slot.life;
  slot.process.assign(process.release());
  slot.output.assign(pipe.read.release());
  watch(number);
  return number;
}

void Children::watch(std::size_t number) {
  Slot& slot = *slots_[number];
  const auto is_current = [&slot, life = slot.life](const boost::system::error_code& error) {
    return !error && slot.pid >= 0 && slot.life == life;
  };
  if (slot.output.is_open()) wait_for_output(number);
  slot.process.async_wait(stream_descriptor::wait_read, [this, number, is_current](const auto& error) {
    if (is_current(error)) finish(number);
  });
  slot.timer.expires_after(timeout_);
  slot.timer.async_wait([this, number, is_current](const auto& error) {
    if (is_current(error)) time_out(number);
  });
}

void Children::wait_for_output(std::size_t number) {
  Slot& slot = *slots_[number];
  slot.output.async_wait(stream_descriptor::wait_read, [this, number, &slot, life = slot.life](const auto& error) {
    if (error || slot.pid < 0 || slot.life != life) return;
    if (slot.read_output()) wait_for_output(number);
  });
}

void Children::time_out(std::size_t number) {
  Slot& slot = *slots_[number];
  if (is_over(slot.pid)) return;  // and that is about to be told
  slot.timed_out = true;
  kill(-slot.pid, SIGTERM);
  slot.timer.expires_after(grace);
  slot.timer.async_wait([&slot, life = slot.life](const auto& error) {
    if (!error && slot.pid >= 0 && slot.life == life) kill(-slot.pid, SIGKILL);
  });
}

void Children::finish(std::size_t number) {
  Slot& slot = *slots_[number];
  siginfo_t info{};
  if (waitid(P_PID, static_cast<id_t>(slot.pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) return;
  slot.read_output();
  close_quietly(slot.output);
  close_quietly(slot.process);
  slot.timer.cancel();
  const pid_t pid = std::exchange(slot.pid, -1);
  if (slot.timed_out) {
    // The rest of its group still has its second.
    const Remains remains{pid, Clock::now() + grace};
    remains_.push_back(remains);
    loop_.at(remains.due, [this, remains] { bury(remains); });
  } else {
    wait_for(pid);
  }
  Ended ended;
  ended.slot = number;
  (info.si_code == CLD_EXITED ? ended.status : ended.signal) = info.si_status;
  ended.timed_out = slot.timed_out;
  const std::string text = std::move(slot.text);
  ended.output = text;
  free_.push_back(number);
  owner_.ended(ended);
}

void Children::bury(const Remains& remains) {
  const auto found =
      std::find_if(remains_.begin(), remains_.end(), [&](const Remains& one) { return one.group == remains.group; });
  if (found == remains_.end()) return;
  remains_.erase(found);
  kill(-remains.group, SIGKILL);
  wait_for(remains.group);
}

void Children::end_all() {
  for (const auto& slot : slots_) {
    if (slot->pid < 0) continue;
    kill(-slot->pid, SIGTERM);
    close_quietly(slot->output);  // nobody reads it any more
  }
  const auto end = Clock::now() + grace;
  for (const auto& slot : slots_) {
    if (slot->pid < 0) continue;
    pollfd wanted{slot->process.native_handle(), POLLIN, 0};
    while (!is_over(slot->pid) && Clock::now() < end) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
      poll(&wanted, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    }
    kill(-slot->pid, SIGKILL);
    wait_for(std::exchange(slot->pid, -1));
  }
  while (!remains_.empty()) bury(remains_.back());
}

}  // namespace run
