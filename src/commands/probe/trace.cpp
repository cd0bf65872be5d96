// Where does the path go, and where does it end?
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "commands/probe/hops.hpp"
#include "commands/probe/modes.hpp"
#include "commands/probe/run.hpp"

namespace commands {
namespace {

using base::Nanoseconds;
using Kind = net::TransportError::Kind;

class Trace {
 public:
  explicit Trace(const ProbeOptions& options)
      : options_(options),
        prober_(options, false),
        log_(Requests(options.request, options.port, Prober::random_seed())),
        plan_(options.trace),
        hops_(options, prober_.loop(), prober_.sink()) {}

  base::ExitStatus run() {
    if (prober_.is_for_many()) throw base::UsageError("--trace takes the address of one host, not of many");
    prober_.check_size(log_.requests().make(0).size());
    prober_.watch({[this](const net::Received& reply, const Instant& seen) { on_reply(reply, seen); },
                   [this](const net::TransportError& error, const Instant& seen) { on_error(error, seen); }});
    loop().post([this] { pump(); });
    loop().run();
    return finish();
  }

 private:
  // Between probes: a target that is a few hops away answers before many have left that go past it.
  static constexpr auto pace = std::chrono::milliseconds(2);

  run::Loop& loop() { return prober_.loop(); }
  // Requests that are all alike can only be told apart by sending one after the other.
  bool may_send() const { return by_port_ || log_.requests().distinct() || log_.is_idle(); }
  std::uint16_t port_of(std::uint64_t sequence) const {
    const std::uint64_t step = by_port_ ? sequence - first_sequence_ : 0;
    return static_cast<std::uint16_t>((options_.port - 1 + step) % 65'535 + 1);
  }

  void pump() {
    pumping_ = false;
    if (loop().stopping() || !may_send()) return;
    if (!probe_) probe_ = plan_.next();
    if (!probe_) return;
    pumping_ = true;
    const std::uint64_t sequence = log_.count();
    const auto sent = prober_.send(log_.requests().make(sequence), static_cast<int>(probe_->ttl), port_of(sequence));
    if (sent.error == EAGAIN) return prober_.when_writable([this] { pump(); });
    if (sent.error == EMSGSIZE) throw base::Failure(EMSGSIZE, "the datagrams are larger than the path takes in one piece");
    log_.sent(sent.at);
    probes_.push_back(*probe_);
    probe_.reset();
    if (!expiry_armed_) arm_expiry();
    loop().after(pace, [this] { pump(); });
  }

  void arm_expiry() {
    while (next_expiry_ < log_.count() && !log_.is_waiting(next_expiry_)) ++next_expiry_;
    expiry_armed_ = next_expiry_ < log_.count();
    if (expiry_armed_) loop().at(log_.departure(next_expiry_).steady + options_.wait(), [this] { expire(); });
  }

  void expire() {
    prober_.drain();  // what came in time, but was not yet seen
    const auto now = run::Clock::now();
    for (; next_expiry_ < log_.count(); ++next_expiry_) {
      if (log_.is_waiting(next_expiry_) && log_.departure(next_expiry_).steady + options_.wait() > now) break;
      give_up(next_expiry_);
    }
    arm_expiry();
    show_hops();
  }

  void give_up(std::uint64_t sequence) {
    if (sequence >= first_sequence_ && log_.is_waiting(sequence)) plan_.silent(probes_[sequence]);
    log_.settle(sequence);
  }

  void on_reply(const net::Received& reply, const Instant& seen) {
    const auto sequence = log_.answered_by(reply.bytes, seen);
    if (!sequence || *sequence < first_sequence_) return;
    target_state_ = ProbeState::open;
    answered(*sequence, TraceAnswer::Kind::reached, prober_.target().address(), reply.metadata.time, seen, "",
             reply.metadata.ttl);
  }

  void on_error(const net::TransportError& error, const Instant& seen) {
    if (error.local()) return;
    const auto sequence = sequence_of(error, seen);
    if (!sequence || *sequence < first_sequence_) return;
    const bool from_target = prober_.is_target(*error.offender);
    const bool passed = error.kind == Kind::ttl_exceeded;
    const auto kind = passed        ? TraceAnswer::Kind::passed
                      : from_target ? TraceAnswer::Kind::reached
                                    : TraceAnswer::Kind::refused;
    std::string remark = mpls_text(parse_mpls(error.extension));
    const bool ordinary = passed || (from_target && error.kind == Kind::port_unreachable);
    if (!ordinary) {
      remark = net::icmp_name(net::family_of(*error.offender), error.icmp_type, error.icmp_code);
      if (error.mtu != 0) remark += fmt::format(", MTU {}", error.mtu);
    }
    if (!passed && target_state_ != ProbeState::open) {
      target_state_ =
          from_target && error.kind == Kind::port_unreachable ? ProbeState::closed : ProbeState::unreachable;
    }
    answered(*sequence, kind, *error.offender, error.time, seen, remark, error.ttl);
  }

  // The probe that an ICMP error is about: by its port, by what it quotes, or because only one is on its way.
  std::optional<std::uint64_t> sequence_of(const net::TransportError& error, const Instant& seen) {
    if (by_port_) {
      const std::uint64_t sequence = first_sequence_ + (error.destination.port() + 65'535u - options_.port) % 65'535;
      return sequence < log_.count() ? std::optional(sequence) : std::nullopt;
    }
    if (error.destination.port() != options_.port) return std::nullopt;
    if (!log_.requests().distinct() || log_.requests().distinct_within(error.quoted.size())) {
      return log_.quoted_by(error.quoted, seen);
    }
    prober_.report().verbose_notice(
        fmt::format("{} quotes too little to tell the probes apart: from hop {} on each "
                    "goes to a port of its own",
                    net::to_string(*error.offender), next_ttl_));
    trace_by_port();
    return std::nullopt;
  }

  // Begins again with the first hop that is not known yet.
  void trace_by_port() {
    by_port_ = true;
    first_sequence_ = log_.count();
    TraceOptions rest = options_.trace;
    rest.first_hop = next_ttl_;
    plan_ = TracePlan(rest);
    probe_.reset();
    if (!pumping_) pump();
  }

  void answered(std::uint64_t sequence, TraceAnswer::Kind kind, const net::Address& from,
                const std::optional<net::SystemTime>& time, const Instant& seen, const std::string& remark,
                std::optional<std::uint8_t> ttl) {
    const Nanoseconds rtt = round_trip(log_.departure(sequence), time, seen);
    plan_.answered({probes_[sequence], kind, from, rtt, remark, ttl});
    log_.settle(sequence);
    log_.learn(sequence, rtt);
    highest_answered_ = std::max(highest_answered_, probes_[sequence].ttl);
    show_hops();
  }

  void show_hops() {
    while (const auto hop = plan_.take_hop()) show(*hop);
    if (plan_.done()) return hops_.when_shown([this] { loop().stop(run::StopReason::done); });
    if (!pumping_) pump();
  }

  void show(const TraceHop& hop) {
    next_ttl_ = hop.ttl + 1;
    sent_ += hop.answers.size() + hop.silent;
    received_ += hop.answers.size();
    hops_.show(hop);
  }

  base::ExitStatus finish() {
    prober_.drain();
    if (!plan_.done()) {  // interrupted
      for (; next_expiry_ < log_.count(); ++next_expiry_) give_up(next_expiry_);
      while (next_ttl_ <= highest_answered_) {
        const auto hop = plan_.take_hop();
        if (!hop) break;
        show(*hop);
      }
    }
    hops_.show_all();
    const auto end = plan_.done() ? plan_.end() : TracePlan::End::open;
    const bool reached = end == TracePlan::End::reached;
    if (options_.output.format == output::Format::json) {
      hops_.summary(end == TracePlan::End::open ? ProbeState::no_answer : target_state_, sent_, received_,
                    reached);
    }
    prober_.sink().flush();
    if (reached) return base::ExitStatus::done;
    prober_.hint_at_family();
    return end == TracePlan::End::refused ? base::ExitStatus::refused : base::ExitStatus::nothing;
  }

  const ProbeOptions& options_;
  Prober prober_;
  ProbeLog log_;
  std::vector<TraceProbe> probes_;  // by sequence
  TracePlan plan_;
  HopWriter hops_;
  std::optional<TraceProbe> probe_;   // the next to send
  std::uint64_t first_sequence_ = 0;  // of the plan; answers to those before are of no use
  std::uint64_t next_expiry_ = 0;
  std::uint64_t sent_ = 0, received_ = 0;  // in the hops that were shown
  unsigned next_ttl_ = options_.trace.first_hop;
  unsigned highest_answered_ = 0;
  ProbeState target_state_ = ProbeState::no_answer;
  bool by_port_ = false;
  bool pumping_ = false;
  bool expiry_armed_ = false;
};

}  // namespace

base::ExitStatus probe_trace(const ProbeOptions& options) { return Trace(options).run(); }

}  // namespace commands
