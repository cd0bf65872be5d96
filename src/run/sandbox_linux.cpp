// SPDX-License-Identifier: MIT
// Landlock (landlock(7)): unprivileged, and inherited by the threads that are started later.
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

#include "run/privileges.hpp"

namespace run {
namespace {

// As in <linux/landlock.h> of Linux 6.12; the header at hand may be older. A kernel that knows less takes the
// structure as long as what it does not know is 0.
struct Ruleset {
  std::uint64_t files = 0, tcp = 0, scopes = 0;
};
constexpr std::uint64_t read_files_and_directories = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t connect_tcp = 2;
constexpr std::uint64_t truncate_files = 1u << 14;

constexpr std::uint64_t lowest_bits(int count) { return (std::uint64_t{1} << count) - 1; }

// Everything that this version of Landlock can forbid. It first knew 13 rights on files; later ones brought: 2 moving
// to another directory, 3 truncating, 4 binding and connecting TCP, 5 ioctl on devices, 6 abstract Unix sockets and
// signals to processes outside.
Ruleset everything(int version) {
  Ruleset rules;
  rules.files = lowest_bits(version >= 5 ? 16 : version >= 3 ? 15 : version >= 2 ? 14 : 13);
  rules.tcp = version >= 4 ? lowest_bits(2) : 0;
  rules.scopes = version >= 6 ? lowest_bits(2) : 0;
  return rules;
}

void allow_reading(int ruleset, const char* directory) {
  landlock_path_beneath_attr rule{};
  rule.allowed_access = read_files_and_directories;
  // Never closed: a rule is for an inode, and /proc makes another one for a directory that nobody holds.
  rule.parent_fd = open(directory, O_PATH | O_CLOEXEC);
  if (rule.parent_fd >= 0) syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

// Only what is a regular file, in that directory or below.
void allow_replacing(int ruleset, int directory, const Ruleset& rules) {
  landlock_path_beneath_attr rule{};
  rule.allowed_access = rules.files & (LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_WRITE_FILE |
                                       LANDLOCK_ACCESS_FS_REMOVE_FILE | truncate_files);
  rule.parent_fd = directory;
  syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
}

// DNS falls back to TCP for long answers.
void allow_dns_over_tcp(int ruleset) {
  constexpr int rule_type_port = 2;
  const struct { std::uint64_t allowed, port; } rule{connect_tcp, 53};
  syscall(SYS_landlock_add_rule, ruleset, rule_type_port, &rule, 0);
}

bool restrict_by_landlock(const LateNeeds& needs) {
  const int version = landlock_version();
  if (version < 1) return false;
  const Ruleset rules = everything(version);
  const int ruleset = static_cast<int>(syscall(SYS_landlock_create_ruleset, &rules, sizeof rules, 0));
  if (ruleset < 0) return false;
  for (const char* directory : needs.directories) allow_reading(ruleset, directory);
  if (needs.replaces_in >= 0) allow_replacing(ruleset, needs.replaces_in, rules);
  if (needs.names) {
    // The resolver's files and the modules that it loads. Their sockets are in /run.
    for (const char* directory : {"/etc", "/lib", "/lib64", "/usr", "/run"}) allow_reading(ruleset, directory);
    if (rules.tcp != 0) allow_dns_over_tcp(ruleset);
  }
  const bool restricted = syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
  close(ruleset);
  return restricted;
}

}  // namespace

int landlock_version() {
  const long version = syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return version < 1 ? 0 : static_cast<int>(version);
}

std::vector<std::string> enter_sandbox(const LateNeeds& needs) {
  std::vector<std::string> lacking;
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);  // without it neither is to be had by users
  if (!restrict_by_landlock(needs)) lacking.emplace_back("files are not shut off: this kernel lacks Landlock");
  if (const std::string reason = filter_system_calls(needs); !reason.empty()) {
    lacking.push_back("system calls are not filtered: " + reason);
  }
  return lacking;
}

}  // namespace run
