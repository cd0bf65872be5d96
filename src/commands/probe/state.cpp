// Is the port open? One answer, or with --count a series with statistics.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <map>
#include <set>

#include "base/error.hpp"
#include "commands/probe/modes.hpp"
#include "commands/probe/records.hpp"
#include "commands/probe/run.hpp"
#include "output/terminal.hpp"
#include "traffic/pace.hpp"

namespace commands {
namespace {

using base::Nanoseconds;

class StateProbe {
 public:
  explicit StateProbe(const ProbeOptions& options)
      : options_(options),
        series_(options.stop.count.has_value()),
        total_(options.stop.count.value_or(tries)),
        prober_(options, false),
        log_(Requests(options.request, options.port, Prober::random_seed())),
        writer_(options.output, prober_.sink()) {}

  base::ExitStatus run() {
    prober_.check_size(log_.requests().make(0).size());
    prober_.watch({[this](const net::Received& reply, const Instant& seen) { on_reply(reply, seen); },
                   [this](const net::TransportError& error, const Instant& seen) { on_error(error, seen); }});
    if (series_ && !log_.requests().distinct() && options_.interval < options_.wait()) {
      prober_.report().notice("the probes are all alike: which of them a reply answers is a guess");
    }
    const double rate = 1e9 / static_cast<double>(options_.interval.count());
    pacer_.emplace(rate, run::Clock::now());
    loop().post([this] { series_ ? pump() : send_or_stop(); });
    loop().run();
    return finish();
  }

 private:
  static constexpr std::uint64_t tries = 3;

  run::Loop& loop() { return prober_.loop(); }

  // A series: sends what is due, then arranges to be called again.
  void pump() {
    constexpr int most_a_turn = 64;
    constexpr auto shortest_nap = std::chrono::microseconds(50);
    for (int i = 0; i < most_a_turn; ++i) {
      if (log_.count() == total_ || loop().stopping()) return;
      if (log_.is_full()) return prober_.when_writable([this] { pump(); });
      const auto now = run::Clock::now();
      if (!pacer_->is_due(now)) return loop().at(std::max(pacer_->next(), now + shortest_nap), [this] { pump(); });
      if (!send_one()) return prober_.when_writable([this] { pump(); });
      pacer_->spend(1);
    }
    loop().post([this] { pump(); });
  }

  // No series: another try, if there is one left.
  void send_or_stop() {
    if (log_.count() == total_) return loop().stop(run::StopReason::done);
    if (!send_one()) prober_.when_writable([this] { send_or_stop(); });
  }

  // False when there was no room.
  bool send_one() {
    const Instant begun = Instant::now();
    try {
      const Prober::Sent sent = prober_.send(log_.requests().make(log_.count()));
      if (sent.error == EAGAIN) return false;
      count_sent(sent.at);
      // With --df, once a router has told that the path takes less, or a link takes less by now.
      if (sent.error == EMSGSIZE) kept_back("larger than the path MTU");
    } catch (const base::Failure& error) {
      if (log_.count() == 0) throw;
      failure_ = std::current_exception();
      count_sent(begun);
      kept_back(std::strerror(error.code));
    }
    if (!expiry_armed_) arm_expiry();
    return true;
  }

  void count_sent(const Instant& when) {
    log_.sent(when);
    statistics_.sent();
  }

  // This host did not take the last probe. A series goes on: the route may come back.
  void kept_back(const std::string& why) {
    ProbeRecord record = record_of(log_.count() - 1);
    record.state = ProbeState::unreachable;
    record.detail = why + " (this host)";
    settle(record);
    prober_.sink().flush();
    if (!series_) loop().stop(run::StopReason::done);
  }

  run::Clock::time_point end_of_wait(std::uint64_t sequence) const {
    const auto end = log_.departure(sequence).steady + options_.wait();
    if (series_ || sequence + 1 != total_) return end;
    // A neighbour that does not answer is given up after 3 s and a bit: that is worth waiting for.
    const auto neighbour_given_up = log_.departure(0).steady + std::chrono::milliseconds(3'200);
    return end < neighbour_given_up && neighbour_given_up - end < std::chrono::milliseconds(300) ? neighbour_given_up
                                                                                                 : end;
  }

  void arm_expiry() {
    while (next_expiry_ < log_.count() && !log_.is_waiting(next_expiry_)) ++next_expiry_;
    expiry_armed_ = next_expiry_ < log_.count();
    if (expiry_armed_) loop().at(end_of_wait(next_expiry_), [this] { expire(); });
  }

  void expire() {
    prober_.drain();  // what came in time, but was not yet seen
    if (loop().stopping()) return;
    const auto now = run::Clock::now();
    bool any = false;
    while (next_expiry_ < log_.count() && (!log_.is_waiting(next_expiry_) || end_of_wait(next_expiry_) <= now)) {
      any = any || log_.is_waiting(next_expiry_);
      conclude(next_expiry_++);
    }
    prober_.sink().flush();
    arm_expiry();
    if (!any || series_) return;
    if (refused_ || received_) return loop().stop(run::StopReason::done);
    send_or_stop();
  }

  // The wait for a probe is over: whoever refused it is believed now.
  void conclude(std::uint64_t sequence) {
    if (!log_.is_waiting(sequence)) return;
    if (answered_.erase(sequence) > 0) return settled(sequence);  // and whoever else did has been listed
    const auto doubt = doubts_.find(sequence);
    if (doubt != doubts_.end()) return settle(doubt->second);
    ProbeRecord record = record_of(sequence);
    record.time = std::min<Nanoseconds>(options_.wait(), run::Clock::now() - log_.departure(sequence).steady);
    record.detail = "no reply";
    settle(record);
  }

  ProbeRecord record_of(std::uint64_t sequence) const {
    ProbeRecord record;
    record.sequence = sequence;
    record.endpoint = prober_.target();
    return record;
  }

  // What became of a probe is known.
  void settle(const ProbeRecord& record) {
    const bool refused = record.state == ProbeState::closed || record.state == ProbeState::unreachable;
    if (refused) statistics_.refused(record.sequence);
    if (refused && !refused_) refused_ = record;
    if (series_) {
      writer_.record(record);
    } else {
      results_[record.sequence] = record;
    }
    settled(record.sequence);
  }

  void settled(std::uint64_t sequence) {
    log_.settle(sequence);
    doubts_.erase(sequence);
    if (++settled_ == total_ && series_) stop_after_duplicates();
  }

  // The last reply may have been sent twice: a moment for its duplicate, as long as a round trip takes.
  void stop_after_duplicates() {
    constexpr Nanoseconds least = std::chrono::milliseconds(10);
    const Nanoseconds linger = received_ ? std::min(std::max(least, longest_), options_.wait()) : Nanoseconds(0);
    loop().after(linger, [this] { loop().stop(run::StopReason::done); });
  }

  void on_reply(const net::Received& reply, const Instant& seen) {
    const auto sequence = log_.answered_by(reply.bytes, seen);
    if (!sequence) {
      ++strange_;
      return;
    }
    const Instant& left = log_.departure(*sequence);
    ProbeRecord record = record_of(*sequence);
    record.endpoint = *reply.sender;
    if (!prober_.is_for_many()) record.endpoint.port(prober_.target().port());
    record.time = round_trip(left, reply.metadata.time, seen);
    record.received = reply.metadata.time;
    record.detail =
        log_.requests().detail(*sequence, reply.bytes, {left.wall, reply.metadata.time.value_or(seen.wall)});
    record.payload = reply.bytes;
    record.size = reply.size();
    if (prober_.is_for_many()) return on_responder(std::move(record));
    credit(record);
  }

  void credit(ProbeRecord& record) {
    const bool late = record.time > options_.wait();
    const auto kind = statistics_.reply(record.sequence, record.time, late);
    if (kind == ReplyKind::first) log_.learn(record.sequence, record.time);
    if (series_ && late) conclude(record.sequence);
    longest_ = std::max(longest_, record.time);
    received_ = true;
    if (log_.is_waiting(record.sequence) || !series_) {
      record.state = ProbeState::open;
      settle(record);
      if (!series_) loop().stop(run::StopReason::done);
      return;
    }
    record.state = kind == ReplyKind::first ? ProbeState::late : ProbeState::duplicate;
    writer_.record(record);
  }

  // One of many: each is listed once for each probe, and the first counts as the reply.
  void on_responder(ProbeRecord record) {
    constexpr std::size_t most_responders = 100'000;
    if (answers_.size() >= most_responders) return;
    const bool fresh = answers_.emplace(record.sequence, record.endpoint).second;
    const bool first = responders_.insert(record.endpoint).second;
    const bool waiting = log_.is_waiting(record.sequence);
    record.state = !fresh ? ProbeState::duplicate : waiting ? ProbeState::open : ProbeState::late;
    const bool answers_probe = fresh && (waiting ? answered_.insert(record.sequence).second : first);
    if (!fresh || answers_probe) statistics_.reply(record.sequence, record.time, record.time > options_.wait());
    if (answers_probe) log_.learn(record.sequence, record.time);
    received_ = true;
    longest_ = std::max(longest_, record.time);
    writer_.record(record);
  }

  void on_error(const net::TransportError& error, const Instant& seen) {
    if (error.local() || error.destination.port() != prober_.target().port()) return;
    auto sequence = log_.quoted_by(error.quoted, seen);
    if (!sequence) return;
    ProbeRecord record = record_of(*sequence);
    record.time = round_trip(log_.departure(*sequence), error.time, seen);
    if (!log_.is_waiting(*sequence) && !series_) record.sequence = log_.count() - 1;  // it still tells of the port
    if (!log_.is_waiting(record.sequence)) return;
    const bool from_target = prober_.is_target(*error.offender);
    record.state = from_target && error.kind == net::TransportError::Kind::port_unreachable ? ProbeState::closed
                                                                                            : ProbeState::unreachable;
    record.offender = error.offender;
    record.received = error.time;
    record.detail = net::to_string(error);
    if (!from_target && net::is_own_address(*error.offender)) record.detail += " (this host)";
    const bool too_big = error.kind == net::TransportError::Kind::too_big;
    if (too_big && !series_ && !options_.socket.dont_fragment && log_.count() < total_)
      return send_in_fragments(record);
    if (!from_target || too_big) {
      doubts_.emplace(record.sequence, record);
      return;
    }
    settle(record);
    if (!series_) loop().stop(run::StopReason::done);
  }

  // This host has learned the path's MTU from the error, so that the next try leaves in fragments.
  void send_in_fragments(ProbeRecord& record) {
    record.state = ProbeState::no_answer;
    record.detail += "; sent again in fragments";
    settle(record);
    send_or_stop();
  }

  base::ExitStatus finish() {
    prober_.drain();  // what came while stopping
    const bool was_waiting = next_expiry_ < log_.count();
    for (; next_expiry_ < log_.count(); ++next_expiry_) conclude(next_expiry_);
    ProbeState state = received_ ? ProbeState::open : refused_ ? refused_->state : ProbeState::no_answer;
    if (!series_) tell_state(was_waiting);
    const ProbeSummary summary = statistics_.summary();
    if (series_ && writer_.text()) {
      writer_.statistics(summary);
      if (options_.histogram) writer_.buffer() += statistics_.histogram(output::terminal_width());
    }
    if (writer_.json()) writer_.summary(state, summary, responders_.size());
    prober_.sink().flush();
    if (failure_ && !received_) std::rethrow_exception(failure_);
    if (state == ProbeState::open) return base::ExitStatus::done;
    prober_.hint_at_family();
    return refused_ ? base::ExitStatus::refused : base::ExitStatus::nothing;
  }

  // The one line of a probe without a count, or an event for each try.
  void tell_state(bool interrupted) {
    for (const auto& [sequence, result] : results_) writer_.event(result);
    if (writer_.json() || (prober_.is_for_many() && received_) || results_.empty()) return;
    const auto rank = [](const ProbeRecord& record) {
      return record.state == ProbeState::open          ? 0
             : record.state == ProbeState::closed      ? 1
             : record.state == ProbeState::unreachable ? 2
                                                       : 3;
    };
    ProbeRecord best = std::min_element(results_.begin(), results_.end(), [&](const auto& a, const auto& b) {
                         return rank(a.second) < rank(b.second);
                       })->second;
    if (best.state == ProbeState::no_answer) {
      const Nanoseconds elapsed = run::Clock::now() - log_.departure(0).steady;
      const Nanoseconds waits = options_.wait() * static_cast<int>(log_.count());
      best.time = interrupted ? std::min(elapsed, waits) : waits;
      best.detail = silence_text();
    }
    writer_.line(best);
  }

  std::string silence_text() const {
    const std::uint64_t count = log_.count();
    const std::string probes = fmt::format("{} probe{}", count, count == 1 ? "" : "s");
    if (strange_ > 0) return fmt::format("{}, {} datagrams that are no answer to them", probes, strange_);
    return fmt::format("{}{}, no reply", prober_.is_for_many() ? "" : "open or filtered: ", probes);
  }

  const ProbeOptions& options_;
  bool series_;
  std::uint64_t total_;
  Prober prober_;
  ProbeLog log_;
  ProbeStatistics statistics_;
  ProbeWriter writer_;
  std::optional<traffic::Pacer> pacer_;
  std::map<std::uint64_t, ProbeRecord> doubts_;                // refusals that a reply may still beat
  std::map<std::uint64_t, ProbeRecord> results_;               // without a count: of each try
  std::optional<ProbeRecord> refused_;                         // the first that counted
  std::set<std::pair<std::uint64_t, net::Endpoint>> answers_;  // of many: to which probe, from whom
  std::set<std::uint64_t> answered_;                           // of many: probes that wait on, but not in vain
  std::set<net::Endpoint> responders_;
  std::exception_ptr failure_;  // of this host, to send: the last
  std::uint64_t next_expiry_ = 0;
  std::uint64_t settled_ = 0;
  std::uint64_t strange_ = 0;  // datagrams of the target that answer no probe
  Nanoseconds longest_{};
  bool expiry_armed_ = false;
  bool received_ = false;
};

}  // namespace

base::ExitStatus probe_state(const ProbeOptions& options) { return StateProbe(options).run(); }

}  // namespace commands
