// SPDX-License-Identifier: MIT
#include "run/privileges.hpp"

#include <fmt/format.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.hpp"
#include "base/text.hpp"

namespace run {
namespace {

void require(bool done, const User& user) {
  if (!done) {
    throw base::failure(errno, fmt::format("cannot become user '{}'", base::printable(user.name)));
  }
}

}  // namespace

User find_user(const std::string& name) {
  const passwd* entry = getpwnam(name.c_str());
  if (entry == nullptr) throw base::UsageError(fmt::format("no user '{}'", base::printable(name)));
  if (entry->pw_uid == 0) {
    throw base::UsageError(fmt::format("'{}' is root: name a user without privileges", base::printable(name)));
  }
  if (geteuid() != 0) throw base::UsageError("only root can become another user: leave it out, or start as root");
  return {name, entry->pw_uid, entry->pw_gid};
}

void become(const User& user) {
  // In this order: each call takes the privilege that the next one takes away.
  require(initgroups(user.name.c_str(), user.gid) == 0, user);
  require(setresgid(user.gid, user.gid, user.gid) == 0, user);
  require(setresuid(user.uid, user.uid, user.uid) == 0, user);
  // The change of user has cleared the capabilities, but for inheritable ones and what securebits(7) keep.
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3]{};
  require(syscall(SYS_capset, &header, none) == 0, user);
  require(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, user);
  errno = EPERM;  // should the way back be open
  require(setuid(0) != 0, user);
}

}  // namespace run
