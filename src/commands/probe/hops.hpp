// The lines and events of a trace, in order, each held back until the names in it are known.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "commands/probe/probe.hpp"
#include "commands/probe/records.hpp"
#include "output/sink.hpp"
#include "run/loop.hpp"
#include "commands/probe/trace_plan.hpp"

namespace commands {

class HopWriter {
 public:
  HopWriter(const ProbeOptions& options, run::Loop& loop, output::Sink& sink)
      : options_(options), loop_(loop), sink_(sink) {}

  // Writes the hop once its names and those of the hops before are known, or have been waited for.
  void show(const TraceHop& hop);
  // Writes what is held back, with the names there are.
  void show_all();
  // Calls `handler` when nothing is held back any more.
  void when_shown(std::function<void()> handler);

  void summary(ProbeState state, std::uint64_t sent, std::uint64_t received, bool reached);

 private:
  struct Held {
    TraceHop hop;
    run::Clock::time_point until;
  };

  void look_up(const net::Address& address);
  bool has_names(const TraceHop& hop) const;
  void show_known();
  void write(const TraceHop& hop);
  void append_line(const TraceHop& hop);
  void append_event(const TraceHop& hop);
  std::string name_of(const net::Address& address) const;

  const ProbeOptions& options_;
  run::Loop& loop_;
  output::Sink& sink_;
  std::deque<Held> held_;
  std::map<net::Address, std::optional<std::string>> names_;  // nothing: still looked up; "": it has none
  std::function<void()> shown_;
};

}  // namespace commands
