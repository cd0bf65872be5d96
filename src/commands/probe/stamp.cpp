// `probe --stamp`: a STAMP session-sender (RFC 8762, section 4.2; RFC 8972).
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <map>
#include <random>

#include "commands/probe/directions.hpp"
#include "commands/probe/modes.hpp"
#include "commands/probe/prober.hpp"
#include "commands/probe/records.hpp"
#include "commands/probe/stamp_facts.hpp"
#include "commands/stamp_key.hpp"
#include "commands/stamp_packet.hpp"
#include "output/terminal.hpp"
#include "run/clock.hpp"
#include "traffic/pace.hpp"

namespace commands {
namespace {

using base::Nanoseconds;

class StampMode : public Mode {
 public:
  StampMode(const ProbeOptions& options, Prober& prober, ProbeLog& log)
      : options_(options),
        series_(options.stop.count.has_value()),
        total_(total_of(options)),
        prober_(prober),
        log_(log),
        packets_(packets_of(options, prober.report())),
        clock_(run::clock_state()),
        pacer_(1e9 / static_cast<double>(options.interval.count()), run::Clock::now()),
        writer_(options.output, prober.sink()) {
    std::random_device random;
    ssid_ = static_cast<std::uint16_t>(random() % 0xffff + 1);
    size_ = size_of_packets();
  }

  std::size_t size() const { return size_; }

  std::string request(std::uint64_t sequence, const Ask&, const Instant& now) override {
    stamp::Request request;
    request.sequence = static_cast<std::uint32_t>(sequence);
    request.time = stamp::encode_time(now.wall, stamp::TimeFormat::ntp);
    request.error_estimate = stamp::encode_error(clock_.synchronised, stamp::TimeFormat::ntp, clock_.max_error);
    request.ssid = ssid_;
    if (options_.socket.dscp) request.dscp = static_cast<std::uint8_t>(*options_.socket.dscp);
    if (times_.size() <= sequence && times_.size() < ProbeLog::most_exact) times_.resize(sequence + 1);
    times_[sequence % ProbeLog::most_exact] = request.time;
    std::string packet;
    packets_.write(packet, request, size_);
    return packet;
  }

  // The sequence number and T1 come back: a stranger knows neither.
  std::optional<std::uint64_t> match(const net::Received& received, const Instant&) override {
    const std::optional<stamp::Reply> reply = packets_.read_reply(received.bytes);
    if (!reply) return {};
    return known(reply->request_sequence, reply->request_time);
  }

  std::optional<std::uint64_t> match(const net::TransportError& error, const Instant&) override {
    if (const auto quoted = packets_.read_quoted(error.quoted)) return known(quoted->sequence, quoted->time);
    return log_.is_idle() ? std::nullopt : std::optional(log_.oldest_waiting());
  }

  std::optional<Ask> next(ProbeTime now) override {
    if (linger_until_ && now >= *linger_until_) done_ = true;
    if (done_ || log_.count() == total_) return std::nullopt;
    if (series_ ? !pacer_.is_due(now) : !may_try_) return std::nullopt;
    return Ask{};
  }
  std::optional<ProbeTime> due() const override {
    if (linger_until_) return linger_until_;
    return series_ && log_.count() < total_ ? std::optional(pacer_.next()) : std::nullopt;
  }
  void sent(std::uint64_t, const Ask&) override {
    may_try_ = false;
    pacer_.spend(1);
  }

  bool kept_back(std::uint64_t sequence, const Ask& ask, int error) override {
    const bool too_large = error == EMSGSIZE;
    if (!too_large && sequence == 0) fail_to_send(error, prober_.target());
    ProbeRecord record = record_of(sequence, ProbeState::unreachable);
    record.detail = fmt::format("{} (this host)", too_large ? "larger than the path MTU" : std::strerror(error));
    sent(sequence, ask);
    settle(record);
    if (!series_) done_ = true;
    return true;
  }

  bool answered(const Answer& answer) override {
    return answer.error != nullptr ? refused_by(answer) : replied(answer);
  }

  void silent(std::uint64_t sequence, ProbeTime now) override {
    const auto doubt = doubts_.find(sequence);
    ProbeRecord record = doubt != doubts_.end() ? doubt->second : record_of(sequence, ProbeState::no_answer);
    if (doubt == doubts_.end()) {
      record.time = std::min<Nanoseconds>(options_.wait(), now - log_.departure(sequence).steady);
      record.detail = "no reply";
    }
    settle(record);
    if (series_) return;
    done_ = refused_ || received_ || log_.count() == total_;
    may_try_ = true;
  }

  void strange() override { ++strange_; }
  bool done() const override { return done_; }

  base::ExitStatus finish() {
    const ProbeState state = received_ ? ProbeState::open : refused_ ? *refused_ : ProbeState::no_answer;
    if (!series_ && last_ && !writer_.json()) writer_.line(*last_);
    const ProbeSummary summary = log_.summary();
    const StampSummary ways = summary_of(summary);
    if (series_ && writer_.text()) {
      writer_.statistics(summary);
      writer_.statistics(ways);
      if (options_.histogram)
        writer_.buffer() += histogram_text(histogram_of(log_.rtts()), output::terminal_size().columns);
    }
    if (writer_.json()) {
      writer_.summary(name_of(state), summary, 0, &ways, options_.histogram ? histogram_of(log_.rtts()) : Histogram{});
    }
    prober_.sink().flush();
    if (strange_ > 0) {
      prober_.report().notice(fmt::format("{} datagrams of the target are no replies to this session{}", strange_,
                                          options_.stamp_key.empty() ? "" : ": another key?"));
    }
    if (received_) return base::ExitStatus::done;
    prober_.hint_at_family();
    return refused_ ? base::ExitStatus::refused : base::ExitStatus::nothing;
  }

 private:
  static constexpr std::uint64_t max_tries = 3;

  static std::uint64_t total_of(const ProbeOptions& options) {
    if (!options.stop.count) return max_tries;
    return *options.stop.count == 0 ? std::numeric_limits<std::uint64_t>::max() : *options.stop.count;
  }

  static stamp::Packets packets_of(const ProbeOptions& options, output::Report& report) {
    if (options.stamp_key.empty()) return {};
    return stamp::Packets(read_stamp_key(options.stamp_key, report));
  }

  std::size_t size_of_packets() const {
    const std::size_t base = packets_.base_size();
    const std::size_t full = base + (options_.socket.dscp ? packets_.room_for_class_of_service() : 0);
    const std::size_t size = options_.request.size.value_or(full);
    if (size < base) throw base::UsageError(fmt::format("--size: a STAMP packet has {} bytes or more", base));
    if (size < full) {
      prober_.report().notice(
          fmt::format("{} bytes have no room for Class of Service ({} have): what DSCP arrives is "
                      "not asked",
                      size, full));
    }
    return size;
  }

  // The probe of that number, if it left at that time.
  std::optional<std::uint64_t> known(std::uint32_t number, std::uint64_t time) const {
    const std::uint64_t back = static_cast<std::uint32_t>(static_cast<std::uint32_t>(log_.count()) - number);
    if (back == 0 || back > log_.count()) return {};
    const std::uint64_t sequence = log_.count() - back;
    if (!log_.is_kept(sequence) || times_[sequence % ProbeLog::most_exact] != time) return {};
    return sequence;
  }

  ProbeRecord record_of(std::uint64_t sequence, ProbeState state) const {
    ProbeRecord record;
    record.sequence = sequence;
    record.state = state;
    record.endpoint = prober_.target();
    return record;
  }

  void settle(const ProbeRecord& record) {
    const bool refused = record.state == ProbeState::closed || record.state == ProbeState::unreachable;
    if (refused) log_.refused(record.sequence);
    if (refused && !refused_) refused_ = record.state;
    tell(record);
    doubts_.erase(record.sequence);
    if (++settled_ == total_ && series_) linger();
  }

  void tell(const ProbeRecord& record) {
    writer_.event(record);
    if (series_) {
      if (!options_.output.quiet && !writer_.json()) writer_.line(record);
    } else if (!last_ || record.state != ProbeState::no_answer) {
      last_ = record;
    }
    if (!series_ && record.state == ProbeState::no_answer && last_->state == record.state) {
      last_->time = options_.wait() * static_cast<int>(log_.count());
      last_->detail = fmt::format("{} probes, no reply", log_.count());
    }
  }

  // The last reply may have been sent twice: a moment for its duplicate.
  void linger() {
    constexpr Nanoseconds min_linger = std::chrono::milliseconds(10);
    linger_until_ =
        run::Clock::now() + (received_ ? std::clamp(longest_, min_linger, options_.wait()) : Nanoseconds(0));
  }

  bool replied(const Answer& answer) {
    const net::Received& received = *answer.reply;
    const stamp::Reply reply = *packets_.read_reply(received.bytes);
    StampSight sight;
    sight.sent = log_.departure(answer.sequence).wall;
    sight.arrived = received.metadata.time.value_or(answer.seen.wall);
    sight.round_trip = answer.rtt;
    sight.synchronised = clock_.synchronised;
    sight.ttl = options_.socket.ttl.value_or(255);
    if (received.metadata.ttl) sight.reply_ttl = *received.metadata.ttl;
    ProbeRecord record = record_of(answer.sequence, ProbeState::open);
    record.stamp = facts_of(reply, sight);
    record.time = answer.rtt - record.stamp->held;
    record.detail = record.stamp->text(options_.socket.dscp);
    record.received = received.metadata.time;
    record.payload = received.bytes;
    record.size = received.size();
    return credit(record, reply, answer);
  }

  bool credit(ProbeRecord& record, const stamp::Reply& reply, const Answer& answer) {
    const bool late = answer.rtt > options_.wait();
    const ReplyKind kind = log_.reply(record.sequence, record.time, late);
    note(reply, *record.stamp, kind == ReplyKind::first);
    if (series_ && late && answer.waiting) silent(record.sequence, answer.seen.steady);
    longest_ = std::max(longest_, answer.rtt);
    received_ = true;
    if (answer.waiting && !late) {
      settle(record);
      if (!series_) done_ = true;
      return true;
    }
    record.state = kind == ReplyKind::first ? ProbeState::late : ProbeState::duplicate;
    tell(record);
    return true;
  }

  void note(const stamp::Reply& reply, const StampFacts& facts, bool first) {
    output::Report& report = prober_.report();
    const std::uint64_t sequence = *known(reply.request_sequence, reply.request_time);
    if (directions_.add(sequence, reply.sequence, !first)) {
      report.notice("the reflector began to count anew: what was lost just before has no direction");
    }
    if (first && facts.forward) {
      forward_.add(*facts.forward);
      backward_.add(*facts.backward);
      synchronised_ = (forward_.count == 1 || synchronised_) && facts.synchronised;
    }
    if (!std::exchange(told_format_, told_format_ || !facts.forward) && !facts.forward) {
      report.notice("the reflector's clock format is unknown: no one-way delays");
    }
    if (!std::exchange(told_ssid_, told_ssid_ || reply.ssid == 0) && reply.ssid == 0) {
      report.notice("the reflector returned no session id (SSID): it knows RFC 8762 or TWAMP-Light, no TLVs");
    }
  }

  bool refused_by(const Answer& answer) {
    const net::TransportError& error = *answer.error;
    if (error.destination.port() != prober_.target().port() || !answer.waiting) return false;
    const bool closed = answer.from_target && error.kind == net::TransportError::Kind::port_unreachable;
    ProbeRecord record = record_of(answer.sequence, closed ? ProbeState::closed : ProbeState::unreachable);
    record.time = answer.rtt;
    record.offender = error.offender;
    record.received = error.time;
    record.detail = net::to_string(error);
    if (!answer.from_target || !packets_.read_quoted(error.quoted)) {  // a reply would beat it
      doubts_.emplace(record.sequence, record);
      return false;
    }
    settle(record);
    if (!series_) done_ = true;
    return true;
  }

  StampSummary summary_of(const ProbeSummary& summary) const {
    StampSummary ways;
    const std::optional<Directions::Lost> lost = directions_.lost();
    ways.direction_known = lost.has_value();
    if (lost) {
      ways.lost_forward = std::min(lost->forward, summary.lost);
      ways.lost_backward = std::min(lost->backward, summary.lost - ways.lost_forward);
    }
    ways.lost_unknown = summary.lost - ways.lost_forward - ways.lost_backward;
    ways.forward = forward_;
    ways.backward = backward_;
    ways.synchronised = synchronised_;
    return ways;
  }

  const ProbeOptions& options_;
  bool series_;
  std::uint64_t total_;
  Prober& prober_;
  ProbeLog& log_;
  stamp::Packets packets_;
  run::ClockState clock_;
  traffic::Pacer pacer_;
  ProbeWriter writer_;
  std::uint16_t ssid_ = 0;
  std::size_t size_ = 0;
  std::vector<std::uint64_t> times_;             // T1 by sequence, as long as the log keeps them
  std::map<std::uint64_t, ProbeRecord> doubts_;  // refusals that a reply may still beat
  Directions directions_;
  Spread forward_, backward_;
  std::optional<ProbeTime> linger_until_;
  std::optional<ProbeState> refused_;  // the first that counted
  std::optional<ProbeRecord> last_;    // without a count: what is to be told at the end
  std::uint64_t settled_ = 0;
  std::uint64_t strange_ = 0;
  Nanoseconds longest_{};
  bool synchronised_ = false;
  bool may_try_ = true;  // without a count
  bool received_ = false;
  bool told_format_ = false;
  bool told_ssid_ = false;
  bool done_ = false;
};

}  // namespace

base::ExitStatus probe_stamp(const ProbeOptions& given) {
  ProbeOptions options = given;
  if (!options.socket.ttl) options.socket.ttl = 255;  // so that hops can be counted
  Prober prober(options, false);
  ProbeLog log;
  StampMode mode(options, prober, log);
  prober.check_size(mode.size());
  Engine engine(mode, log, prober, options.wait());
  prober.run(engine);
  return mode.finish();
}

}  // namespace commands
