#include "commands/send/send.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <map>
#include <set>

#include "base/error.hpp"
#include "base/text.hpp"
#include "commands/intake.hpp"
#include "commands/send/progress.hpp"
#include "commands/target.hpp"
#include "net/route.hpp"
#include "output/records.hpp"
#include "traffic/pace.hpp"

namespace commands {
namespace {

class Session final : Client {
 public:
  explicit Session(const SendOptions& options)
      : options_(options),
        words_{options.host, options.port, options.family, options.source_address, options.source_port},
        sink_(STDOUT_FILENO, &run::Loop::past_deadline),
        report_(options.output, sink_),
        records_(options.output, sink_),
        intake_(loop_, sink_, report_, receiving(options)),
        socket_(loop_.context()) {
    loop_.on_reader_gone(STDOUT_FILENO, [] { throw output::Closed{}; });
    if (options.output.format != output::Format::none) intake_.record_to(records_);
  }

  base::ExitStatus run() {
    if (options_.stop.deadline) loop_.stop_after(*options_.stop.deadline);
    destination_ = find_destination(loop_, words_, options_.socket, report());
    source_ = make_source(options_.payloads, net::max_payload(net::family_of(destination_.endpoint)));
    open_socket();
    if (options_.privileges.user) run::become(*options_.privileges.user);
    if (options_.rate) pacer_.emplace(*options_.rate, run::Clock::now());
    if (options_.bitrate) pacer_.emplace(*options_.bitrate, run::Clock::now());
    if (options_.progress && source_->progress()) show_progress();
    intake_.watch(socket_, *this);
    loop_.post([this] { pump(); });
    const run::StopReason reason = loop_.run();
    intake_.take_what_waits();
    return finish(reason);
  }

 private:
  // The count of the command line is of rounds to send, not of datagrams to receive.
  static run::StopOptions receiving(const SendOptions& options) {
    run::StopOptions stop = options.stop;
    stop.count.reset();
    return stop;
  }

  output::Report& report() { return report_; }
  bool waits_for_replies() const { return options_.stop.wait || options_.replies; }

  void open_socket() {
    const net::Endpoint& to = destination_.endpoint;
    socket_.open(net::family_of(to));
    report_buffers(net::apply(options_.socket, destination_.is_multicast(), socket_), report());
    socket_.want(output::wanted_metadata(options_.output));
    socket_.report_transport_errors(true);
    socket_.use_segmentation(destination_.unfragmented());
    bind_source(words_, socket_);
    if (destination_.is_multicast()) report_multicast_interface();
    // A connected socket is faster, but hears only the one peer: not where others may answer.
    const bool connect = !destination_.is_multicast() && !options_.socket.broadcast && !waits_for_replies();
    if (connect) socket_.connect(to);
    batch_.set_route({connect ? std::nullopt : std::optional(to), {}, -1});
  }

  void report_multicast_interface() {
    if (!report().verbose()) return;
    const unsigned zone = net::zone_of(destination_.endpoint.address());
    const std::string_view name = options_.socket.interface ? std::string_view(options_.socket.interface->name)
                                  : zone != 0               ? net::interface_name(zone)
                                                            : std::string_view();
    report().notice(fmt::format("multicast leaves by {}",
                                name.empty() ? net::interface_with(destination_.local) : std::string(name)));
  }

  // Sends what is due and ready, then arranges to be called again.
  void pump() {
    constexpr int batches_a_turn = 64;
    for (int i = 0; i < batches_a_turn && !loop_.stopping(); ++i) {
      if (batch_.empty()) fill();
      if (!transmit()) return;
      if (failure_) std::rethrow_exception(failure_);
      if (source_->ended()) return end_of_source();
      if (wants_input_ && !source_->is_regular_file()) return wait_for_input();
      if (wants_input_) source_->refill();
      if (pacer_ && !wants_input_) {
        const auto now = run::Clock::now();
        if (!pacer_->is_due(now)) return loop_.at(std::max(pacer_->next(), now + shortest_nap), [this] { pump(); });
      }
    }
    loop_.post([this] { pump(); });
  }

  void fill() {
    batch_.clear();
    wants_input_ = false;
    const auto now = pacer_ ? run::Clock::now() : run::Clock::time_point{};
    const std::size_t unfragmented = destination_.unfragmented();
    try {
      while (!batch_.full() && (!pacer_ || pacer_->is_due(now))) {
        const auto payload = source_->next();
        if (!payload) {
          wants_input_ = !source_->ended();
          return;
        }
        if (payload->size() > unfragmented) note_fragments(payload->size());
        batch_.add(*payload);
        ++asked_;
        if (pacer_) pacer_->spend(options_.bitrate ? static_cast<double>(payload->size()) * 8 : 1);
      }
    } catch (const base::Error&) {
      failure_ = std::current_exception();  // what was good before goes out first
    }
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
    constexpr int most_naps = 100;  // for a queue of this host that stays full
    while (!batch_.empty()) {
      const net::SendResult result = socket_.send(batch_);
      sent_ += result.datagrams;
      sent_bytes_ += result.bytes;
      if (result.datagrams > 0) naps_ = 0;
      if (socket_.segmentation_given_up()) report().verbose_notice("segmented sending does not work here: not used");
      if (result.error == 0) break;
      if (result.error == EAGAIN) {
        loop_.when_writable(socket_, [this] { pump(); });
        return false;
      }
      if (result.error == ENOBUFS && naps_ < most_naps) {
        ++naps_;
        loop_.after(std::chrono::milliseconds(1), [this] { pump(); });
        return false;
      }
      give_up_first(result.error);
    }
    return true;
  }

  void give_up_first(int error) {
    if (error == EACCES && sent_ == 0) {  // what is forbidden from the start is the wrong destination
      throw base::failure(error, "cannot send to " + net::to_string(destination_.endpoint),
                          net::hint_of_sending(error, destination_.endpoint.address()));
    }
    batch_.drop_first();
    const bool news = failures_[error]++ == 0;
    if (news && !source_->ended()) {
      report().notice(
          fmt::format("cannot send to {}: {}; going on", net::to_string(destination_.endpoint), std::strerror(error)));
    }
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
      report().error(error, error.is_refusal() ? family_hint(words_, destination_) : "");
    }
    check_refusals();
  }

  void check_refusals() {
    if (sent_all_ && sent_ > 0 && refused_ >= sent_) loop_.stop(run::StopReason::done);
  }

  void show_progress() {
    using namespace std::chrono_literals;
    loop_.every(200ms, [this] { progress_.show(*source_->progress(), sent_, sent_bytes_); });
  }

  base::ExitStatus finish(run::StopReason reason) {
    if (options_.progress && source_->progress()) progress_.show(*source_->progress(), sent_, sent_bytes_);
    progress_.end();
    const bool interrupted = reason == run::StopReason::signal || reason == run::StopReason::deadline;
    if (interrupted || report().json()) {
      output::Totals totals = intake_.totals();
      totals.sent = sent_;
      totals.sent_bytes = sent_bytes_;
      report().summary(totals);
    }
    sink_.flush();
    if (!failures_.empty()) {
      report_failures();
      return base::ExitStatus::failed;
    }
    if (intake_.datagrams() > 0) return base::ExitStatus::done;
    if (refused_ > 0) return base::ExitStatus::refused;
    const bool open_ended = options_.payloads.rounds == for_ever || (!options_.stop.count && is_stream());
    if (interrupted && !sent_all_) return open_ended ? base::ExitStatus::done : base::ExitStatus::nothing;
    return options_.stop.wait ? base::ExitStatus::nothing : base::ExitStatus::done;
  }

  bool is_stream() const { return source_->descriptor() >= 0 && !source_->is_regular_file(); }

  void report_failures() {
    std::uint64_t failed = 0;
    std::string reasons;
    for (const auto& [error, count] : failures_) {
      failed += count;
      if (!reasons.empty()) reasons += ", ";
      reasons += std::strerror(error);
      if (asked_ > 1) reasons += fmt::format(" ({})", count);
    }
    const std::string to = net::to_string(destination_.endpoint);
    const int code = failures_.begin()->first;
    report().error(base::Failure(
        code,
        asked_ == 1 ? fmt::format("cannot send to {}: {}", to, reasons)
                    : fmt::format("{} of {} datagrams to {} could not be sent: {}", failed, asked_, to, reasons),
        net::hint_of_sending(code, destination_.endpoint.address())));
  }

  static constexpr auto shortest_nap = std::chrono::microseconds(50);

  const SendOptions& options_;
  DestinationWords words_;
  run::Loop loop_;
  output::Sink sink_;
  output::Report report_;
  output::RecordWriter records_;
  Intake intake_;
  net::UdpSocket socket_;
  Destination destination_;
  std::unique_ptr<PayloadSource> source_;
  std::optional<traffic::Pacer> pacer_;
  net::SendBatch batch_;
  Progress progress_;
  std::exception_ptr failure_;
  std::map<int, std::uint64_t> failures_;  // datagrams that this host did not take, by errno
  std::set<std::string> shown_;
  std::uint64_t asked_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t sent_bytes_ = 0;
  std::uint64_t refused_ = 0;
  int naps_ = 0;
  bool wants_input_ = false;
  bool noted_fragments_ = false;
  bool sent_all_ = false;
};

}  // namespace

base::ExitStatus send(const SendOptions& options) { return Session(options).run(); }

}  // namespace commands
