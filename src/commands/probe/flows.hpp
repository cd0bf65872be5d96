// SPDX-License-Identifier: MIT
// Flows beside each other: which of them a bad member of an equal-cost group carries. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace commands {

struct FlowLoss {
  unsigned flow = 0;
  std::uint64_t sent = 0;
  std::uint64_t lost = 0;
};

struct FlowVerdict {
  std::vector<unsigned> worse;          // flows that lose more than chance makes of what the better ones lose
  std::optional<double> worse_percent;  // lost of what they sent together; of nothing there is no share
  std::optional<double> other_percent;
};
FlowVerdict verdict_on(const std::vector<FlowLoss>& flows);

// "flows 2, 5 of 6 lose 33.3 %, the others 0.0 %", "none of 6 flows is worse than the others (0.0 % lost)"
std::string text_of(const FlowVerdict& verdict, std::size_t flows);

}  // namespace commands
