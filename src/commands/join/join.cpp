#include "commands/join/join.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <set>

#include "base/text.hpp"
#include "commands/intake.hpp"
#include "commands/join/explain/findings.hpp"
#include "commands/join/explain/targets.hpp"
#include "commands/join/membership_report.hpp"
#include "commands/join/memberships.hpp"
#include "commands/join/twin_watch.hpp"
#include "commands/stage.hpp"
#include "commands/streams/report.hpp"
#include "commands/target.hpp"
#include "output/records.hpp"

namespace commands {
namespace {

using base::UsageError;

class Joiner {
 public:
  explicit Joiner(const JoinOptions& options)
      : options_(options),
        stage_(options.output, options.stop, options.forward.targets.empty() ? Reader::needed : Reader::optional),
        records_(options.output, stage_.sink),
        intake_(stage_, options.stop),
        memberships_(stage_.loop, options.socket, wanted(options)),
        streams_(options.streams.any() ? std::make_optional<Streams>(options.streams) : std::nullopt) {
    const bool strips = options.streams.rtp && options.output.format == output::Format::raw;
    intake_.record_as(options.output, strips ? static_cast<output::RecordSink&>(rtp_payloads_) : records_);
  }

  base::ExitStatus run() {
    if (options_.explain) explain_before(targets_of(options_), report());
    join_all();
    if (options_.explain) explain_after(targets_of(memberships_), report());
    report_buffers(memberships_.granted(), report());
    prepare_counts();
    if (!options_.forward.targets.empty()) open_forwarder();
    const bool names = forwarder_ && forwarder_->needs_names();
    stage_.confine(options_.privileges, {.directories = {"/proc/net"}, .names = names});  // the counters of interfaces
    begin_new();
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
    intake_.tell_top();
    if (forwarder_) forwarder_->summarize();
    report().summary(totals);
    return stage_.finish(status_of_receiving(reason, intake_.datagrams(), options_.stop));
  }

 private:
  static net::WantedMetadata wanted(const JoinOptions& options) {
    net::WantedMetadata wanted = output::wanted_metadata(options.output);
    wanted.details = true;        // the interface tells the membership
    if (options.streams.any()) {  // jitter takes a time for each datagram
      wanted.time = true;
      wanted.coalesced = false;
    }
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
      if (joiner.forwarder_) joiner.forwarder_->batch_done();
    }

    Joiner& joiner;
    const Memberships::Socket& socket;
    traffic::Transmitter back;
  };

  void take_streams(const Membership& one, const net::Received& received) {
    streams_->add(one.number, received, arrival_of(received));
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
    forwarder_ = std::make_unique<Forwarder>(stage_, options_.forward, options_.socket);
    std::vector<net::Endpoint> own;
    for (const auto& socket : memberships_.sockets()) own.push_back(socket->udp.local_endpoint());
    forwarder_->open(std::move(own));
  }

  void join_all() {
    for (const net::GroupWord& word : options_.groups) {
      const net::Address last = net::advanced(word.first, word.count - 1);
      if (!word.source && (net::is_source_specific(word.first) || net::is_source_specific(last))) {
        report().notice(fmt::format("{} is for source-specific multicast: routers ignore a join without SOURCE",
                                    net::to_string(net::is_source_specific(word.first) ? word.first : last)));
      }
      const std::vector<net::Interface> interfaces = interfaces_for(word);
      for (std::uint32_t i = 0; i < word.count; ++i) join_one(word, net::advanced(word.first, i), interfaces);
    }
  }

  void join_one(const net::GroupWord& word, const net::Address& group, const std::vector<net::Interface>& interfaces) {
    const bool chosen = !options_.interfaces.empty() || net::zone_of(group) != 0;
    std::size_t joined = 0;
    std::optional<base::Failure> first_error;
    for (const net::Interface& interface : interfaces) {
      if (is_member(word, group, interface)) {
        ++joined;
        continue;
      }
      try {
        memberships_.join(word.source, group, word.port, interface);
        ++joined;
      } catch (const base::Failure& error) {
        if (chosen || Memberships::is_limit(error.code)) throw;
        if (!first_error) first_error = error;
        report().notice(fmt::format("{}; going on with the other interfaces", error.what()));
      }
    }
    if (joined == 0 && first_error) throw *first_error;
  }

  // The same group twice is one. Taking it from any source and from one of them contradicts itself.
  bool is_member(const net::GroupWord& word, const net::Address& group, const net::Interface& interface) const {
    for (const Membership* one : memberships_.find(group, word.port, interface)) {
      if (one->source == word.source) return true;
      if (!one->source || !word.source) {
        throw UsageError(fmt::format("{} is joined both from any source and from {}", net::to_string(group),
                                     net::to_string(one->source ? *one->source : *word.source)));
      }
    }
    return false;
  }

  std::vector<net::Interface> interfaces_for(const net::GroupWord& word) {
    const net::Family family = net::family_of(word.first);
    const unsigned zone = net::zone_of(word.first);
    std::vector<net::Interface> found;
    for (const net::Interface& one : options_.interfaces.empty() ? net::interfaces() : options_.interfaces) {
      const bool here = one.up && (zone == 0 || one.index == zone);
      const bool valid = here && one.valid_for_multicast(family);
      if (!options_.interfaces.empty() && !valid) tell_or_refuse(one, word.first, family);
      if (valid || !options_.interfaces.empty()) found.push_back(one);
    }
    if (found.empty()) {
      throw base::Failure(ENODEV, fmt::format("cannot join {}: no interface is up and able to multicast over {}",
                                              net::to_string(word.first), net::name_of(family)));
    }
    return found;
  }

  // An interface that was named and is not fit for multicast: the kernel may join there all the same.
  void tell_or_refuse(const net::Interface& interface, const net::Address& group, net::Family family) {
    const unsigned zone = net::zone_of(group);
    const std::string name = interface.shown();
    if (zone != 0 && interface.index != zone) {
      throw UsageError(fmt::format("the zone of {} contradicts -i {}", net::to_string(group), name));
    }
    if (!interface.up) throw UsageError(fmt::format("interface {} is down", name));
    if (!told_.insert({interface.index, family}).second) return;
    const bool able = interface.multicast || interface.loopback;
    report().notice(fmt::format(
        "joining on {} although it {}", name,
        able ? fmt::format("has no {} address", net::name_of(family)) : std::string("lacks the MULTICAST flag")));
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
    stage_.loop.every(interval, [this](base::Nanoseconds elapsed) { membership_report_.stats(memberships_, elapsed); });
  }

  void tell_so_far() {
    if (!report().json()) membership_report_.summarize(memberships_);
    report().so_far(intake_.totals());
  }

  void watch_interfaces() {
    std::set<unsigned> watched;
    for (const auto& one : memberships_.all()) {
      if (watched.insert(one->interface.index).second) intake_.tell_when_gone(one->interface);
    }
    if (options_.interfaces.empty()) {
      stage_.loop.every(std::chrono::seconds(1), [this](base::Nanoseconds) { join_later_interfaces(); });
    }
  }

  // Interfaces that have become valid since. One that refuses is told once.
  void join_later_interfaces() {
    if (memberships_.left()) return;
    for (const net::Interface& interface : net::interfaces()) {
      for (const net::GroupWord& word : options_.groups) {
        const unsigned zone = net::zone_of(word.first);
        if (!interface.valid_for_multicast(net::family_of(word.first)) || (zone != 0 && zone != interface.index))
          continue;
        for (std::uint32_t i = 0; i < word.count; ++i) join_later(word, net::advanced(word.first, i), interface);
      }
    }
    begin_new();
  }

  void join_later(const net::GroupWord& word, const net::Address& group, const net::Interface& interface) {
    if (refused_.count(interface.index) != 0 || is_member(word, group, interface)) return;
    try {
      memberships_.join(word.source, group, word.port, interface);
    } catch (const base::Failure& error) {
      refused_.insert(interface.index);
      report().notice(error.what());
    }
  }

  // Traffic that stops some minutes after the join has a usual cause.
  void watch_for_stalls() {
    stage_.loop.every(std::chrono::seconds(1), [this](base::Nanoseconds) {
      const auto now = run::Clock::now();
      for (const auto& one : memberships_.all()) {
        if (!one->stall_watch.stalled(now)) continue;
        const net::Endpoint group(net::with_zone(one->group, 0), one->port);
        const std::string interface = net::shown_interface(one->interface.index);
        report().notice(stall_text(group, interface, one->stall_watch.last_heard()));
      }
    });
  }

  const JoinOptions& options_;
  Stage stage_;
  output::RecordWriter records_;
  Intake intake_;
  Memberships memberships_;
  std::unique_ptr<Forwarder> forwarder_;
  std::deque<Members> members_;
  std::optional<Streams> streams_;
  RtpPayloads rtp_payloads_{records_};
  MembershipReport membership_report_{stage_.report, streams_ ? &*streams_ : nullptr};
  TwinWatch twins_;
  std::size_t watched_sockets_ = 0;
  std::size_t announced_ = 0;
  std::size_t networks_ = 0;  // interfaces that are joined on, without the loopback
  std::set<unsigned> refused_;
  std::set<std::pair<unsigned, net::Family>> told_;
};

}  // namespace

base::ExitStatus join(const JoinOptions& options) { return Joiner(options).run(); }

}  // namespace commands
