// `udptool listen`: receive on one or more ports, and answer if asked to.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "net/socket_options.hpp"
#include "output/options.hpp"
#include "run/loop.hpp"
#include "run/privileges.hpp"
#include "traffic/sender_filter.hpp"

namespace commands {

struct ListenOptions {
  std::vector<net::EndpointWord> endpoints;
  std::optional<net::Family> family;
  net::SocketOptions socket;
  run::StopOptions stop;
  output::Options output;
  run::PrivilegeOptions privileges;
  std::optional<base::Nanoseconds> stats;
  traffic::SenderFilter filter;
  bool echo = false;
  std::optional<std::string> reply;
};

base::ExitStatus listen(const ListenOptions& options);

}  // namespace commands
