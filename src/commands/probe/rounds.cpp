// SPDX-License-Identifier: MIT
// `probe --trace -c N`: the path, watched. One probe a hop in each round, all of one flow.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "commands/probe/course.hpp"
#include "commands/probe/hop_table.hpp"
#include "commands/probe/hops.hpp"
#include "commands/probe/modes.hpp"
#include "commands/probe/path_statistics.hpp"
#include "commands/probe/trace_answer.hpp"
#include "output/json.hpp"
#include "traffic/pace.hpp"

namespace commands {
namespace {

class RoundsMode : public RequestMode {
 public:
  RoundsMode(const ProbeOptions& options, Prober& prober, ProbeLog& log)
      : RequestMode(options, prober, log, options.request),
        total_(*options.stop.count == 0 ? std::numeric_limits<std::uint64_t>::max() : *options.stop.count),
        pacer_(1e9 / static_cast<double>(options.interval.count()), run::Clock::now() + options.head_start),
        path_(options.trace.first_hop, options.trace.max_hops),
        by_port_(!requests_.distinct()) {}

  std::optional<Ask> next(ProbeTime now) override {
    if (is_between_rounds() && !begin_round(now)) return std::nullopt;
    if (now < not_before_) return std::nullopt;
    Ask ask;
    ask.ttl = static_cast<int>(next_ttl_);
    ask.port = port_of(next_ttl_);
    return ask;
  }

  std::optional<ProbeTime> due() const override {
    if (!is_between_rounds()) return not_before_;
    if (begun_ == total_ || must_be_alone()) return std::nullopt;
    return pacer_.next();
  }

  void sent(std::uint64_t sequence, const Ask&) override {
    const TraceProbe probe{next_ttl_, path_.sent(next_ttl_)};
    remember(sequence, probe);
    not_before_ = log_.departure(sequence).steady + pace();
    ++next_ttl_;
  }

  // The watch goes on: the route may come back.
  bool kept_back(std::uint64_t sequence, const Ask&, int error) override {
    if (sequence == 0 && error == EMSGSIZE) prober_.refuse_size(requests_.make(sequence).size());
    if (sequence == 0) fail_to_send(error, prober_.target());
    // It counts as lost, but no network lost it.
    prober_.notice_once(failure_to_send(error, prober_.target()).message());
    path_.silent({next_ttl_, path_.sent(next_ttl_)});
    not_before_ = run::Clock::now() + pace();
    ++next_ttl_;
    return true;
  }

  bool answered(const Answer& answer) override {
    if (answer.sequence < first_sequence_) return true;
    matcher_.learn(answer.sequence, answer.rtt);
    target_state_ = state_after(target_state_, answer);
    path_.answered(trace_answer(answer, probes_[place_of(answer.sequence)], prober_.target().address()),
                   answer.waiting);
    return true;
  }

  void silent(std::uint64_t sequence, ProbeTime) override {
    if (sequence >= first_sequence_) path_.silent(probes_[place_of(sequence)]);
  }

  bool done() const override { return begun_ == total_ && is_between_rounds() && log_.is_idle(); }

  std::optional<std::uint64_t> match(const net::TransportError& error, const Instant& seen) override {
    if (by_port_) return sent_to(error.destination.port());
    if (error.destination.port() != options_.target.port) return std::nullopt;
    if (requests_.distinct_within(error.quoted.size())) return matcher_.quoted_by(error.quoted, seen);
    prober_.notice_once(
        fmt::format("{} quotes too little to tell the probes apart: each hop is asked on a port of its own, so that "
                    "hops may be of different flows",
                    net::to_string(*error.offender)));
    begin_by_port();
    return std::nullopt;
  }
  std::optional<std::uint64_t> match(const net::Received& reply, const Instant& seen) override {
    const auto found = by_port_ ? sent_to(reply.sender->port()) : std::nullopt;
    return found ? found : matcher_.answered_by(reply.bytes, seen);
  }

  const PathStatistics& path() const { return path_; }
  ProbeState target_state() const { return target_state_; }

 private:
  bool is_between_rounds() const { return begun_ == 0 || next_ttl_ > path_.last(); }
  // Where only the port tells the hop, one round at a time does.
  bool must_be_alone() const { return by_port_ && !log_.is_idle(); }

  bool begin_round(ProbeTime now) {
    if (begun_ == total_ || must_be_alone() || !pacer_.is_due(now)) return false;
    if (now - pacer_.next() > options_.interval) pacer_.forgive(now);  // rounds that were missed are not made up for
    pacer_.spend(1);
    ++begun_;
    next_ttl_ = options_.trace.first_hop;
    return true;
  }

  // A target that is a few hops away answers before many have left that go past it; and a round is over in time.
  base::Nanoseconds pace() const {
    const unsigned hops = path_.last() - options_.trace.first_hop + 1;
    return std::min<base::Nanoseconds>(std::chrono::milliseconds(2), options_.interval / (2 * hops));
  }

  std::uint16_t port_of(unsigned ttl) const {
    return static_cast<std::uint16_t>((options_.target.port - 1 + (by_port_ ? ttl : 0)) % 65'535 + 1);
  }

  // The last probe to that port.
  std::optional<std::uint64_t> sent_to(std::uint16_t port) const {
    for (std::uint64_t sequence = log_.count(); sequence > first_sequence_ && log_.is_kept(sequence - 1);) {
      const TraceProbe& probe = probes_[place_of(--sequence)];
      if (port_of(probe.ttl) == port) return sequence;
      if (log_.count() - sequence > options_.trace.max_hops) break;
    }
    return std::nullopt;
  }

  void begin_by_port() {
    by_port_ = true;
    first_sequence_ = log_.count();
    path_ = PathStatistics(options_.trace.first_hop, options_.trace.max_hops);
    begun_ = 0;
  }

  static std::size_t place_of(std::uint64_t sequence) { return sequence % ProbeLog::max_exact; }
  void remember(std::uint64_t sequence, const TraceProbe& probe) {
    const std::size_t place = place_of(sequence);
    if (place >= probes_.size()) probes_.resize(place + 1);
    probes_[place] = probe;
  }

  std::uint64_t total_;
  traffic::Pacer pacer_;  // of rounds
  PathStatistics path_;
  bool by_port_;
  std::vector<TraceProbe> probes_;    // by sequence, as long as the log keeps them
  std::uint64_t first_sequence_ = 0;  // answers to those before are of no use
  std::uint64_t begun_ = 0;           // rounds
  unsigned next_ttl_ = 0;
  ProbeTime not_before_{};  // the next probe leaves
  ProbeState target_state_ = ProbeState::no_answer;
};

// Shows the paths: as they become known on a terminal, else at each interval of --stats, and at the end.
class RoundsReport {
 public:
  RoundsReport(const ProbeOptions& options, ProbeStage& stage, Flows<RoundsMode>& flows)
      : stage_(stage),
        flows_(flows),
        writer_(options, stage.sink, {}),
        names_(options.names, stage.loop, [] {}),
        table_(stage.sink),
        live_(writer_.is_live()) {
    stage.loop.on_usr1([this] { tell(true); });
    if (live_) {
      constexpr auto tick = std::chrono::milliseconds(200);
      stage.loop.every(tick, [this, tick](base::Nanoseconds elapsed) { redraw(elapsed > 2 * tick); });
    } else if (options.stats) {
      stage.loop.every(*options.stats, [this](base::Nanoseconds) { tell(); });
    }
  }

  base::ExitStatus finish() {
    // The last table stays as it is: the terminal has echoed a ^C below it.
    if (!table_.is_drawn() || stage_.loop.reason() != run::StopReason::signal) tell();
    tell_worse();
    base::ExitStatus status = base::ExitStatus::nothing;
    for (auto& course : flows_.all()) {
      const TracePlan::End end = course.mode.path().end();
      writer_.tell("summary", [&](output::JsonEvent& event) { add_summary(event, summary_of(course)); });
      if (end == TracePlan::End::reached) status = base::ExitStatus::done;
      if (end == TracePlan::End::refused) status = better(status, base::ExitStatus::refused);
    }
    stage_.sink.flush();
    if (status != base::ExitStatus::done) flows_.first().prober.hint_at_family();
    return status;
  }

 private:
  void redraw(bool was_stopped) {
    if (was_stopped) table_.leave();  // the shell may have written something
    tell();
  }

  std::vector<HopRow> rows(Percentiles percentiles) const {
    std::vector<HopRow> all;
    for (const auto& course : flows_.all()) {
      for (HopRow& row : course.mode.path().rows(percentiles)) {
        row.flow = course.options.flow;
        all.push_back(std::move(row));
      }
    }
    return all;
  }

  // Who asked by a signal reads stderr.
  void tell(bool by_signal = false) {
    if (writer_.json()) return tell_events();
    const std::vector<HopRow> all = rows(Percentiles::left_out);
    for (const HopRow& row : all) names_.look_up(row.addresses);
    if (by_signal) {
      table_.leave();
      for (const TableLine& line : table_of(all, names_)) output::print_line(tabbed(line));
    } else if (live_) {
      table_.draw(table_of(all, names_));
    } else {
      writer_.tell_text([&](std::string&) {
        for (const TableLine& line : table_of(all, names_)) writer_.line(tabbed(line));
      });
    }
    stage_.sink.flush();
  }

  void tell_events() {
    for (const HopRow& row : rows(Percentiles::told)) {
      names_.look_up(row.addresses);
      writer_.tell_record(
          "hop", [&](output::JsonEvent& event) { add_row(event, row); }, [] {});
    }
    stage_.sink.flush();
  }

  void tell_worse() {
    const auto reaches = [](const auto& course) { return course.mode.path().end() == TracePlan::End::reached; };
    const bool reached = std::any_of(flows_.all().begin(), flows_.all().end(), reaches);
    std::vector<FlowLoss> ends;
    for (const auto& course : flows_.all()) {
      ends.push_back(course.mode.path().loss_at_end(reached));
      ends.back().flow = course.options.flow;
    }
    writer_.verdict(ends);
  }

  void add_row(output::JsonEvent& event, const HopRow& row) {
    event.number("ttl", row.ttl);
    if (row.flow != 0) event.number("flow", row.flow);
    if (!row.is_silent()) {
      event.address("address", row.addresses[0]);
      if (const std::string name = names_.of(row.addresses[0]); !name.empty()) event.text("name", name);
      event.raw("addresses", addresses_json(row.addresses));
    }
    event.number("sent", row.probes.sent).number("received", row.probes.received);
    if (row.probes.sent > 0) event.decimal("loss_percent", row.probes.lost_percent);
    if (row.probes.rtt) event.raw("rtt_ms", distribution_json(*row.probes.rtt));
    if (!row.remark.empty()) event.text("detail", row.remark);
  }

  static TraceSummary summary_of(const Course<RoundsMode>& course) {
    TraceSummary summary;
    summary.flow = course.options.flow;
    summary.state = course.mode.target_state();
    summary.reached = course.mode.path().end() == TracePlan::End::reached;
    for (const HopRow& row : course.mode.path().rows(Percentiles::left_out)) {
      summary.sent += row.probes.sent;
      summary.received += row.probes.received;
    }
    return summary;
  }

  ProbeStage& stage_;
  Flows<RoundsMode>& flows_;
  ProbeWriter writer_;
  HopNames names_;
  LiveTable table_;
  bool live_;
};

}  // namespace

base::ExitStatus probe_rounds(const ProbeOptions& options) {
  ProbeStage stage(options);
  Flows<RoundsMode> flows(stage, options, "--trace");
  RoundsReport report(options, stage, flows);
  flows.run();
  return stage.finish(report.finish());
}

}  // namespace commands
