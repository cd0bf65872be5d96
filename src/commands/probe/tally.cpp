// SPDX-License-Identifier: MIT
#include "commands/probe/tally.hpp"

#include <algorithm>
#include <array>

namespace commands {
namespace {

using output::Metric;

struct Counter {
  Metric metric;
  std::uint64_t Tally::*value;
};

constexpr Metric counter(const char* name, const char* help) { return {name, Metric::Type::counter, help}; }

constexpr std::array counters{
    Counter{counter("udptool_probe_sent_total", "Probes that were sent, or that this host refused to send."),
            &Tally::sent},
    Counter{counter("udptool_probe_received_total", "Probes that were answered, late ones among them."),
            &Tally::received},
    Counter{counter("udptool_probe_timeouts_total", "Probes that neither a reply nor an error came for in time."),
            &Tally::timeouts},
    Counter{counter("udptool_probe_late_total", "Probes that were answered after the wait for them was over."),
            &Tally::late},
    Counter{counter("udptool_probe_duplicates_total", "Further replies to probes that had one."), &Tally::duplicates},
    Counter{counter("udptool_probe_reordered_total", "Replies that one to a later probe had overtaken."),
            &Tally::reordered},
    Counter{counter("udptool_probe_refused_total", "Probes that an ICMP error, or this host, refused."),
            &Tally::refused}};
constexpr Metric lost =
    counter("udptool_probe_lost_total", "Probes that were lost on the way there, or their replies on the way back.");
constexpr Metric rtt_seconds{"udptool_probe_rtt_seconds", Metric::Type::histogram,
                             "Round-trip times, without the time that a STAMP reflector held the probe."};
constexpr Metric forward_delay{"udptool_probe_forward_delay_seconds", Metric::Type::histogram,
                               "Times to the target, of clocks that are synchronised."};
constexpr Metric backward_delay{"udptool_probe_backward_delay_seconds", Metric::Type::histogram,
                                "Times back from the target, of clocks that are synchronised."};
constexpr Metric hops{"udptool_probe_hops", Metric::Type::gauge, "Hops of the last reply."};

void add_delays(output::MetricsText& metrics, const Metric& metric, const std::string& labels,
                const DelayBuckets& delays) {
  metrics.add(metric, labels, DelayBuckets::bounds(), delays.counts(), delays.seconds());
}

void add_ways(output::MetricsText& metrics, const std::string& labels, const Tally& tally) {
  const auto way = [&](const char* direction) { return labels + "," + output::labels({{"direction", direction}}); };
  metrics.add(lost, way("forward"), tally.lost->forward);
  metrics.add(lost, way("backward"), tally.lost->backward);
  metrics.add(lost, way("unknown"), tally.lost->unknown);
  if (tally.forward.any()) add_delays(metrics, forward_delay, labels, tally.forward);
  if (tally.backward.any()) add_delays(metrics, backward_delay, labels, tally.backward);
  if (tally.hops_forward) metrics.add(hops, way("forward"), static_cast<std::uint64_t>(*tally.hops_forward));
  if (tally.hops_backward) metrics.add(hops, way("backward"), static_cast<std::uint64_t>(*tally.hops_backward));
}

}  // namespace

void LostWays::follow(const LostWays& now) {
  std::uint64_t rise = now.all() - std::min(now.all(), all());
  const auto grow = [&rise](std::uint64_t& told, std::uint64_t known) {
    const std::uint64_t step = std::min(rise, known - std::min(known, told));
    told += step;
    rise -= step;
  };
  grow(forward, now.forward);
  grow(backward, now.backward);
  grow(unknown, now.unknown);
}

void Tally::add(const Tally& other) {
  for (const auto& [metric, value] : counters) this->*value += other.*value;
  rtt.add(other.rtt);
  forward.add(other.forward);
  backward.add(other.backward);
  hops_forward = std::max(hops_forward, other.hops_forward);
  hops_backward = std::max(hops_backward, other.hops_backward);
  if (!other.lost) return;
  if (!lost) lost.emplace();
  lost->forward += other.lost->forward;
  lost->backward += other.lost->backward;
  lost->unknown += other.lost->unknown;
}

void measure(output::MetricsText& metrics, const std::string& target, const Tally& tally) {
  const std::string labels = output::labels({{"target", target}});
  for (const auto& [metric, value] : counters) metrics.add(metric, labels, tally.*value);
  add_delays(metrics, rtt_seconds, labels, tally.rtt);
  if (tally.lost) add_ways(metrics, labels, tally);
}

}  // namespace commands
