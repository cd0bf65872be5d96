// SPDX-License-Identifier: MIT
// How large a datagram does the path carry, and who narrows it?
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/text.hpp"
#include "commands/probe/modes.hpp"
#include "commands/probe/mtu_search.hpp"
#include "commands/probe/prober.hpp"
#include "commands/probe/records.hpp"
#include "output/json.hpp"

namespace commands {
namespace {

using base::Nanoseconds;
using Kind = net::TransportError::Kind;

// What is padded to the size that is tried. A request that does not fit into the smallest packet gives way to the
// token; so does echo, whose answer would have to be compared with its padding.
RequestChoice request_of(const ProbeOptions& options) {
  constexpr std::size_t smallest_payload = 40;  // of the 68 bytes that every link carries (RFC 791)
  RequestChoice choice = options.request;
  if (choice.data) return choice;
  if (choice.payload == nullptr) choice.payload = &payload_for_port(options.target.port);
  const bool fits = build_request(*choice.payload, {}, options.target.port).size() <= smallest_payload;
  if ((options.request.payload == nullptr && !fits) || choice.payload->name == "echo") {
    choice.payload = find_payload("token");
  }
  return choice;
}

class MtuMode : public RequestMode {
 public:
  MtuMode(const ProbeOptions& options, Prober& prober, ProbeLog& log)
      : RequestMode(options, prober, log, request_of(options)),
        writer_(options, prober.sink(), prober.target()),
        headers_(net::headers_size(net::family_of(prober.target()))),
        link_mtu_(static_cast<unsigned>(net::max_payload(net::family_of(prober.target()))) + headers_),
        search_(net::family_of(prober.target()), link_mtu_) {}

  std::optional<Ask> next(ProbeTime now) override {
    if (too_large_ != 0) return narrow_link();
    if (now < not_before_) return std::nullopt;
    const auto size = search_.next();
    if (!size || (waiting_ && *size == sizes_.back())) return std::nullopt;
    Ask ask;
    ask.size = *size - headers_;
    ask.wait = patience();
    ask.alone = true;
    return ask;
  }

  std::optional<ProbeTime> due() const override { return not_before_; }

  void sent(std::uint64_t sequence, const Ask& ask) override {
    if (sequence == 0) show_link();
    sizes_.push_back(static_cast<unsigned>(ask.size) + headers_);
    waiting_ = true;
  }

  // This host itself sends no more than that; the local error in the queue, which is read before the next turn, tells.
  bool kept_back(std::uint64_t, const Ask& ask, int error) override {
    if (error != EMSGSIZE) fail_to_send(error, prober_.target());
    too_large_ = static_cast<unsigned>(ask.size) + headers_;
    told_mtu_ = 0;
    queue_read_ = false;
    not_before_ = run::Clock::now() + std::chrono::microseconds(50);
    return false;
  }

  void local_error(const net::TransportError& error) override {
    if (error.kind == Kind::too_big) told_mtu_ = error.mtu;
  }

  bool answered(const Answer& answer) override {
    return answer.error != nullptr ? refused_by(answer) : replied(answer);
  }

  void silent(std::uint64_t sequence, ProbeTime) override {
    waiting_ = waiting_ && sequence + 1 != log_.count();
    tell(sequence, "silence");
    search_.silent(sizes_[sequence]);
  }

  bool done() const override { return too_large_ == 0 && !search_.next(); }

 private:
  std::optional<Ask> narrow_link() {
    if (!std::exchange(queue_read_, true)) return std::nullopt;
    search_.too_big(std::exchange(too_large_, 0), told_mtu_, std::nullopt);
    if (told_mtu_ != 0) link_mtu_ = std::min(link_mtu_, told_mtu_);
    return next(not_before_);
  }

  // Once the round trip is known, silence need not be listened to for the whole wait.
  Nanoseconds patience() const {
    if (longest_ == Nanoseconds(0)) return options_.wait();
    return std::min<Nanoseconds>(options_.wait(), 3 * longest_ + std::chrono::milliseconds(100));
  }

  bool replied(const Answer& answer) {
    matcher_.learn(answer.sequence, answer.rtt);
    state_ = ProbeState::open;
    const std::size_t size = answer.reply->size();
    echoes_ = echoes_ || size == sizes_[answer.sequence] - headers_;
    return arrived(answer, fmt::format("{} bytes in reply", size));
  }

  bool refused_by(const Answer& answer) {
    const net::TransportError& error = *answer.error;
    if (error.destination.port() != options_.target.port) return false;
    ++icmp_errors_;
    if (answer.from_target && error.kind == Kind::port_unreachable) {
      if (state_ != ProbeState::open) state_ = ProbeState::closed;
      return arrived(answer, net::to_string(error));
    }
    log_.refused(answer.sequence);
    tell(answer.sequence, net::to_string(error));
    if (error.kind != Kind::too_big) {
      refusal_ = net::to_string(error);
      return false;
    }
    search_.too_big(sizes_[answer.sequence], error.mtu, error.offender);
    return go_on_after(answer);
  }

  bool arrived(const Answer& answer, const std::string& how) {
    log_.reply(answer.sequence, answer.rtt, answer.rtt > options_.wait());
    longest_ = std::max(longest_, answer.rtt);
    tell(answer.sequence, how);
    search_.answered(sizes_[answer.sequence]);
    return go_on_after(answer);
  }

  bool go_on_after(const Answer& answer) {
    if (answer.sequence + 1 == log_.count()) waiting_ = false;
    // Routers and targets answer a handful of ICMP errors at once, then one a second.
    constexpr unsigned at_once = 5;
    if (icmp_errors_ > at_once) not_before_ = answer.seen.steady + std::chrono::milliseconds(1'050);
    return true;
  }

  void tell(std::uint64_t sequence, const std::string& what) {
    prober_.report().verbose_notice(fmt::format("{} bytes: {}", sizes_[sequence], what));
  }

  void show_link() {
    writer_.tell_text([&](std::string& out) { out += fmt::format("link MTU\t{}\n", link_mtu_); });
    prober_.sink().mark(1);
    prober_.sink().flush();
  }

 public:
  base::ExitStatus finish() {
    const MtuResult result = search_.next() ? MtuResult{} : search_.result();
    const bool known = result.proof != MtuResult::Proof::none;
    if (known) {
      writer_.tell(
          "mtu", [&](output::JsonEvent& event) { add_fields(event, result); },
          [&](std::string& out) { append(out, result); });
    } else {
      writer_.tell_text([&](std::string& out) { out += fmt::format("path MTU\tunknown\t{}\n", why_unknown()); });
    }
    prober_.sink().mark(1);
    writer_.summary({is_reached(known) ? "reached" : name_of(state_), log_.summary(), 0, {}, {}});
    prober_.sink().flush();
    if (result.lossy) prober_.report().notice("datagrams of any size were lost on this path at times");
    if (!known) prober_.hint_at_family();
    return known ? base::ExitStatus::done : base::ExitStatus::nothing;
  }

 private:
  std::string why_unknown() const {
    if (!refusal_.empty()) return refusal_;
    return state_ == ProbeState::no_answer ? base::counted(log_.count(), "probe") + ", no reply"
                                           : "answers that come and go tell no size";
  }

  void append(std::string& out, const MtuResult& result) const {
    const std::string who = result.narrowed_by  ? "narrowed by " + net::to_string(*result.narrowed_by)
                            : result.black_hole ? black_hole_text()
                                                : "all that the link takes";
    const bool by_reply = result.proof == MtuResult::Proof::by_reply;
    out += fmt::format("path MTU\t{}\t{}\npayload\t{}\t{}\n", result.mtu, who, result.payload,
                       by_reply ? "arrived whole" : "by ICMP alone: the target never answered");
  }

  // A service may have a limit of its own. One that sends everything back shows that it has not, and who refuses by
  // ICMP has not even looked.
  std::string black_hole_text() const {
    const bool is_path = echoes_ || state_ == ProbeState::closed;
    return fmt::format("black hole: larger ones vanish {}without an ICMP error{}",
                       is_there_or_back() ? "there or back " : "", is_path ? "" : ", or the service takes no more");
  }

  // Replies as large as the requests: which of them vanished is not known.
  bool is_there_or_back() const { return echoes_; }

  // That a port is closed is no failure of a search that its answers served.
  bool is_reached(bool known) const { return known && state_ == ProbeState::closed; }

  void add_fields(output::JsonEvent& event, const MtuResult& result) const {
    event.number("mtu", result.mtu).number("payload", result.payload).number("link_mtu", link_mtu_);
    if (result.narrowed_by) event.address("narrowed_by", *result.narrowed_by);
    if (result.black_hole) event.boolean("black_hole", true);
    if (result.black_hole && is_there_or_back()) event.text("direction", "there or back");
    event.text("proof", result.proof == MtuResult::Proof::by_reply ? "reply" : "icmp");
  }

  ProbeWriter writer_;
  unsigned headers_;   // bytes of IP and UDP header
  unsigned link_mtu_;  // what this host sends at most; at first what a datagram can be
  MtuSearch search_;
  std::vector<unsigned> sizes_;  // of packets, by sequence
  bool waiting_ = false;         // for an answer to the last
  unsigned too_large_ = 0;       // the size that this host did not send
  bool queue_read_ = false;      // what it says of that has been read
  unsigned told_mtu_ = 0;        // by the last local error
  ProbeTime not_before_{};       // the next is sent
  bool echoes_ = false;          // a reply was as long as what was sent
  unsigned icmp_errors_ = 0;
  Nanoseconds longest_{};  // round trip so far
  ProbeState state_ = ProbeState::no_answer;
  std::string refusal_;  // the last ICMP error that was not about size
};

}  // namespace

base::ExitStatus probe_mtu(const ProbeOptions& options) {
  ProbeStage stage(options);
  Prober prober(stage, options, find_one_target(stage, options, "--mtu"));
  ProbeLog log;
  MtuMode mode(options, prober, log);
  Engine engine(mode, log, prober, options.wait());
  prober.run(engine);
  return stage.finish(mode.finish());
}

}  // namespace commands
