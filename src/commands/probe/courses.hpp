// SPDX-License-Identifier: MIT
// Who is asked at the same time: targets, their addresses, flows, interfaces. Each is a course of its own, of one loop.
#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "commands/metrics.hpp"
#include "commands/probe/prober.hpp"
#include "commands/probe/series.hpp"
#include "commands/probe/targets.hpp"

namespace commands {

class Courses final : Measured {
 public:
  // Finds the target, or begins to look for those in the file. Throws for a single one that cannot be asked.
  Courses(ProbeStage& stage, const ProbeOptions& options);
  // Runs all to their end, and tells what came of them.
  base::ExitStatus run();

 private:
  struct Series;
  // A target that cannot be asked: its own result, and no other's.
  struct Unreached {
    std::string name;
    base::Error error;
  };

  void add_listed();
  void look_up_next();
  void look_up(const TargetLine& target);
  void add_addresses(const TargetLine& target, const std::vector<net::Endpoint>& addresses);
  void add(const ProbeOptions& options);
  void add_flows(const ProbeOptions& options, const Destination& destination);
  ProbeSocket* socket_for(const ProbeOptions& options, const Destination& destination);
  void start(Series& series);
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
  Metrics metrics_{stage_.base(), options_.metrics, *this};
};

// Lets this process have so many files open, or as many as it may.
void allow_open_files(std::size_t wanted);

}  // namespace commands
