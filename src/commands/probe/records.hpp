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
#include "output/json.hpp"
#include "output/report.hpp"
#include "output/sink.hpp"
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

class ProbeWriter {
 public:
  // `target`: who is asked.
  ProbeWriter(const ProbeOptions& options, output::Sink& sink, const net::Endpoint& target)
      : options_(options.output),
        colored_(output::wants_color(options_.color, STDOUT_FILENO)),
        name_(options.name),
        asked_by_(options.asked_by),
        flow_(options.flow),
        sink_(sink),
        target_(target) {}

  bool json() const { return options_.format == output::Format::json; }
  // True where results are lines for people: text and hex.
  bool text() const { return options_.format == output::Format::text || options_.format == output::Format::hex; }

  // `127.0.0.1:53	open	0.412 ms	dns NOERROR, 28 bytes`; raw: the reply's payload.
  void line(const ProbeRecord& record);
  // Words of a result, with the time before them where that is asked for.
  void line(std::string_view words);
  void event(const ProbeRecord& record);
  void record(const ProbeRecord& record) {
    if (json()) {
      event(record);
    } else if (!options_.quiet) {
      line(record);
    }
  }

  // An event that no text tells.
  template <class Fields>
  void tell(std::string_view name, const Fields& add_fields) {
    tell(name, add_fields, [](std::string&) {});
  }
  // A result, said once: the event `name` with what `add_fields(JsonEvent&)` adds, or what `append_text(std::string&)`
  // appends where results are text; else nothing.
  template <class Fields, class Text>
  void tell(std::string_view name, const Fields& add_fields, const Text& append_text) {
    if (json()) {
      output::JsonEvent event(sink_.buffer(), name);
      add_fields(event);
    } else {
      tell_text(append_text);
    }
  }
  // Where results are text.
  template <class Text>
  void tell_text(const Text& append_text) {
    if (text()) append_text(sink_.buffer());
  }
  // A result that is a record: where it could not be written, it is counted. `write_lines()` calls line().
  template <class Fields, class Lines>
  void tell_record(std::string_view name, const Fields& add_fields, const Lines& write_lines) {
    tell(name, add_fields, [&](std::string&) { write_lines(); });
    if (json()) sink_.mark(1);
  }

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
  void append_time(net::SystemTime time);
  std::string subject() const;
  void add_subject(output::JsonEvent& event) const;
  void add_series(output::JsonEvent& event) const;

  output::Options options_;
  bool colored_;
  std::string name_;
  std::string asked_by_;
  unsigned flow_;
  output::Sink& sink_;
  net::Endpoint target_;
};

// {"min":...,"p999":...}
std::string distribution_json(const RttSummary& rtt);

double to_milliseconds(base::Nanoseconds time);

}  // namespace commands
