// SPDX-License-Identifier: MIT
// Words to options: what the commands' structs hold after a command line, and the lines that are refused.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdio>

#include "base/error.hpp"
#include "cli/commands.hpp"
#include "support/check.hpp"

using support::contains;
using Words = std::vector<std::string>;
using namespace std::chrono_literals;

namespace {

template <class Command>
struct Parsed {
  explicit Parsed(const Words& words) {
    command.declare(table);
    if (table.parse(words)) command.settle(table.words());
  }
  Command command;
  cli::OptionTable table;
};

// Why `words` are refused, or "".
template <class Command>
std::string refusal_of(const Words& words) {
  try {
    Parsed<Command> parsed(words);
    return "";
  } catch (const base::UsageError& error) {
    return error.what();
  }
}

struct Bad {
  Words words;
  const char* part;
};

template <class Command>
void check_refused(const std::vector<Bad>& rows) {
  for (const Bad& row : rows) {
    CAPTURE(row.words);
    const std::string text = refusal_of<Command>(row.words);
    CAPTURE(text);
    CHECK(contains(text, row.part));
  }
}

}  // namespace

TEST_CASE("cli: listen's words fill its options") {
  const Parsed<cli::Listen> parsed({"-c", "3", "--reply", "a\\n", "-jv", "--stats=2s", "127.0.0.1:5", "-W", "1m", "*:6",
                                    "--allow=10.0.0.0/8", "--allow", "::1", "-t9", "--dscp", "ef"});
  const commands::ListenOptions& options = parsed.command.options;
  CHECK(options.stop.count == 3);
  CHECK(options.stop.deadline == 1min);
  CHECK(options.reply == "a\n");
  CHECK(options.output.format == output::Format::json);
  CHECK(options.output.verbose);
  CHECK(options.stats == 2s);
  CHECK(options.filter.allowed.size() == 2);
  CHECK(options.socket.ttl == 9);
  CHECK(options.socket.dscp == 46);
  REQUIRE(options.endpoints.size() == 2);
  CHECK(options.endpoints[0].host == "127.0.0.1");
  CHECK(options.endpoints[1].host.empty());
  CHECK(options.endpoints[1].port == 6);
}

TEST_CASE("cli: send's words fill its options") {
  const Parsed<cli::Send> parsed({"-xc0", "host", "--rate=50k", "9", "--", "41", "-42"});
  const commands::SendOptions& options = parsed.command.options;
  CHECK(options.payloads.messages == Words{"41", "-42"});
  CHECK(options.payloads.encoding == commands::Encoding::hexadecimal);
  CHECK(options.payloads.rounds == commands::for_ever);
  CHECK(options.rate == 50e3);
  CHECK(Parsed<cli::Send>({"h", "9", "--interval", "20ms", "x"}).command.options.rate == 50);
  const Parsed<cli::Send> paced({"h", "9", "--bitrate", "16k", "-l", "100"});
  CHECK(paced.command.options.bitrate == 16e3);
  const Parsed<cli::Send> cut({"host", "9", "--chunk", "1K", "-D", "\\r\\n", "-r"});
  CHECK(cut.command.options.payloads.cut.at == commands::CutAt::size);
  CHECK(cut.command.options.payloads.cut.size == 1'024);
  CHECK(cut.command.options.output.delimiter == "\r\n");
}

TEST_CASE("cli: join's and probe's words fill their options") {
  const Parsed<cli::Join> join({"-t", "4", "239.1.1.1+2:5", "10.0.0.9,232.1.1.1", "--stats"});
  REQUIRE(join.command.options.groups.size() == 2);
  CHECK(join.command.options.groups[0].count == 2);
  CHECK(join.command.options.groups[1].source.has_value());
  CHECK(join.command.options.stats == 1s);
  const Parsed<cli::Probe> trace({"--trace", "--tries", "2", "host"});
  CHECK(trace.command.options.mode == commands::ProbeMode::trace);
  CHECK(trace.command.options.target.port == 33'434);
  CHECK(trace.command.options.trace.tries == 2);
  const Parsed<cli::Probe> data({"host", "7", "--data", "6:8", "-x", "-c2", "--interval", "20ms"});
  CHECK(data.command.options.request.data == "h");
  CHECK(data.command.options.interval == 20ms);
}

TEST_CASE("cli: a value is taken as it was typed") {
  for (const char* text : {"\x01", "\x01\x01 x", "[1,2]", "[", "", "-c", "--", "=", "true", "{}", "a=b"}) {
    CAPTURE(text);
    CHECK(Parsed<cli::Listen>({"0", "--reply", text}).command.options.reply == text);
    CHECK(Parsed<cli::Listen>({"0", std::string("--reply=") + text}).command.options.reply == text);
    CHECK(Parsed<cli::Send>({"h", "9", "--", text}).command.options.payloads.messages == Words{text});
    if (*text == '\0') continue;
    CHECK(Parsed<cli::Probe>({"h", "9", std::string("--data=") + text}).command.options.request.data == text);
    CHECK(Parsed<cli::Send>({"h", "9", std::string("-f") + text}).command.options.payloads.file == text);
  }
  CHECK(Parsed<cli::Listen>({"--reply=", "7"}).command.options.endpoints.size() == 1);
}

TEST_CASE("cli: of a value that is given twice the last counts, and one that must follow = is left alone") {
  CHECK(Parsed<cli::Listen>({"0", "-c", "1", "-c", "2"}).command.options.stop.count == 2);
  const Parsed<cli::Listen> rates({"--stats", "1", "5000"});
  CHECK(rates.command.options.stats == 1s);
  CHECK(rates.command.options.endpoints.size() == 2);
  REQUIRE(rates.table.notices().size() == 1);
  CHECK(contains(rates.table.notices()[0], "write --stats=1"));
  CHECK(Parsed<cli::Listen>({"--stats", "5000"}).table.notices().empty());
  CHECK(Parsed<cli::Listen>({"--stats=1", "5000"}).table.notices().empty());
}

TEST_CASE("cli: options that contradict each other") {
  check_refused<cli::Listen>({{{"-4", "-6", "0"}, "-4 and -6 contradict"},
                              {{"-j", "-r", "0"}, "--json and --raw contradict"},
                              {{"-o", "hex", "-j", "0"}, "--output and --json contradict"},
                              {{"--echo", "--reply", "x", "0"}, "--echo and --reply contradict"}});
  check_refused<cli::Send>({{{"--whole", "--chunk", "3", "h", "9"}, "contradict"},
                            {{"-l", "3", "h", "9", "x"}, "--size and MESSAGE contradict"},
                            {{"-l", "3", "-f", "x", "h", "9"}, "--file and --size contradict"},
                            {{"--empty", "h", "9", "x"}, "--empty and MESSAGE contradict"},
                            {{"-f", "x", "h", "9", "x"}, "--file and MESSAGE contradict"},
                            {{"-x", "-e", "h", "9", "41"}, "--hex and --escapes contradict"},
                            {{"--rate", "1", "--interval", "1", "h", "9"}, "--interval and --rate contradict"},
                            {{"-c", "0", "h", "9"}, "stdin"}});
  check_refused<cli::Probe>({{{"--trace", "--mtu", "h"}, "--trace and --mtu contradict"},
                             {{"--trace", "--histogram", "h"}, "--trace and --histogram contradict"},
                             {{"--data", "x", "-l", "3", "h", "9"}, "--data and --size contradict"}});
}

TEST_CASE("cli: a refused word is quoted whole") {
  check_refused<cli::Listen>({{{"127.0.0.1:"}, "'127.0.0.1:'"},
                              {{"127.0.0.1:53x"}, "'127.0.0.1:53x'"},
                              {{"010.8.8.8:53"}, "'010.8.8.8:53': '010.8.8.8' is not an address"},
                              {{"-4", "[::1]:0"}, "'[::1]:0': ::1 is not IPv4"},
                              {{"--allow", "10.0.0.0/x", "0"}, "'10.0.0.0/x'"},
                              {{"--reply", "abc\\q", "0"}, "--reply: 'abc\\q'"},
                              {{"--echo=true", "0"}, "'--echo=true'"},
                              {{"--reply", "\\033", "0"}, "write \\x1b"},
                              {{"5000", "5000"}, "'5000': this ENDPOINT is given twice"},
                              {{"0", "-c"}, "--count needs a value"}});
  check_refused<cli::Probe>({{{"-x", "--data", "zz", "h", "9"}, "'zz'"}, {{"h", "9", "8"}, "'8'"}});
  check_refused<cli::Join>({{{"239.1.1.1:x"}, "'239.1.1.1:x'"}, {{"-6", "239.1.1.1+2"}, "'239.1.1.1+2': "}});
}

TEST_CASE("cli: a word in the form of another tool is refused with the form that is meant") {
  check_refused<cli::Listen>({{{"udp://127.0.0.1:5000"}, "write 127.0.0.1:5000"},
                              {{"udp://@:5000"}, "write 5000"},
                              {{"udp://[::1]:5000?fifo_size=1"}, "write [::1]:5000"},
                              {{"udp://@239.1.1.1:5000"}, "'udptool join 239.1.1.1:5000'"},
                              {{"::1:5000"}, "write [::1]:5000"},
                              {{"::1"}, "[::1]:PORT"}});
  check_refused<cli::Join>({{{"udp://@239.1.1.1:5000"}, "write 239.1.1.1:5000"},
                            {{"rtp://10.0.0.9@232.1.1.1:5000"}, "write 10.0.0.9,232.1.1.1:5000"},
                            {{"10.0.0.9@232.1.1.1"}, "write 10.0.0.9,232.1.1.1"}});
  check_refused<cli::Send>({{{"127.0.0.1:53", "x"}, "two words: 127.0.0.1 53"},
                            {{"udp://127.0.0.1:53", "53", "x"}, "two words: 127.0.0.1 53"},
                            {{"[::1]:53", "x"}, "two words: ::1 53"}});
  check_refused<cli::Probe>({{{"localhost:53"}, "two words: localhost 53"}, {{"::1:5000"}, "two words: ::1 5000"}});
  CHECK(refusal_of<cli::Probe>({"fe80::1", "53"}).empty());
  CHECK(refusal_of<cli::Join>({"ff15::7:5000"}).empty());
}

TEST_CASE("cli: every help is 80 columns wide, explains its words, and lets none out that is offered") {
  const auto check = [](auto command) {
    cli::OptionTable table;
    command.declare(table);
    const std::string help = table.help();
    CAPTURE(help);
    for (std::size_t at = 0; at < help.size();) {
      const std::size_t end = help.find('\n', at);
      CHECK(end - at <= 80);
      at = end + 1;
    }
    for (const char* word : {"\n  DURATION ", "\n  SIZE "}) CHECK(contains(help, word));
    for (const cli::Option& option : table.options()) CHECK(contains(help, fmt::format("--{}", option.name)));
  };
  check(cli::Listen());
  check(cli::Send());
  check(cli::Join());
  check(cli::Probe());
}
