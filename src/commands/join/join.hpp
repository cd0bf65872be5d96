// `udptool join`: receive multicast.
#pragma once

#include <optional>
#include <vector>

#include "base/error.hpp"
#include "net/group.hpp"
#include "net/options.hpp"
#include "output/options.hpp"
#include "run/loop.hpp"
#include "run/privileges.hpp"

namespace commands {

struct JoinOptions {
  std::vector<net::GroupWord> groups;
  std::vector<net::Interface> interfaces;  // none: every valid one
  std::optional<net::Family> family;
  net::SocketOptions socket;
  run::StopOptions stop;
  output::Options output;
  run::PrivilegeOptions privileges;
  std::optional<base::Nanoseconds> stats;
  std::optional<base::Nanoseconds> leave_after;
  bool rtp = false;
  std::uint32_t clock_rate = 90'000;  // of RTP payload types without a static one, in Hz
  bool explain = false;
};

base::ExitStatus join(const JoinOptions& options);

}  // namespace commands
