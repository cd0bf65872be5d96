// SPDX-License-Identifier: MIT
#include "commands/probe/flows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace commands {
namespace {

double share(const FlowLoss& flow) {
  return flow.sent == 0 ? 0 : static_cast<double>(flow.lost) / static_cast<double>(flow.sent);
}

// Four deviations of a binomial distribution beyond its mean, and one probe: of 64 flows that all lose the same, none
// is called worse but once in a hundred runs.
bool is_worse(const FlowLoss& flow, double usual) {
  const double sent = static_cast<double>(flow.sent);
  return static_cast<double>(flow.lost) > sent * usual + 4 * std::sqrt(sent * usual * (1 - usual)) + 1;
}

std::optional<double> percent_of(const FlowLoss& sum) {
  return sum.sent == 0 ? std::nullopt : std::optional(100 * share(sum));
}

}  // namespace

FlowVerdict verdict_on(const std::vector<FlowLoss>& flows) {
  if (flows.empty()) return {};
  // More than half of the flows may share the bad member. The better quarter tells what is usual at first, and then all
  // that are not worse than that.
  std::vector<FlowLoss> sorted = flows;
  std::sort(sorted.begin(), sorted.end(), [](const FlowLoss& a, const FlowLoss& b) { return share(a) < share(b); });
  double usual = share(sorted[(sorted.size() - 1) / 4]);
  FlowVerdict verdict;
  constexpr int rounds = 3;
  for (int round = 0; round < rounds; ++round) {
    FlowLoss worse, others;
    verdict.worse.clear();
    for (const FlowLoss& flow : flows) {
      const bool bad = is_worse(flow, usual);
      if (bad) verdict.worse.push_back(flow.flow);
      FlowLoss& sum = bad ? worse : others;
      sum.sent += flow.sent;
      sum.lost += flow.lost;
    }
    verdict.worse_percent = percent_of(worse);
    verdict.other_percent = percent_of(others);
    usual = share(others);
  }
  return verdict;
}

std::string text_of(const FlowVerdict& verdict, std::size_t flows) {
  const auto percent = [](double share) { return fmt::format("{:.1f} %", share); };
  if (verdict.worse.empty()) {
    return fmt::format("none of {} flows is worse than the others ({})", flows,
                       verdict.other_percent ? percent(*verdict.other_percent) + " lost" : "nothing was sent");
  }
  const bool one = verdict.worse.size() == 1;
  return fmt::format("flow{} {} of {} lose{} {}, the others {}", one ? "" : "s", fmt::join(verdict.worse, ", "), flows,
                     one ? "s" : "", percent(verdict.worse_percent.value_or(0)),
                     verdict.other_percent ? percent(*verdict.other_percent) : "nothing");
}

}  // namespace commands
