// SPDX-License-Identifier: MIT
#include "support/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <regex>
#include <set>
#include <sstream>
#include <stdexcept>
#include <utility>

extern char** environ;

namespace support {
namespace {

using Clock = std::chrono::steady_clock;

void must(bool good, const char* what) {
  if (!good) throw std::runtime_error(std::string(what) + ": " + std::strerror(errno));
}

std::array<int, 2> make_pipe() {
  std::array<int, 2> ends{};
  must(pipe2(ends.data(), O_CLOEXEC) == 0, "pipe2");
  return ends;
}

int open_file(const std::string& path, int flags) {
  const int fd = open(path.c_str(), flags | O_CLOEXEC, 0600);
  must(fd >= 0, path.c_str());
  return fd;
}

std::vector<char*> pointers(const Words& words) {
  std::vector<char*> result;
  for (const std::string& word : words) result.push_back(const_cast<char*>(word.c_str()));
  result.push_back(nullptr);
  return result;
}

// In the child: only calls that are safe between fork and exec. -1 for `in` closes stdin.
[[noreturn]] void become(char* const* words, char* const* environment, int in, int out, int err) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);  // doctest's handlers among them
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (in < 0) {
    close(STDIN_FILENO);
  } else {
    dup2(in, STDIN_FILENO);
  }
  dup2(out, STDOUT_FILENO);
  dup2(err, STDERR_FILENO);
  execvpe(words[0], words, environment);
  _exit(127);
}

// Our own with these, each name once: of two, a shell takes the last and getenv(3) the first.
Words environment_with(Words own) {
  const std::size_t owned = own.size();
  for (char** one = environ; *one != nullptr; ++one) {
    const std::string_view inherited = *one;
    const std::string_view name = inherited.substr(0, inherited.find('=') + 1);
    const auto end = own.begin() + static_cast<std::ptrdiff_t>(owned);
    if (std::none_of(own.begin(), end, [&](const std::string& mine) { return mine.starts_with(name); }))
      own.emplace_back(inherited);
  }
  return own;
}

std::set<std::string> socket_inodes(pid_t pid) {
  std::set<std::string> inodes;
  std::error_code ignored;
  const std::string folder = "/proc/" + std::to_string(pid) + "/fd";
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const std::string target = std::filesystem::read_symlink(entry, ignored).string();
    if (target.starts_with("socket:[")) inodes.insert(target.substr(8, target.size() - 9));
  }
  return inodes;
}

// The port of a bound UDP socket of the process (proc_pid_net(5)), or 0.
std::uint16_t udp_port_of(pid_t pid) {
  const std::set<std::string> inodes = socket_inodes(pid);
  for (const char* table : {"udp", "udp6"}) {
    std::ifstream lines("/proc/" + std::to_string(pid) + "/net/" + table);
    std::string line;
    while (std::getline(lines, line)) {
      std::istringstream columns(line);
      std::vector<std::string> words;
      for (std::string word; columns >> word;) words.push_back(word);
      if (words.size() < 10 || !inodes.contains(words[9])) continue;
      const std::string& local = words[1];
      return static_cast<std::uint16_t>(std::stoul(local.substr(local.rfind(':') + 1), nullptr, 16));
    }
  }
  return 0;
}

// Without taking the status away from wait().
bool has_ended(pid_t pid) {
  siginfo_t info{};
  return waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == pid;
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const Ending& ending) {
  if (ending.signal != 0) return out << "signal " << ending.signal;
  return out << "status " << ending.status;
}

Process::Process(const Words& words, const ProcessOptions& options) : words_(words) {
  ::signal(SIGPIPE, SIG_IGN);
  Words environment = environment_with(options.environment);
  const std::vector<char*> argv = pointers(words_);
  const std::vector<char*> envp = pointers(environment);
  const auto err = make_pipe();
  const auto out =
      options.output_file.empty() ? make_pipe() : std::array{-1, open_file(options.output_file, O_WRONLY | O_CREAT)};
  int in = -1;
  if (options.input == Input::null) in = open_file("/dev/null", O_RDONLY);
  if (options.input == Input::file) in = open_file(options.input_file, O_RDONLY);
  if (options.input == Input::pipe) {
    const auto ends = make_pipe();
    in = ends[0];
    input_ = ends[1];
  }
  // A signal that comes before the child is another program must wait until it is.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pid_ = fork();
  if (pid_ == 0) become(argv.data(), envp.data(), in, out[1], err[1]);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  must(pid_ > 0, "fork");
  setpgid(pid_, pid_);
  if (in >= 0) close(in);
  close(out[1]);
  close(err[1]);
  out_.fd = out[0];
  err_.fd = err[0];
  open_ = out_.fd >= 0 ? 2 : 1;
  reader_ = std::thread([this] { read_all(); });
}

Process::~Process() {
  if (!ended_) {
    ::kill(-pid_, SIGKILL);
    ::kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  } else {
    ::kill(-pid_, SIGKILL);  // children that it left behind would hold the pipes open
  }
  close_input();
  reader_.join();
}

void Process::read_all() {
  std::array<pollfd, 2> polled{pollfd{out_.fd, POLLIN, 0}, pollfd{err_.fd, POLLIN, 0}};
  std::vector<char> buffer(1 << 16);
  while (polled[0].fd >= 0 || polled[1].fd >= 0) {
    if (poll(polled.data(), polled.size(), -1) < 0) continue;
    for (std::size_t i = 0; i < polled.size(); ++i) {
      if (polled[i].fd < 0 || polled[i].revents == 0) continue;
      const ssize_t size = read(polled[i].fd, buffer.data(), buffer.size());
      if (size < 0 && errno == EINTR) continue;
      const std::lock_guard lock(mutex_);
      if (size > 0) {
        (i == 0 ? out_ : err_).bytes.append(buffer.data(), static_cast<std::size_t>(size));
      } else {
        close(std::exchange(polled[i].fd, -1));
        --open_;
      }
      came_.notify_all();
    }
  }
}

bool Process::take_line(Pipe& pipe, std::string& line) const {
  const std::size_t end = pipe.bytes.find('\n', pipe.looked_at);
  if (end == std::string::npos) return false;
  line = pipe.bytes.substr(pipe.looked_at, end - pipe.looked_at);
  pipe.looked_at = end + 1;
  return true;
}

void Process::give_up(const std::string& what) const {
  std::string text = "in vain: " + what + " of";
  for (const std::string& word : words_) text += " " + word.substr(0, 100);
  text += "\nstdout: " + out_.bytes.substr(0, 2'000) + "\nstderr: " + err_.bytes.substr(0, 2'000);
  throw std::runtime_error(text);
}

template <class Use>
void Process::wait_until(const std::string& what, Milliseconds timeout, Use done) {
  const auto end = Clock::now() + timeout;
  std::unique_lock lock(mutex_);
  while (!done()) {
    if (open_ == 0 || came_.wait_until(lock, end) == std::cv_status::timeout) {
      if (!done()) give_up(what);
      return;
    }
  }
}

std::string Process::wait_for(Stream stream, std::string_view text, Milliseconds timeout) {
  Pipe& pipe = stream == Stream::out ? out_ : err_;
  std::string line;
  wait_until("waiting for '" + std::string(text) + "'", timeout, [&] {
    while (take_line(pipe, line)) {
      if (line.find(text) != std::string::npos) return true;
    }
    return false;
  });
  return line;
}

std::vector<std::string> Process::wait_for_match(Stream stream, const std::string& pattern, Milliseconds timeout) {
  Pipe& pipe = stream == Stream::out ? out_ : err_;
  const std::regex regex(pattern);
  std::vector<std::string> found;
  wait_until("waiting for a line like " + pattern, timeout, [&] {
    std::string line;
    std::smatch match;
    while (take_line(pipe, line)) {
      if (!std::regex_search(line, match, regex)) continue;
      found.assign(1, line);
      for (std::size_t i = 1; i < match.size(); ++i) found.push_back(match[i].str());
      return true;
    }
    return false;
  });
  return found;
}

void Process::wait_for_bytes(Stream stream, std::size_t count, Milliseconds timeout) {
  const Pipe& pipe = stream == Stream::out ? out_ : err_;
  wait_until("waiting for " + std::to_string(count) + " bytes", timeout, [&] { return pipe.bytes.size() >= count; });
}

// Before exec the child still has this program's own sockets.
bool has_begun(pid_t pid) {
  std::error_code ignored;
  const auto program = std::filesystem::read_symlink("/proc/" + std::to_string(pid) + "/exe", ignored);
  return !program.empty() && program != std::filesystem::read_symlink("/proc/self/exe", ignored);
}

std::uint16_t Process::wait_for_port(Milliseconds timeout) {
  const auto end = Clock::now() + timeout;
  for (;;) {
    if (has_begun(pid_)) {
      if (const std::uint16_t port = udp_port_of(pid_)) return port;
    }
    if (Clock::now() > end || has_ended(pid_)) break;
    std::this_thread::sleep_for(Milliseconds(2));
  }
  const std::lock_guard lock(mutex_);
  give_up("waiting for a UDP port");
}

std::string Process::out() const {
  const std::lock_guard lock(mutex_);
  return out_.bytes;
}

std::string Process::err() const {
  const std::lock_guard lock(mutex_);
  return err_.bytes;
}

void Process::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t size = ::write(input_, bytes.data(), bytes.size());
    if (size < 0 && errno == EPIPE) return;  // it has read enough
    must(size > 0 || errno == EINTR, "writing to a process");
    bytes.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  }
}

void Process::close_input() {
  if (input_ >= 0) close(std::exchange(input_, -1));
}

void Process::signal(int number) {
  if (!ended_) ::kill(pid_, number);
}

Ending Process::wait(Milliseconds timeout) {
  if (ended_) return ending_;
  const int handle = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
  must(handle >= 0, "pidfd_open");
  pollfd polled{handle, POLLIN, 0};
  int ready = 0;
  do {
    ready = poll(&polled, 1, static_cast<int>(timeout.count()));
  } while (ready < 0 && errno == EINTR);
  close(handle);
  if (ready == 0) {
    const std::lock_guard lock(mutex_);
    give_up("waiting for the end");
  }
  int status = 0;
  must(waitpid(pid_, &status, 0) == pid_, "waitpid");
  ended_ = true;
  if (WIFEXITED(status)) ending_.status = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) ending_.signal = WTERMSIG(status);
  ::kill(-pid_, SIGKILL);
  std::unique_lock lock(mutex_);
  came_.wait_for(lock, patience, [&] { return open_ == 0; });
  return ending_;
}

Finished run(const Words& words, const ProcessOptions& options, Milliseconds timeout) {
  Process process(words, options);
  process.close_input();
  const Ending ending = process.wait(timeout);
  return {ending, process.out(), process.err()};
}

Finished Process::finish() {
  const Ending ending = wait();
  return {ending, out(), err()};
}

Finished Process::stop(int signal_number) {
  signal(signal_number);
  return finish();
}

std::string last_line(const std::string& text) {
  const std::size_t end = text.size() < 2 ? std::string::npos : text.rfind('\n', text.size() - 2);
  return end == std::string::npos ? text : text.substr(end + 1);
}

bool is_like(const std::string& text, const std::string& pattern) {
  return std::regex_match(text, std::regex(pattern));
}

bool have(std::string_view program) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "/usr/bin:/bin" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (access((folder + "/" + std::string(program)).c_str(), X_OK) == 0) return true;
  }
  return false;
}

}  // namespace support
