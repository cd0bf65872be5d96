// SPDX-License-Identifier: MIT
// What a send came to: its exit status, and what is told of it. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/units.hpp"
#include "net/address.hpp"
#include "traffic/transmitter.hpp"

namespace commands {

struct SendOutcome {
  std::uint64_t asked = 0;    // datagrams that were to be sent
  std::uint64_t failed = 0;   // of them, by this host
  std::uint64_t refused = 0;  // of them, by the network
  std::uint64_t replies = 0;
  bool sent_all = true;        // whatever there was to send has been asked for
  bool endless = false;        // sent for ever, or ...
  bool streamed = false;       // ... the lines of a stream: there is no end to miss
  std::size_t incomplete = 0;  // bytes that were read and are no complete datagram yet
  bool replayed = false;       // a capture was the source
  bool waited = false;         // for replies, as -w says
};

// What is left unsent is 1, whatever was answered. A reply beats a refusal. To send nothing is 0, but a capture that
// holds nothing to send is none.
constexpr base::ExitStatus status_of(const SendOutcome& outcome) {
  using base::ExitStatus;
  if (outcome.failed > 0) return ExitStatus::failed;
  if (outcome.incomplete > 0 || (!outcome.sent_all && !outcome.endless && !outcome.streamed))
    return ExitStatus::nothing;
  if (outcome.asked == 0) return outcome.replayed && outcome.sent_all ? ExitStatus::nothing : ExitStatus::done;
  if (outcome.replies > 0) return ExitStatus::done;
  if (outcome.refused > 0) return ExitStatus::refused;
  return outcome.waited && !outcome.endless ? ExitStatus::nothing : ExitStatus::done;
}

// What is to be told of it at the end, a line each.
std::vector<std::string> remarks_of(const SendOutcome& outcome);

// What this host did not take, and why.
base::Failure failure_of(const traffic::Transmitter& transmitter, const net::Endpoint& to);

// Lines of a file that leave as fast as they can are more than most receivers take: nothing when they were few or slow.
std::optional<std::string> haste_notice(std::uint64_t lines, base::Nanoseconds took);

}  // namespace commands
