// SPDX-License-Identifier: MIT
// `probe --stamp`: a STAMP session-sender (RFC 8762, section 4.2; RFC 8972).
#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

#include "base/units.hpp"
#include "commands/probe/directions.hpp"
#include "commands/probe/series.hpp"
#include "commands/probe/stamp_facts.hpp"
#include "commands/stamp_packet.hpp"
#include "run/clock.hpp"

namespace commands {
namespace {

using base::Nanoseconds;

class StampMode : public SeriesMode {
 public:
  StampMode(const ProbeOptions& options, Prober& prober, ProbeLog& log)
      : SeriesMode(options, prober, log),
        packets_(options.stamp_secret ? stamp::Packets(*options.stamp_secret) : stamp::Packets()),
        clock_(run::clock_state()) {
    std::random_device random;
    ssid_ = static_cast<std::uint16_t>(random() % 0xffff + 1);
    size_ = size_of_packets();
  }

  std::size_t size() const override { return size_; }

  Tally tally(bool over) override {
    const StampSummary now = *ways(log().summary(Percentiles::left_out, log().unanswered()));
    // What is missing behind the last reply has timed out; which way it went, the next reply tells. What is missing
    // before it and has no direction never will: the reflector began to count anew.
    std::uint64_t may_be_told = 0;
    if (now.direction_known && !over) {
      may_be_told = log().count() - directions_.reach() - log().unanswered(directions_.reach());
    }
    lost_.follow({now.lost_forward, now.lost_backward, now.lost_unknown - std::min(now.lost_unknown, may_be_told)});
    Tally tally = SeriesMode::tally(over);
    tally.lost = lost_;
    tally.forward = forward_delays_;
    tally.backward = backward_delays_;
    tally.hops_forward = hops_forward_;
    tally.hops_backward = hops_backward_;
    return tally;
  }

  std::string request(std::uint64_t sequence, const Ask&, const Instant& now) override {
    stamp::Request request;
    request.sequence = static_cast<std::uint32_t>(sequence);
    request.time = stamp::encode_time(now.wall, stamp::TimeFormat::ntp);
    request.error_estimate = stamp::encode_error(clock_.synchronised, stamp::TimeFormat::ntp, clock_.max_error);
    request.ssid = ssid_;
    if (options().socket.dscp) request.dscp = static_cast<std::uint8_t>(*options().socket.dscp);
    const std::size_t place = sequence % log().max_kept();
    if (place >= times_.size()) times_.resize(place + 1);
    times_[place] = request.time;
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
    const std::uint64_t oldest = log().oldest_undoubted();
    return oldest == log().count() ? std::nullopt : std::optional(oldest);
  }

 private:
  std::size_t size_of_packets() const {
    const std::size_t base = packets_.base_size();
    const std::size_t full = base + (options().socket.dscp ? packets_.room_for_class_of_service() : 0);
    const std::size_t size = options().request.size.value_or(full);
    if (size < base) throw base::UsageError(fmt::format("--size: {}: a STAMP packet has {} bytes or more", size, base));
    if (size < full) {
      prober().notice_once(
          fmt::format("{} bytes have no room for Class of Service ({} have): what DSCP arrives is "
                      "not asked",
                      size, full));
    }
    return size;
  }

  // The probe of that number, if it left at that time.
  std::optional<std::uint64_t> known(std::uint32_t number, std::uint64_t time) const {
    const std::uint64_t back = static_cast<std::uint32_t>(static_cast<std::uint32_t>(log().count()) - number);
    if (back == 0 || back > log().count()) return {};
    const std::uint64_t sequence = log().count() - back;
    if (!log().is_kept(sequence) || times_[sequence % log().max_kept()] != time) return {};
    return sequence;
  }

  bool replied(const Answer& answer) override {
    const net::Received& received = *answer.reply;
    const stamp::Reply reply = *packets_.read_reply(received.bytes);
    StampSight sight;
    sight.sent = log().departure(answer.sequence).wall;
    sight.arrived = received.metadata.time.value_or(answer.seen.wall);
    sight.round_trip = answer.rtt;
    sight.synchronised = clock_.synchronised;
    sight.ttl = options().socket.ttl.value_or(255);
    if (received.metadata.ttl) sight.reply_ttl = *received.metadata.ttl;
    ProbeRecord record = record_of(answer.sequence);
    record.stamp = facts_of(reply, sight);
    record.time = answer.rtt - record.stamp->held;
    record.detail = record.stamp->text(options().socket.dscp);
    record.received = received.metadata.time;
    record.payload = received.bytes;
    record.size = received.size();
    const ReplyKind kind = log().reply(record.sequence, record.time, answer.rtt > options().wait());
    note(reply, *record.stamp, kind == ReplyKind::first);
    return credit(record, answer, kind);
  }

  void note(const stamp::Reply& reply, const StampFacts& facts, bool first) {
    const std::uint64_t sequence = *known(reply.request_sequence, reply.request_time);
    if (directions_.add(sequence, reply.sequence, !first)) {
      prober().notice("the reflector began to count anew: what was lost just before has no direction");
    }
    if (first && facts.forward) {
      forward_.add(*facts.forward);
      backward_.add(*facts.backward);
      synchronised_ = (forward_.count == 1 || synchronised_) && facts.synchronised;
    }
    if (first) note_for_metrics(facts);
    if (!std::exchange(told_format_, told_format_ || !facts.forward) && !facts.forward) {
      prober().notice("the reflector's clock format is unknown: no one-way delays");
    }
    if (!std::exchange(told_ssid_, told_ssid_ || reply.ssid == 0) && reply.ssid == 0) {
      prober().notice("the reflector returned no session id (SSID): it knows RFC 8762 or TWAMP-Light, no TLVs");
    }
  }

  void note_for_metrics(const StampFacts& facts) {
    if (facts.hops_forward) hops_forward_ = facts.hops_forward;
    if (facts.hops_backward) hops_backward_ = facts.hops_backward;
    if (!facts.synchronised) return;
    forward_delays_.add(*facts.forward);
    backward_delays_.add(*facts.backward);
  }

  bool is_unproven(const Answer& answer) const override { return !packets_.read_quoted(answer.error->quoted); }

  void last_words() override {
    if (strangers() == 0) return;
    prober().notice(fmt::format("{} of the target {} to this session{}", base::counted(strangers(), "datagram"),
                                strangers() == 1 ? "is no reply" : "are no replies",
                                options().stamp_key.empty() ? "" : ": another key?"));
  }

  std::optional<StampSummary> ways(const ProbeSummary& summary) const override {
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

  stamp::Packets packets_;
  run::ClockState clock_;
  std::uint16_t ssid_ = 0;
  std::size_t size_ = 0;
  std::vector<std::uint64_t> times_;  // T1 by sequence, as long as the log keeps them
  Directions directions_;
  Spread forward_, backward_;
  LostWays lost_;  // as --metrics has told it
  DelayBuckets forward_delays_, backward_delays_;
  std::optional<int> hops_forward_, hops_backward_;  // of the last reply
  bool synchronised_ = false;
  bool told_format_ = false;
  bool told_ssid_ = false;
};

}  // namespace

std::unique_ptr<SeriesMode> make_stamp_mode(const ProbeOptions& options, Prober& prober, ProbeLog& log) {
  return std::make_unique<StampMode>(options, prober, log);
}

}  // namespace commands
