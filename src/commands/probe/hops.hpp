// The lines and events of a trace, in order, each held back until the names in it are known.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "commands/probe/probe.hpp"
#include "commands/probe/records.hpp"
#include "commands/probe/trace_plan.hpp"
#include "output/sink.hpp"
#include "run/loop.hpp"

namespace commands {

class HopWriter {
 public:
  // `named`: called when a name has been found.
  HopWriter(const ProbeOptions& options, run::Loop& loop, output::Sink& sink, std::function<void()> named)
      : options_(options), loop_(loop), sink_(sink), named_(std::move(named)) {}

  // Takes a hop; it is written once its names and those of the hops before are known, or have been waited for.
  void show(const TraceHop& hop);
  // Writes what is known by now.
  void show_known(run::Clock::time_point now);
  // Writes what is held back, with the names there are.
  void show_all();
  bool is_shown() const { return held_.empty(); }
  // When a hop will have waited long enough for its names.
  std::optional<run::Clock::time_point> due() const {
    return held_.empty() ? std::nullopt : std::optional(held_.front().until);
  }

  void summary(ProbeState state, std::uint64_t sent, std::uint64_t received, bool reached);

 private:
  struct Held {
    TraceHop hop;
    run::Clock::time_point until;
  };

  void look_up(const net::Address& address);
  bool has_names(const TraceHop& hop) const;
  void write(const TraceHop& hop);
  bool is_loop(const TraceHop& hop);
  void append_time();
  void append_line(const TraceHop& hop);
  void append_event(const TraceHop& hop);
  std::string name_of(const net::Address& address) const;

  const ProbeOptions& options_;
  run::Loop& loop_;
  output::Sink& sink_;
  std::function<void()> named_;
  std::deque<Held> held_;
  std::vector<TraceHop> silent_;                              // since the last that answered
  std::map<net::Address, unsigned> seen_;                     // the first hop of each address
  std::map<net::Address, std::optional<std::string>> names_;  // nothing: still looked up; "": it has none
};

}  // namespace commands
