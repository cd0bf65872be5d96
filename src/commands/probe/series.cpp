// SPDX-License-Identifier: MIT
#include "commands/probe/series.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

#include "base/text.hpp"
#include "net/route.hpp"

namespace commands {

using base::Nanoseconds;

namespace {

bool is_refused(ProbeState state) { return state == ProbeState::closed || state == ProbeState::unreachable; }

}  // namespace

SeriesMode::SeriesMode(const ProbeOptions& options, Prober& prober, ProbeLog& log)
    : options_(options),
      series_(options.stop.count.has_value()),
      total_(options.stop.count == 0u ? std::numeric_limits<std::uint64_t>::max()
                                      : options.stop.count.value_or(max_tries)),
      prober_(prober),
      log_(log),
      pacer_(1e9 / static_cast<double>(options.interval.count()), run::Clock::now() + options.head_start),
      writer_(options, prober.sink(), prober.target()) {}

std::optional<Ask> SeriesMode::next(ProbeTime now) {
  if (linger_until_ && now >= *linger_until_) done_ = true;
  if (done_ || log_.count() == total_) return std::nullopt;
  if (series_ || log_.count() == 0 ? !pacer_.is_due(now) : !may_try_) return std::nullopt;
  Ask ask;
  if (!series_ && log_.count() + 1 == total_) ask.wait = last_wait(now);
  return ask;
}

std::optional<ProbeTime> SeriesMode::due() const {
  if (linger_until_) return linger_until_;
  return (series_ || log_.count() == 0) && log_.count() < total_ ? std::optional(pacer_.next()) : std::nullopt;
}

void SeriesMode::sent(std::uint64_t, const Ask&) {
  may_try_ = false;
  pacer_.spend(1);
}

// A series goes on: the route may come back. So do the other targets.
bool SeriesMode::kept_back(std::uint64_t sequence, const Ask& ask, int error) {
  const bool too_large = error == EMSGSIZE;  // with --df, once a router has told that the path takes less
  if (!too_large && sequence == 0 && options_.name.empty()) fail_to_send(error, prober_.target());
  if (!too_large) failure_ = error;
  ProbeRecord record = record_of(sequence);
  record.state = ProbeState::unreachable;
  record.kept_back = true;
  const std::string hint = net::hint_of_sending(error, prober_.target().address());
  record.detail = fmt::format("{} (this host){}{}", too_large ? "larger than the path MTU" : std::strerror(error),
                              hint.empty() ? "" : ": ", hint);
  sent(sequence, ask);
  settle(record);
  if (!series_) done_ = true;
  return true;
}

void SeriesMode::silent(std::uint64_t sequence, ProbeTime now) {
  conclude(sequence, now);
  if (series_) return;
  done_ = refused_ || received_ || log_.count() == total_;
  may_try_ = true;
}

// A neighbour that does not answer is given up after 3 s and a bit: that is worth waiting for.
std::optional<Nanoseconds> SeriesMode::last_wait(ProbeTime now) const {
  const Nanoseconds left = log_.departure(0).steady + std::chrono::milliseconds(3'200) - now;
  const Nanoseconds wait = options_.wait();
  return wait < left && left - wait < std::chrono::milliseconds(300) ? std::optional(left) : std::nullopt;
}

ProbeRecord SeriesMode::record_of(std::uint64_t sequence) const {
  ProbeRecord record;
  record.sequence = sequence;
  record.endpoint = prober_.target();
  return record;
}

// Whoever refused it is believed now.
void SeriesMode::conclude(std::uint64_t sequence, ProbeTime now) {
  const auto doubt = doubts_.find(sequence);
  if (doubt != doubts_.end()) return settle(ProbeRecord(doubt->second));
  ++timeouts_;
  ProbeRecord record = record_of(sequence);
  record.time = std::min<Nanoseconds>(options_.wait(), now - log_.departure(sequence).steady);
  record.detail = "no reply" + strangers_text();
  add_to_silence(record);
  settle(record);
}

// What came meanwhile and answers nothing: to which of the probes it was sent, it does not tell.
std::string SeriesMode::strangers_text() {
  const std::uint64_t more = strange_ - std::exchange(told_strange_, strange_);
  if (more == 0) return "";
  return fmt::format("; {} that {} no answer", base::counted(more, "datagram"), more == 1 ? "is" : "are");
}

void SeriesMode::settle(const ProbeRecord& record) {
  if (is_refused(record.state)) {
    log_.refused(record.sequence);  // but of one that was kept back: it is in the log after this, and refused there
    note_refusal(record);
  }
  if (series_) {
    writer_.record(record);
  } else {
    results_[record.sequence] = record;
  }
  settled(record.sequence);
}

void SeriesMode::note_refusal(const ProbeRecord& record) {
  if (!refused_) refused_ = record.state;
  if (!record.kept_back) by_network_ = true;
}

void SeriesMode::settled(std::uint64_t sequence) {
  doubts_.erase(sequence);
  if (++settled_ == total_ && series_) linger();
}

// The last reply may have been sent twice: a moment for its duplicate, as long as a round trip takes.
void SeriesMode::linger() {
  constexpr Nanoseconds min_linger = std::chrono::milliseconds(10);
  const Nanoseconds time = received_ ? std::min(std::max(min_linger, longest_), options_.wait()) : Nanoseconds(0);
  linger_until_ = run::Clock::now() + time;
}

void SeriesMode::note_reply(Nanoseconds round_trip) {
  longest_ = std::max(longest_, round_trip);
  received_ = true;
}

bool SeriesMode::credit(ProbeRecord& record, const Answer& answer, ReplyKind kind) {
  const bool late = answer.rtt > options_.wait();
  if (series_ && late && answer.waiting) silent(record.sequence, answer.seen.steady);
  note_reply(answer.rtt);
  if (!series_ || (answer.waiting && !late)) {
    record.state = ProbeState::open;
    settle(record);
    if (!series_) done_ = true;
    return true;
  }
  record.follows = true;
  record.state = kind != ReplyKind::first ? ProbeState::duplicate : late ? ProbeState::late : ProbeState::open;
  writer_.record(record);
  return true;
}

bool SeriesMode::refused_by(const Answer& answer) {
  const net::TransportError& error = *answer.error;
  if (error.destination.port() != prober_.target().port()) return false;
  ProbeRecord record = record_of(answer.sequence);
  record.time = answer.rtt;
  const bool closed = answer.from_target && error.kind == net::TransportError::Kind::port_unreachable;
  record.state = closed ? ProbeState::closed : ProbeState::unreachable;
  record.offender = error.offender;
  record.received = error.time;
  record.detail = net::to_string(error);
  if (!answer.from_target && net::is_own_address(*error.offender)) record.detail += " (this host)";
  const bool too_big = error.kind == net::TransportError::Kind::too_big;
  if (too_big && !series_ && !options_.socket.dont_fragment && log_.count() < total_) {
    return send_in_fragments(record, answer.waiting);
  }
  const bool proven = answer.from_target && !too_big && !is_unproven(answer);
  if (!answer.waiting) return refused_late(record, proven);
  if (!proven) {
    log_.doubt(record.sequence);
    doubts_.emplace(record.sequence, record);
    return false;
  }
  settle(record);
  if (!series_) done_ = true;
  return true;
}

// Its probe was told to be silent; it counts for that one all the same, and for no other.
bool SeriesMode::refused_late(ProbeRecord& record, bool proven) {
  if (!log_.refused(record.sequence, true)) return false;
  note_refusal(record);
  if (!series_) {
    results_[record.sequence] = record;
    done_ = done_ || proven;
    return true;
  }
  record.follows = true;
  record.state = ProbeState::late;
  writer_.record(record);
  return true;
}

// This host has learned the path's MTU from the error, so that the next try leaves in fragments.
bool SeriesMode::send_in_fragments(ProbeRecord& record, bool waiting) {
  may_try_ = true;
  if (!waiting) return false;
  record.state = ProbeState::no_answer;
  record.detail += "; sent again in fragments";
  settle(record);
  return true;
}

void SeriesMode::tell_so_far() { writer_.so_far(log_.summary(Percentiles::told, log_.unanswered()), prober_.report()); }

Tally SeriesMode::tally(bool) {
  const ProbeSummary known = log_.summary(Percentiles::left_out);
  Tally tally;
  tally.sent = known.sent;
  tally.received = known.received;
  tally.timeouts = timeouts_;
  tally.late = known.late;
  tally.duplicates = known.duplicate;
  tally.reordered = known.reordered;
  tally.refused = known.refused;
  tally.rtt = log_.delays();
  return tally;
}

base::ExitStatus SeriesMode::finish(bool interrupted) {
  if (status_) return *status_;
  const ProbeState state = received_ ? ProbeState::open : refused_.value_or(ProbeState::no_answer);
  if (!series_) tell_state(interrupted);
  tell_statistics(state);
  prober_.sink().flush();
  last_words();
  if (state == ProbeState::open) return base::ExitStatus::done;
  if (failure_ != 0 && !by_network_) {
    if (options_.name.empty()) fail_to_send(failure_, prober_.target());
    return base::ExitStatus::failed;
  }
  prober_.hint_at_family();
  return refused_ ? base::ExitStatus::refused : base::ExitStatus::nothing;
}

void SeriesMode::tell_statistics(ProbeState state) {
  const ProbeSummary summary = log_.summary();
  writer_.summary({name_of(state), summary, responders(), ways(summary),
                   options_.histogram ? histogram_of(log_.rtts()) : Histogram{}, series_});
}

// The one line of a probe without a count, or an event for each try.
void SeriesMode::tell_state(bool interrupted) {
  for (const auto& [sequence, result] : results_) writer_.event(result);
  if ((prober_.is_for_many() && received_) || results_.empty()) return;
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

std::string SeriesMode::silence_text() const { return base::counted(log_.count(), "probe") + ", no reply"; }

}  // namespace commands
