// `udptool listen`: receive on one or more ports, and answer if asked to.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "net/options.hpp"
#include "output/options.hpp"
#include "run/loop.hpp"
#include "run/privileges.hpp"
#include "commands/listen/filter.hpp"

namespace commands {

struct ListenOptions {
  std::vector<net::EndpointWord> endpoints;
  std::optional<net::Family> family;
  net::SocketOptions socket;
  run::StopOptions stop;
  output::Options output;
  run::PrivilegeOptions privileges;
  std::optional<base::Nanoseconds> stats;
  SenderFilter filter;
  bool echo = false;
  std::optional<std::string> reply;
};

base::ExitStatus listen(const ListenOptions& options);

}  // namespace commands
