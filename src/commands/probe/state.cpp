// Is the port open? One answer, or with --count a series with statistics.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <map>
#include <set>

#include "commands/probe/modes.hpp"
#include "commands/probe/prober.hpp"
#include "commands/probe/records.hpp"
#include "output/terminal.hpp"
#include "traffic/pace.hpp"

namespace commands {
namespace {

using base::Nanoseconds;

class StateMode : public RequestMode {
 public:
  StateMode(const ProbeOptions& options, Prober& prober, ProbeLog& log)
      : RequestMode(options.request, options.target.port, log),
        options_(options),
        series_(options.stop.count.has_value()),
        total_(options.stop.count == 0u ? std::numeric_limits<std::uint64_t>::max()
                                        : options.stop.count.value_or(max_tries)),
        prober_(prober),
        log_(log),
        pacer_(1e9 / static_cast<double>(options.interval.count()), run::Clock::now()),
        writer_(options.output, prober.sink()) {}

  std::optional<Ask> next(ProbeTime now) override {
    if (linger_until_ && now >= *linger_until_) done_ = true;
    if (done_ || log_.count() == total_) return std::nullopt;
    if (series_ ? !pacer_.is_due(now) : !may_try_) return std::nullopt;
    Ask ask;
    if (!series_ && log_.count() + 1 == total_) ask.wait = last_wait(now);
    return ask;
  }

  std::optional<ProbeTime> due() const override {
    if (linger_until_) return linger_until_;
    return series_ && log_.count() < total_ ? std::optional(pacer_.next()) : std::nullopt;
  }

  void sent(std::uint64_t, const Ask&) override {
    may_try_ = false;
    pacer_.spend(1);
  }

  // A series goes on: the route may come back.
  bool kept_back(std::uint64_t sequence, const Ask& ask, int error) override {
    const bool too_large = error == EMSGSIZE;  // with --df, once a router has told that the path takes less
    if (!too_large && sequence == 0) fail_to_send(error, prober_.target());
    if (!too_large) failure_ = error;
    ProbeRecord record = record_of(sequence);
    record.state = ProbeState::unreachable;
    record.detail = std::string(too_large ? "larger than the path MTU" : std::strerror(error)) + " (this host)";
    sent(sequence, ask);
    settle(record);
    if (!series_) done_ = true;
    return true;
  }

  bool answered(const Answer& answer) override {
    return answer.error != nullptr ? refused_by(answer) : replied(answer);
  }

  void silent(std::uint64_t sequence, ProbeTime now) override {
    conclude(sequence, now);
    if (series_) return;
    done_ = refused_ || received_ || log_.count() == total_;
    may_try_ = true;
  }

  void strange() override { ++strange_; }

  // No answer, for the address that was asked has not sent it; but worth to be told.
  void elsewhere(const net::Received& received, const Instant& seen) override {
    auto sequence = matcher_.shown_by(received.bytes, seen);
    if (!sequence && !requests_.matches_by_id() && !log_.is_idle()) sequence = log_.oldest_waiting();
    if (!sequence || !log_.is_waiting(*sequence)) return;
    elsewhere_.emplace(*sequence, *received.sender);
    if (!first_elsewhere_) first_elsewhere_ = *received.sender;
  }

  bool done() const override { return done_; }

  base::ExitStatus finish(bool interrupted) {
    const ProbeState state = received_ ? ProbeState::open : refused_ ? refused_->state : ProbeState::no_answer;
    if (!series_) tell_state(interrupted);
    const ProbeSummary summary = log_.summary();
    if (series_ && writer_.text()) {
      writer_.statistics(summary);
      if (options_.histogram)
        writer_.buffer() += histogram_text(histogram_of(log_.rtts()), output::terminal_size().columns);
    }
    if (writer_.json()) {
      writer_.summary(name_of(state), summary, responders_.size(), nullptr,
                      options_.histogram ? histogram_of(log_.rtts()) : Histogram{});
    }
    prober_.sink().flush();
    if (unlisted_ > 0)
      prober_.report().notice(fmt::format("{} more answers: no more than 100000 are listed", unlisted_));
    if (failure_ != 0 && !received_) fail_to_send(failure_, prober_.target());
    if (state == ProbeState::open) return base::ExitStatus::done;
    prober_.hint_at_family();
    return refused_ ? base::ExitStatus::refused : base::ExitStatus::nothing;
  }

 private:
  static constexpr std::uint64_t max_tries = 3;

  // A neighbour that does not answer is given up after 3 s and a bit: that is worth waiting for.
  std::optional<Nanoseconds> last_wait(ProbeTime now) const {
    const Nanoseconds left = log_.departure(0).steady + std::chrono::milliseconds(3'200) - now;
    const Nanoseconds wait = options_.wait();
    return wait < left && left - wait < std::chrono::milliseconds(300) ? std::optional(left) : std::nullopt;
  }

  ProbeRecord record_of(std::uint64_t sequence) const {
    ProbeRecord record;
    record.sequence = sequence;
    record.endpoint = prober_.target();
    return record;
  }

  // The wait for a probe is over: whoever refused it is believed now.
  void conclude(std::uint64_t sequence, ProbeTime now) {
    if (answered_.erase(sequence) > 0) return settled(sequence);  // and whoever else did has been listed
    const auto doubt = doubts_.find(sequence);
    if (doubt != doubts_.end()) return settle(doubt->second);
    ProbeRecord record = record_of(sequence);
    record.time = std::min<Nanoseconds>(options_.wait(), now - log_.departure(sequence).steady);
    record.detail = "no reply";
    const auto from = elsewhere_.find(sequence);
    if (from != elsewhere_.end()) {
      record.reply_from = from->second;
      if (series_) record.detail += "; " + elsewhere_text(from->second);
    }
    settle(record);
  }

  // What became of a probe is known.
  void settle(const ProbeRecord& record) {
    const bool refused = record.state == ProbeState::closed || record.state == ProbeState::unreachable;
    if (refused) log_.refused(record.sequence);
    if (refused && !refused_) refused_ = record;
    if (series_) {
      writer_.record(record);
    } else {
      results_[record.sequence] = record;
    }
    settled(record.sequence);
  }

  static std::string elsewhere_text(const net::Endpoint& from) { return "a reply came from " + net::to_string(from); }

  void settled(std::uint64_t sequence) {
    doubts_.erase(sequence);
    elsewhere_.erase(sequence);
    if (++settled_ == total_ && series_) linger();
  }

  // The last reply may have been sent twice: a moment for its duplicate, as long as a round trip takes.
  void linger() {
    constexpr Nanoseconds min_linger = std::chrono::milliseconds(10);
    const Nanoseconds time = received_ ? std::min(std::max(min_linger, longest_), options_.wait()) : Nanoseconds(0);
    linger_until_ = run::Clock::now() + time;
  }

  bool replied(const Answer& answer) {
    const net::Received& reply = *answer.reply;
    ProbeRecord record = record_of(answer.sequence);
    record.endpoint = *reply.sender;
    if (!prober_.is_for_many()) record.endpoint.port(prober_.target().port());
    record.time = answer.rtt;
    record.received = reply.metadata.time;
    record.detail =
        requests_.detail(answer.sequence, reply.bytes,
                         {log_.departure(answer.sequence).wall, reply.metadata.time.value_or(answer.seen.wall)});
    record.payload = reply.bytes;
    record.size = reply.size();
    return prober_.is_for_many() ? credit_responder(record, answer.waiting) : credit(record, answer);
  }

  bool credit(ProbeRecord& record, const Answer& answer) {
    const bool late = record.time > options_.wait();
    const auto kind = log_.reply(record.sequence, record.time, late);
    if (kind == ReplyKind::first) matcher_.learn(record.sequence, record.time);
    if (series_ && late && answer.waiting) silent(record.sequence, answer.seen.steady);
    longest_ = std::max(longest_, record.time);
    received_ = true;
    if (!series_ || (answer.waiting && !late)) {
      record.state = ProbeState::open;
      settle(record);
      if (!series_) done_ = true;
      return true;
    }
    record.state = kind == ReplyKind::first ? ProbeState::late : ProbeState::duplicate;
    writer_.record(record);
    return true;
  }

  // One of many: each is listed once for each probe, and the first counts as the reply. The probe waits on.
  bool credit_responder(ProbeRecord& record, bool waiting) {
    constexpr std::size_t max_responders = 100'000;
    if (answers_.size() >= max_responders) {
      ++unlisted_;
      return false;
    }
    const bool fresh = answers_.emplace(record.sequence, record.endpoint).second;
    const bool first = responders_.insert(record.endpoint).second;
    record.state = !fresh ? ProbeState::duplicate : waiting ? ProbeState::open : ProbeState::late;
    const bool answers_probe = fresh && (waiting ? answered_.insert(record.sequence).second : first);
    if (!fresh || answers_probe) log_.reply(record.sequence, record.time, record.time > options_.wait());
    if (answers_probe) matcher_.learn(record.sequence, record.time);
    received_ = true;
    longest_ = std::max(longest_, record.time);
    writer_.record(record);
    return false;
  }

  bool refused_by(const Answer& answer) {
    const net::TransportError& error = *answer.error;
    if (error.destination.port() != prober_.target().port()) return false;
    ProbeRecord record = record_of(answer.sequence);
    record.time = answer.rtt;
    if (!answer.waiting && !series_) record.sequence = log_.count() - 1;  // it still tells of the port
    if (!log_.is_waiting(record.sequence)) return false;
    record.state = answer.from_target && error.kind == net::TransportError::Kind::port_unreachable
                       ? ProbeState::closed
                       : ProbeState::unreachable;
    record.offender = error.offender;
    record.received = error.time;
    record.detail = net::to_string(error);
    if (!answer.from_target && net::is_own_address(*error.offender)) record.detail += " (this host)";
    const bool too_big = error.kind == net::TransportError::Kind::too_big;
    if (too_big && !series_ && !options_.socket.dont_fragment && log_.count() < total_) {
      return send_in_fragments(record);
    }
    if (!answer.from_target || too_big || is_unproven(answer)) {
      doubts_.emplace(record.sequence, record);
      return false;
    }
    settle(record);
    if (!series_) done_ = true;
    return true;
  }

  // Anybody can make an error that quotes no more than the UDP header.
  bool is_unproven(const Answer& answer) const {
    constexpr std::size_t enough = 8;
    const std::size_t request = requests_.make(answer.sequence).size();
    const std::size_t quoted = answer.error->quoted.size();
    return quoted == 0 || quoted < std::min(enough, request);
  }

  // This host has learned the path's MTU from the error, so that the next try leaves in fragments.
  bool send_in_fragments(ProbeRecord& record) {
    record.state = ProbeState::no_answer;
    record.detail += "; sent again in fragments";
    settle(record);
    may_try_ = true;
    return true;
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
    std::string text = fmt::format("{}{}, no reply", prober_.is_for_many() ? "" : "open or filtered: ", probes);
    if (first_elsewhere_) return text + "; " + elsewhere_text(*first_elsewhere_);
    // These answer nobody who has no key.
    constexpr std::uint16_t wireguard = 51'820, openvpn = 1'194;
    if (options_.target.port == wireguard) text += "; WireGuard answers no stranger";
    if (options_.target.port == openvpn) text += "; OpenVPN with tls-auth answers no stranger";
    return text;
  }

  const ProbeOptions& options_;
  bool series_;
  std::uint64_t total_;
  Prober& prober_;
  ProbeLog& log_;
  traffic::Pacer pacer_;
  ProbeWriter writer_;
  std::map<std::uint64_t, ProbeRecord> doubts_;                // refusals that a reply may still beat
  std::map<std::uint64_t, ProbeRecord> results_;               // without a count: of each try
  std::optional<ProbeRecord> refused_;                         // the first that counted
  std::set<std::pair<std::uint64_t, net::Endpoint>> answers_;  // of many: to which probe, from whom
  std::set<std::uint64_t> answered_;                           // of many: probes that wait on, but not in vain
  std::set<net::Endpoint> responders_;
  std::uint64_t unlisted_ = 0;                        // answers beyond what is kept
  std::map<std::uint64_t, net::Endpoint> elsewhere_;  // replies that others sent than were asked
  std::optional<net::Endpoint> first_elsewhere_;
  std::optional<ProbeTime> linger_until_;
  int failure_ = 0;  // of this host, to send: the last
  std::uint64_t settled_ = 0;
  std::uint64_t strange_ = 0;  // datagrams of the target that answer no probe
  Nanoseconds longest_{};
  bool may_try_ = true;  // without a count
  bool received_ = false;
  bool done_ = false;
};

}  // namespace

base::ExitStatus probe_state(const ProbeOptions& options) {
  Prober prober(options, false);
  ProbeLog log;
  StateMode mode(options, prober, log);
  prober.check_size(mode.requests().make(0).size());
  if (options.stop.count && !mode.requests().distinct() && options.interval < options.wait()) {
    prober.report().notice("all probes are the same: replies are matched to them by time");
  }
  Engine engine(mode, log, prober, options.wait());
  const bool waited = prober.run(engine);
  return prober.finish(mode.finish(waited));
}

}  // namespace commands
