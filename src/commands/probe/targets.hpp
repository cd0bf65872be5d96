// SPDX-License-Identifier: MIT
// The file of --targets: HOST[:PORT] a line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace commands {

struct TargetLine {
  std::string written;  // as it stands there
  std::string host;
  std::uint16_t port = 0;
};

// What stands in the text, each once; '#' begins a comment. A line without a port has `default_port`; where that is 0
// it is wrong. Throws UsageError that names the file and the line.
std::vector<TargetLine> parse_targets(std::string_view text, const std::string& file, std::uint16_t default_port);

// The same, of a file; "-" is stdin. Throws Failure when it cannot be read, UsageError when it names no target.
std::vector<TargetLine> read_targets(const std::string& file, std::uint16_t default_port);

}  // namespace commands
