// SPDX-License-Identifier: MIT
#include "commands/listen/listen.hpp"

#include <fmt/format.h>

#include <deque>
#include <memory>

#include "base/error.hpp"
#include "commands/intake.hpp"
#include "commands/listen/chat.hpp"
#include "commands/listen/exec.hpp"
#include "commands/listen/open.hpp"
#include "commands/listen/responder.hpp"
#include "commands/listen/stamp.hpp"
#include "commands/metrics.hpp"
#include "commands/stage.hpp"
#include "commands/stamp_key.hpp"
#include "commands/streams/report.hpp"
#include "net/service.hpp"
#include "output/records.hpp"

namespace commands {
namespace {

class Listener final : Measured {
 public:
  explicit Listener(const ListenOptions& options)
      : options_(options),
        stage_(options.output, options.stop, is_only_printing(options) ? Reader::needed : Reader::optional),
        records_(options.output, stage_.sink),
        intake_(stage_, options.stop),
        streams_(options.streams.any() ? std::make_optional<Streams>(options.streams) : std::nullopt) {
    const bool strips = options.streams.rtp && options.output.format == output::Format::raw;
    intake_.record_as(options.output, strips ? static_cast<output::RecordSink&>(rtp_payloads_) : records_);
  }

  base::ExitStatus run() {
    responder_ = make_responder();
    if (!options_.forward.targets.empty()) forwarder_.emplace(stage_, options_.forward, options_.socket);
    net::SocketOptions socket_options = options_.socket;
    if (responder_ && !options_.chat) socket_options.broadcast = false;  // a forged sender may be everybody
    sockets_ = open_endpoints(options_, socket_options, wanted(), stage_);
    std::vector<net::Endpoint> own;
    for (const auto& socket : sockets_) own.push_back(socket->local_endpoint());
    for (const net::Endpoint& one : own) guard_.answers_at(one);
    if (forwarder_) forwarder_->open(own);
    intake_.watch_kernel();
    confine();
    for (const auto& socket : sockets_) {
      Ear& ear = ears_.emplace_back(*this, *socket, ears_.size());
      if (responder_) responder_->opened(ear.answers);
      intake_.watch(*socket, ear);
    }
    metrics_.start(options_.stats);
    for (const auto& socket : sockets_) stage_.report.listening(socket->local_endpoint());
    note_what_is_unusual();
    manager_.tell("READY=1");
    if (options_.stop.wait) intake_.stop_when_idle(*options_.stop.wait);
    if (options_.socket.interface) intake_.tell_when_gone(*options_.socket.interface);
    if (options_.stats) print_stats_every(*options_.stats);
    stage_.loop.on_usr1([this] { tell_so_far(); });
    const run::StopReason reason = stage_.loop.run();
    manager_.tell("STOPPING=1");
    if (responder_) responder_->finish();
    intake_.take_what_waits();
    report_all_streams(false);
    intake_.tell_top();
    intake_.explain_silence();
    if (forwarder_) forwarder_->summarize();
    stage_.report.summary(totals());
    metrics_.finish();
    return stage_.finish(status_of_receiving(reason, intake_.datagrams(), options_.stop));
  }

 private:
  // What arrives at one of the sockets.
  struct Ear final : Client {
    Ear(Listener& its_listener, net::UdpSocket& its_socket, std::size_t its_number)
        : listener(its_listener), socket(its_socket), number(its_number), answers(its_socket) {}

    Admission admit(const net::Received& received) override {
      const SenderFilter& filter = listener.options_.filter;
      return {filter.lets_all() || filter.lets(received.sender->address())};
    }
    void take(const net::Received& received, const Admission&) override {
      if (listener.streams_) listener.streams_->add(number, received, arrival_of(received));
      if (listener.forwarder_) listener.forwarder_->take(received, answers);
      if (!listener.responder_) return;
      if (now == AnswerGuard::Time{}) now = AnswerGuard::Time::clock::now();  // once a batch
      if (listener.responder_->admits(received, now)) listener.responder_->answer(received, answers);
    }
    std::size_t room() const override { return listener.responder_ ? listener.responder_->room() : Client::room(); }
    void batch_done() override {
      if (listener.forwarder_) listener.forwarder_->batch_done();
      if (!listener.responder_) return;
      listener.responder_->depart();
      answers.transmit_or_drop();
      now = {};
      while (const auto text = listener.guard_.news()) listener.stage_.report.notice(*text);
    }

    Listener& listener;
    net::UdpSocket& socket;
    std::size_t number;
    traffic::Transmitter answers;
    AnswerGuard::Time now{};
  };

  std::unique_ptr<Responder> make_responder() {
    const std::optional<int> ttl = options_.socket.ttl;
    if (options_.exec.command) return std::make_unique<Exec>(guard_, ttl, options_.exec, stage_, intake_);
    if (options_.chat) return std::make_unique<Chat>(guard_, stage_);
    if (options_.stamp) {
      StampReflector::Settings settings{ttl, options_.socket.dscp.has_value(), !options_.filter.allowed.empty(), {}};
      if (options_.stamp_key) settings.key = read_stamp_key(*options_.stamp_key, stage_.report);
      return std::make_unique<StampReflector>(guard_, std::move(settings));
    }
    if (options_.echo || options_.reply) return std::make_unique<Echo>(guard_, ttl, options_.reply);
    return nullptr;
  }

  void confine() {
    run::PrivilegeOptions privileges = options_.privileges;
    if (options_.exec.command) privileges.sandbox = false;  // what a command may do is not for udptool to say
    stage_.confine(privileges, {.names = forwarder_ && forwarder_->needs_names(),
                                .clock = options_.stamp,
                                .replaces_in = metrics_.directory()});
  }

  void measure(output::MetricsText& metrics) override {
    const output::Totals totals = intake_.totals();
    for (const Ear& ear : ears_) {
      const std::string labels = output::labels({{"endpoint", net::to_string(ear.socket.local_endpoint())}});
      add_heard(metrics, labels, intake_.heard(ear.number));
      if (responder_) metrics.add(metric::answered, labels, ear.answers.sent());
      if (streams_) measure_streams(metrics, labels, *streams_, ear.number);
    }
    if (forwarder_) forwarder_->measure(metrics);
    metrics.add(metric::senders, "", totals.senders);
  }

  void tell_status() {
    const output::Totals totals = intake_.totals();
    manager_.tell(fmt::format("STATUS={}, {}, {} dropped", base::counted(totals.datagrams, "datagram"),
                              base::counted(totals.bytes, "byte"), totals.dropped));
  }

  void report_all_streams(bool asked) {
    if (!streams_) return;
    for (const Ear& ear : ears_) {
      report_streams(*streams_, ear.number, {ear.socket.local_endpoint(), false, {}}, stage_.report, asked);
    }
    report_more_streams(*streams_, stage_.report);
  }

  void print_stats_every(base::Nanoseconds interval) {
    intake_.print_stats_every(interval);
    stage_.loop.every(interval, [this](base::Nanoseconds) {
      tell_status();
      report_all_streams(true);
      stage_.report.flush();
    });
  }

  void tell_so_far() {
    if (!stage_.report.json()) report_all_streams(true);
    stage_.report.so_far(totals());
  }

  output::Totals totals() {
    output::Totals totals = intake_.totals();
    if (!responder_) return totals;
    totals.not_answered = guard_.refused();
    for (const Ear& ear : ears_) *totals.not_answered += ear.answers.failed();
    return totals;
  }

  static bool is_only_printing(const ListenOptions& options) {
    return !options.echo && !options.reply && !options.exec.command && !options.chat && !options.stamp &&
           options.forward.targets.empty();
  }

  void note_what_is_unusual() {
    bool reachable = false;
    for (const auto& socket : sockets_) {
      const net::Endpoint local = socket->local_endpoint();
      reachable = reachable || !local.address().is_loopback();
      if (local.address().is_multicast()) {
        stage_.report.notice(
            fmt::format("{} is a group: `udptool join {}` joins it; here only what others joined is heard",
                        net::to_string(local.address()), net::to_string(local)));
      } else if (local.address().is_v4() && !local.address().is_unspecified()) {
        stage_.report.verbose_notice(
            fmt::format("{} hears no broadcasts: they come to {} only", net::to_string(local),
                        net::to_string(net::Endpoint(net::asio::ip::address_v4::any(), local.port()))));
      }
    }
    constexpr std::size_t long_answer = 64;
    if (options_.reply && options_.reply->size() > long_answer && reachable && options_.filter.allowed.empty()) {
      stage_.report.notice(
          fmt::format("the reply of {} bytes goes to whatever sender a datagram claims: --allow names who may ask",
                      options_.reply->size()));
    }
  }

  net::WantedMetadata wanted() const {
    net::WantedMetadata wanted = output::wanted_metadata(options_.output);
    if (responder_) wanted.add(responder_->needs());
    if (forwarder_) wanted.add(Forwarder::needs());
    if (options_.streams.any()) wanted.add(Streams::needs());
    return wanted;
  }

  const ListenOptions& options_;
  Stage stage_;
  output::RecordWriter records_;
  Intake intake_;
  std::optional<Streams> streams_;
  RtpPayloads rtp_payloads_{records_};
  Sockets sockets_;
  AnswerGuard guard_{!options_.filter.allowed.empty()};
  std::unique_ptr<Responder> responder_;
  std::deque<Ear> ears_;
  std::optional<Forwarder> forwarder_;
  net::ServiceManager manager_;
  Metrics metrics_{stage_, options_.metrics, *this};
};

}  // namespace

base::ExitStatus listen(const ListenOptions& options) { return Listener(options).run(); }

}  // namespace commands
