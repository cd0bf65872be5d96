// SPDX-License-Identifier: MIT
// What `listen` and `join` have in common on the command line.
#pragma once

#include <optional>
#include <string>

#include "base/units.hpp"
#include "net/options.hpp"
#include "output/options.hpp"
#include "run/privileges.hpp"
#include "run/stop.hpp"

namespace commands {

struct ReceiveOptions {
  run::StopOptions stop;
  output::Options output;
  std::optional<base::Nanoseconds> stats;  // at least a millisecond
  std::optional<std::string> metrics;      // a file
  run::PrivilegeOptions privileges;
  net::SocketOptions socket;
};

}  // namespace commands
