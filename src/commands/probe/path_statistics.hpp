// SPDX-License-Identifier: MIT
// What the rounds of a trace have found at each TTL, and where the path ends: pure.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "commands/probe/flows.hpp"
#include "commands/probe/log.hpp"
#include "commands/probe/trace_plan.hpp"

namespace commands {

// A TTL, as a row of a table has it.
struct HopRow {
  unsigned flow = 0;  // from 1; 0: there is only one
  unsigned ttl = 0;
  ProbeSummary probes;  // without those that are still waited for
  std::optional<std::chrono::nanoseconds> last;
  std::vector<net::Address> addresses;  // every one that answered, in the order of their first answers
  std::string remark;

  bool is_silent() const { return addresses.empty(); }
};

class PathStatistics {
 public:
  // As many RTTs as percentiles are exact for; of each TTL.
  static constexpr std::size_t max_exact = 1'000;

  PathStatistics(unsigned first_hop, unsigned max_hops) : first_hop_(first_hop), max_hops_(max_hops) {}

  // A probe has left; returns how many left with that TTL before.
  unsigned sent(unsigned ttl);
  // Each probe is answered or silent; until then it does not count. `probe.attempt` is what sent() returned. An answer
  // after silent(), or a second one, was not `waiting`.
  void answered(const TraceAnswer& answer, bool waiting);
  void silent(const TraceProbe& probe);

  // Where the path is known to end, else max_hops. An answer from the way where the end was before opens it again.
  unsigned last() const { return last_; }
  TracePlan::End end() const { return end_; }

  // What was lost of all that was sent to the end of the path; where `others_reach` the target, all of a path that does
  // not. Of a target that answers nobody: at the last hop that answered.
  FlowLoss loss_at_end(bool others_reach) const;

  // A row for each TTL up to the last that was probed, or that ends the path.
  std::vector<HopRow> rows(Percentiles percentiles) const;

 private:
  struct Hop {
    ProbeLog probes{max_exact};
    std::uint64_t waiting = 0;
    std::optional<std::chrono::nanoseconds> last;
    std::vector<net::Address> addresses;
    std::string remark;  // of the last answer that had one
  };
  HopRow row(unsigned ttl, Percentiles percentiles) const;
  void find_end(const TraceAnswer& answer);

  unsigned first_hop_, max_hops_;
  unsigned last_ = max_hops_;
  TracePlan::End end_ = TracePlan::End::open;
  std::vector<Hop> hops_;  // from first_hop on, as far as was probed
};

}  // namespace commands
