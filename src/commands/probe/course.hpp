// SPDX-License-Identifier: MIT
// A mode at work: on one target, by one flow. It stays where it is.
#pragma once

#include <cstdint>
#include <list>

#include "commands/probe/prober.hpp"

namespace commands {

template <class ModeType>
struct Course {
  Course(ProbeStage& stage, const ProbeOptions& given, const Destination& destination)
      : options(given),
        prober(stage, options, destination),
        mode(options, prober, log),
        engine(mode, log, prober, options.wait()) {}

  ProbeOptions options;
  Prober prober;
  ProbeLog log;
  ModeType mode;
  Engine engine;
};

// The options of that flow (from 1), or of the only one; it begins so many steps later than the first.
inline ProbeOptions options_of_flow(const ProbeOptions& given, unsigned flow, base::Nanoseconds head_start) {
  ProbeOptions options = given;
  if (given.flows > 0) options.flow = flow;
  if (given.target.source_port != 0) options.target.source_port += static_cast<std::uint16_t>(flow - 1);
  options.head_start = head_start;
  return options;
}

// All flows to one host, at work until they are done.
template <class ModeType>
class Flows {
 public:
  Flows(ProbeStage& stage, const ProbeOptions& options, std::string_view name) : stage_(stage) {
    const Destination destination = find_one_target(stage, options, name);
    const unsigned count = std::max(options.flows, 1u);
    for (unsigned flow = 1; flow <= count; ++flow) {
      courses_.emplace_back(stage, options_of_flow(options, flow, options.interval * (flow - 1) / count), destination);
    }
    Course<ModeType>& first = courses_.front();
    first.prober.check_size(first.mode.requests().make(0).size());
  }

  void run() {
    stage_.confine();
    for (auto& course : courses_) course.prober.start(course.engine);
    stage_.loop.run();
    for (auto& course : courses_) course.prober.close();
  }

  std::list<Course<ModeType>>& all() { return courses_; }
  Course<ModeType>& first() { return courses_.front(); }

 private:
  ProbeStage& stage_;
  std::list<Course<ModeType>> courses_;
};

// The best of what several came to.
base::ExitStatus better(base::ExitStatus a, base::ExitStatus b);

}  // namespace commands
