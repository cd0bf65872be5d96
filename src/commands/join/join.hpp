// SPDX-License-Identifier: MIT
// `udptool join`: receive multicast.
#pragma once

#include <optional>
#include <vector>

#include "base/error.hpp"
#include "commands/forward_options.hpp"
#include "commands/receive_options.hpp"
#include "commands/streams/streams.hpp"
#include "net/group.hpp"

namespace commands {

struct JoinOptions : ReceiveOptions {
  std::vector<net::GroupWord> groups;
  std::vector<net::Interface> interfaces;  // none: every valid one
  std::optional<net::Family> family;
  std::optional<base::Nanoseconds> leave_after;
  std::optional<base::Nanoseconds> rejoin;
  StreamOptions streams;
  ForwardOptions forward;
  bool explain = false;
};

base::ExitStatus join(const JoinOptions& options);

}  // namespace commands
