// SPDX-License-Identifier: MIT
#include "commands/probe/path_statistics.hpp"

#include <algorithm>

namespace commands {
namespace {

void add_remark(HopRow& row, std::string_view text) {
  if (!row.remark.empty()) row.remark += "; ";
  row.remark += text;
}

// Loss on the way would cost the hops behind it as much: where they lose nothing, only the answers of this one are
// missing.
void mark_limits(std::vector<HopRow>& rows) {
  bool later_lose_nothing = false;
  for (auto row = rows.rbegin(); row != rows.rend(); ++row) {
    if (row->is_silent()) continue;
    if (row->probes.lost > 0 && later_lose_nothing) {
      add_remark(*row, "limits its ICMP errors: no loss behind it");
    }
    later_lose_nothing = later_lose_nothing || row->probes.lost == 0;
  }
}

// An address that alone answers at two hops. Where several do, the path has changed, or has branches.
void mark_loops(std::vector<HopRow>& rows, bool ends) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].addresses.size() != 1 || (ends && i + 1 == rows.size())) continue;
    const bool again = std::any_of(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(i),
                                   [&](const HopRow& before) { return before.addresses == rows[i].addresses; });
    if (again) add_remark(rows[i], "loop");
  }
}

}  // namespace

unsigned PathStatistics::sent(unsigned ttl) {
  const std::size_t place = ttl - first_hop_;
  if (place >= hops_.size()) hops_.resize(place + 1);
  Hop& hop = hops_[place];
  hop.probes.sent({});
  ++hop.waiting;
  return static_cast<unsigned>(hop.probes.count() - 1);
}

void PathStatistics::answered(const TraceAnswer& answer, bool waiting) {
  Hop& hop = hops_[answer.probe.ttl - first_hop_];
  if (waiting) --hop.waiting;
  if (hop.probes.reply(answer.probe.attempt, answer.rtt, !waiting) != ReplyKind::first) return;
  hop.last = answer.rtt;
  constexpr std::size_t max_addresses = 16;
  const bool known = std::find(hop.addresses.begin(), hop.addresses.end(), answer.address) != hop.addresses.end();
  if (!known && hop.addresses.size() < max_addresses) hop.addresses.push_back(answer.address);
  if (!answer.remark.empty()) hop.remark = answer.remark;
  find_end(answer);
}

void PathStatistics::silent(const TraceProbe& probe) { --hops_[probe.ttl - first_hop_].waiting; }

void PathStatistics::find_end(const TraceAnswer& answer) {
  using Kind = TraceAnswer::Kind;
  if (answer.kind == Kind::passed) {
    if (answer.probe.ttl < last_) return;
    last_ = max_hops_;
    end_ = TracePlan::End::open;
  } else if (answer.probe.ttl <= last_) {
    const bool was_reached = answer.probe.ttl == last_ && end_ == TracePlan::End::reached;
    last_ = answer.probe.ttl;
    end_ = answer.kind == Kind::reached || was_reached ? TracePlan::End::reached : TracePlan::End::refused;
  }
}

// A path that drops its flow, or refuses it, on the way has lost what others bring to the target: no row tells it, for
// its routers before that answer as those of the others do.
FlowLoss PathStatistics::loss_at_end(bool others_reach) const {
  const std::vector<HopRow> all = rows(Percentiles::left_out);
  if (all.empty()) return {};
  if (others_reach && end_ != TracePlan::End::reached) return {0, all.front().probes.sent, all.front().probes.sent};
  const auto last = std::find_if(all.rbegin(), all.rend(), [](const HopRow& row) { return !row.is_silent(); });
  if (last == all.rend()) return {};
  return {0, last->probes.sent, last->probes.lost};
}

HopRow PathStatistics::row(unsigned ttl, Percentiles percentiles) const {
  const Hop& hop = hops_[ttl - first_hop_];
  HopRow out;
  out.ttl = ttl;
  out.probes = hop.probes.summary(percentiles, hop.waiting);
  out.last = hop.last;
  out.addresses = hop.addresses;
  if (ttl == last_ && end_ == TracePlan::End::reached) add_remark(out, "reached");
  if (!hop.remark.empty()) add_remark(out, hop.remark);
  return out;
}

std::vector<HopRow> PathStatistics::rows(Percentiles percentiles) const {
  const unsigned count = std::min(static_cast<unsigned>(hops_.size()), last_ - first_hop_ + 1);
  std::vector<HopRow> out;
  out.reserve(count);
  for (unsigned i = 0; i < count; ++i) out.push_back(row(first_hop_ + i, percentiles));
  mark_limits(out);
  mark_loops(out, end_ != TracePlan::End::open);
  return out;
}

}  // namespace commands
