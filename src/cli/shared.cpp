// SPDX-License-Identifier: MIT
#include "cli/shared.hpp"

#include <fmt/format.h>

#include <array>
#include <limits>

#include "base/error.hpp"
#include "base/text.hpp"
#include "base/units.hpp"
#include "cli/words.hpp"

namespace cli {
namespace {

using base::UsageError;

template <class T>
struct Named {
  std::string_view name;
  T value;
};

// DiffServ code points by name: RFC 2474 (df, cs), 2597 (af), 3246 (ef), 5865 (va), 8622 (le).
constexpr std::array<Named<int>, 25> code_points{{
    {"df", 0},    {"be", 0},    {"le", 1},    {"cs0", 0},   {"cs1", 8},   {"cs2", 16},  {"cs3", 24},
    {"cs4", 32},  {"cs5", 40},  {"cs6", 48},  {"cs7", 56},  {"af11", 10}, {"af12", 12}, {"af13", 14},
    {"af21", 18}, {"af22", 20}, {"af23", 22}, {"af31", 26}, {"af32", 28}, {"af33", 30}, {"af41", 34},
    {"af42", 36}, {"af43", 38}, {"ef", 46},   {"va", 44},
}};

using output::Color;
using output::Format;
constexpr std::array<Named<Format>, 5> formats{{{"text", Format::text},
                                                {"json", Format::json},
                                                {"hex", Format::hex},
                                                {"raw", Format::raw},
                                                {"none", Format::none}}};
constexpr std::array<Named<Color>, 3> colors{
    {{"auto", Color::automatic}, {"always", Color::always}, {"never", Color::never}}};

// The names in one of these tables.
template <const auto& table>
Names names_in() {
  Names names;
  for (const auto& one : table) names.push_back(one.name);
  return names;
}

// The value of a name in it.
template <const auto& table>
auto value_of(const std::string& word) {
  for (const auto& [name, value] : table) {
    if (name == word) return value;
  }
  throw UsageError(fmt::format("'{}' is none of {}", base::printable(word), fmt::join(names_in<table>(), ", ")));
}

int parse_dscp(const std::string& word) {
  const bool is_name = !word.empty() && word[0] >= 'a' && word[0] <= 'z';
  try {
    return is_name ? value_of<code_points>(word) : static_cast<int>(base::parse_integer(word, 0, 63));
  } catch (const UsageError&) {
    throw UsageError(
        fmt::format("'{}' is not a code point: 0 to 63, or a name such as ef, af41, cs5", base::printable(word)));
  }
}

constexpr std::uint64_t max_buffer = 1u << 30;  // the kernel doubles it into an int

// HZ, or PT=HZ of one payload type.
void take_clock_rate(const std::string& word, commands::ClockRates& rates) {
  const std::size_t equals = word.find('=');
  const std::string rate_word = equals == std::string::npos ? word : word.substr(equals + 1);
  const auto rate =
      static_cast<std::uint32_t>(base::parse_integer(rate_word, 1, std::numeric_limits<std::uint32_t>::max()));
  bool fresh = !rates.any;
  if (equals == std::string::npos) {
    rates.any = rate;
  } else {
    const auto type = static_cast<std::uint8_t>(base::parse_integer(word.substr(0, equals), 0, 127));
    fresh = rates.by_type.emplace(type, rate).second;
  }
  if (!fresh) throw UsageError("that rate is given twice");
}

constexpr const char* iperf = "iperf";

// OFFSET:BYTES, or the header of iperf 2.
std::optional<commands::SequenceField> parse_sequence(const std::string& word) {
  if (word == iperf) return std::nullopt;
  const std::size_t colon = word.find(':');
  if (colon == std::string::npos) throw UsageError(fmt::format("'{}' is not OFFSET:BYTES", base::printable(word)));
  const auto offset = base::parse_integer(word.substr(0, colon), 0, 65'526);
  const auto bytes = base::parse_integer(word.substr(colon + 1), 1, 8);
  if (bytes == 3 || (bytes > 4 && bytes < 8)) {
    throw UsageError(fmt::format("'{}': a number has 1, 2, 4 or 8 bytes", base::printable(word)));
  }
  return commands::SequenceField{static_cast<std::size_t>(offset), static_cast<unsigned>(bytes)};
}

}  // namespace

void bind_family(OptionTable& app, std::optional<net::Family>& family) {
  app.flag("-4,--ipv4", "only IPv4", [&family] { family = net::Family::ipv4; }).exclusive({"family"});
  app.flag("-6,--ipv6", "only IPv6", [&family] { family = net::Family::ipv6; }).exclusive({"family"});
}

void bind_interface(OptionTable& app, net::SocketOptions& options) {
  app.value("-i,--interface", "NAME", "interface (name or index) to use",
            [&options](const std::string& word) { options.interface = net::find_interface(word); })
      .takes(Takes::interface);
}

void bind_socket(OptionTable& app, net::SocketOptions& options, int min_ttl) {
  app.value("-t,--ttl", "N", "TTL / hop limit of what is sent", [&options, min_ttl](const std::string& word) {
    options.ttl = static_cast<int>(base::parse_integer(word, static_cast<std::uint64_t>(min_ttl), 255));
  });
  app.value("--dscp", "NAME|N", "DiffServ code point of what is sent (ef, 0-63)",
            [&options](const std::string& word) { options.dscp = parse_dscp(word); })
      .one_of(&names_in<code_points>);
  app.flag("-b,--broadcast", "allow broadcast destinations", options.broadcast);
  app.value("--rcvbuf", "SIZE", "kernel receive buffer",
            [&options](const std::string& word) { options.receive_buffer = base::parse_size(word, 1, max_buffer); });
  app.value("--sndbuf", "SIZE", "kernel send buffer",
            [&options](const std::string& word) { options.send_buffer = base::parse_size(word, 1, max_buffer); });
}

void bind_sending(OptionTable& app, commands::Target& target, net::SocketOptions& options) {
  bind_family(app, target.family);
  bind_interface(app, options);
  app.value("-s,--source", "ADDRESS", "local address", [&target](const std::string& word) {
    target.source_address = net::parse_address(word);
    if (!target.source_address) throw UsageError(fmt::format("'{}' is not an address", base::printable(word)));
  });
  app.value("-p,--source-port", "PORT", "local port",
            [&target](const std::string& word) { target.source_port = net::parse_port(word); })
      .takes(Takes::service);
  bind_socket(app, options, 0);
  app.flag("--no-loopback", "multicast is not delivered on this host",
           [&options] { options.multicast_loopback = false; });
  app.flag("--df", "do not fragment", options.dont_fragment);
}

void bind_count(OptionTable& app, std::string_view help, run::StopOptions& options, std::uint64_t min) {
  app.value("-c,--count", "N", help, [&options, min](const std::string& word) {
    constexpr std::uint64_t max = std::numeric_limits<std::int64_t>::max();
    options.count = base::parse_integer(word, min, max);
  });
}

void bind_waits(OptionTable& app, std::string_view wait_help, run::StopOptions& options,
                base::Nanoseconds (*parse_wait)(std::string_view word)) {
  app.value("-w,--wait", "DURATION", wait_help,
            [&options, parse_wait](const std::string& word) { options.wait = parse_wait(word); });
  app.value("-W,--deadline", "DURATION", "end after so long, whatever happens",
            [&options](const std::string& word) { options.deadline = base::parse_duration(word); });
}

void bind_output(OptionTable& app, output::Options& options) {
  app.value("-o,--output", "FORMAT", "text (default), json, hex, raw or none",
            [&options](const std::string& word) { options.format = value_of<formats>(word); })
      .one_of(&names_in<formats>)
      .exclusive({"format"});
  app.flag("-j,--json", "short for -o json", [&options] { options.format = Format::json; }).exclusive({"format"});
  app.flag("-r,--raw", "short for -o raw", [&options] { options.format = Format::raw; }).exclusive({"format"});
  app.flag("-T,--timestamps", "kernel receive time first (text, hex)", options.timestamps);
  app.flag("-v,--verbose", "destination, interface, TTL, DSCP; more notices", options.verbose);
  app.flag("-q,--quiet", "no notices, no summary", options.quiet);
  app.value("--color", "WHEN", "auto (default), always or never",
            [&options](const std::string& word) { options.color = value_of<colors>(word); })
      .one_of(&names_in<colors>);
  app.value("--pcap", "FILE", "a capture of it, too (-: on stdout, instead)",
            [&options](const std::string& word) { options.pcap = word; })
      .takes(Takes::file);
}

void bind_delimiter(OptionTable& app, output::Options& options) {
  app.value("-D,--delimiter", "TEXT", "written after each raw datagram (C escapes)",
            [&options](const std::string& word) { options.delimiter = base::parse_escapes(word); });
}

void bind_user(OptionTable& app, run::PrivilegeOptions& options) {
  app.group("Privileges");
  app.value("--user", "NAME", "become this user when all is open (for root)",
            [&options](const std::string& word) { options.user = run::find_user(word); })
      .takes(Takes::user);
}

void bind_privileges(OptionTable& app, run::PrivilegeOptions& options) {
  bind_user(app, options);
  app.flag("--no-sandbox", "do not confine the process to what it needs", [&options] { options.sandbox = false; });
}

void bind_stats(OptionTable& app, std::string_view help, std::optional<base::Nanoseconds>& stats) {
  app.optional_value("--stats", "DURATION", "1s", help, [&stats](const std::string& word) {
    stats = base::parse_duration(word);
    if (*stats < std::chrono::milliseconds(1)) throw UsageError("at least 1ms");
  });
}

void bind_metrics(OptionTable& app, std::optional<std::string>& file) {
  app.value("--metrics", "FILE", "counters for Prometheus there, each --stats interval (15s)",
            [&file](const std::string& word) {
              if (word == "-") throw UsageError("'-': a file is replaced at each interval, the output cannot be");
              file = word;
            })
      .takes(Takes::file);
}

void bind_receiving(OptionTable& app, run::StopOptions& stop, output::Options& output,
                    std::optional<base::Nanoseconds>& stats) {
  app.group("When to end");
  bind_count(app, "end after N datagrams", stop, 1);
  bind_waits(app, "end when none came for so long", stop);
  app.group("What is printed");
  bind_output(app, output);
  bind_delimiter(app, output);
  bind_stats(app, "a line of rates each second, or DURATION", stats);
  app.optional_value("--top", "N", "10", "the N senders that sent the most, at the end and with --stats",
                     [&output](const std::string& word) { output.top = base::parse_integer(word, 1, 1'000); });
}

void bind_streams(OptionTable& app, commands::StreamOptions& options) {
  app.flag("--rtp", "loss, reordering and jitter of RTP and MPEG-TS streams", options.rtp)
      .exclusive({"threads or rtp"});
  app.repeatable("--clock-rate", "[PT=]HZ", "RTP clock of dynamic payload types, or of one (else measured)",
                 [&options](const std::string& word) { take_clock_rate(word, options.clock_rates); })
      .only_with("--rtp");
  app.optional_value("--sequence", "OFFSET:BYTES", iperf, "what is missing by iperf 2's number, or one at OFFSET",
                     [&options](const std::string& word) {
                       options.sequence = true;
                       options.field = parse_sequence(word);
                     })
      .exclusive({"threads or sequence"});
}

void bind_forward(OptionTable& app, commands::ForwardOptions& options) {
  app.repeatable("--forward", "TARGET", "pass each datagram on to HOST:PORT (repeatable: to each, one way)",
                 [&options](const std::string& word) { options.targets.push_back(target_of(word)); })
      .exclusive({"answering"});
  app.value("--session-timeout", "DURATION", "with --forward: a sender's session without traffic ends after (2m)",
            [&options](const std::string& word) { options.session_timeout = base::parse_positive_duration(word); })
      .only_with("--forward");
  app.repeatable("--impair", "LIST", "with --forward: a bad network, as loss=1%,delay=50ms (>: there, <: back)",
                 [&options](const std::string& word) { take_impairment(word, options); })
      .only_with("--forward")
      .exclusive({"threads or impair"});
}

void settle_forward(const commands::ForwardOptions& options) {
  if (!options.impair_forward && !options.impair_backward) return;
  if (options.targets.size() > 1 && !options.impair_forward) {
    throw UsageError("--impair: nothing comes back from several targets");
  }
}

}  // namespace cli
