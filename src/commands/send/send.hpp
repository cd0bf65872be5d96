// SPDX-License-Identifier: MIT
// `udptool send`: messages, an input or a generator to one destination, and the replies.
#pragma once

#include <cstdint>
#include <optional>

#include "base/error.hpp"
#include "commands/send/replay.hpp"
#include "commands/send/source.hpp"
#include "commands/target.hpp"
#include "output/options.hpp"
#include "run/privileges.hpp"
#include "run/stop.hpp"

namespace commands {

struct SendOptions {
  Target target;
  net::SocketOptions socket;
  run::StopOptions stop;  // count: rounds, 0 for ever
  output::Options output;
  run::PrivilegeOptions privileges;
  SourceOptions payloads;
  std::optional<ReplayOptions> replay;   // instead of payloads, but for the rounds
  std::optional<std::uint64_t> replies;  // enough to end the wait
  std::optional<double> rate;            // datagrams a second
  std::optional<double> bitrate;         // bits of payload a second
  std::optional<base::Nanoseconds> stats;
  bool progress = false;        // a line of it, where it is known how much there is to send
  bool progress_asked = false;  // else it is none of a word
};

base::ExitStatus send(const SendOptions& options);

}  // namespace commands
