// SPDX-License-Identifier: MIT
// The file of --targets: HOST[:PORT] a line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/address.hpp"

namespace commands {

struct TargetLine {
  std::string written;  // as it stands there
  std::string host;
  std::uint16_t port = 0;
};

// What stands in the text, each once; '#' begins a comment. A line without a port has `default_port`; where that is 0
// it is wrong; so is an address that is not of `family`. Throws UsageError that names the file and the line.
std::vector<TargetLine> parse_targets(std::string_view text, const std::string& file, std::uint16_t default_port,
                                      std::optional<net::Family> family = {});

// The same, of a file; "-" is stdin. Throws Failure when it cannot be read, UsageError when it names no target.
std::vector<TargetLine> read_targets(const std::string& file, std::uint16_t default_port,
                                     std::optional<net::Family> family);

}  // namespace commands
