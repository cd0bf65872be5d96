// SPDX-License-Identifier: MIT
// What the state of a port and --stamp share: probes, by their number or as tries until one is answered, of which each
// is settled once, and what is told of them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "commands/probe/prober.hpp"
#include "commands/probe/records.hpp"
#include "commands/probe/run.hpp"
#include "commands/probe/tally.hpp"
#include "traffic/pace.hpp"

namespace commands {

class SeriesMode : public Mode {
 public:
  SeriesMode(const ProbeOptions& options, Prober& prober, ProbeLog& log);

  std::optional<Ask> next(ProbeTime now) override;
  std::optional<ProbeTime> due() const override;
  bool rests_on_answers() const override { return !series_ || linger_until_.has_value(); }
  void sent(std::uint64_t sequence, const Ask& ask) override;
  bool kept_back(std::uint64_t sequence, const Ask& ask, int error) override;
  bool answered(const Answer& answer) override {
    return answer.error != nullptr ? refused_by(answer) : replied(answer);
  }
  void silent(std::uint64_t sequence, ProbeTime now) override;
  void strange() override { ++strange_; }
  bool done() const override { return done_; }
  // One of many targets is told while others are still asked.
  bool is_told_at_once() const override { return !series_ && !options_.name.empty(); }
  void over() override { status_ = finish(false); }

  // The size of a request, for Prober::check_size().
  virtual std::size_t size() const = 0;
  // What is known by now, on stderr or as an event.
  void tell_so_far();
  // The same, for --metrics; `over`: nothing more will be known.
  virtual Tally tally(bool over);
  // Tells the results, if they were not yet. Throws Failure where this host could not send, and nothing was answered.
  base::ExitStatus finish(bool interrupted);

 protected:
  // What a reply says; true as answered().
  virtual bool replied(const Answer& answer) = 0;
  // A real reply may still beat the error, for anybody can make it.
  virtual bool is_unproven(const Answer& answer) const = 0;
  // The wait for a probe that nobody answered or refused is over: what is known beside that.
  virtual void add_to_silence(ProbeRecord&) const {}
  // The wait for a probe is over.
  virtual void conclude(std::uint64_t sequence, ProbeTime now);
  virtual std::string silence_text() const;
  virtual std::size_t responders() const { return 0; }
  // Of STAMP's both ways; nothing: it is no STAMP.
  virtual std::optional<StampSummary> ways(const ProbeSummary&) const { return {}; }
  virtual void last_words() {}

  const ProbeOptions& options() const { return options_; }
  bool is_series() const { return series_; }
  Prober& prober() const { return prober_; }
  ProbeLog& log() const { return log_; }
  ProbeWriter& writer() { return writer_; }
  std::uint64_t strangers() const { return strange_; }  // datagrams of the target that answer no probe

  ProbeRecord record_of(std::uint64_t sequence) const;
  // The reply is counted and told; true as answered().
  bool credit(ProbeRecord& record, const Answer& answer, ReplyKind kind);
  // What became of a probe is known.
  void settle(const ProbeRecord& record);
  virtual void settled(std::uint64_t sequence);
  // One more reply came, after so long.
  void note_reply(base::Nanoseconds round_trip);

 private:
  static constexpr std::uint64_t max_tries = 3;

  std::optional<base::Nanoseconds> last_wait(ProbeTime now) const;
  bool refused_by(const Answer& answer);
  void note_refusal(const ProbeRecord& record);
  bool refused_late(ProbeRecord& record, bool proven);
  bool send_in_fragments(ProbeRecord& record, bool waiting);
  std::string strangers_text();
  void linger();
  void tell_state(bool interrupted);
  void tell_statistics(ProbeState state);

  const ProbeOptions& options_;
  bool series_;
  std::uint64_t total_;
  Prober& prober_;
  ProbeLog& log_;
  traffic::Pacer pacer_;
  ProbeWriter writer_;
  std::map<std::uint64_t, ProbeRecord> doubts_;   // refusals that a reply may still beat
  std::map<std::uint64_t, ProbeRecord> results_;  // without a count: of each try
  std::optional<ProbeState> refused_;             // the first that counted
  bool by_network_ = false;                       // one was no refusal of this host
  std::optional<ProbeTime> linger_until_;
  std::optional<base::ExitStatus> status_;  // of what was told
  int failure_ = 0;                         // of this host, to send: the last
  std::uint64_t settled_ = 0;
  std::uint64_t strange_ = 0, told_strange_ = 0;
  std::uint64_t timeouts_ = 0;
  base::Nanoseconds longest_{};
  bool may_try_ = true;  // without a count
  bool received_ = false;
  bool done_ = false;
};

std::unique_ptr<SeriesMode> make_state_mode(const ProbeOptions& options, Prober& prober, ProbeLog& log);
std::unique_ptr<SeriesMode> make_stamp_mode(const ProbeOptions& options, Prober& prober, ProbeLog& log);

}  // namespace commands
