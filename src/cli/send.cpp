// SPDX-License-Identifier: MIT
#include <unistd.h>

#include <algorithm>

#include "base/text.hpp"
#include "base/units.hpp"
#include "cli/commands.hpp"
#include "cli/shared.hpp"
#include "cli/words.hpp"
#include "commands/send/numbered.hpp"

namespace cli {

using base::UsageError;

namespace {

double speed_of(const std::string& word) {
  if (word == "0") return 0;
  try {
    return base::parse_rate(word);
  } catch (const UsageError&) {
    throw UsageError("a number of times as fast, or 0");
  }
}

}  // namespace

void Send::declare_payloads(OptionTable& table) {
  commands::SourceOptions& payloads = options.payloads;
  table.group("What is sent");
  table
      .value("-f,--file", "FILE", "read FILE instead of stdin (-)",
             [&](const std::string& word) { payloads.file = word; })
      .takes(Takes::file)
      .exclusive({"input"});
  table.value("--append", "TEXT", "ends each message (C escapes)",
              [&](const std::string& word) { payloads.append = base::parse_escapes(word); });
  table.flag("--skip-empty", "no datagram for an empty piece of input", payloads.skip_empty);
  table.optional_value("--truncate", "SIZE", "65527", "cut pieces of input to SIZE, or to a datagram",
                       [&](const std::string& word) { payloads.truncate = base::parse_size(word, 1); });
  table
      .flag("-x,--hex", "messages or input are hexadecimal",
            [&] { payloads.encoding = commands::Encoding::hexadecimal; })
      .exclusive({"encoding"});
  table
      .flag("-e,--escapes", "messages or input carry C escapes",
            [&] { payloads.encoding = commands::Encoding::escapes; })
      .exclusive({"encoding"});
  table.value("-D,--delimiter", "TEXT", "cuts the input (C escapes; default \\n); ends raw replies",
              [&](const std::string& word) {
                payloads.cut.delimiter = base::parse_escapes(word);
                if (payloads.cut.delimiter.empty()) throw UsageError("an empty delimiter cuts nothing; use --whole");
                options.output.delimiter = payloads.cut.delimiter;
              });
  table
      .value("--chunk", "SIZE", "cuts the input every SIZE bytes",
             [&](const std::string& word) {
               payloads.cut.at = commands::CutAt::size;
               payloads.cut.size = base::parse_size(word, 1);
             })
      .exclusive({"cutting"});
  table.flag("--whole", "the whole input is one datagram", [&] { payloads.cut.at = commands::CutAt::end; })
      .exclusive({"cutting"});
  table.value("--offset", "N", "skip N bytes of a MESSAGE or the --whole input",
              [this](const std::string& word) { offset = base::parse_integer(word); });
  table.value("--length", "N", "only N bytes of a MESSAGE or the --whole input",
              [&](const std::string& word) { payloads.length = base::parse_integer(word); });
  table
      .value("-l,--size", "SIZE", "no input: datagrams of SIZE bytes of a pattern",
             [&](const std::string& word) { payloads.size = base::parse_size(word); })
      .exclusive({"input", "encoding", "cutting"});
  table.flag("--sequence", "with -l: numbered and timed as iperf 2's datagrams", payloads.numbered);
  table.flag("--empty", "no input: an empty datagram", [&] { payloads.size = 0; })
      .exclusive({"input", "encoding", "cutting"});
  table.words_exclusive("MESSAGE", 2, {"input", "cutting"});
}

void Send::declare_pace(OptionTable& table) {
  table
      .value("--interval", "DURATION", "time between datagrams",
             [this](const std::string& word) {
               options.rate = 1e9 / static_cast<double>(base::parse_positive_duration(word).count());
             })
      .exclusive({"pace"});
  table
      .value("--rate", "RATE", "datagrams a second",
             [this](const std::string& word) { options.rate = base::parse_rate(word); })
      .exclusive({"pace"});
  table
      .value("--bitrate", "RATE", "bits of payload a second",
             [this](const std::string& word) { options.bitrate = base::parse_rate(word); })
      .exclusive({"pace"});
  table.flag("--progress", "a progress line (on a terminal: for files)", options.progress_asked);
}

commands::ReplayOptions& Send::replay() { return options.replay ? *options.replay : options.replay.emplace(); }

void Send::declare_replay(OptionTable& table) {
  table.group("What was captured");
  table
      .value("--replay", "FILE", "the UDP payloads of a capture, or of -j's output",
             [this](const std::string& word) { replay().file = word; })
      .takes(Takes::file)
      .exclusive({"input", "encoding", "cutting", "pace"});
  table
      .value("--speed", "X", "X times as fast (0: no waiting)",
             [this](const std::string& word) { replay().speed = speed_of(word); })
      .only_with("--replay");
  table
      .value("--filter", "EXPR", "only the packets of pcap-filter(7)'s EXPR",
             [this](const std::string& word) { replay().filter = word; })
      .only_with("--replay");
  table.flag("--keep-ports", "to the ports that they were captured on", [this] { replay().keep_ports = true; })
      .only_with("--replay");
}

void Send::declare(OptionTable& table) {
  table.about("send", "[options] HOST PORT [MESSAGE...]",
              "Send each MESSAGE as a datagram, or else each line of stdin; print the replies.",
              "  udptool send localhost 41234 'hello world'\n"
              "  udptool send -w 1 --replies 1 192.0.2.7 7 ping     status 0: it answered\n"
              "  udptool send -x 192.0.2.7 5000 'de ad be ef'\n"
              "  tail -f app.log | udptool send loghost 5140        each line at once\n"
              "  udptool send --bitrate 10M -l 1200 -c 0 -W 10s 192.0.2.7 5000");
  declare_payloads(table);
  declare_pace(table);
  declare_replay(table);
  table.group("Socket");
  bind_sending(table, options.target, options.socket);
  table.group("When to end");
  bind_count(table, "send everything N times, in rounds (0: for ever)", options.stop, 0);
  bind_waits(table, "wait so long for replies after the last send", options.stop);
  table.value("--replies", "N", "N replies are enough",
              [this](const std::string& word) { options.replies = base::parse_integer(word, 1); });
  table.group("What is printed");
  bind_output(table, options.output);
  bind_stats(table, "a line of rates each second, or DURATION", options.stats);
  bind_user(table, options.privileges);
}

void Send::settle_payloads() {
  commands::SourceOptions& payloads = options.payloads;
  const bool messages = !payloads.messages.empty();
  if (payloads.file == "-") payloads.file.reset();
  const bool generated = payloads.size.has_value();
  const bool replays = options.replay.has_value();
  if (payloads.numbered && payloads.size.value_or(0) < commands::number_header_size) {
    throw UsageError("--sequence takes a --size of 16 or more");
  }
  if ((offset || payloads.length) && (generated || (!messages && payloads.cut.at != commands::CutAt::end))) {
    throw UsageError("--offset and --length take a part of a MESSAGE or of the --whole input");
  }
  if ((payloads.skip_empty || payloads.truncate) && (messages || generated || replays)) {
    throw UsageError("--skip-empty and --truncate are for the pieces of an input");
  }
  if (!payloads.append.empty() && (generated || replays)) {
    throw UsageError("--append ends a MESSAGE or a piece of the input");
  }
  if (options.stop.count == 0u && !messages && !generated && !payloads.file && !replays) {
    throw UsageError("--count 0 cannot repeat stdin for ever; give a MESSAGE, --file or --size");
  }
  payloads.offset = offset.value_or(0);
  if (payloads.cut.at == commands::CutAt::size) payloads.cut.delimiter.clear();  // -D is for the replies then
  payloads.rounds = options.stop.count.value_or(1);
  if (payloads.rounds == 0) payloads.rounds = commands::for_ever;
}

void Send::settle_replay() const {
  if (!options.replay) return;
  if (offset || options.payloads.length) throw UsageError("--offset and --length take no part of a capture");
  if (options.replay->file == "-" && options.stop.count && *options.stop.count != 1) {
    throw UsageError("--count: stdin can be replayed once only");
  }
}

void Send::settle(const std::vector<std::string>& words) {
  constexpr std::uint16_t any_port = 9;  // --keep-ports has no use for one
  take_host_and_port(words, options.target, options.replay && options.replay->keep_ports ? any_port : 0);
  settle_replay();
  options.payloads.messages.assign(words.begin() + std::min<std::ptrdiff_t>(2, std::ssize(words)), words.end());
  settle_payloads();
  const bool json = options.output.format == output::Format::json;
  const bool usual = options.payloads.file && !options.output.quiet && isatty(STDERR_FILENO) != 0;
  options.progress = !json && (options.progress_asked || usual);
}

}  // namespace cli
