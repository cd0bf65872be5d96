#include <fmt/format.h>
#include <unistd.h>

#include "base/text.hpp"
#include "base/units.hpp"
#include "cli/commands.hpp"
#include "cli/shared_options.hpp"
#include "commands/send/send.hpp"

namespace cli {
namespace {

using base::UsageError;

// What was said of the payloads, before it is checked.
struct PayloadWords {
  bool hex = false;
  bool escapes = false;
  bool whole = false;
  bool empty = false;
  std::optional<std::string> delimiter;
  std::optional<std::uint64_t> chunk;
  std::optional<std::uint64_t> offset;
  std::optional<double> interval_rate;
};

void bind_payloads(CommandApp& app, PayloadWords& words, commands::SourceOptions& payloads) {
  app.value("-f,--file", "FILE", "read FILE instead of stdin", [&](const std::string& word) { payloads.file = word; });
  app.flag("-x,--hex", "messages or input are hexadecimal", words.hex);
  app.flag("-e,--escapes", "messages or input carry C escapes", words.escapes);
  app.value("-D,--delimiter", "TEXT", "cuts the input (C escapes; default \\n)", [&](const std::string& word) {
    words.delimiter = base::parse_escapes(word);
    if (words.delimiter->empty()) throw UsageError("an empty delimiter cuts nothing; use --whole");
  });
  app.value("--chunk", "SIZE", "cuts the input every SIZE bytes",
            [&](const std::string& word) { words.chunk = base::parse_size(word, 1); });
  app.flag("--whole", "the whole input is one datagram", words.whole);
  app.value("--offset", "N", "skip N bytes of a MESSAGE or the --whole input",
            [&](const std::string& word) { words.offset = base::parse_integer(word); });
  app.value("--length", "N", "only N bytes of a MESSAGE or the --whole input",
            [&](const std::string& word) { payloads.length = base::parse_integer(word); });
  app.value("-l,--size", "SIZE", "no input: datagrams of SIZE bytes of a pattern",
            [&](const std::string& word) { payloads.size = base::parse_size(word); });
  app.flag("--empty", "no input: an empty datagram", words.empty);
}

void bind_pacing(CommandApp& app, PayloadWords& words, commands::SendOptions& options) {
  app.value("--interval", "DURATION", "time between datagrams", [&](const std::string& word) {
    const auto interval = base::parse_duration(word);
    if (interval.count() == 0) throw UsageError("an interval of 0 is no pace; leave it out");
    words.interval_rate = 1e9 / static_cast<double>(interval.count());
  });
  app.value("--rate", "RATE", "datagrams a second (k, M, G)",
            [&](const std::string& word) { options.rate = base::parse_rate(word); });
  app.value("--bitrate", "RATE", "bits of payload a second (k, M, G)",
            [&](const std::string& word) { options.bitrate = base::parse_rate(word); });
}

void bind_socket_of_sender(CommandApp& app, commands::SendOptions& options) {
  bind_family(app, options.family);
  bind_interface(app, options.socket);
  bind_source(app, options.source_address, options.source_port);
  bind_socket(app, options.socket, 0);
  bind_leaving(app, options.socket);
}

void settle_payloads(const PayloadWords& words, commands::SendOptions& options) {
  commands::SourceOptions& payloads = options.payloads;
  const bool messages = !payloads.messages.empty();
  const bool file = payloads.file.has_value();
  exclude(payloads.size.has_value(), "--size", messages, "MESSAGE");
  exclude(payloads.size.has_value(), "--size", file, "--file");
  exclude(payloads.size.has_value(), "--size", words.empty, "--empty");
  exclude(words.empty, "--empty", messages, "MESSAGE");
  exclude(words.empty, "--empty", file, "--file");
  exclude(file, "--file", messages, "MESSAGE");
  exclude(words.whole, "--whole", words.chunk.has_value(), "--chunk");
  exclude(words.whole, "--whole", words.delimiter.has_value(), "--delimiter");
  exclude(words.chunk.has_value(), "--chunk", words.delimiter.has_value(), "--delimiter");
  for (const auto& [given, name] : {std::pair{payloads.size.has_value(), "--size"}, {words.empty, "--empty"}}) {
    exclude(given, name, words.hex, "--hex");
    exclude(given, name, words.escapes, "--escapes");
    exclude(given, name, words.delimiter.has_value(), "--delimiter");
    exclude(given, name, words.chunk.has_value(), "--chunk");
    exclude(given, name, words.whole, "--whole");
  }
  exclude(messages, "MESSAGE", words.delimiter.has_value(), "--delimiter");
  exclude(words.hex, "--hex", words.escapes, "--escapes");
  exclude(messages, "MESSAGE", words.whole, "--whole");
  exclude(messages, "MESSAGE", words.chunk.has_value(), "--chunk");
  if (words.empty) payloads.size = 0;
  const bool generated = payloads.size.has_value();
  if ((words.offset || payloads.length) && (generated || (!messages && !words.whole))) {
    throw UsageError("--offset and --length take a part of a MESSAGE or of the --whole input");
  }
  if (options.stop.count == 0u && !messages && !generated && !file) {
    throw UsageError("--count 0 cannot repeat stdin for ever; give a MESSAGE, --file or --size");
  }
  payloads.encoding = words.hex       ? commands::Encoding::hexadecimal
                      : words.escapes ? commands::Encoding::escapes
                                      : commands::Encoding::plain;
  payloads.offset = words.offset.value_or(0);
  if (words.whole) payloads.cut.at = commands::CutAt::end;
  if (words.chunk) payloads.cut = {commands::CutAt::size, "", *words.chunk};
  if (words.delimiter) payloads.cut.delimiter = *words.delimiter;
  payloads.rounds = options.stop.count.value_or(1);
  if (payloads.rounds == 0) payloads.rounds = commands::for_ever;
}

void settle_pace(const PayloadWords& words, commands::SendOptions& options) {
  exclude(words.interval_rate.has_value(), "--interval", options.rate.has_value(), "--rate");
  exclude(words.interval_rate.has_value(), "--interval", options.bitrate.has_value(), "--bitrate");
  exclude(options.rate.has_value(), "--rate", options.bitrate.has_value(), "--bitrate");
  if (words.interval_rate) options.rate = words.interval_rate;
}

void take_words(const std::vector<std::string>& words, commands::SendOptions& options) {
  if (words.size() < 2) throw UsageError(words.empty() ? "no HOST and PORT given" : "no PORT given");
  options.host = words[0];
  try {
    options.port = net::parse_port(words[1], 1);
  } catch (const UsageError& error) {
    throw UsageError(fmt::format("PORT: {}", error.what()));
  }
  options.payloads.messages.assign(words.begin() + 2, words.end());
}

}  // namespace

Invocation send_invocation(const std::vector<std::string>& arguments) {
  commands::SendOptions options;
  PayloadWords words;
  CommandApp app("send", "send [options] HOST PORT [MESSAGE...]",
                 "Send each MESSAGE as a datagram, or else each line of stdin; print the replies.");
  app.group("What is sent");
  bind_payloads(app, words, options.payloads);
  bind_pacing(app, words, options);
  app.flag("--progress", "a progress line (on a terminal: for files)", options.progress);
  app.group("Socket");
  bind_socket_of_sender(app, options);
  app.group("When to end");
  bind_count(app, "send everything N times, in rounds (0: for ever)", options.stop, 0);
  bind_waits(app, "wait so long for replies after the last send", options.stop);
  app.value("--replies", "N", "N replies are enough",
            [&](const std::string& word) { options.replies = base::parse_integer(word, 1); });
  app.group("What is printed");
  bind_output(app, options.output);
  bind_user(app, options.privileges);
  app.examples(
      "  udptool send localhost 41234 'hello world'\n"
      "  udptool send -w 1 --replies 1 192.0.2.7 7 ping     status 0: it answered\n"
      "  udptool send -x 192.0.2.7 5000 'de ad be ef'\n"
      "  tail -f app.log | udptool send loghost 5140        each line at once\n"
      "  udptool send --bitrate 10M -l 1200 -c 0 -W 10s 192.0.2.7 5000");
  if (!app.parse(arguments)) return {};
  take_words(app.words(), options);
  settle_payloads(words, options);
  settle_pace(words, options);
  const bool talks = !options.output.quiet && options.output.format != output::Format::json;
  if (options.payloads.file && talks && isatty(STDERR_FILENO) != 0) options.progress = true;
  return invocation_of(std::move(options), &commands::send);
}

}  // namespace cli
