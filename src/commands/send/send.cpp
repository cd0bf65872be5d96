// SPDX-License-Identifier: MIT
#include "commands/send/send.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <set>

#include "base/error.hpp"
#include "commands/intake.hpp"
#include "commands/send/outcome.hpp"
#include "commands/send/progress.hpp"
#include "commands/send/refusals.hpp"
#include "commands/send/runs.hpp"
#include "commands/target.hpp"
#include "net/drain.hpp"
#include "net/route.hpp"
#include "output/records.hpp"
#include "traffic/pace.hpp"
#include "traffic/transmitter.hpp"

namespace commands {
namespace {

class Sender final : Client {
 public:
  explicit Sender(const SendOptions& options)
      : options_(options),
        stage_(options.output, options.stop, Reader::optional),
        records_(options.output, stage_.sink),
        intake_(stage_),  // the count of the command line is of rounds to send
        socket_(loop_.context()) {
    intake_.record_as(options.output, records_);
  }

  base::ExitStatus run() {
    destination_ = find_destination(loop_, options_.target, options_.socket, report());
    source_ = source_of(options_, PayloadLimit(net::family_of(destination_.endpoint)));
    open_socket();
    if (options_.privileges.user) run::become(*options_.privileges.user);
    if (options_.rate) pacer_.emplace(*options_.rate, run::Clock::now());
    if (options_.bitrate) pacer_.emplace(*options_.bitrate, run::Clock::now());
    if (options_.progress && source_->progress()) loop_.every(progress_interval, [this](base::Nanoseconds) { draw(); });
    if (options_.progress_asked && !source_->progress()) report().notice("no progress: the size of it all is unknown");
    if (options_.replies) intake_.limit(*options_.replies);
    loop_.on_usr1([this] { report().so_far(totals()); });
    if (options_.stats) loop_.every(*options_.stats, [this](base::Nanoseconds elapsed) { tell_rates(elapsed); });
    intake_.watch(socket_, *this);
    began_ = run::Clock::now();
    loop_.post([this] { pump(); });
    try {
      const run::StopReason reason = loop_.run();
      intake_.take_what_waits();
      return stage_.finish(finish(reason));
    } catch (const base::Error&) {  // what had left before is told
      progress_.end();
      tell_totals(totals(), false);
      throw;
    }
  }

 private:
  static std::unique_ptr<PayloadSource> source_of(const SendOptions& options, const PayloadLimit& limit) {
    return options.replay ? make_replay(*options.replay, options.payloads.rounds, limit)
                          : make_source(options.payloads, limit);
  }

  // What is said begins a line, not behind the progress.
  output::Report& report() {
    progress_.clear();
    return stage_.report;
  }
  bool waits_for_replies() const { return options_.stop.wait || options_.replies; }
  // Replies may come while it runs, or after.
  bool lingers() const {
    const bool replays_in_time = options_.replay && (options_.replay->speed > 0 || options_.replay->keep_ports);
    return waits_for_replies() || is_stream() || replays_in_time || options_.rate || options_.bitrate;
  }

  void open_socket() {
    const net::Endpoint& to = destination_.endpoint;
    const net::SocketOptions socket_options = lingers() ? with_room_for_replies(options_.socket) : options_.socket;
    commands::open_socket(socket_, options_.target, destination_, socket_options,
                          output::wanted_metadata(options_.output), report());
    runs_.allow(destination_.unfragmented());
    if (destination_.is_multicast()) report_multicast_interface();
    // A connected socket is faster, but hears only the one peer: only where nobody can be waiting for another.
    connected_ = !destination_.is_multicast() && !options_.socket.broadcast && !lingers();
    if (connected_) socket_.connect(to);
    set_route(to.port());
  }

  void set_route(std::uint16_t port) {
    net::Endpoint to = destination_.endpoint;
    to.port(port);
    port_ = port;
    transmitter_.set_route({connected_ ? std::nullopt : std::optional(to), {}, -1});
  }

  void report_multicast_interface() {
    if (!report().verbose()) return;
    const unsigned zone = net::zone_of(destination_.endpoint.address());
    report().notice("multicast leaves by " + (options_.socket.interface ? options_.socket.interface->shown()
                                              : zone != 0               ? net::shown_interface(zone)
                                                                        : net::interface_with(destination_.local)));
    if (!options_.socket.ttl) report().notice("a TTL of 1 does not leave the link: -t N lets it go further");
  }

  // Sends what is due and ready, then arranges to be called again.
  void pump() {
    constexpr int batches_a_turn = 64;
    for (int i = 0; i < batches_a_turn && !loop_.stopping(); ++i) {
      if (transmitter_.empty()) fill();
      if (!transmit()) return;
      if (failure_) std::rethrow_exception(failure_);
      if (source_->ended()) return end_of_source();
      if (wants_input_ && !source_->is_always_ready()) return wait_for_input();
      if (wants_input_) source_->refill();
      if (const auto due = next_due(); due && !wants_input_) {
        const auto now = run::Clock::now();
        if (*due > now) return loop_.at(std::max(*due, now + shortest_nap), [this] { pump(); });
      }
    }
    loop_.post([this] { pump(); });
  }

  // When the next datagram may leave; nothing: at once.
  std::optional<run::Clock::time_point> next_due() const {
    if (held_) return held_due();
    if (pacer_) return pacer_->next();
    return std::nullopt;
  }
  run::Clock::time_point held_due() const { return replay_began_.value() + held_->due.value_or(base::Nanoseconds(0)); }

  void fill() {
    wants_input_ = false;
    runs_.settle(transmitter_.asked(), refused_);
    const auto now = pacer_ || options_.replay ? run::Clock::now() : run::Clock::time_point{};
    try {
      while (!runs_.is_enough(transmitter_) && (!pacer_ || pacer_->is_due(now))) {
        if (!held_) held_ = source_->next();
        if (!held_) {
          wants_input_ = !source_->ended();
          return;
        }
        if (!may_leave(now)) return;
        add(*held_);
        held_ = nullptr;
      }
    } catch (const base::Error&) {
      failure_ = std::current_exception();  // what was good before goes out first
    }
  }

  // A piece with a time of its own waits for it, counted from when the first was there.
  bool may_leave(run::Clock::time_point now) {
    if (!held_->due) return true;
    if (!replay_began_) replay_began_ = now;
    return held_due() <= now;
  }

  void add(const Piece& piece) {
    if (piece.payload.size() > destination_.unfragmented()) note_fragments(piece.payload.size());
    if (piece.port != 0 && piece.port != port_) set_route(piece.port);
    transmitter_.add(piece.payload);
    if (waits_for_replies()) refusals_.sent(piece.payload);
    const std::size_t bytes = std::max<std::size_t>(piece.payload.size(), 1);  // an empty one has its turn
    if (pacer_) pacer_->spend(options_.bitrate ? 8 * static_cast<double>(bytes) : 1);
  }

  void note_fragments(std::size_t size) {
    if (options_.socket.dont_fragment) refuse_to_fragment(destination_, size);
    if (noted_fragments_) return;
    noted_fragments_ = true;
    report().notice(fmt::format("{} bytes leave in fragments: the route's MTU of {} holds {}", size, destination_.mtu,
                                destination_.unfragmented()));
  }

  // False when the rest of the batch has to wait; pump() is then called again.
  bool transmit() {
    using Need = traffic::Transmitter::Need;
    const Need need = transmitter_.transmit();
    if (transmitter_.asked() == 1) socket_.suspect_errors();  // of the first, no later send has told
    net::take_errors(socket_, [this](const net::TransportError& refusal) { error(refusal); });
    if (socket_.segmentation_given_up()) report().verbose_notice("segmented sending does not work here: not used");
    while (const auto error = transmitter_.news()) tell_failure(*error);
    if (need == Need::writable) loop_.when_writable(socket_, [this] { pump(); });
    if (need == Need::time) loop_.after(std::chrono::milliseconds(1), [this] { pump(); });
    return need == Need::nothing;
  }

  void tell_failure(int error) {
    const std::string to = net::to_string(destination_.endpoint);
    // What is forbidden from the start is the wrong destination.
    if (error == EACCES && transmitter_.sent() == 0) {
      throw base::failure(error, "cannot send to " + to, net::hint_of_sending(error, destination_.endpoint.address()));
    }
    if (!source_->ended()) report().notice(fmt::format("cannot send to {}: {}; going on", to, std::strerror(error)));
  }

  void wait_for_input() {
    loop_.on_readable(source_->descriptor(), [this] {
      source_->refill();
      if (pacer_) pacer_->forgive(run::Clock::now());
      pump();
      return false;
    });
  }

  void end_of_source() {
    sent_all_ = true;
    note_haste();
    if (!waits_for_replies() || transmitter_.asked() == 0) return loop_.stop(run::StopReason::done);
    if (options_.stop.wait) loop_.after(*options_.stop.wait, [this] { loop_.stop(run::StopReason::done); });
    batch_done();
    check_refusals();
  }

  void note_haste() {
    const bool are_lines = source_->descriptor() >= 0 && !is_stream() && options_.payloads.cut.at == CutAt::delimiter;
    if (!are_lines || pacer_ || options_.replay) return;
    if (const auto notice = haste_notice(transmitter_.sent(), run::Clock::now() - began_)) report().notice(*notice);
  }

  Admission admit(const net::Received&) override {
    progress_.clear();  // a record begins a line too
    return {};
  }

  void batch_done() override {
    if (sent_all_ && options_.replies && intake_.datagrams() >= *options_.replies) {
      loop_.stop(run::StopReason::done);
    }
  }

  void error(const net::TransportError& error) override {
    constexpr std::size_t max_shown = 16;  // different ones: a flood of refusals is told once
    if (error.local()) return;
    ++refused_;  // also what was too big for a router, and is lost
    refusals_.take(error);
    if (shown_.size() < max_shown && shown_.insert(net::to_string(error)).second) {
      report().error(error, error.is_refusal() ? family_hint(options_.target, destination_) : "");
    }
    check_refusals();
  }

  void check_refusals() {
    if (sent_all_ && refusals_.all()) loop_.stop(run::StopReason::done);
  }

  output::Totals totals() {
    output::Totals totals = intake_.totals();
    totals.sent = transmitter_.sent();
    totals.sent_bytes = transmitter_.sent_bytes();
    totals.refused = refused_;
    return totals;
  }

  void tell_rates(base::Nanoseconds elapsed) {
    const output::Totals now = totals();
    report().stats(now, last_stats_, elapsed);
    last_stats_ = now;
  }

  void draw() { progress_.show(*source_->progress(), transmitter_.sent(), transmitter_.sent_bytes()); }

  base::ExitStatus finish(run::StopReason reason) {
    if (options_.progress && source_->progress()) draw();
    progress_.end();
    say_farewell();
    SendOutcome outcome{transmitter_.asked(), transmitter_.failed(), refused_, intake_.datagrams()};
    outcome.sent_all = sent_all_;
    const bool is_text = is_stream() && held_ == nullptr && options_.payloads.cut.at != CutAt::end;
    outcome.endless = options_.payloads.rounds == for_ever;
    outcome.streamed = is_text && !options_.stop.count;
    outcome.incomplete = source_->incomplete();
    outcome.replayed = options_.replay.has_value();
    outcome.waited = options_.stop.wait.has_value();
    for (const std::string& remark : source_->remarks()) report().notice(remark);
    for (const std::string& remark : remarks_of(outcome)) report().notice(remark);
    const output::Totals all = totals();
    const bool interrupted = run::is_interruption(reason);
    tell_totals(all, interrupted || all.refused > 0 || all.dropped > 0);
    if (outcome.failed > 0) report().error(failure_of(transmitter_, destination_.endpoint));
    return status_of(outcome);
  }

  void tell_totals(const output::Totals& all, bool unusual) {
    report().summary(all, unusual || report().verbose());
    stage_.sink.flush();
  }

  // To who counts what is sent, although it ends before its end.
  void say_farewell() {
    const auto piece = sent_all_ || !transmitter_.empty() ? std::nullopt : source_->farewell();
    if (!piece) return;
    transmitter_.add(piece->payload);
    transmit();
  }

  bool is_stream() const { return source_->descriptor() >= 0 && !source_->is_always_ready(); }

  static constexpr auto shortest_nap = std::chrono::microseconds(50);
  static constexpr auto progress_interval = std::chrono::milliseconds(200);

  const SendOptions& options_;
  Stage stage_;
  run::Loop& loop_ = stage_.loop;
  output::RecordWriter records_;
  Intake intake_;
  net::UdpSocket socket_;
  Runs runs_{socket_};
  Destination destination_;
  std::unique_ptr<PayloadSource> source_;
  std::optional<traffic::Pacer> pacer_;
  traffic::Transmitter transmitter_{socket_};
  Progress progress_;
  output::Totals last_stats_;
  std::exception_ptr failure_;
  std::set<std::string> shown_;
  std::uint64_t refused_ = 0;
  Refusals refusals_;
  run::Clock::time_point began_;
  const Piece* held_ = nullptr;  // taken from the source, and not due yet
  std::optional<run::Clock::time_point> replay_began_;
  std::uint16_t port_ = 0;  // of the route
  bool connected_ = false;
  bool wants_input_ = false;
  bool noted_fragments_ = false;
  bool sent_all_ = false;
};

}  // namespace

base::ExitStatus send(const SendOptions& options) { return Sender(options).run(); }

}  // namespace commands
