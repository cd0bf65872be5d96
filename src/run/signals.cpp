// SPDX-License-Identifier: MIT
#include "run/signals.hpp"

#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>

#include "base/ending.hpp"
#include "base/error.hpp"

namespace run {
namespace {

std::atomic<bool> stop_flag = false;
std::atomic<bool> alarm_flag = false;
std::atomic<bool> usr1_flag = false;
static_assert(std::atomic<bool>::is_always_lock_free);  // handlers set them
std::array<std::atomic<pid_t>, max_threads> sharing{};  // threads that the alarm is passed on to
int wake_descriptor = -1;

void wake() {
  const int saved = errno;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wake_descriptor, &one, sizeof one);
  errno = saved;
}

void set_handler(int number, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;  // no SA_RESTART: a blocked write has to notice
  sigemptyset(&action.sa_mask);
  sigaction(number, &action, nullptr);
}

constexpr std::int64_t tick_us = 100'000;
constexpr int stop_signals[] = {SIGINT, SIGTERM, SIGHUP};

bool ignored(int number) {
  struct sigaction action {};
  return sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

void tick_after(std::int64_t us) {
  itimerval timer{};
  timer.it_value.tv_sec = us / 1'000'000;
  timer.it_value.tv_usec = us % 1'000'000;
  timer.it_interval.tv_usec = tick_us;  // again, for a write that began just after the last
  setitimer(ITIMER_REAL, &timer, nullptr);
}

extern "C" void on_stop(int) {
  stop_flag = true;
  for (const int number : stop_signals) {
    if (!ignored(number)) set_handler(number, SIG_DFL);
  }
  if (base::end_ticks == 0) {
    base::end_ticks = 1;
    tick_after(tick_us);
  }
  wake();
}

// A blocked call is interrupted in the thread alone that the signal comes to.
void pass_on_alarm() {
  const int saved = errno;
  for (const auto& thread : sharing) {
    if (const pid_t id = thread; id != 0) syscall(SYS_tgkill, getpid(), id, SIGALRM);
  }
  errno = saved;
}

extern "C" void on_alarm(int, siginfo_t* info, void*) {
  if (info->si_code == SI_TKILL) return;  // passed on: that it interrupts is all
  if (!stop_flag) alarm_flag = true;
  ++base::end_ticks;
  wake();
  pass_on_alarm();
}

extern "C" void on_usr1(int) {
  usr1_flag = true;
  wake();
}

void set_alarm_handler() {
  struct sigaction action {};
  action.sa_sigaction = on_alarm;
  action.sa_flags = SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  sigaction(SIGALRM, &action, nullptr);
}

// Those that the first thread takes.
sigset_t signals_of_the_first() {
  sigset_t ours;
  sigemptyset(&ours);
  for (const int number : stop_signals) sigaddset(&ours, number);
  for (const int number : {SIGUSR1, SIGQUIT}) sigaddset(&ours, number);
  return ours;
}

// A parent may have left them blocked.
void unblock() {
  sigset_t ours = signals_of_the_first();
  sigaddset(&ours, SIGALRM);
  sigprocmask(SIG_UNBLOCK, &ours, nullptr);
}

}  // namespace

int catch_signals() {
  if (wake_descriptor >= 0) return wake_descriptor;
  wake_descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (wake_descriptor < 0) throw base::failure(errno, "cannot make an eventfd");
  for (const int number : stop_signals) {
    // nohup(1) and a shell's background jobs ignore some of them on purpose, SIGTERM never.
    if (number == SIGTERM || !ignored(number)) set_handler(number, on_stop);
  }
  set_alarm_handler();
  set_handler(SIGUSR1, on_usr1);
  set_handler(SIGPIPE, SIG_IGN);
  set_handler(SIGXFSZ, SIG_IGN);  // EFBIG tells it
  unblock();
  return wake_descriptor;
}

void set_alarm(base::Nanoseconds after) {
  using std::chrono::microseconds;
  const auto us = std::max(std::chrono::duration_cast<microseconds>(after), microseconds(1));
  tick_after(us.count());
}

void share_alarm() {
  const pid_t self = gettid();
  for (auto& thread : sharing) {
    if (pid_t free = 0; thread.compare_exchange_strong(free, self)) return;
  }
}

void leave_alarm() {
  for (auto& thread : sharing) {
    pid_t self = gettid();
    thread.compare_exchange_strong(self, 0);
  }
}

MaskedForThreads::MaskedForThreads() {
  const sigset_t ours = signals_of_the_first();
  pthread_sigmask(SIG_BLOCK, &ours, &before_);
}

MaskedForThreads::~MaskedForThreads() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

bool stop_signalled() { return stop_flag; }
bool alarm_signalled() { return alarm_flag; }

bool take_usr1() { return usr1_flag.exchange(false); }

void clear_wake() {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = read(wake_descriptor, &count, sizeof count);
}

}  // namespace run
