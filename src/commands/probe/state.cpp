// SPDX-License-Identifier: MIT
// Is the port open? One answer, or with --count a series with statistics.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/text.hpp"
#include "base/units.hpp"
#include "commands/probe/requests.hpp"
#include "commands/probe/series.hpp"

namespace commands {
namespace {

using base::Nanoseconds;

class StateMode : public SeriesMode {
 public:
  StateMode(const ProbeOptions& options, Prober& prober, ProbeLog& log)
      : SeriesMode(options, prober, log),
        requests_(options.request, options.target.port, Requests::random_seed()),
        matcher_(requests_, log) {
    if (options.stop.count && !requests_.distinct() && options.interval < options.wait()) {
      prober.notice_once("all probes are the same: replies are matched to them by time");
    }
  }

  std::size_t size() const override { return requests_.make(0).size(); }
  std::string request(std::uint64_t sequence, const Ask&, const Instant&) override { return requests_.make(sequence); }
  std::optional<std::uint64_t> match(const net::Received& reply, const Instant& seen) override {
    return matcher_.answered_by(reply.bytes, seen);
  }
  std::optional<std::uint64_t> match(const net::TransportError& error, const Instant& seen) override {
    return matcher_.quoted_by(error.quoted, seen);
  }

  // No answer, for the address that was asked has not sent it; but worth to be told.
  bool elsewhere(const net::Received& received, const Instant& seen) override {
    auto sequence = matcher_.shown_by(received.bytes, seen);
    const bool can_be_no_other = !requests_.matches_by_id() && !prober().shares_its_socket();
    if (!sequence && can_be_no_other && !log().is_idle()) sequence = log().oldest_waiting();
    if (!sequence || !log().is_waiting(*sequence)) return true;
    elsewhere_.emplace(*sequence, *received.sender);
    if (!first_elsewhere_) first_elsewhere_ = *received.sender;
    return true;
  }

 private:
  bool replied(const Answer& answer) override {
    const net::Received& reply = *answer.reply;
    ProbeRecord record = record_of(answer.sequence);
    record.endpoint = *reply.sender;
    if (!prober().is_for_many()) record.endpoint.port(prober().target().port());
    record.time = answer.rtt;
    record.received = reply.metadata.time;
    record.detail =
        requests_.detail(answer.sequence, reply.bytes,
                         {log().departure(answer.sequence).wall, reply.metadata.time.value_or(answer.seen.wall)});
    record.mapped = requests_.mapped_address(answer.sequence, reply.bytes);
    record.payload = reply.bytes;
    record.size = reply.size();
    if (prober().is_for_many()) record.interface = reply.metadata.interface;
    if (prober().is_for_many()) return credit_responder(record, answer.waiting);
    const ReplyKind kind = log().reply(record.sequence, record.time, record.time > options().wait());
    if (kind == ReplyKind::first) matcher_.learn(record.sequence, record.time);
    return credit(record, answer, kind);
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
    if (!fresh || answers_probe) log().reply(record.sequence, record.time, record.time > options().wait());
    if (answers_probe) matcher_.learn(record.sequence, record.time);
    note_reply(record.time);
    writer().record(record);
    return false;
  }

  // Of many it waits on, but not in vain: whoever answered has been listed.
  void conclude(std::uint64_t sequence, ProbeTime now) override {
    if (answered_.erase(sequence) > 0) {
      settled(sequence);
    } else {
      SeriesMode::conclude(sequence, now);
    }
  }

  void settled(std::uint64_t sequence) override {
    elsewhere_.erase(sequence);
    SeriesMode::settled(sequence);
  }

  void add_to_silence(ProbeRecord& record) const override {
    if (prober().is_for_many() && options().socket.interface) record.interface = options().socket.interface->index;
    const auto from = elsewhere_.find(record.sequence);
    if (from == elsewhere_.end()) return;
    record.reply_from = from->second;
    if (is_series()) record.detail += "; " + elsewhere_text(from->second);
  }

  static std::string elsewhere_text(const net::Endpoint& from) { return "a reply came from " + net::to_string(from); }

  // Anybody can make an error that quotes no more than the UDP header.
  bool is_unproven(const Answer& answer) const override {
    constexpr std::size_t enough = 8;
    const std::size_t quoted = answer.error->quoted.size();
    return quoted == 0 || quoted < std::min(enough, requests_.make(answer.sequence).size());
  }

  std::size_t responders() const override { return responders_.size(); }

  void last_words() override {
    if (unlisted_ == 0) return;
    prober().notice(base::counted(unlisted_, "more answer") + ": no more than 100000 are listed");
  }

  std::string silence_text() const override {
    const std::string probes = base::counted(log().count(), "probe");
    if (strangers() > 0)
      return fmt::format("{}, {} that {} no answer to {}", probes, base::counted(strangers(), "datagram"),
                         strangers() == 1 ? "is" : "are", log().count() == 1 ? "it" : "them");
    std::string text = fmt::format("{}{}, no reply", prober().is_for_many() ? "" : "open or filtered: ", probes);
    if (first_elsewhere_) return text + "; " + elsewhere_text(*first_elsewhere_);
    // These answer nobody who has no key.
    constexpr std::uint16_t wireguard = 51'820, openvpn = 1'194;
    if (options().target.port == wireguard) text += "; WireGuard answers no stranger";
    if (options().target.port == openvpn) text += "; OpenVPN with tls-auth answers no stranger";
    return text;
  }

  Requests requests_;
  Matcher matcher_;
  std::set<std::pair<std::uint64_t, net::Endpoint>> answers_;  // of many: to which probe, from whom
  std::set<std::uint64_t> answered_;                           // of many: probes that wait on
  std::set<net::Endpoint> responders_;
  std::uint64_t unlisted_ = 0;                        // answers beyond what is kept
  std::map<std::uint64_t, net::Endpoint> elsewhere_;  // replies that others sent than were asked
  std::optional<net::Endpoint> first_elsewhere_;
};

}  // namespace

std::unique_ptr<SeriesMode> make_state_mode(const ProbeOptions& options, Prober& prober, ProbeLog& log) {
  return std::make_unique<StateMode>(options, prober, log);
}

}  // namespace commands
