// SPDX-License-Identifier: MIT
// The paths of several flows, beside each other: pure.
#pragma once

#include <string>
#include <vector>

#include "commands/probe/hop_names.hpp"
#include "commands/probe/trace_plan.hpp"

namespace commands {

struct FlowPath {
  unsigned flow = 0;
  std::vector<TraceHop> hops;
};

// A column a path, with the flows that took it; a line a hop, with tabs between: who answered, and the shortest round
// trip. A silent hop makes no path another. Of several flows the lines behind tell how many paths there are, and who
// did not reach the target that others reach.
std::vector<std::string> path_lines(const std::vector<FlowPath>& flows, const HopNames& names);

// "1, 3-5"
std::string flow_numbers(const std::vector<unsigned>& flows);

}  // namespace commands
