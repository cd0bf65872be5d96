#include "cli/shared_options.hpp"

#include <fmt/format.h>

#include <array>
#include <limits>

#include "base/error.hpp"
#include "base/text.hpp"
#include "base/units.hpp"

namespace cli {
namespace {

using base::UsageError;

// DiffServ code points by name: RFC 2474 (df, cs), 2597 (af), 3246 (ef), 5865 (va), 8622 (le).
int parse_dscp(const std::string& word) {
  struct Name {
    std::string_view name;
    int value;
  };
  static constexpr std::array<Name, 24> names{{
      {"df", 0},    {"be", 0},    {"le", 1},    {"cs0", 0},   {"cs1", 8},   {"cs2", 16},  {"cs3", 24},  {"cs4", 32},
      {"cs5", 40},  {"cs6", 48},  {"cs7", 56},  {"af11", 10}, {"af12", 12}, {"af13", 14}, {"af21", 18}, {"af22", 20},
      {"af23", 22}, {"af31", 26}, {"af32", 28}, {"af33", 30}, {"af41", 34}, {"af42", 36}, {"af43", 38}, {"ef", 46},
  }};
  for (const Name& one : names) {
    if (one.name == word) return one.value;
  }
  if (word == "va") return 44;
  try {
    return static_cast<int>(base::parse_integer(word, 0, 63));
  } catch (const UsageError&) {
    throw UsageError(
        fmt::format("'{}' is not a code point: 0 to 63, or a name such as ef, af41, cs5", base::escaped(word)));
  }
}

template <class T, std::size_t N>
T parse_choice(const std::string& word, const std::array<std::pair<std::string_view, T>, N>& choices) {
  std::string names;
  for (const auto& [name, value] : choices) {
    if (name == word) return value;
    names += fmt::format("{}{}", names.empty() ? "" : ", ", name);
  }
  throw UsageError(fmt::format("'{}' is none of {}", base::escaped(word), names));
}

output::Format parse_format(const std::string& word) {
  using output::Format;
  static constexpr std::array<std::pair<std::string_view, Format>, 5> choices{{{"text", Format::text},
                                                                               {"json", Format::json},
                                                                               {"hex", Format::hex},
                                                                               {"raw", Format::raw},
                                                                               {"none", Format::none}}};
  return parse_choice(word, choices);
}

output::Color parse_color(const std::string& word) {
  using output::Color;
  static constexpr std::array<std::pair<std::string_view, Color>, 3> choices{
      {{"auto", Color::automatic}, {"always", Color::always}, {"never", Color::never}}};
  return parse_choice(word, choices);
}

constexpr std::uint64_t most_buffer = 1u << 30;  // the kernel doubles it into an int

}  // namespace

void exclude(bool first, const char* first_name, bool second, const char* second_name) {
  if (first && second) throw UsageError(fmt::format("{} and {} contradict each other", first_name, second_name));
}

void bind_family(CommandApp& app, std::optional<net::Family>& family) {
  const auto choose = [&family](net::Family wanted) {
    if (family && *family != wanted) throw UsageError("-4 and -6 contradict each other");
    family = wanted;
  };
  app.flag("-4,--ipv4", "only IPv4", [choose] { choose(net::Family::ipv4); });
  app.flag("-6,--ipv6", "only IPv6", [choose] { choose(net::Family::ipv6); });
}

void bind_interface(CommandApp& app, net::SocketOptions& options) {
  app.value("-i,--interface", "NAME", "interface (name or index) to use",
            [&options](const std::string& word) { options.interface = net::find_interface(word); });
}

void bind_socket(CommandApp& app, net::SocketOptions& options, int least_ttl) {
  app.value("-t,--ttl", "N", "TTL / hop limit of what is sent", [&options, least_ttl](const std::string& word) {
    options.ttl = static_cast<int>(base::parse_integer(word, static_cast<std::uint64_t>(least_ttl), 255));
  });
  app.value("--dscp", "NAME|N", "DiffServ code point of what is sent (ef, 0-63)",
            [&options](const std::string& word) { options.dscp = parse_dscp(word); });
  app.flag("-b,--broadcast", "allow broadcast destinations", options.broadcast);
  app.value("--rcvbuf", "SIZE", "kernel receive buffer",
            [&options](const std::string& word) { options.receive_buffer = base::parse_size(word, 1, most_buffer); });
  app.value("--sndbuf", "SIZE", "kernel send buffer",
            [&options](const std::string& word) { options.send_buffer = base::parse_size(word, 1, most_buffer); });
}

void bind_source(CommandApp& app, std::optional<net::Address>& address, std::uint16_t& port) {
  app.value("-s,--source", "ADDRESS", "local address", [&address](const std::string& word) {
    address = net::parse_address(word);
    if (!address) throw UsageError(fmt::format("'{}' is not an address", base::escaped(word)));
  });
  app.value("-p,--source-port", "PORT", "local port",
            [&port](const std::string& word) { port = net::parse_port(word); });
}

void bind_leaving(CommandApp& app, net::SocketOptions& options) {
  app.flag("--no-loopback", "multicast is not delivered on this host",
           [&options] { options.multicast_loopback = false; });
  app.flag("--df", "do not fragment", options.dont_fragment);
}

void bind_count(CommandApp& app, const std::string& help, run::StopOptions& options, std::uint64_t least) {
  app.value("-c,--count", "N", help, [&options, least](const std::string& word) {
    constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();
    options.count = base::parse_integer(word, least, most);
  });
}

void bind_waits(CommandApp& app, const std::string& wait_help, run::StopOptions& options) {
  app.value("-w,--wait", "DURATION", wait_help,
            [&options](const std::string& word) { options.wait = base::parse_duration(word); });
  app.value("-W,--deadline", "DURATION", "end after so long, whatever happens",
            [&options](const std::string& word) { options.deadline = base::parse_duration(word); });
}

void bind_output(CommandApp& app, output::Options& options) {
  app.value("-o,--output", "FORMAT", "text (default), json, hex, raw or none",
            [&options](const std::string& word) { options.format = parse_format(word); });
  app.flag("-j,--json", "short for -o json", [&options] { options.format = output::Format::json; });
  app.flag("-r,--raw", "short for -o raw", [&options] { options.format = output::Format::raw; });
  app.flag("-T,--timestamps", "kernel receive time first (text, hex)", options.timestamps);
  app.flag("-v,--verbose", "destination, interface, TTL, DSCP; more notices", options.verbose);
  app.flag("-q,--quiet", "no notices, no summary", options.quiet);
  app.value("--color", "WHEN", "auto (default), always or never",
            [&options](const std::string& word) { options.color = parse_color(word); });
}

void bind_delimiter(CommandApp& app, output::Options& options) {
  app.value("-D,--delimiter", "TEXT", "written after each raw datagram (C escapes)",
            [&options](const std::string& word) { options.delimiter = base::parse_escapes(word); });
}

void bind_user(CommandApp& app, run::PrivilegeOptions& options) {
  app.group("Privileges");
  app.value("--user", "NAME", "become this user when all is open (for root)",
            [&options](const std::string& word) { options.user = run::find_user(word); });
}

void bind_privileges(CommandApp& app, run::PrivilegeOptions& options) {
  bind_user(app, options);
  app.flag("--no-sandbox", "do not confine the process to what it needs", [&options] { options.sandbox = false; });
}

void bind_receiving(CommandApp& app, run::StopOptions& stop, output::Options& output,
                    std::optional<base::Nanoseconds>& stats) {
  app.group("When to end");
  bind_count(app, "end after N datagrams", stop, 1);
  bind_waits(app, "end when none came for so long", stop);
  app.group("What is printed");
  bind_output(app, output);
  bind_delimiter(app, output);
  app.optional_value("--stats", "DURATION", "1s", "a line of rates each second, or DURATION",
                     [&stats](const std::string& word) {
                       stats = base::parse_duration(word);
                       if (*stats < std::chrono::milliseconds(1)) throw UsageError("at least 1ms");
                     });
}

}  // namespace cli
