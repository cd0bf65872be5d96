#include "commands/send/send.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <set>

#include "base/error.hpp"
#include "base/text.hpp"
#include "commands/intake.hpp"
#include "commands/send/progress.hpp"
#include "commands/target.hpp"
#include "net/route.hpp"
#include "output/records.hpp"
#include "traffic/pace.hpp"
#include "traffic/transmitter.hpp"

namespace commands {
namespace {

class Session final : Client {
 public:
  explicit Session(const SendOptions& options)
      : options_(options),
        stage_(options.output, options.stop, Reader::optional),
        records_(options.output, stage_.sink),
        intake_(stage_, receiving(options)),
        socket_(loop_.context()) {
    intake_.record_as(options.output, records_);
  }

  base::ExitStatus run() {
    destination_ = find_destination(loop_, options_.target, options_.socket, report());
    source_ = source_of(options_, net::max_payload(net::family_of(destination_.endpoint)));
    open_socket();
    if (options_.privileges.user) run::become(*options_.privileges.user);
    if (options_.rate) pacer_.emplace(*options_.rate, run::Clock::now());
    if (options_.bitrate) pacer_.emplace(*options_.bitrate, run::Clock::now());
    if (options_.progress && source_->progress()) show_progress();
    loop_.on_usr1([this] { report().so_far(totals()); });
    intake_.watch(socket_, *this);
    loop_.post([this] { pump(); });
    const run::StopReason reason = loop_.run();
    intake_.take_what_waits();
    return stage_.finish(finish(reason));
  }

 private:
  static std::unique_ptr<PayloadSource> source_of(const SendOptions& options, std::size_t max_payload) {
    return options.replay ? make_replay(*options.replay, options.payloads.rounds, max_payload)
                          : make_source(options.payloads, max_payload);
  }

  // The count of the command line is of rounds to send, not of datagrams to receive.
  static run::StopOptions receiving(const SendOptions& options) {
    run::StopOptions stop = options.stop;
    stop.count.reset();
    return stop;
  }

  output::Report& report() { return stage_.report; }
  bool waits_for_replies() const { return options_.stop.wait || options_.replies; }

  void open_socket() {
    const net::Endpoint& to = destination_.endpoint;
    commands::open_socket(socket_, options_.target, destination_, options_.socket,
                          output::wanted_metadata(options_.output), report());
    socket_.use_segmentation(destination_.unfragmented());
    if (destination_.is_multicast()) report_multicast_interface();
    // A connected socket is faster, but hears only the one peer: not where others may answer.
    const bool connect =
        !destination_.is_multicast() && !options_.socket.broadcast && !waits_for_replies() && !options_.replay;
    if (connect) socket_.connect(to);
    connected_ = connect;
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
  }

  // Sends what is due and ready, then arranges to be called again.
  void pump() {
    constexpr int batches_a_turn = 64;
    for (int i = 0; i < batches_a_turn && !loop_.stopping(); ++i) {
      if (transmitter_.empty()) fill();
      if (!transmit()) return;
      if (failure_) std::rethrow_exception(failure_);
      if (source_->ended()) return end_of_source();
      if (wants_input_ && !source_->is_regular_file()) return wait_for_input();
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
    const auto now = pacer_ || options_.replay ? run::Clock::now() : run::Clock::time_point{};
    try {
      while (!transmitter_.full() && (!pacer_ || pacer_->is_due(now))) {
        if (!held_) held_ = source_->next();
        if (!held_) {
          wants_input_ = !source_->ended();
          return;
        }
        if (!may_leave(now)) return;
        add(*held_);
        held_.reset();
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
    if (pacer_) pacer_->spend(options_.bitrate ? static_cast<double>(piece.payload.size()) * 8 : 1);
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
    if (!waits_for_replies()) return loop_.stop(run::StopReason::done);
    if (options_.stop.wait) loop_.after(*options_.stop.wait, [this] { loop_.stop(run::StopReason::done); });
    batch_done();
    check_refusals();
  }

  void batch_done() override {
    if (sent_all_ && options_.replies && intake_.datagrams() >= *options_.replies) {
      loop_.stop(run::StopReason::done);
    }
  }

  void error(const net::TransportError& error) override {
    constexpr std::size_t max_shown = 16;  // different ones: a flood of refusals is told once
    if (error.local()) return;
    if (error.is_refusal()) ++refused_;
    if (shown_.size() < max_shown && shown_.insert(net::to_string(error)).second) {
      report().error(error, error.is_refusal() ? family_hint(options_.target, destination_) : "");
    }
    check_refusals();
  }

  void check_refusals() {
    if (sent_all_ && transmitter_.sent() > 0 && refused_ >= transmitter_.sent()) loop_.stop(run::StopReason::done);
  }

  output::Totals totals() {
    output::Totals totals = intake_.totals();
    totals.sent = transmitter_.sent();
    totals.sent_bytes = transmitter_.sent_bytes();
    totals.refused = refused_;
    return totals;
  }

  void show_progress() {
    using namespace std::chrono_literals;
    loop_.every(200ms, [this](base::Nanoseconds) {
      progress_.show(*source_->progress(), transmitter_.sent(), transmitter_.sent_bytes());
    });
  }

  base::ExitStatus finish(run::StopReason reason) {
    if (options_.progress && source_->progress())
      progress_.show(*source_->progress(), transmitter_.sent(), transmitter_.sent_bytes());
    progress_.end();
    const bool interrupted = reason == run::StopReason::signal || reason == run::StopReason::deadline;
    if (interrupted || refused_ > 0 || report().verbose() || report().json()) report().summary(totals());
    for (const std::string& remark : source_->remarks()) report().notice(remark);
    stage_.sink.flush();
    if (transmitter_.failed() > 0) {
      report_failures();
      return base::ExitStatus::failed;
    }
    if (options_.replay && sent_all_ && transmitter_.asked() == 0) return base::ExitStatus::nothing;
    if (intake_.datagrams() > 0) return base::ExitStatus::done;
    if (refused_ > 0) return base::ExitStatus::refused;
    const bool open_ended = options_.payloads.rounds == for_ever || (!options_.stop.count && is_stream());
    if (interrupted && !sent_all_) return open_ended ? base::ExitStatus::done : base::ExitStatus::nothing;
    return options_.stop.wait ? base::ExitStatus::nothing : base::ExitStatus::done;
  }

  bool is_stream() const { return source_->descriptor() >= 0 && !source_->is_regular_file(); }

  void report_failures() {
    std::string reasons;
    for (const auto& [error, count] : transmitter_.failures()) {
      if (!reasons.empty()) reasons += ", ";
      reasons += std::strerror(error);
      if (transmitter_.asked() > 1) reasons += fmt::format(" ({})", count);
    }
    const std::string to = net::to_string(destination_.endpoint);
    const int code = transmitter_.failures().begin()->first;
    report().error(base::Failure(code,
                                 transmitter_.asked() == 1
                                     ? fmt::format("cannot send to {}: {}", to, reasons)
                                     : fmt::format("{} of {} datagrams to {} could not be sent: {}",
                                                   transmitter_.failed(), transmitter_.asked(), to, reasons),
                                 net::hint_of_sending(code, destination_.endpoint.address())));
  }

  static constexpr auto shortest_nap = std::chrono::microseconds(50);

  const SendOptions& options_;
  Stage stage_;
  run::Loop& loop_ = stage_.loop;
  output::RecordWriter records_;
  Intake intake_;
  net::UdpSocket socket_;
  Destination destination_;
  std::unique_ptr<PayloadSource> source_;
  std::optional<traffic::Pacer> pacer_;
  traffic::Transmitter transmitter_{socket_};
  Progress progress_;
  std::exception_ptr failure_;
  std::set<std::string> shown_;
  std::uint64_t refused_ = 0;
  std::optional<Piece> held_;  // taken from the source, and not due yet
  std::optional<run::Clock::time_point> replay_began_;
  std::uint16_t port_ = 0;  // of the route
  bool connected_ = false;
  bool wants_input_ = false;
  bool noted_fragments_ = false;
  bool sent_all_ = false;
};

}  // namespace

base::ExitStatus send(const SendOptions& options) { return Session(options).run(); }

}  // namespace commands
