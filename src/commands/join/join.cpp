// SPDX-License-Identifier: MIT
#include "commands/join/join.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include "base/text.hpp"
#include "commands/forward.hpp"
#include "commands/intake.hpp"
#include "commands/join/explain/findings.hpp"
#include "commands/join/joining.hpp"
#include "commands/join/membership_report.hpp"
#include "commands/join/memberships.hpp"
#include "commands/join/twin_watch.hpp"
#include "commands/metrics.hpp"
#include "commands/stage.hpp"
#include "commands/streams/report.hpp"
#include "commands/target.hpp"
#include "output/records.hpp"

namespace commands {
namespace {

// What --explain looks at: the groups on the interfaces as they were named, whether or not they can be joined on.
std::vector<ExplainTarget> targets_of(const JoinOptions& options) {
  std::vector<ExplainTarget> targets;
  for (const net::GroupWord& word : options.groups) {
    for (std::uint32_t i = 0; i < word.count; ++i) {
      targets.push_back({net::advanced(word.first, i), word.source, word.port,
                         options.interfaces.empty() ? net::interfaces() : options.interfaces});
    }
  }
  return targets;
}

std::vector<ExplainTarget> targets_of(const Memberships& memberships) {
  std::vector<ExplainTarget> targets;
  for (const auto& one : memberships.all()) targets.push_back({one->group, one->source, one->port, {one->interface}});
  return targets;
}

class Joiner final : Measured {
 public:
  explicit Joiner(const JoinOptions& options)
      : options_(options),
        stage_(options.output, options.stop, options.forward.targets.empty() ? Reader::needed : Reader::optional),
        records_(options.output, stage_.sink),
        intake_(stage_, options.stop.count),
        memberships_(stage_.loop, options.socket, wanted(options)),
        streams_(options.streams.any() ? std::make_optional<Streams>(options.streams) : std::nullopt) {
    intake_.record_as(options.output, rtp_payloads_.or_whole(options.streams, options.output));
  }

  base::ExitStatus run() {
    if (options_.explain) explain_before(targets_of(options_), report());
    joining_.join_all();
    if (options_.explain) explain_after(targets_of(memberships_), report());
    report_buffers(memberships_.granted(), report());
    prepare_counts();
    if (!options_.forward.targets.empty()) open_forwarder();
    const bool names = forwarder_ && forwarder_->needs_names();
    intake_.watch_kernel();
    stage_.confine(options_.privileges, {.directories = {"/proc/net"},  // the counters of interfaces
                                         .names = names,
                                         .replaces_in = metrics_.directory()});
    begin_new();
    metrics_.start(options_.stats);
    tell_only_loopback();
    if (options_.stop.wait) intake_.stop_when_idle(*options_.stop.wait);
    if (options_.stats) print_stats_every(*options_.stats);
    watch_for_stalls();
    watch_interfaces();
    stage_.loop.on_usr1([this] { tell_so_far(); });
    if (options_.rejoin) stage_.loop.every(*options_.rejoin, [this](base::Nanoseconds) { memberships_.rejoin(); });
    if (options_.leave_after) {
      stage_.loop.after(*options_.leave_after, [this] {
        take_what_waits();
        leave();
      });
    }
    const run::StopReason reason = stage_.loop.run();
    take_what_waits();
    const output::Totals totals = intake_.totals();
    leave();
    membership_report_.summarize(memberships_);
    intake_.tell_last_top();
    intake_.explain_silence();
    if (forwarder_) forwarder_->summarize();
    report().summary(totals);
    metrics_.finish();
    return stage_.finish(status_of_receiving(reason, intake_.datagrams(), options_.stop));
  }

 private:
  static net::WantedMetadata wanted(const JoinOptions& options) {
    net::WantedMetadata wanted = output::wanted_metadata(options.output);
    wanted.details = true;  // the interface tells the membership
    if (options.streams.any()) wanted.add(Streams::needs(options.streams));
    return wanted;
  }

  // What arrives at one of the sockets.
  struct Members final : Client {
    Members(Joiner& its_joiner, Memberships::Socket& its_socket)
        : joiner(its_joiner), socket(its_socket), back(its_socket.udp) {}

    Admission admit(const net::Received& received) override {
      const auto index = joiner.memberships_.left() ? std::nullopt : socket.index_of(received);
      return {index.has_value(), index.value_or(0)};
    }
    void take(const net::Received& received, const Admission& admission) override {
      Membership& one = *socket.memberships[admission.whose];
      one.take(received);
      if (joiner.streams_) joiner.take_streams(one, received);
      if (joiner.networks_ > 1) joiner.look_for_twins(one, received);
      if (joiner.forwarder_) joiner.forwarder_->take(received, back);
    }
    void batch_done() override {
      joiner.arrivals_.batch_done();
      if (joiner.forwarder_) joiner.forwarder_->batch_done();
    }

    Joiner& joiner;
    const Memberships::Socket& socket;
    traffic::Transmitter back;
  };

  void measure(output::MetricsText& metrics) override {
    const output::Totals totals = intake_.totals();
    std::string where;  // of the only one that there will be
    for (const auto& one : memberships_.all()) {
      const std::string labels = output::labels({{"group", one->group_text()}, {"interface", one->interface.name}});
      metrics.add(metric::received_datagrams, labels, one->datagrams);
      metrics.add(metric::received_bytes, labels, one->bytes);
      if (streams_) measure_streams(metrics, labels, *streams_, one->number);
      if (memberships_.all().size() == 1 && options_.interfaces.size() == 1) where = labels;
    }
    measure_sockets(metrics);
    if (forwarder_) forwarder_->measure(metrics, forwarder_->forwarded(), where);
    metrics.add(metric::senders, "", totals.senders);
  }

  // What is counted by the socket, of which a group may have several, for all interfaces.
  void measure_sockets(output::MetricsText& metrics) {
    std::map<std::string, output::Heard> by_group;
    for (std::size_t i = 0; i < watched_sockets_; ++i) {
      by_group[memberships_.sockets()[i]->memberships.front()->group_text()].add(intake_.heard(i));
    }
    for (const auto& [group, heard] : by_group) {
      const std::string of_group = output::labels({{"group", group}});
      const std::string labels =
          options_.interfaces.size() != 1
              ? of_group
              : of_group + "," + output::labels({{"interface", options_.interfaces.front().name}});
      metrics.add(metric::dropped, labels, heard.dropped);
      metrics.add(metric::ignored, labels, heard.ignored);
    }
  }

  void take_streams(const Membership& one, const net::Received& received) {
    streams_->add(one.number, received, arrivals_.of(received));
    const auto two = streams_->take_two_senders();
    if (!two) return;
    report().notice(fmt::format("a second sender on {}: {} beside {}", one.text(), net::to_string(two->second),
                                net::to_string(two->first)));
  }

  void look_for_twins(const Membership& one, const net::Received& received) {
    if (one.interface.loopback) return;
    const auto twins = twins_.heard(received, one.interface.index);
    if (!twins) return;
    report().notice(fmt::format("the same datagrams come by {} and {}: choose one with -i",
                                base::escaped(net::interface_name(twins->first)),
                                base::escaped(net::interface_name(twins->second))));
  }

  // What was joined since the last time is listened to, and told.
  void begin_new() {
    for (; watched_sockets_ < memberships_.sockets().size(); ++watched_sockets_) {
      Memberships::Socket& socket = *memberships_.sockets()[watched_sockets_];
      intake_.watch(socket.udp, members_.emplace_back(*this, socket));
    }
    for (; announced_ < memberships_.all().size(); ++announced_) {
      membership_report_.announce("joined", *memberships_.all()[announced_]);
    }
    std::set<unsigned> networks;
    for (const auto& one : memberships_.all()) {
      if (!one->interface.loopback) networks.insert(one->interface.index);
    }
    networks_ = networks.size();
  }

  void tell_only_loopback() {
    if (networks_ > 0 || !options_.interfaces.empty()) return;
    report().notice("only the loopback is joined: nothing from the network arrives");
  }

  output::Report& report() { return stage_.report; }

  void open_forwarder() {
    const auto by = options_.interfaces.size() == 1 ? std::optional(options_.interfaces.front()) : std::nullopt;
    forwarder_ = std::make_unique<Forwarder>(stage_, options_.forward, options_.socket, by);
    std::vector<net::Endpoint> own;
    for (const auto& socket : memberships_.sockets()) own.push_back(socket->udp.local_endpoint());
    forwarder_->open(std::move(own));
  }

  // Many memberships must not each remember as many senders as a single one may.
  void prepare_counts() {
    const std::size_t each = traffic::SenderCounter::default_max / std::max<std::size_t>(memberships_.all().size(), 1);
    for (const auto& one : memberships_.all()) {
      one->senders = traffic::SenderCounter(std::max<std::size_t>(each, 64));
    }
  }

  // What came before the leave is shown, also when it has not been read yet.
  void take_what_waits() {
    if (!memberships_.left()) intake_.take_what_waits();
  }

  void leave() {
    if (memberships_.left()) return;
    memberships_.leave();
    for (const auto& one : memberships_.all()) membership_report_.announce("left", *one);
  }

  void print_stats_every(base::Nanoseconds interval) {
    intake_.print_stats_every(interval);
    stage_.loop.every(interval, [this](base::Nanoseconds elapsed) {
      membership_report_.stats(memberships_, elapsed);
      if (streams_) streams_->begin_interval();
    });
  }

  void tell_so_far() {
    report().so_far(intake_.totals(), [this] { membership_report_.summarize(memberships_); });
  }

  void watch_interfaces() {
    std::set<unsigned> watched;
    for (const auto& one : memberships_.all()) {
      if (watched.insert(one->interface.index).second) intake_.tell_when_gone(one->interface);
    }
    if (options_.interfaces.empty()) {
      stage_.loop.every(std::chrono::seconds(1), [this](base::Nanoseconds) {
        joining_.join_later_interfaces();
        begin_new();
      });
    }
  }

  // Traffic that stops some minutes after the join has a usual cause.
  void watch_for_stalls() {
    stage_.loop.every(std::chrono::seconds(1), [this](base::Nanoseconds) {
      const auto now = run::Clock::now();
      for (const auto& one : memberships_.all()) {
        if (!one->stall_watch.stalled(now)) continue;
        const std::string_view interface = net::interface_name(one->interface.index);
        report().notice(stall_text({one->group, one->port}, interface, one->stall_watch.last_heard()));
      }
    });
  }

  const JoinOptions& options_;
  Stage stage_;
  output::RecordWriter records_;
  Intake intake_;
  Memberships memberships_;
  Joining joining_{options_, memberships_, stage_.report};
  std::unique_ptr<Forwarder> forwarder_;
  std::deque<Members> members_;
  std::optional<Streams> streams_;
  ArrivalClock arrivals_;
  RtpPayloads rtp_payloads_{records_};
  MembershipReport membership_report_{stage_.report, intake_, streams_ ? &*streams_ : nullptr};
  TwinWatch twins_;
  std::size_t watched_sockets_ = 0;
  std::size_t announced_ = 0;
  Metrics metrics_{stage_, options_.metrics, *this};
  std::size_t networks_ = 0;  // interfaces that are joined on, without the loopback
};

}  // namespace

base::ExitStatus join(const JoinOptions& options) { return Joiner(options).run(); }

}  // namespace commands
