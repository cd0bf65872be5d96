// SPDX-License-Identifier: MIT
// Where does the path go, and where does it end?
#include <fmt/format.h>

#include <cerrno>
#include <utility>

#include "commands/probe/course.hpp"
#include "commands/probe/hops.hpp"
#include "commands/probe/modes.hpp"
#include "commands/probe/paths.hpp"
#include "commands/probe/trace_answer.hpp"

namespace commands {
namespace {

class TraceMode : public RequestMode {
 public:
  TraceMode(const ProbeOptions& options, Prober& prober, ProbeLog& log)
      : RequestMode(options, prober, log, options.request),
        plan_(options.trace),
        writer_(options, prober.sink(), prober.target()),
        hops_(options, prober.loop(), writer_, [&prober] { prober.wake(); }) {}

  std::optional<Ask> next(ProbeTime now) override {
    show_hops(now);
    if (now < not_before_ || !may_send()) return std::nullopt;
    if (!probe_) probe_ = plan_.next();
    if (!probe_) return std::nullopt;
    Ask ask;
    ask.ttl = static_cast<int>(probe_->ttl);
    ask.port = port_of(log_.count());
    return ask;
  }

  std::optional<ProbeTime> due() const override {
    const auto names = hops_.due();
    return may_send() && !plan_.done() && (!names || not_before_ < *names) ? not_before_ : names;
  }

  void sent(std::uint64_t, const Ask&) override {
    // Between probes: a target that is a few hops away answers before many have left that go past it.
    constexpr auto pace = std::chrono::milliseconds(2);
    not_before_ = log_.departure(log_.count() - 1).steady + pace;
    probes_.push_back(*probe_);
    probe_.reset();
  }

  bool kept_back(std::uint64_t sequence, const Ask&, int error) override {
    if (sequence == 0 && error == EMSGSIZE) prober_.refuse_size(requests_.make(sequence).size());
    if (sequence == 0) fail_to_send(error, prober_.target());
    failure_ = error;
    plan_.halt(std::exchange(probe_, std::nullopt));
    return false;
  }

  bool answered(const Answer& answer) override {
    if (answer.sequence < first_sequence_) return true;
    const TraceAnswer found = trace_answer(answer, probes_[answer.sequence], prober_.target().address());
    target_state_ = state_after(target_state_, answer);
    plan_.answered(found);
    matcher_.learn(answer.sequence, answer.rtt);
    return true;
  }

  void silent(std::uint64_t sequence, ProbeTime) override {
    if (sequence >= first_sequence_) plan_.silent(probes_[sequence]);
  }

  bool done() const override { return plan_.done() && hops_.is_shown(); }
  const HopWriter& hops() const { return hops_; }
  // Throws what this host refused to send, once what was found before is told.
  void rethrow_failure() const {
    if (failure_ != 0) fail_to_send(failure_, prober_.target());
  }

  // The probe that an ICMP error is about: by its port, by what it quotes, or because only one is on its way.
  std::optional<std::uint64_t> match(const net::TransportError& error, const Instant& seen) override {
    if (by_port_) {
      const std::uint64_t sequence =
          first_sequence_ + (error.destination.port() + 65'535u - options_.target.port) % 65'535;
      return sequence < log_.count() ? std::optional(sequence) : std::nullopt;
    }
    if (error.destination.port() != options_.target.port) return std::nullopt;
    if (!requests_.distinct() || requests_.distinct_within(error.quoted.size())) {
      return matcher_.quoted_by(error.quoted, seen);
    }
    prober_.report().verbose_notice(
        fmt::format("{} quotes too little to tell the probes apart: from hop {} on each "
                    "goes to a port of its own",
                    net::to_string(*error.offender), next_ttl_));
    trace_by_port();
    return std::nullopt;
  }
  using RequestMode::match;

 private:
  // Requests that are all alike can only be told apart by sending one after the other.
  bool may_send() const { return by_port_ || requests_.distinct() || log_.is_idle(); }
  std::uint16_t port_of(std::uint64_t sequence) const {
    const std::uint64_t step = by_port_ ? sequence - first_sequence_ : 0;
    return static_cast<std::uint16_t>((options_.target.port - 1 + step) % 65'535 + 1);
  }

  // Begins again with the first hop that is not known yet.
  void trace_by_port() {
    by_port_ = true;
    first_sequence_ = log_.count();
    TraceOptions rest = options_.trace;
    rest.first_hop = next_ttl_;
    plan_ = TracePlan(rest);
    probe_.reset();
  }

  void show_hops(ProbeTime now) {
    while (const auto hop = plan_.take_hop()) show(*hop);
    hops_.show_known(now);
  }

  void show(const TraceHop& hop) {
    next_ttl_ = hop.ttl + 1;
    sent_ += hop.answers.size() + hop.silent;
    received_ += hop.answers.size();
    hops_.show(hop);
  }

 public:
  base::ExitStatus finish() {
    plan_.halt(probe_);
    while (const auto hop = plan_.take_hop()) show(*hop);
    hops_.show_all();
    const auto end = plan_.end();
    const bool reached = end == TracePlan::End::reached;
    const ProbeState state = end == TracePlan::End::open ? ProbeState::no_answer : target_state_;
    writer_.tell("summary", [&](output::JsonEvent& event) {
      add_summary(event, {options_.flow, state, sent_, received_, reached});
    });
    prober_.sink().flush();
    if (reached) return base::ExitStatus::done;
    prober_.hint_at_family();
    return end == TracePlan::End::refused ? base::ExitStatus::refused : base::ExitStatus::nothing;
  }

 private:
  std::vector<TraceProbe> probes_;  // by sequence
  TracePlan plan_;
  ProbeWriter writer_;
  HopWriter hops_;
  std::optional<TraceProbe> probe_;                                 // the next to send
  ProbeTime not_before_ = run::Clock::now() + options_.head_start;  // it leaves
  std::uint64_t first_sequence_ = 0;       // of the plan; answers to those before are of no use
  std::uint64_t sent_ = 0, received_ = 0;  // in the hops that were shown
  unsigned next_ttl_ = options_.trace.first_hop;
  ProbeState target_state_ = ProbeState::no_answer;
  int failure_ = 0;  // of this host, to send
  bool by_port_ = false;
};

}  // namespace

base::ExitStatus probe_trace(const ProbeOptions& options) {
  ProbeStage stage(options);
  Flows<TraceMode> flows(stage, options, "--trace");
  flows.run();
  base::ExitStatus status = base::ExitStatus::nothing;
  std::vector<FlowPath> paths;
  for (auto& course : flows.all()) {
    status = better(status, course.mode.finish());
    paths.push_back({course.options.flow, course.mode.hops().gathered()});
  }
  ProbeWriter(options, stage.sink, {}).tell_text([&](std::string& out) {
    if (options.flows == 0) return;
    for (const std::string& line : path_lines(paths, flows.first().mode.hops().names())) out += line + '\n';
  });
  stage.sink.flush();
  if (status != base::ExitStatus::done) {
    for (const auto& course : flows.all()) course.mode.rethrow_failure();
  }
  return stage.finish(status);
}

}  // namespace commands
