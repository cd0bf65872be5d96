// SPDX-License-Identifier: MIT
// `send --replay`: the payloads of a capture, or of what -j printed, with their timing.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "commands/send/source.hpp"

namespace commands {

struct ReplayOptions {
  std::string file;    // "-": stdin
  double speed = 1;    // 0: as fast as possible
  std::string filter;  // pcap-filter(7); "": everything
  bool keep_ports = false;
};

// Throws Failure when the file cannot be read; what it holds is looked at in the first refill(), which throws
// UsageError or Failure for what is no capture and no event. `rounds` may be for_ever.
std::unique_ptr<PayloadSource> make_replay(const ReplayOptions& options, std::uint64_t rounds,
                                           const PayloadLimit& limit);

}  // namespace commands
