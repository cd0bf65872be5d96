// SPDX-License-Identifier: MIT
#include "commands/listen/listen.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/error.hpp"
#include "commands/forward.hpp"
#include "commands/listen/shared_pcap.hpp"
#include "commands/listen/worker.hpp"
#include "commands/metrics.hpp"
#include "commands/stage.hpp"
#include "net/service.hpp"
#include "run/thread.hpp"

namespace commands {
namespace {

class Listener final : Measured {
 public:
  explicit Listener(const ListenOptions& options)
      : options_(options),
        stage_(options.output, options.stop, is_only_printing(options) ? Reader::needed : Reader::optional),
        pcap_(options.threads > 1 && options.output.pcap
                  ? std::make_unique<SharedPcap>(*options.output.pcap, stage_.sink)
                  : nullptr) {
    for (std::size_t i = 1; i < options.threads; ++i) {
      others_.emplace_back(options, stage_, pcap_.get());
      first_.intake().count_with(others_.back().worker.intake());
    }
  }

  base::ExitStatus run() {
    first_.open(nullptr);
    for (Other& other : others_) other.worker.open(&first_);
    first_.intake().watch_kernel();
    confine();
    first_.watch();
    for (Other& other : others_) other.start(stage_);
    metrics_.start(options_.stats);
    for (const auto& socket : first_.sockets()) stage_.report.listening(socket->local_endpoint());
    note_what_is_unusual();
    manager_.tell("READY=1");
    watch_over();
    const run::StopReason reason = stage_.loop.run();
    manager_.tell("STOPPING=1");
    for (Other& other : others_) other.thread->end();
    first_.finish();
    for (Other& other : others_) other.worker.finish();
    report_all_streams(false);
    first_.intake().tell_last_top();
    first_.intake().explain_silence();
    note_one_sided();
    summarize();
    return stage_.finish(status_of_receiving(reason, first_.intake().datagrams(), options_.stop));
  }

 private:
  // A thread beside the first.
  struct Other {
    Other(const ListenOptions& options, Stage& first, output::RecordSink* pcap)
        : stage(first, options.output), worker(options, stage, pcap) {}

    void start(Stage& first) {
      worker.watch();
      thread.emplace(stage.loop, first.loop);
    }

    Stage stage;
    Worker worker;
    std::optional<run::LoopThread> thread;
  };

  // Uses each worker on its own thread, the first one first.
  template <class Use>
  void for_each(const Use& use) {
    use(first_);
    for (Other& other : others_) other.stage.loop.call([&] { use(other.worker); });
  }

  void confine() {
    run::PrivilegeOptions privileges = options_.privileges;
    if (options_.exec.command) privileges.sandbox = false;  // what a command may do is not for udptool to say
    stage_.confine(privileges, {.names = first_.forwarder() != nullptr && first_.forwarder()->needs_names(),
                                .clock = options_.stamp,
                                .threads = !others_.empty(),
                                .replaces_in = metrics_.directory()});
  }

  // What happens by time or on demand while datagrams come.
  void watch_over() {
    Intake& intake = first_.intake();
    if (options_.stop.wait) intake.stop_when_idle(*options_.stop.wait);
    if (options_.socket.interface) intake.tell_when_gone(*options_.socket.interface);
    if (options_.stats) print_stats_every(*options_.stats);
    stage_.loop.on_usr1([this] { tell_so_far(); });
    if (!others_.empty()) {
      stage_.loop.every(std::chrono::seconds(1), [this](base::Nanoseconds) { note_one_sided(); });
    }
  }

  void measure(output::MetricsText& metrics) override {
    Intake& intake = first_.intake();
    const output::Totals totals = intake.totals();
    for (std::size_t i = 0; i < first_.sockets().size(); ++i) {
      const std::string labels = output::labels({{"endpoint", net::to_string(first_.sockets()[i]->local_endpoint())}});
      const output::Heard heard = intake.heard(i);
      metrics.add(metric::received_datagrams, labels, heard.datagrams);
      metrics.add(metric::received_bytes, labels, heard.bytes);
      metrics.add(metric::dropped, labels, heard.dropped);
      metrics.add(metric::ignored, labels, heard.ignored);
      if (first_.responds()) {
        std::uint64_t answered = 0;
        for_each([&](const Worker& worker) { answered += worker.answered(i); });
        metrics.add(metric::answered, labels, answered);
      }
      if (first_.streams() != nullptr) measure_streams(metrics, labels, *first_.streams(), i);
    }
    if (first_.forwarder() != nullptr) measure_forwarders(metrics);
    metrics.add(metric::senders, "", totals.senders);
  }

  void measure_forwarders(output::MetricsText& metrics) {
    std::vector<std::uint64_t> sum(options_.forward.targets.size());
    for_each([&](Worker& worker) {
      const std::vector<std::uint64_t> more = worker.forwarder()->forwarded();
      std::transform(sum.begin(), sum.end(), more.begin(), sum.begin(), std::plus<>());
    });
    const auto& sockets = first_.sockets();
    const std::string where =
        sockets.size() == 1 ? output::labels({{"endpoint", net::to_string(sockets[0]->local_endpoint())}}) : "";
    first_.forwarder()->measure(metrics, sum, where);
  }

  void tell_status() {
    const output::Totals totals = first_.intake().totals();
    manager_.tell(fmt::format("STATUS={}, {}, {} dropped", base::counted(totals.datagrams, "datagram"),
                              base::counted(totals.bytes, "byte"), totals.dropped));
  }

  void report_all_streams(bool asked) {
    if (first_.streams() == nullptr) return;
    for (std::size_t i = 0; i < first_.sockets().size(); ++i) {
      const StreamPlace place{first_.sockets()[i]->local_endpoint(), false, {}};
      report_streams(*first_.streams(), i, place, stage_.report, asked);
    }
    report_more_streams(*first_.streams(), stage_.report);
  }

  void print_stats_every(base::Nanoseconds interval) {
    first_.intake().print_stats_every(interval);
    stage_.loop.every(interval, [this](base::Nanoseconds) {
      tell_status();
      report_all_streams(true);
      first_.begin_interval();
      stage_.report.flush();
    });
  }

  void tell_so_far() {
    stage_.report.so_far(totals(), [this] { report_all_streams(true); });
  }

  output::Totals totals() {
    output::Totals totals = first_.intake().totals();
    if (!first_.responds()) return totals;
    totals.not_answered = 0;
    for_each([&](const Worker& worker) { *totals.not_answered += worker.not_answered(); });
    return totals;
  }

  void summarize() {
    if (Forwarder* const forwarder = first_.forwarder()) {
      for (Other& other : others_) forwarder->add(*other.worker.forwarder());
      forwarder->summarize();
    }
    stage_.report.summary(totals());
    metrics_.finish();
  }

  static bool is_only_printing(const ListenOptions& options) {
    return !options.echo && !options.reply && !options.exec.command && !options.chat && !options.stamp &&
           options.forward.targets.empty();
  }

  // More threads do not help who has one sender.
  void note_one_sided() {
    constexpr std::uint64_t min_to_tell = 100;  // datagrams, to tell chance from habit
    if (others_.empty() || told_one_sided_) return;
    std::uint64_t all = 0, most = 0;
    for_each([&](Worker& worker) {
      const std::uint64_t own = worker.intake().own_datagrams();
      all += own;
      most = std::max(most, own);
    });
    told_one_sided_ = all >= min_to_tell && most > all / 10 * 9;
    if (!told_one_sided_) return;
    stage_.report.notice(fmt::format("one of {} threads takes {:.0f} % of all: a sender always comes to the same one",
                                     options_.threads, 100 * static_cast<double>(most) / static_cast<double>(all)));
  }

  void note_what_is_unusual() {
    bool reachable = false;
    for (const auto& socket : first_.sockets()) {
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

  const ListenOptions& options_;
  Stage stage_;
  std::unique_ptr<SharedPcap> pcap_;
  Worker first_{options_, stage_, pcap_.get()};
  std::deque<Other> others_;
  net::ServiceManager manager_;
  Metrics metrics_{stage_, options_.metrics, *this};
  bool told_one_sided_ = false;
};

}  // namespace

base::ExitStatus listen(const ListenOptions& options) { return Listener(options).run(); }

}  // namespace commands
