// SPDX-License-Identifier: MIT
// A preload (ld.so(8)) for a host that is worse than this one.
//   FAULT_NO_IPV6       the kernel knows no IPv6: socket(2) says so
//   FAULT_CLOCK         somebody sets the wall clock back or forth by hours, every 20 ms; the kernel's receive times
//                       are on that clock too
//   FAULT_STEADY_CLOCK  the steady clock is ahead by as many seconds as that file says at the time, in eight bytes
//   FAULT_RECEIVE       receiving fails with this errno, the first FAULT_RECEIVE_TIMES times that something waits
//   FAULT_EPOLL         the epoll_ctl(2) of that number, from 1 on, has no memory
//   FAULT_SYNCHRONISED  no fault, but what a test needs: the kernel says that its clock is synchronised
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/timex.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t period = 20'000'000;

template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

std::int64_t read_clock(clockid_t clock) {
  static auto* const get = real<decltype(clock_gettime)>("clock_gettime");
  timespec now{};
  get(clock, &now);
  return now.tv_sec * second + now.tv_nsec;
}

// By how many seconds the wall clock was wrong at that moment of the steady one: never twice by the same in a while.
std::int64_t offset_at(std::int64_t steady) {
  const std::int64_t hours = steady / period % 64;
  return (hours % 2 == 0 ? hours : -hours) * 3'600;
}

void falsify(timespec& wall) {
  const std::int64_t age = read_clock(CLOCK_REALTIME) - (wall.tv_sec * second + wall.tv_nsec);
  wall.tv_sec += offset_at(read_clock(CLOCK_MONOTONIC) - age);
}

// Mapped once: whoever writes to the file moves the clock.
const volatile std::int64_t* steady_offset() {
  const char* const path = std::getenv("FAULT_STEADY_CLOCK");
  const int fd = path != nullptr ? open(path, O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0) return nullptr;
  void* const memory = mmap(nullptr, sizeof(std::int64_t), PROT_READ, MAP_SHARED, fd, 0);
  close(fd);
  return memory != MAP_FAILED ? static_cast<const volatile std::int64_t*>(memory) : nullptr;
}

void falsify_stamps(msghdr& message) {
  if (std::getenv("FAULT_CLOCK") == nullptr) return;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_TIMESTAMPNS) continue;
    timespec stamp{};
    std::memcpy(&stamp, CMSG_DATA(header), sizeof stamp);
    falsify(stamp);
    std::memcpy(CMSG_DATA(header), &stamp, sizeof stamp);
  }
}

bool must_fail_to_receive(int fd) {
  static long left = std::getenv("FAULT_RECEIVE") != nullptr ? std::atol(std::getenv("FAULT_RECEIVE_TIMES")) : 0;
  pollfd waits{fd, POLLIN, 0};
  if (left <= 0 || poll(&waits, 1, 0) != 1) return false;
  --left;
  errno = std::atoi(std::getenv("FAULT_RECEIVE"));
  return true;
}

}  // namespace

extern "C" int socket(int family, int type, int protocol) noexcept {
  static auto* const open = real<decltype(socket)>("socket");
  if (family == AF_INET6 && std::getenv("FAULT_NO_IPV6") != nullptr) {
    errno = EAFNOSUPPORT;
    return -1;
  }
  return open(family, type, protocol);
}

extern "C" int epoll_ctl(int epoll, int operation, int fd, epoll_event* event) noexcept {
  static auto* const control = real<decltype(epoll_ctl)>("epoll_ctl");
  static long calls = 0;
  if (std::getenv("FAULT_EPOLL") == nullptr || ++calls != std::atol(std::getenv("FAULT_EPOLL"))) {
    return control(epoll, operation, fd, event);
  }
  errno = ENOMEM;
  return -1;
}

extern "C" int clock_gettime(clockid_t clock, timespec* now) noexcept {
  static const volatile std::int64_t* const ahead = steady_offset();
  std::int64_t time = read_clock(clock);
  if (clock == CLOCK_MONOTONIC && ahead != nullptr) time += *ahead * second;
  *now = {time / second, time % second};
  if (clock == CLOCK_REALTIME && std::getenv("FAULT_CLOCK") != nullptr) falsify(*now);
  return 0;
}

extern "C" int adjtimex(timex* asked) noexcept {
  static auto* const ask = real<decltype(adjtimex)>("adjtimex");
  const int state = ask(asked);
  if (std::getenv("FAULT_SYNCHRONISED") == nullptr) return state;
  asked->status &= ~STA_UNSYNC;
  return TIME_OK;
}

extern "C" ssize_t recvmsg(int fd, msghdr* message, int flags) {
  static auto* const receive = real<decltype(recvmsg)>("recvmsg");
  const ssize_t size = receive(fd, message, flags);
  if (size >= 0) falsify_stamps(*message);
  return size;
}

extern "C" int recvmmsg(int fd, mmsghdr* messages, unsigned count, int flags, timespec* timeout) {
  static auto* const receive = real<decltype(recvmmsg)>("recvmmsg");
  if (must_fail_to_receive(fd)) return -1;
  const int got = receive(fd, messages, count, flags, timeout);
  for (int i = 0; i < got; ++i) falsify_stamps(messages[i].msg_hdr);
  return got;
}
