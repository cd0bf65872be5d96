// SPDX-License-Identifier: MIT
// `udptool probe`: what a port, a path and a network are like, without root.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/error.hpp"
#include "base/units.hpp"
#include "commands/probe/requests.hpp"
#include "commands/probe/trace_plan.hpp"
#include "commands/target.hpp"
#include "net/options.hpp"
#include "output/options.hpp"
#include "run/privileges.hpp"
#include "run/stop.hpp"

namespace commands {

enum class ProbeMode { state, trace, mtu, stamp };

struct ProbeOptions {
  Target target;
  net::SocketOptions socket;
  run::StopOptions stop;  // count: probes, with statistics; wait: for each reply
  output::Options output;
  run::PrivilegeOptions privileges;
  ProbeMode mode = ProbeMode::state;
  RequestChoice request;
  base::Nanoseconds interval = std::chrono::seconds(1);
  std::optional<base::Nanoseconds> stats;  // of a series: what is known by then, each so long
  std::optional<std::string> metrics;      // the file for them
  bool histogram = false;
  TraceOptions trace;
  bool names = false;
  std::string stamp_key;                    // its file, or ""
  std::optional<std::string> stamp_secret;  // what it holds
  unsigned flows = 0;                       // each with a source port of its own; 0: one, and not told of
  std::string targets;                      // the file that lists them; "": `target` is the one

  // Of one of several: which it is.
  std::string name;                // of the target, as it was written
  std::string asked_by;            // an interface: where a group is asked on each of several
  unsigned flow = 0;               // from 1
  base::Nanoseconds head_start{};  // of others, so that not all leave at once

  base::Nanoseconds wait() const { return stop.wait.value_or(std::chrono::seconds(1)); }
};

base::ExitStatus probe(const ProbeOptions& options);

// The payloads that probe knows, with their ports, on stdout.
base::ExitStatus list_payloads(const ProbeOptions& options);

}  // namespace commands
