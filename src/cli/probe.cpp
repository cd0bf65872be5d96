// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include "base/text.hpp"
#include "base/units.hpp"
#include "cli/commands.hpp"
#include "cli/shared.hpp"
#include "cli/words.hpp"

namespace cli {
namespace {

using base::UsageError;
using commands::ProbeMode;

constexpr std::uint16_t trace_port = 33'434;  // where traceroute(8) begins
constexpr std::uint16_t stamp_port = 862;     // RFC 8762

Names payload_names() {
  Names names;
  for (const commands::Payload& each : commands::payloads()) names.push_back(each.name);
  return names;
}

const commands::Payload* find_payload(const std::string& word) {
  if (const commands::Payload* found = commands::find_payload(word)) return found;
  throw UsageError(
      fmt::format("no payload '{}'; known are {}", base::printable(word), fmt::join(payload_names(), ", ")));
}

}  // namespace

void Probe::declare_modes(OptionTable& table) {
  const auto number = [&table](const char* name, const char* help, unsigned& target, unsigned max) -> Option& {
    return table.value(name, "N", help, [&target, max](const std::string& word) {
      target = static_cast<unsigned>(base::parse_integer(word, 1, max));
    });
  };
  table.group("What is asked");
  table.flag("--trace", "each hop on the way to the target", trace)
      .exclusive({"mode", "histogram or mode", "ttl or trace", "targets or path"});
  number("--max-hops", "trace no further than N hops (30)", options.trace.max_hops, 255).only_with("--trace");
  number("--first-hop", "trace from hop N on (1)", options.trace.first_hop, 255).only_with("--trace");
  number("--tries", "probes for each hop of a trace (3)", options.trace.tries, 100)
      .only_with("--trace")
      .exclusive({"count or tries"});
  table.flag("--names", "with --trace: names of the hops", options.names).only_with("--trace");
  table.flag("--mtu", "the largest datagram that the path carries", mtu)
      .exclusive({"mode", "histogram or mode", "count or mode", "size or mtu", "targets or path", "flows or mtu"});
  table.flag("--stamp", "a STAMP reflector: delay and loss each way (PORT 862)", stamp)
      .exclusive({"mode", "stamp or payload", "stamp or data"});
  number("--flows", "N flows with --count or --trace, a source port each (at most 64)", options.flows, 64)
      .exclusive({"flows or mtu", "flows or targets"});
  table
      .value("--targets", "FILE", "ask each HOST[:PORT] of FILE, one a line, instead of HOST PORT",
             [this](const std::string& word) {
               if (word.empty()) throw UsageError("it names no file");
               options.targets = word;
             })
      .takes(Takes::file)
      .once()
      .exclusive({"targets or path", "flows or targets", "targets or list"});
  table
      .value("--stamp-key", "FILE", "with --stamp: authenticated, by the key in FILE",
             [this](const std::string& word) { options.stamp_key = word; })
      .takes(Takes::file)
      .only_with("--stamp");
}

void Probe::declare_request(OptionTable& table) {
  table.group("What is sent");
  table
      .value("--payload", "NAME", "a request of that protocol (default: by PORT)",
             [this](const std::string& word) { options.request.payload = find_payload(word); })
      .one_of(&payload_names)
      .exclusive({"request", "stamp or payload"});
  table.flag("--list-payloads", "list the payloads and their ports", list).exclusive({"targets or list"});
  table.value("--data", "TEXT", "send TEXT", [this](const std::string& word) { data = word; })
      .exclusive({"request", "stamp or data"});
  table.flag("-x,--hex", "TEXT is hexadecimal", hex).only_with("--data").exclusive({"encoding"});
  table.flag("-e,--escapes", "TEXT carries C escapes", escapes).only_with("--data").exclusive({"encoding"});
  table
      .value("-l,--size", "SIZE", "send SIZE bytes of a pattern",
             [this](const std::string& word) { options.request.size = base::parse_size(word, 0); })
      .exclusive({"request", "size or mtu"});
  table.value("--interval", "DURATION", "with --count: time between probes (1s; at least 100us)",
              [this](const std::string& word) {
                interval = base::parse_duration(word);
                if (*interval < std::chrono::microseconds(100)) throw UsageError("at least 100us");
              });
}

void Probe::declare(OptionTable& table) {
  table.about("probe", "[options] HOST [PORT]",
              "Ask a port whether it is open (status 0), closed or unreachable (3), or\n"
              "silent (1); or, with --trace and --mtu, a path what it is like. Needs no root.",
              "  udptool probe 192.0.2.7 53                  by DNS, for that lives there\n"
              "  udptool probe -c 100 --interval 10ms 192.0.2.7 7\n"
              "  udptool probe --trace --names example.net\n"
              "  udptool probe --trace -c 0 example.net      the path, watched\n"
              "  udptool probe --mtu 192.0.2.7 7\n"
              "  udptool probe --payload mdns 224.0.0.251 5353    everybody who answers");
  declare_modes(table);
  declare_request(table);
  table.group("Socket");
  bind_sending(table, options.target, options.socket);
  table.at("--ttl").exclusive({"ttl or trace"});
  table.group("When to end");
  bind_count(table, "N probes, or rounds of a trace, with statistics (0: until ended)", options.stop, 0);
  table.at("--count").exclusive({"count or mode", "count or tries"});
  bind_waits(table, "how long to wait for each reply (1s)", options.stop, base::parse_positive_duration);
  table.group("What is printed");
  table.flag("--histogram", "with --count: draw the distribution of RTT", options.histogram)
      .exclusive({"histogram or mode"});
  bind_output(table, options.output);
  bind_stats(table, "with --count: what is known by then, each second, or DURATION", options.stats);
  bind_metrics(table, options.metrics);
  bind_delimiter(table, options.output);
  bind_privileges(table, options.privileges);
}

void Probe::settle_request() {
  commands::RequestChoice& request = options.request;
  if (!data) return;
  try {
    request.data = hex ? base::parse_hex(*data) : escapes ? base::parse_escapes(*data) : *data;
  } catch (const UsageError& error) {
    throw refusal("--data", *data, error.what());
  }
}

void Probe::settle_series() {
  const bool series = options.stop.count.has_value();
  if (options.histogram && !series) throw UsageError("--histogram is drawn of several probes: add --count N");
  if (interval && !series) throw UsageError("--interval is the time between several probes: add --count N");
  if (options.stats && !series) throw UsageError("--stats is told of several probes: add --count N");
  if (interval) options.interval = *interval;
}

void Probe::settle_many() {
  if (options.flows != 0 && !options.stop.count && !trace) throw UsageError("--flows is for --count and --trace");
  const unsigned source_port = options.target.source_port;
  if (source_port != 0 && source_port + options.flows > 65'536) {
    throw UsageError(fmt::format("--source-port {} leaves no ports for {} flows", source_port, options.flows));
  }
}

void Probe::settle_mode() {
  if (options.metrics && (trace || mtu)) {
    throw UsageError("--metrics counts probes: with --trace or --mtu there is none");
  }
  options.mode = trace ? ProbeMode::trace : mtu ? ProbeMode::mtu : stamp ? ProbeMode::stamp : ProbeMode::state;
  if (options.trace.first_hop > options.trace.max_hops) {
    throw UsageError(
        fmt::format("--first-hop {} lies beyond --max-hops {}", options.trace.first_hop, options.trace.max_hops));
  }
}

std::uint16_t Probe::default_port() const { return stamp ? stamp_port : trace || mtu ? trace_port : std::uint16_t{0}; }

void Probe::settle(const std::vector<std::string>& words) {
  if (list) {
    if (!words.empty()) throw refusal("", words[0], "--list-payloads asks nobody");
    return;
  }
  settle_target(words);
  settle_request();
  settle_series();
  settle_many();
  settle_mode();
}

void Probe::settle_target(const std::vector<std::string>& words) {
  if (!options.targets.empty()) {
    if (!words.empty()) throw refusal("", words[0], "--targets names the hosts");
    options.target.port = stamp ? stamp_port : std::uint16_t{0};
    return;
  }
  take_host_and_port(words, options.target, default_port());
  if (words.size() > 2) throw refusal("", words[2], "only one HOST and one PORT is asked");
}

}  // namespace cli
