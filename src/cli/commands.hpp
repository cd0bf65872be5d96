// One function a command: binds its options, parses, checks them against each other. Each throws UsageError.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "cli/parse.hpp"
#include "output/options.hpp"

namespace cli {

Invocation listen_invocation(const std::vector<std::string>& arguments);
Invocation join_invocation(const std::vector<std::string>& arguments);
Invocation send_invocation(const std::vector<std::string>& arguments);
Invocation probe_invocation(const std::vector<std::string>& arguments);

// Puts parsed options and the command that takes them together.
template <class Options>
Invocation invocation_of(Options options, base::ExitStatus (*command)(const Options&)) {
  Invocation invocation;
  invocation.json = options.output.format == output::Format::json;
  invocation.run = [options = std::move(options), command] { return command(options); };
  return invocation;
}

}  // namespace cli
