#include <fmt/format.h>

#include "base/text.hpp"
#include "base/units.hpp"
#include "cli/commands.hpp"
#include "cli/shared_options.hpp"
#include "commands/probe/probe.hpp"

namespace cli {
namespace {

using base::UsageError;
using commands::ProbeMode;

// What was said, before it is checked.
struct ProbeWords {
  bool trace = false;
  bool mtu = false;
  bool list = false;
  bool hex = false;
  bool escapes = false;
  std::optional<std::string> data;
  std::optional<base::Nanoseconds> interval;
  std::optional<unsigned> first_hop, max_hops, tries;
};

constexpr std::uint16_t trace_port = 33'434;  // where traceroute(8) begins

const commands::Payload* find_payload(const std::string& word) {
  if (const commands::Payload* found = commands::find_payload(word)) return found;
  std::string names;
  for (const commands::Payload& each : commands::payloads())
    names += fmt::format("{}{}", names.empty() ? "" : ", ", each.name);
  throw UsageError(fmt::format("no payload '{}'; known are {}", base::escaped(word), names));
}

void bind_modes(CommandApp& app, ProbeWords& words, commands::ProbeOptions& options) {
  const auto number = [&app](const char* name, const char* help, std::optional<unsigned>& target, unsigned most) {
    app.value(name, "N", help, [&target, most](const std::string& word) {
      target = static_cast<unsigned>(base::parse_integer(word, 1, most));
    });
  };
  app.group("What is asked");
  app.flag("--trace", "each hop on the way to the target", words.trace);
  number("--max-hops", "trace no further than N hops (30)", words.max_hops, 255);
  number("--first-hop", "trace from hop N on (1)", words.first_hop, 255);
  number("--tries", "probes for each hop of a trace (3)", words.tries, 100);
  app.flag("--names", "with --trace: names of the hops", options.names);
  app.flag("--mtu", "the largest datagram that the path carries", words.mtu);
}

void bind_request(CommandApp& app, ProbeWords& words, commands::ProbeOptions& options) {
  app.group("What is sent");
  app.value("--payload", "NAME", "a request of that protocol (default: by PORT)",
            [&](const std::string& word) { options.request.payload = find_payload(word); });
  app.flag("--list-payloads", "list the payloads and their ports", words.list);
  app.value("--data", "TEXT", "send TEXT", [&](const std::string& word) { words.data = word; });
  app.flag("-x,--hex", "TEXT is hexadecimal", words.hex);
  app.flag("-e,--escapes", "TEXT carries C escapes", words.escapes);
  app.value("-l,--size", "SIZE", "send SIZE bytes of a pattern",
            [&](const std::string& word) { options.request.size = base::parse_size(word, 0); });
  app.value("--interval", "DURATION", "with --count: time between probes (1s; at least 100us)",
            [&](const std::string& word) { words.interval = base::parse_duration(word); });
}

void settle_request(const ProbeWords& words, commands::ProbeOptions& options) {
  commands::RequestChoice& request = options.request;
  exclude(request.payload != nullptr, "--payload", words.data.has_value(), "--data");
  exclude(request.payload != nullptr, "--payload", request.size.has_value(), "--size");
  exclude(words.data.has_value(), "--data", request.size.has_value(), "--size");
  exclude(words.hex, "--hex", words.escapes, "--escapes");
  if ((words.hex || words.escapes) && !words.data) throw UsageError("--hex and --escapes tell how to read --data");
  if (!words.data) return;
  try {
    request.data = words.hex       ? base::parse_hex(*words.data)
                   : words.escapes ? base::parse_escapes(*words.data)
                                   : *words.data;
  } catch (const UsageError& error) {
    throw UsageError(fmt::format("--data: {}", error.what()));
  }
}

void settle_series(const ProbeWords& words, commands::ProbeOptions& options) {
  const bool series = options.stop.count.has_value();
  exclude(words.trace, "--trace", series, "--count");
  exclude(words.mtu, "--mtu", series, "--count");
  if (options.histogram && !series) throw UsageError("--histogram is drawn of several probes: add --count N");
  if (words.interval && !series) throw UsageError("--interval is the time between several probes: add --count N");
  if (!words.interval) return;
  if (*words.interval < std::chrono::microseconds(100)) throw UsageError("--interval: at least 100us");
  options.interval = *words.interval;
}

void settle_mode(const ProbeWords& words, commands::ProbeOptions& options) {
  exclude(words.trace, "--trace", words.mtu, "--mtu");
  exclude(words.trace, "--trace", options.socket.ttl.has_value(), "--ttl");
  exclude(words.mtu, "--mtu", options.request.size.has_value(), "--size");
  if (!words.trace && (words.first_hop || words.max_hops || words.tries || options.names)) {
    throw UsageError("--first-hop, --max-hops, --tries and --names are for --trace");
  }
  if (options.stop.wait && options.stop.wait->count() == 0) throw UsageError("--wait: no reply comes in no time");
  options.mode = words.trace ? ProbeMode::trace : words.mtu ? ProbeMode::mtu : ProbeMode::state;
  options.trace.first_hop = words.first_hop.value_or(1);
  options.trace.max_hops = words.max_hops.value_or(30);
  options.trace.tries = words.tries.value_or(3);
  if (options.trace.first_hop > options.trace.max_hops) {
    throw UsageError(
        fmt::format("--first-hop {} lies beyond --max-hops {}", options.trace.first_hop, options.trace.max_hops));
  }
}

void take_words(const std::vector<std::string>& words, bool trace, commands::ProbeOptions& options) {
  if (words.empty()) throw UsageError("no HOST given");
  if (words.size() > 2)
    throw UsageError(fmt::format("one HOST and one PORT, not '{}' as well", base::escaped(words[2])));
  if (words.size() < 2 && !trace) throw UsageError("no PORT given");
  options.host = words[0];
  options.port = trace_port;
  if (words.size() < 2) return;
  try {
    options.port = net::parse_port(words[1], 1);
  } catch (const UsageError& error) {
    throw UsageError(fmt::format("PORT: {}", error.what()));
  }
}

}  // namespace

Invocation probe_invocation(const std::vector<std::string>& arguments) {
  commands::ProbeOptions options;
  ProbeWords words;
  CommandApp app("probe", "probe [options] HOST [PORT]",
                 "Ask a port whether it is open (status 0), closed or unreachable (3), or silent (1);\n"
                 "or, with --trace and --mtu, a path what it is like. Works without root.");
  bind_modes(app, words, options);
  bind_request(app, words, options);
  app.group("Socket");
  bind_family(app, options.family);
  bind_interface(app, options.socket);
  bind_source(app, options.source_address, options.source_port);
  bind_socket(app, options.socket, 0);
  bind_leaving(app, options.socket);
  app.group("When to end");
  bind_count(app, "N probes, with statistics", options.stop, 1);
  bind_waits(app, "how long to wait for each reply (1s)", options.stop);
  app.group("What is printed");
  app.flag("--histogram", "with --count: draw the distribution of RTT", options.histogram);
  bind_output(app, options.output);
  bind_delimiter(app, options.output);
  bind_privileges(app, options.privileges);
  app.examples(
      "  udptool probe 192.0.2.7 53                   a DNS request, for that is what lives there\n"
      "  udptool probe -c 100 --interval 10ms 192.0.2.7 7\n"
      "  udptool probe --trace --names example.net\n"
      "  udptool probe --mtu 192.0.2.7 7\n"
      "  udptool probe --payload mdns 224.0.0.251 5353    everybody who answers");
  if (!app.parse(arguments)) return {};
  if (words.list) return invocation_of(std::move(options), &commands::list_payloads);
  take_words(app.words(), words.trace, options);
  settle_request(words, options);
  settle_series(words, options);
  settle_mode(words, options);
  return invocation_of(std::move(options), &commands::probe);
}

}  // namespace cli
