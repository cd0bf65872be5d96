// SPDX-License-Identifier: MIT
// The lines and events of a trace, in order, each held back until the names in it are known.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "commands/probe/hop_names.hpp"
#include "commands/probe/probe.hpp"
#include "commands/probe/records.hpp"
#include "commands/probe/trace_plan.hpp"
#include "run/loop.hpp"

namespace commands {

// The JSON array of addresses.
std::string addresses_json(const std::vector<net::Address>& addresses);

// The `summary` event of a trace.
struct TraceSummary {
  unsigned flow = 0;
  ProbeState state = ProbeState::no_answer;
  std::uint64_t sent = 0, received = 0;
  bool reached = false;
};
void add_summary(output::JsonEvent& event, const TraceSummary& summary);

class HopWriter {
 public:
  // `named`: called when a name has been found.
  HopWriter(const ProbeOptions& options, run::Loop& loop, ProbeWriter& writer, run::Handler named)
      : options_(options), writer_(writer), names_(options.names, loop, std::move(named)) {}

  // Takes a hop; it is written once its names and those of the hops before are known, or have been waited for.
  void show(const TraceHop& hop);
  // Writes what is known by now.
  void show_known(run::Clock::time_point now);
  // Writes what is held back, with the names there are.
  void show_all();
  bool is_shown() const { return held_.empty(); }
  // Of one of several flows, whose paths are told together: in text nothing is written, but gathered here.
  const std::vector<TraceHop>& gathered() const { return gathered_; }
  const HopNames& names() const { return names_; }
  // When a hop will have waited long enough for its names.
  std::optional<run::Clock::time_point> due() const {
    return held_.empty() ? std::nullopt : std::optional(held_.front().until);
  }

 private:
  struct Held {
    TraceHop hop;
    run::Clock::time_point until;
  };

  void write(const TraceHop& hop);
  bool is_loop(const TraceHop& hop);
  void write_lines(const TraceHop& hop);
  void write_line(const TraceHop& hop);
  void add_hop(output::JsonEvent& event, const TraceHop& hop);

  const ProbeOptions& options_;
  ProbeWriter& writer_;
  HopNames names_;
  std::deque<Held> held_;
  std::vector<TraceHop> gathered_;
  std::vector<TraceHop> silent_;           // since the last that answered
  std::map<net::Address, unsigned> seen_;  // the first hop of each address
};

}  // namespace commands
