// SPDX-License-Identifier: MIT
// What --forward and --impair say.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/units.hpp"
#include "net/address.hpp"

namespace commands {

// What happens to datagrams on one way. The shares are from 0 to 1, of all datagrams, by chance.
struct Impairment {
  double loss = 0;
  double duplicate = 0;
  double reorder = 0;  // one that is chosen stays behind until another has overtaken it
  base::Nanoseconds delay{};
  base::Nanoseconds jitter{};  // at most so much more or less than `delay`; it reorders nothing
  double rate = 0;             // bits of payload a second; 0: any
  std::optional<std::uint64_t> seed = {};
};

struct ForwardOptions {
  std::vector<net::EndpointWord> targets;  // HOST:PORT, neither empty
  base::Nanoseconds session_timeout = std::chrono::minutes(2);
  std::size_t max_sessions = 1'024;
  std::optional<Impairment> impair_forward;   // on the way to the targets
  std::optional<Impairment> impair_backward;  // and back: of a single one
};

}  // namespace commands
