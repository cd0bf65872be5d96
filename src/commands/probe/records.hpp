// SPDX-License-Identifier: MIT
// The lines and events of probe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/units.hpp"
#include "commands/probe/flows.hpp"
#include "commands/probe/probe.hpp"
#include "commands/probe/stamp_facts.hpp"
#include "commands/probe/statistics.hpp"
#include "net/datagram.hpp"
#include "output/report.hpp"
#include "output/results.hpp"
#include "output/terminal.hpp"

namespace commands {

enum class ProbeState { no_answer, open, closed, unreachable, late, duplicate };

std::string_view name_of(ProbeState state);  // "no answer", "open", ...

// What became of a probe, or one more answer to it.
struct ProbeRecord {
  std::uint64_t sequence = 0;
  ProbeState state = ProbeState::no_answer;
  net::Endpoint endpoint;    // that was asked, or, of many, that answered
  base::Nanoseconds time{};  // round trip; for no answer: how long was waited
  std::string detail;
  std::string payload;                      // of a reply
  std::optional<std::size_t> size;          // of a reply
  std::optional<net::Address> offender;     // who refused
  std::optional<net::Endpoint> reply_from;  // a reply that another sent than was asked
  std::optional<unsigned> interface;        // that an answer of many came by, or that they were asked on
  std::optional<net::Endpoint> mapped;      // whom a STUN server took this host for
  std::optional<net::SystemTime> received;
  std::optional<StampFacts> stamp;  // of a STAMP reply
  bool follows = false;             // the one that says what became of the probe
  bool kept_back = false;           // by this host, so that there is no time
};

struct ProbeResults {
  std::string_view state;
  ProbeSummary summary;
  std::size_t responders = 0;
  std::optional<StampSummary> ways;  // of STAMP
  Histogram bins;                    // if asked for
  bool in_text = false;              // as lines too
};

class ProbeWriter : public output::ResultWriter {
 public:
  // `target`: who is asked.
  ProbeWriter(const ProbeOptions& options, output::Sink& sink, const net::Endpoint& target)
      : ResultWriter(options.output, sink),
        colored_(output::wants_color(options.output.color, STDOUT_FILENO)),
        name_(options.name),
        asked_by_(options.asked_by),
        flow_(options.flow),
        target_(target) {}

  using ResultWriter::line;
  // `127.0.0.1:53	open	0.412 ms	dns NOERROR, 28 bytes`; raw: the reply's payload.
  void line(const ProbeRecord& record);
  void event(const ProbeRecord& record);
  // Either, but not the line with -q.
  void record(const ProbeRecord& record);

  // What is known by now.
  void so_far(const ProbeSummary& summary, output::Report& report);
  // A target that could not be asked.
  void unreached(const std::string& name, const base::Error& error);
  // Which flows are worse than the others, if there are others.
  void verdict(const std::vector<FlowLoss>& flows);
  // What came of all probes.
  void summary(const ProbeResults& results);

 private:
  void add_results(output::JsonEvent& event, const ProbeResults& results) const;
  void append_statistics(std::string& out, const ProbeSummary& summary) const;
  void append_statistics(std::string& out, const StampSummary& ways) const;
  std::string subject() const;
  void add_subject(output::JsonEvent& event) const;
  void add_series(output::JsonEvent& event) const;

  bool colored_;
  std::string name_;
  std::string asked_by_;
  unsigned flow_;
  net::Endpoint target_;
};

// {"min":...,"p999":...}
std::string distribution_json(const RttSummary& rtt);

double to_milliseconds(base::Nanoseconds time);

}  // namespace commands
