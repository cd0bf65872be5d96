// SPDX-License-Identifier: MIT
// A list of what is allowed, not of what is forbidden: a kernel learns new calls, and none of them is for us.
#include <fcntl.h>
#include <linux/sockios.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "run/privileges.hpp"

namespace run {
namespace {

// What every command takes, under the names that libcs call it by on the machines that there are.
constexpr int always[] = {
    // memory and the rest
    SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(futex), SCMP_SYS(futex_time64),
    SCMP_SYS(gettid), SCMP_SYS(getpid), SCMP_SYS(exit_group), SCMP_SYS(getrandom),
    // signals
    SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigreturn),
    SCMP_SYS(sigaltstack), SCMP_SYS(restart_syscall),
    // time
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_gettime64), SCMP_SYS(gettimeofday), SCMP_SYS(nanosleep),
    SCMP_SYS(clock_nanosleep), SCMP_SYS(clock_nanosleep_time64),
    // the loop
    SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait), SCMP_SYS(eventfd2),
    SCMP_SYS(timerfd_create), SCMP_SYS(timerfd_settime), SCMP_SYS(timerfd_settime64), SCMP_SYS(poll), SCMP_SYS(ppoll),
    SCMP_SYS(ppoll_time64),
    // files that are open
    SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(lseek), SCMP_SYS(_llseek),
    SCMP_SYS(ftruncate), SCMP_SYS(ftruncate64), SCMP_SYS(setitimer), SCMP_SYS(close), SCMP_SYS(dup), SCMP_SYS(fstat),
    SCMP_SYS(fstat64), SCMP_SYS(newfstatat), SCMP_SYS(fstatat64), SCMP_SYS(statx),
    // sockets
    SCMP_SYS(bind), SCMP_SYS(getsockname), SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg), SCMP_SYS(recvmmsg), SCMP_SYS(recvmmsg_time64), SCMP_SYS(sendto), SCMP_SYS(sendmsg),
    SCMP_SYS(sendmmsg)};

// What the resolver and its modules take beside it and the threads that they run on.
constexpr int for_names[] = {
    // sockets and users
    SCMP_SYS(connect), SCMP_SYS(getpeername), SCMP_SYS(shutdown), SCMP_SYS(fcntl), SCMP_SYS(fcntl64), SCMP_SYS(uname),
    SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid),
    // files
    SCMP_SYS(stat), SCMP_SYS(stat64), SCMP_SYS(lstat), SCMP_SYS(lstat64), SCMP_SYS(access), SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2), SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(pread64), SCMP_SYS(getdents64),
    // modules
    SCMP_SYS(mmap), SCMP_SYS(mmap2), SCMP_SYS(mprotect)};

constexpr int for_threads[] = {SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(sched_yield),
                               SCMP_SYS(sched_getaffinity), SCMP_SYS(exit)};

class Filter {
 public:
  // To a call that is not allowed the kernel answers as one that does not know it: a libc that tries a newer call
  // first then goes back to the older one.
  Filter() : context_(seccomp_init(SCMP_ACT_ERRNO(ENOSYS)), &seccomp_release) {}

  // A call that this machine does not have is passed over.
  void allow(int call) { seccomp_rule_add(context_.get(), SCMP_ACT_ALLOW, call, 0); }
  // One whose argument has these bits, of those in `mask`.
  void allow_bits(int call, unsigned argument, unsigned mask, unsigned bits) {
    seccomp_rule_add(context_.get(), SCMP_ACT_ALLOW, call, 1, SCMP_CMP32(argument, SCMP_CMP_MASKED_EQ, mask, bits));
  }
  void allow_socket(int domain, unsigned type) {
    constexpr unsigned type_bits = 0xf;  // flags are above them
    seccomp_rule_add(context_.get(), SCMP_ACT_ALLOW, SCMP_SYS(socket), 2,
                     SCMP_A0_32(SCMP_CMP_EQ, static_cast<unsigned>(domain)),
                     SCMP_A1_32(SCMP_CMP_MASKED_EQ, type_bits, type));
  }

  bool load() {
    // Kernels before 5.16 would slow the process down, as one that runs foreign code.
    seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_SSB, 1);
    return seccomp_load(context_.get()) == 0;
  }

 private:
  std::unique_ptr<void, decltype(&seccomp_release)> context_;
};

void allow_reading_files(Filter& filter) {
  constexpr unsigned changes = O_ACCMODE | O_CREAT | O_TRUNC;
  filter.allow_bits(SCMP_SYS(open), 1, changes, O_RDONLY);
  filter.allow_bits(SCMP_SYS(openat), 2, changes, O_RDONLY);
}

// Where, Landlock says.
void allow_replacing_files(Filter& filter) {
  filter.allow_bits(SCMP_SYS(openat), 2, O_ACCMODE | O_CREAT, O_WRONLY | O_CREAT);
  for (const int call : {SCMP_SYS(fchmod), SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(unlinkat)}) {
    filter.allow(call);
  }
}

void allow_names(Filter& filter) {
  for (const int call : for_names) filter.allow(call);
  for (const int domain : {AF_INET, AF_INET6, AF_UNIX}) filter.allow_socket(domain, SOCK_STREAM);
}

void allow_threads(Filter& filter) {
  for (const int call : for_threads) filter.allow(call);
  // Threads, not processes. What clone3(2) makes is told in memory, where no filter sees it.
  filter.allow_bits(SCMP_SYS(clone), 0, CLONE_VM | CLONE_THREAD, CLONE_VM | CLONE_THREAD);
}

}  // namespace

std::string filter_system_calls(const LateNeeds& needs) {
  constexpr const char* lack = "this kernel lacks seccomp";
  // Level 2 is seccomp(2). An emulator that lacks it may pass on prctl(2) instead, and be filtered itself.
  if (seccomp_api_get() < 2) return lack;
  Filter filter;
  for (const int call : always) filter.allow(call);
  // Memory, but no code.
  for (const int call : {SCMP_SYS(mmap), SCMP_SYS(mmap2), SCMP_SYS(mprotect)}) filter.allow_bits(call, 2, PROT_EXEC, 0);
  filter.allow_bits(SCMP_SYS(tgkill), 0, ~0u, static_cast<unsigned>(getpid()));  // abort(3)
  // Devices and interfaces are asked, but nothing is typed into the terminal (TIOCSTI).
  for (const unsigned request : {FIONBIO, TIOCGWINSZ, SIOCGIFNAME, SIOCGIFINDEX}) {
    filter.allow_bits(SCMP_SYS(ioctl), 1, ~0u, request);
  }
  for (const int domain : {AF_INET, AF_INET6, AF_UNIX}) filter.allow_socket(domain, SOCK_DGRAM);
  filter.allow_socket(AF_NETLINK, SOCK_RAW);  // what interfaces there are
  if (needs.names || !needs.directories.empty()) allow_reading_files(filter);
  if (needs.replaces_in >= 0) allow_replacing_files(filter);
  if (needs.names) allow_names(filter);
  if (needs.names || needs.threads) allow_threads(filter);
  if (needs.clock) {
    for (const int call : {SCMP_SYS(adjtimex), SCMP_SYS(clock_adjtime), SCMP_SYS(clock_adjtime64)}) filter.allow(call);
  }
  return filter.load() ? "" : lack;
}

bool filters_system_calls() { return true; }

}  // namespace run
