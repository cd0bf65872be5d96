// SPDX-License-Identifier: MIT
#include "support/namespace.hpp"

#include <cstdlib>
#include <filesystem>

#include "support/check.hpp"

namespace support {
namespace {

constexpr const char* marker = "UDPTOOL_TEST_NAMESPACE";

// unshare(1)'s options, or with status 77 why there are none.
const Finished& kind() {
  static const Finished found = run({"bash", LAB_PATH});
  return found;
}

Words in_namespace(const std::string& script, const Words& words) {
  const std::string options = kind().out.substr(0, kind().out.find('\n'));
  const std::string prelude = std::string("export LAB=") + options +
                              "; . " LAB_PATH "\ntrap 'kill $(jobs -p) 2>/dev/null || :' EXIT\nbegin_network here\n";
  Words all{"unshare", options, "bash", "-euc", prelude + script, "bash"};
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

// doctest's filter takes commas for separators and has wildcards.
std::string as_filter(std::string name) {
  for (char& c : name) {
    if (c == ',' || c == '\\' || c == '"') c = '?';
  }
  return name;
}

}  // namespace

std::string why_no_namespaces() {
  return kind().ending == Ending{0, 0} ? "" : kind().out.substr(0, kind().out.find('\n'));
}

Finished run_in_namespace(const std::string& script, const Words& words, Milliseconds timeout) {
  return run(in_namespace(script, words), {}, timeout);
}

bool inside_namespace() { return std::getenv(marker) != nullptr; }

bool enter_namespace(const std::string& script) {
  if (inside_namespace()) return true;
  if (const std::string reason = why_no_namespaces(); !reason.empty()) {
    skip(reason);
    return false;
  }
  const std::string self = std::filesystem::read_symlink("/proc/self/exe");
  const std::string filter = "--test-case=" + as_filter(current_case());
  ProcessOptions options;
  options.environment = {std::string(marker) + "=1"};
  const Finished inner = run(in_namespace(script + "\n\"$@\"\n", {self, filter}), options, 6 * patience);
  if (inner.ending == Ending{skipped_status, 0}) {
    skip("within a namespace: " + inner.out.substr(0, inner.out.find('\n')));
    return false;
  }
  INFO(inner.out, inner.err);
  CHECK(inner.ending == Ending{0, 0});
  CHECK(contains(inner.out, ": 1 passed"));  // the filter found the case
  return false;
}

}  // namespace support
