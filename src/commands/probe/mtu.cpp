// How large a datagram does the path carry, and who narrows it?
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "base/text.hpp"
#include "commands/probe/modes.hpp"
#include "commands/probe/records.hpp"
#include "commands/probe/run.hpp"
#include "output/json.hpp"
#include "commands/probe/mtu_search.hpp"

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
  if (choice.payload == nullptr) choice.payload = &payload_for_port(options.port);
  const bool fits = build_request(*choice.payload, {}, options.port).size() <= smallest_payload;
  if ((options.request.payload == nullptr && !fits) || choice.payload->name == "echo") {
    choice.payload = find_payload("token");
  }
  return choice;
}

class MtuProbe {
 public:
  explicit MtuProbe(const ProbeOptions& options)
      : options_(options),
        prober_(options, true),
        log_(Requests(request_of(options), options.port, Prober::random_seed())),
        writer_(options.output, prober_.sink()),
        headers_(net::family_of(prober_.target()) == net::Family::ipv4 ? 28 : 48),
        link_mtu_(static_cast<unsigned>(net::max_payload(net::family_of(prober_.target()))) + headers_),
        search_(net::family_of(prober_.target()), link_mtu_) {}

  base::ExitStatus run() {
    if (prober_.is_for_many()) throw base::UsageError("--mtu takes the address of one host, not of many");
    prober_.watch({[this](const net::Received& reply, const Instant& seen) { on_reply(reply, seen); },
                   [this](const net::TransportError& error, const Instant& seen) { on_error(error, seen); }});
    loop().post([this] { send_next(); });
    loop().run();
    return finish();
  }

 private:
  run::Loop& loop() { return prober_.loop(); }

  void send_next() {
    if (loop().stopping()) return;
    const auto size = search_.next();
    if (!size) return loop().stop(run::StopReason::done);
    const auto sent = prober_.send(log_.requests().make_sized(log_.count(), *size - headers_));
    if (sent.error == EAGAIN) return prober_.when_writable([this] { send_next(); });
    if (sent.error == EMSGSIZE) return narrow_link(*size);
    if (log_.count() == 0) show_link();
    const std::uint64_t sequence = log_.count();
    log_.sent(sent.at);
    statistics_.sent();
    sizes_.push_back(*size);
    loop().after(patience(), [this, sequence] { expire(sequence); });
  }

  // This host itself sends no more than that; the local error in the queue tells.
  void narrow_link(unsigned size) {
    told_mtu_ = 0;
    prober_.drain();
    search_.too_big(size, told_mtu_, std::nullopt);
    if (told_mtu_ != 0) link_mtu_ = std::min(link_mtu_, told_mtu_);
    loop().post([this] { send_next(); });
  }

  // Once the round trip is known, silence need not be listened to for the whole wait.
  Nanoseconds patience() const {
    if (longest_ == Nanoseconds(0)) return options_.wait();
    return std::min<Nanoseconds>(options_.wait(), 3 * longest_ + std::chrono::milliseconds(100));
  }

  void expire(std::uint64_t sequence) {
    prober_.drain();  // what came in time, but was not yet seen
    if (!log_.is_waiting(sequence)) return;
    log_.settle(sequence);
    tell(sequence, "silence");
    search_.silent(sizes_[sequence]);
    send_next();
  }

  void on_reply(const net::Received& reply, const Instant& seen) {
    const auto sequence = log_.answered_by(reply.bytes, seen);
    if (!sequence) return;
    const Nanoseconds rtt = round_trip(log_.departure(*sequence), reply.metadata.time, seen);
    statistics_.reply(*sequence, rtt, rtt > options_.wait());
    log_.learn(*sequence, rtt);
    state_ = ProbeState::open;
    echoes_ = echoes_ || reply.size() == sizes_[*sequence] - headers_;
    arrived(*sequence, rtt, fmt::format("{} bytes in reply", reply.size()));
  }

  void on_error(const net::TransportError& error, const Instant& seen) {
    if (error.local()) {
      if (error.kind == Kind::too_big) told_mtu_ = error.mtu;
      return;
    }
    if (error.destination.port() != options_.port) return;
    const auto sequence = log_.quoted_by(error.quoted, seen);
    if (!sequence) return;
    ++icmp_errors_;
    statistics_.refused(*sequence);
    const bool from_target = prober_.is_target(*error.offender);
    if (from_target && error.kind == Kind::port_unreachable) {
      if (state_ != ProbeState::open) state_ = ProbeState::closed;
      return arrived(*sequence, round_trip(log_.departure(*sequence), error.time, seen),
                     net::to_string(error));
    }
    tell(*sequence, net::to_string(error));
    if (error.kind != Kind::too_big) {
      refusal_ = net::to_string(error);
      return;
    }
    search_.too_big(sizes_[*sequence], error.mtu, error.offender);
    go_on_after(*sequence);
  }

  void arrived(std::uint64_t sequence, Nanoseconds rtt, const std::string& how) {
    longest_ = std::max(longest_, rtt);
    tell(sequence, how);
    search_.answered(sizes_[sequence]);
    go_on_after(sequence);
  }

  // Sends the next unless the answer was to an earlier probe and leaves the one that is waited for as it is.
  void go_on_after(std::uint64_t sequence) {
    const std::uint64_t last = log_.count() - 1;
    const bool last_was_waiting = log_.is_waiting(last);
    log_.settle(sequence);
    if (!last_was_waiting || (sequence != last && search_.next() == sizes_[last])) return;
    log_.settle(last);
    // Routers and targets answer a handful of ICMP errors at once, then one a second.
    constexpr unsigned at_once = 5;
    const Nanoseconds pause = icmp_errors_ > at_once ? std::chrono::milliseconds(1'050) : std::chrono::milliseconds(0);
    loop().after(pause, [this] { send_next(); });
  }

  void tell(std::uint64_t sequence, const std::string& what) {
    prober_.report().verbose_notice(fmt::format("{} bytes: {}", sizes_[sequence], what));
  }

  void show_link() {
    if (!writer_.text()) return;
    writer_.buffer() += fmt::format("link MTU\t{}\n", link_mtu_);
    prober_.sink().flush();
  }

  base::ExitStatus finish() {
    const MtuResult result = search_.next() ? MtuResult{} : search_.result();
    const bool known = result.proof != MtuResult::Proof::none;
    if (writer_.text()) show(result);
    if (writer_.json() && known) show_event(result);
    if (writer_.json()) writer_.summary(state_, statistics_.summary(), 0);
    prober_.sink().flush();
    if (result.lossy) prober_.report().notice("datagrams of any size were lost on this path at times");
    if (!known) prober_.hint_at_family();
    return known ? base::ExitStatus::done : base::ExitStatus::nothing;
  }

  void show(const MtuResult& result) {
    std::string& out = writer_.buffer();
    if (result.proof == MtuResult::Proof::none) {
      const std::string why = !refusal_.empty()                 ? refusal_
                              : state_ == ProbeState::no_answer ? fmt::format("{} probes, no reply", log_.count())
                                                                : "answers that come and go tell no size";
      out += fmt::format("path MTU\tunknown\t{}\n", why);
      return;
    }
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
    return fmt::format("black hole: larger ones vanish without an ICMP error{}",
                       is_path ? "" : ", or the service takes no more");
  }

  void show_event(const MtuResult& result) {
    output::JsonEvent event(writer_.buffer(), "mtu");
    event.number("mtu", result.mtu).number("payload", result.payload).number("link_mtu", link_mtu_);
    if (result.narrowed_by) event.address("narrowed_by", *result.narrowed_by);
    if (result.black_hole) event.boolean("black_hole", true);
    event.text("proof", result.proof == MtuResult::Proof::by_reply ? "reply" : "icmp");
  }

  const ProbeOptions& options_;
  Prober prober_;
  ProbeLog log_;
  ProbeStatistics statistics_;
  ProbeWriter writer_;
  unsigned headers_;   // bytes of IP and UDP header
  unsigned link_mtu_;  // what this host sends at most; at first what a datagram can be
  MtuSearch search_;
  std::vector<unsigned> sizes_;  // of packets, by sequence
  bool echoes_ = false;          // a reply was as long as what was sent
  unsigned told_mtu_ = 0;        // by the last local error
  unsigned icmp_errors_ = 0;
  Nanoseconds longest_{};  // round trip so far
  ProbeState state_ = ProbeState::no_answer;
  std::string refusal_;  // the last ICMP error that was not about size
};

}  // namespace

base::ExitStatus probe_mtu(const ProbeOptions& options) { return MtuProbe(options).run(); }

}  // namespace commands
