// SPDX-License-Identifier: MIT
// A preload (ld.so(8)) that takes away what POOR_KERNEL_LACKS names, as a kernel without it does: `landlock`,
// `seccomp`, and `setresuid`, which then does nothing but claims to.
#include <dlfcn.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdlib>
#include <cstring>

namespace {

bool lacks(const char* what) {
  const char* list = std::getenv("POOR_KERNEL_LACKS");
  return list != nullptr && std::strstr(list, what) != nullptr;
}

template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" long syscall(long number, ...) {
  static auto* const call = real<long(long, ...)>("syscall");
  if ((number == SYS_landlock_create_ruleset && lacks("landlock")) || (number == SYS_seccomp && lacks("seccomp"))) {
    errno = ENOSYS;
    return -1;
  }
  va_list list;
  va_start(list, number);
  long arguments[6];
  for (long& argument : arguments) argument = va_arg(list, long);
  va_end(list);
  return call(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
}

extern "C" int setresuid(uid_t user, uid_t effective, uid_t saved) {
  static auto* const change = real<decltype(setresuid)>("setresuid");
  return lacks("setresuid") ? 0 : change(user, effective, saved);
}
