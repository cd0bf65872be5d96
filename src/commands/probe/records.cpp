// SPDX-License-Identifier: MIT
#include "commands/probe/records.hpp"

#include <fmt/format.h>

#include <array>

#include "base/text.hpp"
#include "net/interfaces.hpp"
#include "output/hexdump.hpp"
#include "output/terminal.hpp"
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

bool is_repeat(const ProbeRecord& record) {
  return record.follows || record.state == ProbeState::late || record.state == ProbeState::duplicate;
}

void add_record(output::JsonEvent& event, const ProbeRecord& record) {
  event.number("sequence", record.sequence);
  if (!is_repeat(record)) event.text("state", name_of(record.state));
  if (record.state != ProbeState::no_answer && !record.kept_back) event.decimal("rtt_ms", to_milliseconds(record.time));
  if (record.size) event.number("size", *record.size);
  event.text("detail", record.detail);
  if (record.mapped) event.address("mapped_address", record.mapped->address());
  if (record.mapped) event.number("mapped_port", record.mapped->port());
  if (record.offender) event.address("from", *record.offender);
  if (record.stamp) add_facts(event, *record.stamp);
  if (record.reply_from) event.text("reply_from", net::unescaped(*record.reply_from));
  if (record.interface) event.text("interface", net::interface_name(*record.interface));
}

void add_counts(output::JsonEvent& event, const ProbeSummary& summary) {
  event.number("sent", summary.sent).number("received", summary.received);
  event.number("lost", summary.lost);
  if (summary.sent > 0) event.decimal("lost_percent", summary.lost_percent);
}

void add_kinds(output::JsonEvent& event, const ProbeSummary& summary) {
  event.number("duplicate", summary.duplicate).number("reordered", summary.reordered).number("late", summary.late);
  event.number("refused", summary.refused);
}

std::string counts_text(const ProbeSummary& summary) {
  const std::string share = summary.sent == 0 ? "" : fmt::format(" ({:.1f} %)", summary.lost_percent);
  return fmt::format("{} sent, {} received, {} lost{}", summary.sent, summary.received, summary.lost, share);
}

std::string spread_text(const RttSummary& rtt) {
  return fmt::format("RTT min/avg/max/stddev {:.3f}/{:.3f}/{:.3f}/{:.3f} ms", rtt.min_ms, rtt.avg_ms, rtt.max_ms,
                     rtt.stddev_ms);
}

std::string bins_json(const Histogram& bins) {
  std::string list;
  for (const HistogramBin& bin : bins) {
    list += fmt::format(R"({}{{"from_ms":{:.3f},"to_ms":{:.3f},"count":{}}})", list.empty() ? "" : ",",
                        to_milliseconds(base::Nanoseconds(bin.from)), to_milliseconds(base::Nanoseconds(bin.to)),
                        bin.count);
  }
  return "[" + list + "]";
}

}  // namespace

std::string_view name_of(ProbeState state) {
  static constexpr std::array<std::string_view, 6> names{"no answer",   "open", "closed",
                                                         "unreachable", "late", "duplicate"};
  return names[static_cast<std::size_t>(state)];
}

double to_milliseconds(base::Nanoseconds time) { return static_cast<double>(time.count()) / 1e6; }

std::string distribution_json(const RttSummary& rtt) {
  return fmt::format(R"({{"min":{:.3f},"avg":{:.3f},"max":{:.3f},"stddev":{:.3f},"p50":{:.3f},"p90":{:.3f},)"
                     R"("p99":{:.3f},"p999":{:.3f}}})",
                     rtt.min_ms, rtt.avg_ms, rtt.max_ms, rtt.stddev_ms, rtt.p50_ms, rtt.p90_ms, rtt.p99_ms,
                     rtt.p999_ms);
}

void ProbeWriter::line(const ProbeRecord& record) {
  if (record.size) tell_raw(record.payload);
  tell_text([&](std::string&) {
    const bool silent = record.state == ProbeState::no_answer;
    const std::string time = record.kept_back ? "-"
                             : silent         ? wait_text(record.time)
                                              : fmt::format("{:.3f} ms", to_milliseconds(record.time));
    const bool failed = silent || record.state == ProbeState::closed || record.state == ProbeState::unreachable;
    const std::string state(name_of(record.state));
    std::string words = name_.empty() ? "" : base::escaped(name_) + '\t';
    net::append_endpoint(words, record.endpoint);
    words += fmt::format("\t{}\t{}\t", colored_ && failed ? output::red(state) : state, time);
    if (flow_ != 0) words += fmt::format("flow {}: ", flow_);
    if (is_repeat(record)) words += fmt::format("probe {}: ", record.sequence);
    base::append_escaped(words, record.detail);
    if (record.size) words += ", " + base::counted(*record.size, "byte");
    if (record.interface) words += ", by " + net::shown_interface(*record.interface);
    line(words, record.received.value_or(output::now()), record.payload);
  });
}

void ProbeWriter::event(const ProbeRecord& record) {
  // What comes after a probe's own event is called by its name, so that there is one `probe` for each probe.
  const std::string_view name = is_repeat(record) ? name_of(record.state) : "probe";
  const auto fields = [&](output::JsonEvent& event) {
    event.endpoint(record.endpoint);
    add_subject(event);
    add_record(event, record);
  };
  tell_record(
      name, fields, [] {}, record.received.value_or(output::now()));
}

void ProbeWriter::record(const ProbeRecord& record) {
  event(record);
  if (!options().quiet) line(record);
}

void ProbeWriter::add_subject(output::JsonEvent& event) const {
  if (!name_.empty()) event.text("target", name_);
  if (flow_ != 0) event.number("flow", flow_);
}

// Of all probes together: a record says by itself by which interface it came.
void ProbeWriter::add_series(output::JsonEvent& event) const {
  add_subject(event);
  if (!asked_by_.empty()) event.text("interface", asked_by_);
}

// "NAME	10.0.0.1:53	", "by eth0: ", "flow 2: ", or ""
std::string ProbeWriter::subject() const {
  std::string subject;
  if (!name_.empty()) subject = fmt::format("{}\t{}\t", base::escaped(name_), net::to_string(target_));
  if (!asked_by_.empty()) subject += fmt::format("by {}: ", base::escaped(asked_by_));
  if (flow_ != 0) subject += fmt::format("flow {}: ", flow_);
  return subject;
}

void ProbeWriter::so_far(const ProbeSummary& summary, output::Report& report) {
  const auto fields = [&](output::JsonEvent& event) {
    add_series(event);
    add_counts(event, summary);
    if (summary.rtt) event.raw("rtt_ms", distribution_json(*summary.rtt));
  };
  report.tell(output::Tone::asked, "stats", fields,
              [&] { return subject() + counts_text(summary) + (summary.rtt ? ", " + spread_text(*summary.rtt) : ""); });
  report.flush();
}

void ProbeWriter::unreached(const std::string& name, const base::Error& error) {
  tell(
      "error",
      [&](output::JsonEvent& event) {
        event.text("target", name).text("code", base::code_name(error.code)).text("message", error.message());
      },
      [&](std::string& out) {
        out += fmt::format("{}\t-\tunreachable\t-\t{}\n", base::escaped(name), error.message());
      });
  tell("summary", [&](output::JsonEvent& event) {
    event.text("target", name).text("state", name_of(ProbeState::unreachable));
    add_counts(event, {});
    add_kinds(event, {});
  });
  sink().mark(1);
  sink().flush();
}

void ProbeWriter::verdict(const std::vector<FlowLoss>& flows) {
  if (flows.size() < 2) return;  // there are no others
  const FlowVerdict found = verdict_on(flows);
  tell(
      "flows",
      [&](output::JsonEvent& event) {
        event.number("flows", flows.size()).raw("worse", fmt::format("[{}]", fmt::join(found.worse, ",")));
        if (found.worse_percent) event.decimal("worse_percent", *found.worse_percent);
        if (found.other_percent) event.decimal("other_percent", *found.other_percent);
      },
      [&](std::string&) { line(text_of(found, flows.size())); });
}

void ProbeWriter::summary(const ProbeResults& results) {
  sink().flush();  // so that what was not written is known
  tell(
      "summary", [&](output::JsonEvent& event) { add_results(event, results); },
      [&](std::string& out) {
        if (!results.in_text) return;
        std::string text;
        append_statistics(text, results.summary);
        if (results.ways) append_statistics(text, *results.ways);
        out += colored_ ? output::with_red_losses(text) : text;
        out += histogram_text(results.bins, output::terminal_size().columns);
      });
}

void ProbeWriter::append_statistics(std::string& out, const ProbeSummary& summary) const {
  const std::string about = subject();
  out += fmt::format("{}{}, {} duplicate, {} reordered, {} late", about, counts_text(summary), summary.duplicate,
                     summary.reordered, summary.late);
  if (summary.refused > 0) out += fmt::format(", {} refused", summary.refused);
  out += '\n';
  if (!summary.rtt) return;
  const RttSummary& rtt = *summary.rtt;
  out += fmt::format("{}{}\n", about, spread_text(rtt));
  out += fmt::format("{}RTT p50/p90/p99/p99.9 {:.3f}/{:.3f}/{:.3f}/{:.3f} ms, jitter {:.3f} ms\n", about, rtt.p50_ms,
                     rtt.p90_ms, rtt.p99_ms, rtt.p999_ms, rtt.jitter_ms);
}

void ProbeWriter::append_statistics(std::string& out, const StampSummary& ways) const {
  out += subject();
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
  out += fmt::format("{}one way min/avg/max forward {}, backward {}{}\n", subject(), spread(ways.forward),
                     spread(ways.backward), ways.synchronised ? "" : " (clocks not synchronised)");
}

void ProbeWriter::add_results(output::JsonEvent& event, const ProbeResults& results) const {
  const ProbeSummary& summary = results.summary;
  if (!name_.empty()) event.endpoint(target_);
  add_series(event);
  event.text("state", results.state);
  add_counts(event, summary);
  if (sink().unwritten() > 0) event.number("unwritten", sink().unwritten());
  add_kinds(event, summary);
  if (results.responders > 0) event.number("responders", results.responders);
  if (results.ways) add_ways(event, *results.ways);
  if (!summary.rtt) return;
  event.raw("rtt_ms", distribution_json(*summary.rtt));
  event.decimal("jitter_ms", summary.rtt->jitter_ms);
  if (!results.bins.empty()) event.raw("histogram", bins_json(results.bins));
}

}  // namespace commands
