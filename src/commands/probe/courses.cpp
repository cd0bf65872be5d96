// SPDX-License-Identifier: MIT
// Who is asked at the same time: targets, their addresses, flows, interfaces. Each is a course of its own, of one loop.
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <exception>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/text.hpp"
#include "commands/metrics.hpp"
#include "commands/probe/course.hpp"
#include "commands/probe/flows.hpp"
#include "commands/probe/modes.hpp"
#include "commands/probe/series.hpp"
#include "commands/probe/tally.hpp"
#include "commands/probe/targets.hpp"
#include "commands/stamp_key.hpp"
#include "net/interfaces.hpp"
#include "net/resolve.hpp"

namespace commands {
namespace {

// Of all together as many as of one alone, but never too few for what percentiles need.
std::size_t kept_each(std::size_t courses) {
  constexpr std::size_t min_kept = 1'000;
  return std::max(min_kept, ProbeLog::max_exact / std::max<std::size_t>(courses, 1));
}

// When that one of so many begins, after the first: one after the other, and all before the first has its second turn.
// Those of the same 10 ms leave together: to wake for each costs as much as to ask it (1,000 at 1/s: 8 % of a core).
base::Nanoseconds head_start(const ProbeOptions& options, std::size_t place, std::size_t courses) {
  const base::Nanoseconds together = std::min<base::Nanoseconds>(options.interval / 10, std::chrono::milliseconds(10));
  base::Nanoseconds step = options.interval / static_cast<std::int64_t>(courses);
  if (!options.stop.count) step = std::min<base::Nanoseconds>(step, std::chrono::milliseconds(1));
  const base::Nanoseconds begin = step * static_cast<std::int64_t>(place % courses);
  return options.stop.count && step < together ? begin - begin % together : begin;
}

// A group that is not bound to an interface is asked on each.
std::vector<ProbeOptions> by_interface(const ProbeOptions& options) {
  const auto address = net::parse_address(options.target.host);
  if (!address || !address->is_multicast() || options.socket.interface || net::zone_of(*address) != 0) return {options};
  std::vector<ProbeOptions> each;
  for (const net::Interface& one : net::candidates_for(*address)) {
    each.push_back(options);
    each.back().socket.interface = one;
  }
  if (each.size() > 1) {
    for (ProbeOptions& one : each) one.asked_by = one.socket.interface->name;
  }
  return each.empty() ? std::vector{options} : each;
}

// The target as the command line or the file names it.
std::string written(const ProbeOptions& options) {
  return options.name.empty() ? net::join_host_port(options.target.host, options.target.port) : options.name;
}

// Lets this process have so many files open, or as many as it may.
void allow_open_files(std::size_t wanted) {
  constexpr std::size_t others = 64;
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted + others) return;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, wanted + others);
  setrlimit(RLIMIT_NOFILE, &limit);
}

// One of them. It stays where it is.
struct Series {
  // `socket`: a shared one; null: one of its own.
  Series(ProbeStage& stage, const ProbeOptions& given, const Destination& destination, ProbeSocket* socket,
         std::size_t kept)
      : options(given),
        prober(stage, options, destination, socket),
        log(kept),
        mode(options.mode == ProbeMode::stamp ? make_stamp_mode(options, prober, log)
                                              : make_state_mode(options, prober, log)),
        engine(*mode, log, prober, options.wait()) {
    prober.check_size(mode->size());
  }

  ProbeOptions options;
  Prober prober;
  ProbeLog log;
  std::unique_ptr<SeriesMode> mode;
  Engine engine;
};

class Courses final : Measured {
 public:
  // Finds the target, or begins to look for those in the file. Throws for a single one that cannot be asked.
  Courses(ProbeStage& stage, const ProbeOptions& options);
  // Runs all to their end, and tells what came of them.
  base::ExitStatus run();

 private:
  // A target that cannot be asked: its own result, and no other's.
  struct Unreached {
    std::string name;
    base::Error error;
  };

  void add_listed();
  void look_up_next();
  void look_up(const TargetLine& target);
  void add_addresses(const TargetLine& target, const std::vector<net::Endpoint>& addresses);
  void add_flows(const ProbeOptions& options, const Destination& destination);
  ProbeSocket* socket_for(const ProbeOptions& options, const Destination& destination);
  ProbeOptions options_of(const TargetLine& target) const;

  void measure(output::MetricsText& metrics) override;
  void tell_so_far();
  void tell_flows();
  void give_up_lookups();

  ProbeStage& stage_;
  const ProbeOptions& options_;
  std::vector<TargetLine> listed_;
  std::deque<TargetLine> names_;  // to be looked up
  std::size_t lookups_ = 0;       // under way
  // That targets share, by family: a target has the next one that none with its address has yet.
  std::array<std::deque<ProbeSocket>, 2> sockets_;
  std::map<net::Address, std::size_t> places_;
  std::list<Series> courses_;
  run::Clock::time_point began_ = run::Clock::now();
  std::vector<Unreached> unreached_;
  bool running_ = false;
  bool over_ = false;
  Metrics metrics_{stage_, options_.metrics, *this};
};

Courses::Courses(ProbeStage& stage, const ProbeOptions& options) : stage_(stage), options_(options) {
  if (!options.targets.empty()) {
    add_listed();
    return;
  }
  std::exception_ptr error;
  for (const ProbeOptions& each : by_interface(options)) {
    try {
      add_flows(each, find_target(stage_, each));
    } catch (const base::Failure&) {  // by one of several interfaces
      if (!error) error = std::current_exception();
    }
  }
  if (courses_.empty()) std::rethrow_exception(error);
}

void Courses::add_listed() {
  listed_ = read_targets(options_.targets, options_.target.port, options_.target.family);
  constexpr std::size_t usual_addresses = 4;  // of a name
  allow_open_files(usual_addresses * listed_.size());
  for (const TargetLine& target : listed_) {
    if (net::looks_numeric(target.host)) {
      add_addresses(target, net::resolve(target.host, target.port, options_.target.family));
    } else {
      names_.push_back(target);
    }
  }
}

ProbeOptions Courses::options_of(const TargetLine& target) const {
  ProbeOptions options = options_;
  options.name = target.written;
  options.target.host = target.host;
  options.target.port = target.port;
  return options;
}

void Courses::add_addresses(const TargetLine& target, const std::vector<net::Endpoint>& addresses) {
  for (const net::Endpoint& address : addresses) {
    ProbeOptions options = options_of(target);
    options.target.host = net::to_string(address.address());
    try {
      for (const ProbeOptions& each : by_interface(options)) add_flows(each, find_target(stage_, each));
    } catch (const base::Error& error) {
      unreached_.push_back({target.written, error});
    }
  }
}

void Courses::add_flows(const ProbeOptions& given, const Destination& destination) {
  const std::size_t flows = std::max(given.flows, 1u), all = flows * std::max<std::size_t>(listed_.size(), 1);
  for (unsigned flow = 1; flow <= flows; ++flow) {
    const base::Nanoseconds delay = began_ + head_start(given, courses_.size(), all) - run::Clock::now();
    courses_.emplace_back(stage_, options_of_flow(given, flow, delay), destination, socket_for(given, destination),
                          kept_each(all));
    if (running_) courses_.back().prober.start(courses_.back().engine);
  }
}

// Many targets share a socket of their family: a thousand need no thousand files, and what they answer is taken
// together. Not those where many answer.
ProbeSocket* Courses::socket_for(const ProbeOptions& options, const Destination& destination) {
  if (listed_.empty() || is_for_many(destination, options)) return nullptr;
  const net::Address& target = destination.endpoint.address();
  std::deque<ProbeSocket>& sockets = sockets_[target.is_v4() ? 0 : 1];
  const std::size_t place = places_[net::with_zone(target, 0)]++;
  if (place < sockets.size()) return &sockets[place];
  if (place > 0 && options.target.source_port != 0) {
    throw base::Failure(EADDRINUSE, fmt::format("another target at {} is asked from port {}", net::to_string(target),
                                                options.target.source_port));
  }
  ProbeOptions roomy = options;
  roomy.socket = with_room_for_replies(roomy.socket);
  return &sockets.emplace_back(stage_, roomy, destination);
}

// Names wait for each other only when very many of them are slow.
void Courses::look_up_next() {
  constexpr std::size_t max_lookups = 16;
  while (!names_.empty() && lookups_ < max_lookups) {
    const TargetLine target = names_.front();
    names_.pop_front();
    try {
      look_up(target);
    } catch (const base::Error& error) {
      unreached_.push_back({target.written, error});
    }
  }
}

void Courses::look_up(const TargetLine& target) {
  const auto lookup = std::make_shared<Lookup>(target.host, target.port, options_.target.family);
  const auto take = [this, lookup, target] {
    --lookups_;
    try {
      add_addresses(target, lookup->result());
    } catch (const base::Error& error) {
      unreached_.push_back({target.written, error});
    }
    look_up_next();
    stage_.release();
  };
  stage_.loop.aside([lookup] { lookup->run(); }, take);
  ++lookups_;
  stage_.hold();
}

base::ExitStatus Courses::run() {
  stage_.confine(metrics_.directory());
  metrics_.start(options_.stats);
  running_ = true;
  stage_.hold();
  for (Series& series : courses_) series.prober.start(series.engine);
  look_up_next();
  stage_.release();
  if (options_.stats) stage_.loop.every(*options_.stats, [this](base::Nanoseconds) { tell_so_far(); });
  stage_.loop.on_usr1([this] { tell_so_far(); });
  stage_.loop.run();
  std::vector<bool> waited;
  waited.reserve(courses_.size());
  for (Series& series : courses_) waited.push_back(series.prober.close());
  over_ = true;
  metrics_.finish();
  tell_flows();
  base::ExitStatus status = base::ExitStatus::failed;
  std::size_t place = 0;
  for (Series& series : courses_) status = better(status, series.mode->finish(waited[place++]));
  give_up_lookups();
  ProbeWriter writer(options_, stage_.sink, {});
  for (const Unreached& each : unreached_) writer.unreached(each.name, each.error);
  return stage_.finish(status);
}

// Of names that nobody has told an address of by the end.
void Courses::give_up_lookups() {
  std::set<std::string> known;
  for (const Series& series : courses_) known.insert(series.options.name);
  for (const Unreached& each : unreached_) known.insert(each.name);
  for (const TargetLine& target : listed_) {
    if (known.contains(target.written)) continue;
    unreached_.push_back(
        {target.written, base::Failure(ETIMEDOUT, fmt::format("cannot resolve '{}': no answer before the end",
                                                              base::printable(target.host)))});
  }
}

void Courses::measure(output::MetricsText& metrics) {
  std::map<std::string, Tally> tallies;
  for (const TargetLine& target : listed_) tallies[target.written];  // none of it may be asked yet, or ever
  for (const Series& series : courses_) tallies[written(series.options)].add(series.mode->tally(over_));
  for (const auto& [target, tally] : tallies) commands::measure(metrics, target, tally);
}

void Courses::tell_so_far() {
  for (const Series& series : courses_) series.mode->tell_so_far();
}

// Which of the flows are worse than the rest.
void Courses::tell_flows() {
  if (options_.flows == 0 || !options_.stop.count) return;
  std::vector<FlowLoss> flows;
  for (const Series& series : courses_) {
    const ProbeSummary summary = series.log.summary(Percentiles::left_out);
    flows.push_back({series.options.flow, summary.sent, summary.lost});
  }
  ProbeWriter(options_, stage_.sink, {}).verdict(flows);
}

}  // namespace

base::ExitStatus better(base::ExitStatus a, base::ExitStatus b) {
  using enum base::ExitStatus;
  for (const base::ExitStatus status : {done, refused, nothing}) {
    if (a == status || b == status) return status;
  }
  return failed;
}

base::ExitStatus probe_series(const ProbeOptions& given) {
  ProbeOptions options = given;
  ProbeStage stage(options);
  if (options.mode == ProbeMode::stamp && !options.socket.ttl) options.socket.ttl = 255;  // so that hops can be counted
  if (!options.stamp_key.empty()) options.stamp_secret = read_stamp_key(options.stamp_key, stage.report);
  return Courses(stage, options).run();
}

}  // namespace commands
