// SPDX-License-Identifier: MIT
#include "commands/probe/probe.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include "commands/probe/modes.hpp"
#include "commands/probe/records.hpp"
#include "output/json.hpp"
#include "output/sink.hpp"

namespace commands {
namespace {

std::string ports_text(const Payload& payload) {
  std::string out;
  for (const std::uint16_t port : payload.ports) {
    if (port != 0) out += fmt::format("{}{}", out.empty() ? "" : ",", port);
  }
  return out;
}

}  // namespace

base::ExitStatus probe(const ProbeOptions& options) {
  switch (options.mode) {
    case ProbeMode::trace:
      return options.stop.count ? probe_rounds(options) : probe_trace(options);
    case ProbeMode::mtu:
      return probe_mtu(options);
    case ProbeMode::stamp:
    case ProbeMode::state:
      break;
  }
  return probe_series(options);
}

base::ExitStatus list_payloads(const ProbeOptions& options) {
  output::Sink sink(STDOUT_FILENO);
  ProbeWriter writer(options, sink, {});
  for (const Payload& each : payloads()) {
    const std::string ports = ports_text(each);
    const auto fields = [&](output::JsonEvent& event) {
      event.text("name", each.name).raw("ports", "[" + ports + "]").text("detail", each.about);
    };
    writer.tell("payload", fields, [&](std::string& out) {
      out += fmt::format("{}\t{}\t{}{}{}\n", each.name, ports.empty() ? "-" : ports, each.about,
                         each.groups.empty() ? "" : ", groups ", each.groups);
    });
  }
  sink.flush();
  return base::ExitStatus::done;
}

}  // namespace commands
