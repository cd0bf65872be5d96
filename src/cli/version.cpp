// SPDX-License-Identifier: MIT
#include "cli/version.hpp"

#include <fmt/format.h>
#include <sys/auxv.h>

#include <string_view>

#include "commands/send/capture_file.hpp"
#include "run/privileges.hpp"

namespace cli {
namespace {

#ifdef __clang__
constexpr std::string_view compiler = __VERSION__;  // "Clang 14.0.6", with a distribution's name before it
#else
constexpr std::string_view compiler = "g++ " __VERSION__;
#endif

// A build for its developers: slower, without the sandbox.
#if defined(__SANITIZE_ADDRESS__)
constexpr std::string_view sanitizers = "sanitizers: address, undefined\n";
#elif defined(__SANITIZE_THREAD__)
constexpr std::string_view sanitizers = "sanitizers: thread\n";
#else
constexpr std::string_view sanitizers = "";
#endif

// No interpreter has loaded this program.
bool is_static() { return getauxval(AT_BASE) == 0; }

}  // namespace

std::string version_text() {
  const int landlock = run::landlock_version();
  const std::string_view commit = UDPTOOL_COMMIT;
  return fmt::format(
      "udptool {}\n"
      "commit: {}\n"
      "compiler: {}\n"
      "libpcap: {}\n"
      "seccomp: {}\n"
      "Landlock: {}\n"
      "static: {}\n{}",
      UDPTOOL_VERSION, commit.empty() ? "unknown" : commit, compiler, commands::libpcap_version(),
      run::filters_system_calls() ? "yes" : "no",
      landlock > 0 ? fmt::format("version {}", landlock) : "not in this kernel", is_static() ? "yes" : "no",
      sanitizers);
}

}  // namespace cli
