// SPDX-License-Identifier: MIT
// What a process that is set up may still do: as whom, and within which walls.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace run {

struct User {
  std::string name;
  uid_t uid;
  gid_t gid;  // its primary group
};

// Throws base::UsageError when there is no such user, when it is root, and when this process is not root and so could
// not become it.
User find_user(const std::string& name);

// Becomes the user, with its groups and without any capability, for good. Throws base::Failure.
void become(const User& user);

struct PrivilegeOptions {
  std::optional<User> user;
  bool sandbox = true;
};

// What a command still needs once it is in the sandbox, beside its sockets, timers and open files.
struct LateNeeds {
  std::vector<const char*> directories = {};  // to read in, at any depth
  bool names = false;                         // to look names up: nsswitch.conf(5) and its modules
  bool clock = false;                         // to ask how good it is
  bool threads = false;                       // to start some
  int replaces_in = -1;                       // a directory (O_PATH) in which files are made, renamed and removed
};

// Confines this thread, and those that it starts from now on, by Landlock and seccomp: no file is opened but those
// that are needed, none is changed, no program is run, no process is started or signalled, and no socket is made but
// for UDP, interface names and routes. Returns what this kernel or build lacks for it, a clause each; never fails.
std::vector<std::string> enter_sandbox(const LateNeeds& needs);

// The half that is seccomp's; returns what it lacks, or "".
std::string filter_system_calls(const LateNeeds& needs);

// What is at hand for it: the version of Landlock that this kernel has and this build would use, or 0; and whether this
// build has seccomp's half.
int landlock_version();
bool filters_system_calls();

}  // namespace run
