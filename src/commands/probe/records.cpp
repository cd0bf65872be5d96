#include "commands/probe/records.hpp"

#include <fmt/format.h>

#include <array>

#include "base/text.hpp"
#include "output/hexdump.hpp"
#include "output/json.hpp"
#include "output/timestamp.hpp"

namespace commands {
namespace {

// "3000 ms", "1.5 ms": what was waited, not measured.
std::string wait_text(base::Nanoseconds time) {
  const auto us = std::chrono::round<std::chrono::microseconds>(time).count();
  return us % 1'000 == 0 ? fmt::format("{} ms", us / 1'000) : fmt::format("{:.3f} ms", static_cast<double>(us) / 1e3);
}

void add_facts(output::JsonEvent& event, const StampFacts& facts) {
  event.decimal("reflector_ms", to_milliseconds(facts.held));
  if (facts.forward) event.decimal("forward_ms", to_milliseconds(*facts.forward));
  if (facts.backward) event.decimal("backward_ms", to_milliseconds(*facts.backward));
  if (facts.forward) event.boolean("synchronised", facts.synchronised);
  const auto number = [&](const char* name, const std::optional<int>& value) {
    if (value) event.number(name, static_cast<std::uint64_t>(*value));
  };
  number("hops_forward", facts.hops_forward);
  number("hops_backward", facts.hops_backward);
  number("dscp_arrived", facts.dscp_arrived);
  number("ecn_arrived", facts.ecn_arrived);
}

void add_ways(output::JsonEvent& event, const StampSummary& ways) {
  if (ways.direction_known) {
    event.number("lost_forward", ways.lost_forward).number("lost_backward", ways.lost_backward);
  }
  event.number("lost_unknown", ways.lost_unknown);
  const auto spread = [&](const char* name, const Spread& values) {
    event.raw(name, fmt::format(R"({{"min":{:.3f},"avg":{:.3f},"max":{:.3f}}})", to_milliseconds(values.min),
                                to_milliseconds(values.avg()), to_milliseconds(values.max)));
  };
  if (ways.forward.count == 0) return;
  spread("forward_ms", ways.forward);
  spread("backward_ms", ways.backward);
  event.boolean("synchronised", ways.synchronised);
}

bool is_repeat(ProbeState state) { return state == ProbeState::late || state == ProbeState::duplicate; }

}  // namespace

std::string_view name_of(ProbeState state) {
  static constexpr std::array<std::string_view, 6> names{"no answer",   "open", "closed",
                                                         "unreachable", "late", "duplicate"};
  return names[static_cast<std::size_t>(state)];
}

double to_milliseconds(base::Nanoseconds time) { return static_cast<double>(time.count()) / 1e6; }

std::string milliseconds_text(base::Nanoseconds time) { return fmt::format("{:.3f} ms", to_milliseconds(time)); }

std::string distribution_json(const RttSummary& rtt) {
  return fmt::format(R"({{"min":{:.3f},"avg":{:.3f},"max":{:.3f},"stddev":{:.3f},"p50":{:.3f},"p90":{:.3f},)"
                     R"("p99":{:.3f},"p999":{:.3f}}})",
                     rtt.min_ms, rtt.avg_ms, rtt.max_ms, rtt.stddev_ms, rtt.p50_ms, rtt.p90_ms, rtt.p99_ms,
                     rtt.p999_ms);
}

void ProbeWriter::line(const ProbeRecord& record) {
  std::string& out = buffer();
  if (options_.format == output::Format::raw) {
    out += record.payload;
    if (options_.delimiter && record.size) out += *options_.delimiter;
  }
  if (!text()) return;
  append_time(record.received.value_or(output::now()));
  net::append_endpoint(out, record.endpoint);
  const bool silent = record.state == ProbeState::no_answer;
  out += fmt::format("\t{}\t{}\t", name_of(record.state),
                     silent ? wait_text(record.time) : milliseconds_text(record.time));
  if (is_repeat(record.state)) out += fmt::format("probe {}: ", record.sequence);
  base::append_escaped(out, record.detail);
  if (record.size) out += ", " + base::counted(*record.size, "byte");
  out += '\n';
  if (options_.format == output::Format::hex) output::append_hexdump(out, record.payload);
}

void ProbeWriter::line(std::string_view words) {
  append_time(output::now());
  buffer() += words;
  buffer() += '\n';
}

void ProbeWriter::append_time(net::SystemTime time) {
  if (!options_.timestamps) return;
  output::append_time(buffer(), time, 6);
  buffer() += '\t';
}

void ProbeWriter::event(const ProbeRecord& record) {
  if (!json()) return;
  // What comes after a probe's own event is called by its name, so that there is one `probe` for each probe.
  const std::string_view name = is_repeat(record.state) ? name_of(record.state) : "probe";
  output::JsonEvent event(buffer(), name, record.received.value_or(output::now()));
  event.endpoint(record.endpoint).number("sequence", record.sequence);
  if (!is_repeat(record.state)) event.text("state", name_of(record.state));
  if (record.state != ProbeState::no_answer) event.decimal("rtt_ms", to_milliseconds(record.time));
  if (record.size) event.number("size", *record.size);
  event.text("detail", record.detail);
  if (record.offender) event.address("from", *record.offender);
  if (record.stamp) add_facts(event, *record.stamp);
  if (record.reply_from) event.text("reply_from", net::to_string(*record.reply_from));
}

void ProbeWriter::statistics(const ProbeSummary& summary) {
  std::string& out = buffer();
  out += fmt::format("{} sent, {} received, {} lost ({:.1f} %), {} duplicate, {} reordered, {} late", summary.sent,
                     summary.received, summary.lost, summary.lost_percent, summary.duplicate, summary.reordered,
                     summary.late);
  if (summary.refused > 0) out += fmt::format(", {} refused", summary.refused);
  out += '\n';
  if (!summary.rtt) return;
  const RttSummary& rtt = *summary.rtt;
  out += fmt::format("RTT min/avg/max/stddev {:.3f}/{:.3f}/{:.3f}/{:.3f} ms\n", rtt.min_ms, rtt.avg_ms, rtt.max_ms,
                     rtt.stddev_ms);
  out += fmt::format("RTT p50/p90/p99/p99.9 {:.3f}/{:.3f}/{:.3f}/{:.3f} ms, jitter {:.3f} ms\n", rtt.p50_ms, rtt.p90_ms,
                     rtt.p99_ms, rtt.p999_ms, rtt.jitter_ms);
}

void ProbeWriter::statistics(const StampSummary& ways) {
  std::string& out = buffer();
  if (ways.direction_known) {
    out += fmt::format("lost {} forward, {} backward, {} unknown\n", ways.lost_forward, ways.lost_backward,
                       ways.lost_unknown);
  } else {
    out += fmt::format("lost {}, direction unknown{}\n", ways.lost_unknown,
                       ways.forward.count > 0 ? " (the reflector may be stateless)" : "");
  }
  if (ways.forward.count == 0) return;
  const auto spread = [](const Spread& values) {
    return fmt::format("{:.3f}/{:.3f}/{:.3f} ms", to_milliseconds(values.min), to_milliseconds(values.avg()),
                       to_milliseconds(values.max));
  };
  out += fmt::format("one way min/avg/max forward {}, backward {}{}\n", spread(ways.forward), spread(ways.backward),
                     ways.synchronised ? "" : " (clocks not synchronised)");
}

void ProbeWriter::summary(std::string_view state, const ProbeSummary& summary, std::size_t responders,
                          const StampSummary* ways, const Histogram& bins) {
  output::JsonEvent event(buffer(), "summary");
  event.text("state", state).number("sent", summary.sent).number("received", summary.received);
  event.number("lost", summary.lost).decimal("lost_percent", summary.lost_percent);
  event.number("duplicate", summary.duplicate).number("reordered", summary.reordered).number("late", summary.late);
  event.number("refused", summary.refused);
  if (responders > 0) event.number("responders", responders);
  if (ways != nullptr) add_ways(event, *ways);
  if (!summary.rtt) return;
  const RttSummary& rtt = *summary.rtt;
  event.raw("rtt_ms", distribution_json(rtt));
  event.decimal("jitter_ms", rtt.jitter_ms);
  if (bins.empty()) return;
  std::string list;
  for (const HistogramBin& bin : bins) {
    list += fmt::format(R"({}{{"from_ms":{:.3f},"to_ms":{:.3f},"count":{}}})", list.empty() ? "" : ",",
                        to_milliseconds(base::Nanoseconds(bin.from)), to_milliseconds(base::Nanoseconds(bin.to)),
                        bin.count);
  }
  event.raw("histogram", "[" + list + "]");
}

}  // namespace commands
