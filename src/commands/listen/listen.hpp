// SPDX-License-Identifier: MIT
// `udptool listen`: receive on one or more ports, and answer if asked to.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "commands/forward_options.hpp"
#include "commands/listen/filter.hpp"
#include "commands/receive_options.hpp"
#include "commands/streams/streams.hpp"

namespace commands {

struct ExecOptions {
  std::optional<std::string> command;
  std::size_t jobs = 0;  // at once; 0: as many as there are processors
  base::Nanoseconds timeout = std::chrono::seconds(10);
};

struct ListenOptions : ReceiveOptions {
  std::vector<net::EndpointWord> endpoints;
  std::optional<net::Family> family;
  SenderFilter filter;
  bool echo = false;
  std::optional<std::string> reply;
  ExecOptions exec;
  bool chat = false;
  bool stamp = false;
  std::optional<std::string> stamp_key;  // its file
  StreamOptions streams;
  ForwardOptions forward;
  std::size_t threads = 1;
};

base::ExitStatus listen(const ListenOptions& options);

}  // namespace commands
