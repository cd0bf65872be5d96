// SPDX-License-Identifier: MIT
// Everything that is said beside the records: notices and the summary on stderr, or events on stdout with -j.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/units.hpp"
#include "net/icmp.hpp"
#include "net/interfaces.hpp"
#include "output/json.hpp"
#include "output/options.hpp"
#include "output/sink.hpp"
#include "output/terminal.hpp"

namespace output {

// What came at a socket, or at several.
struct Heard {
  std::uint64_t datagrams = 0;
  std::uint64_t bytes = 0;
  std::uint64_t ignored = 0;
  std::uint64_t dropped = 0;       // by the kernel, for want of room in the receive buffer
  std::uint64_t bad_checksum = 0;  // dropped by the kernel for that

  void add(const Heard& other);
};

// What the summary tells.
struct Totals : Heard {
  std::uint64_t senders = 0;
  bool more_senders = false;          // than could be told apart in bounded memory
  bool bad_checksum_of_host = false;  // for whichever socket: of short datagrams the kernel sees it before it knows
  bool more_dropped = false;          // the kernel counts a run of datagrams that it coalesced as one drop
  std::optional<std::uint64_t> not_answered;  // of a responder
  base::Nanoseconds elapsed{};
  std::optional<std::uint64_t> sent;  // of a command that sends
  std::uint64_t sent_bytes = 0;
  std::uint64_t refused = 0;  // of what was sent, by the network
};

// What came in an interval, a second.
struct Rates {
  Rates(std::uint64_t how_many, std::uint64_t bytes, base::Nanoseconds interval);
  std::string text() const;  // "12 datagrams/s, 1.2 kbit/s"
  void add_to(JsonEvent& event) const;

  double datagrams;
  double bits;
};

// One line on stderr, at once, whatever happens to stdout. Errors begin with "udptool: ".
void print_line(std::string_view line);
void print_error(std::string_view message, Color color = Color::automatic);

// What is only said beside the rest is dim where there are colours; what was asked for by an option is not silenced by
// -q.
enum class Tone { aside, talk, asked };

class Report {
 public:
  Report(const Options& options, Sink& sink)
      : options_(options), sink_(sink), colored_(talks_in_color(options.color)) {}

  bool json() const { return options_.format == Format::json; }
  bool verbose() const { return options_.verbose; }
  Color color() const { return options_.color; }
  std::string& buffer() { return sink_.buffer(); }
  void flush() { sink_.flush(); }

  // From now on as with -q.
  void hush() { options_.quiet = true; }

  // Talk; silenced by -q. Each is written out at once.
  void notice(const std::string& text);
  void verbose_notice(const std::string& text);  // only with -v
  void listening(const net::Endpoint& local);
  // `in_text`: also where it is no event.
  void summary(const Totals& totals, bool in_text = true);
  // The summary so far, for who asked for it by SIGUSR1: -q does not silence it. With -j it is a `stats` event, since
  // the beginning.
  void so_far(const Totals& totals);
  // The same with lines before it that `details` tells, where it is no event.
  template <class Details>
  void so_far(const Totals& totals, const Details& details) {
    if (!json()) details();
    so_far(totals);
  }

  // What --stats asked for: rates since the last time, over `interval`. Not silenced.
  void stats(const Totals& now, const Totals& before, base::Nanoseconds interval);

  // A line as it is: on stderr, never with -j.
  void line(const std::string& text, Tone tone = Tone::talk);

  // One thing in the form that was chosen: with -j the event `name`, to which fields(JsonEvent&) adds, else the line
  // that text() makes, if any. An event leaves with the records, or with flush().
  template <class Fields, class Text>
  void tell(Tone tone, std::string_view name, const Fields& fields, const Text& text) {
    if (json()) {
      JsonEvent event(buffer(), name);
      fields(event);
    } else if (tone == Tone::asked || !options_.quiet) {
      if (const std::string line = text(); !line.empty()) say(line, tone);
    }
  }

  // What went wrong without ending the command. Never silenced: the line on stderr, and with -j an event.
  // `hint` is a cure, for people.
  void error(const net::TransportError& error, const std::string& hint = "");
  void error(const base::Error& error);

 private:
  // A line on stderr in the colours that fit: losses in red.
  void say(const std::string& line, Tone tone) const;

  Options options_;
  Sink& sink_;
  bool colored_;
};

}  // namespace output
