// SPDX-License-Identifier: MIT
#include "output/report.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>

#include "base/ending.hpp"
#include "base/error.hpp"
#include "base/text.hpp"

namespace output {
namespace {

std::string summary_text(const Totals& totals) {
  const std::string sent =
      totals.sent ? fmt::format("sent {}, {}, {} refused; received ", base::counted(*totals.sent, "datagram"),
                                base::counted(totals.sent_bytes, "byte"), totals.refused)
                  : "";
  const std::string not_answered =
      totals.not_answered.value_or(0) > 0 ? fmt::format(", {} not answered", *totals.not_answered) : "";
  const std::string bad = totals.bad_checksum > 0 ? fmt::format(", {} with a bad checksum{}", totals.bad_checksum,
                                                                totals.bad_checksum_of_host ? " on this host" : "")
                                                  : "";
  return fmt::format(
      "{}{}, {}, {}, {}{} dropped{}, {} ignored{}, {} s", sent, base::counted(totals.datagrams, "datagram"),
      base::counted(totals.bytes, "byte"), base::counted(totals.senders, "sender", totals.more_senders), totals.dropped,
      totals.more_dropped ? "+" : "", bad, totals.ignored, not_answered, base::seconds_text(totals.elapsed));
}

void add_sent(JsonEvent& event, const Totals& totals) {
  if (!totals.sent) return;
  event.number("sent", *totals.sent).number("sent_bytes", totals.sent_bytes).number("refused", totals.refused);
}

}  // namespace

void Heard::add(const Heard& other) {
  datagrams += other.datagrams;
  bytes += other.bytes;
  ignored += other.ignored;
  dropped += other.dropped;
  bad_checksum += other.bad_checksum;
}

Rates::Rates(std::uint64_t how_many, std::uint64_t bytes, base::Nanoseconds interval) {
  const double seconds = static_cast<double>(interval.count()) / 1e9;
  datagrams = static_cast<double>(how_many) / seconds;
  bits = static_cast<double>(bytes) * 8 / seconds;
}

std::string Rates::text() const {
  return fmt::format("{}, {}", base::rate_text(datagrams, "datagram"), base::with_prefix(bits, "bit/s"));
}

void Rates::add_to(JsonEvent& event) const {
  event.decimal("datagrams_per_second", datagrams, 1).decimal("bits_per_second", bits, 0);
}

void print_line(std::string_view line) {
  std::string text(line);
  text += '\n';
  std::string_view left = text;
  base::Patience patience;
  while (!left.empty()) {
    const ssize_t written = write(STDERR_FILENO, left.data(), left.size());
    if (written < 0 && (errno != EINTR || patience.is_over())) return;  // nobody to tell
    if (written > 0) left.remove_prefix(static_cast<std::size_t>(written));
  }
}

void print_error(std::string_view message, Color color) {
  const std::string line = fmt::format("udptool: {}", message);
  print_line(talks_in_color(color) ? red(line) : line);
}

void Report::say(const std::string& line, Tone tone) const {
  if (!colored_) return print_line(line);
  const std::string colored = with_red_losses(line);
  print_line(tone == Tone::aside && colored == line ? dim(line) : colored);
}

void Report::line(const std::string& text, Tone tone) {
  if (!json() && (tone == Tone::asked || !options_.quiet)) say(text, tone);
}

void Report::notice(const std::string& text) {
  if (options_.quiet) return;
  tell(
      Tone::aside, "notice", [&](JsonEvent& event) { event.text("message", text); }, [&] { return "note: " + text; });
  sink_.flush();
}

void Report::verbose_notice(const std::string& text) {
  if (options_.verbose) notice(text);
}

void Report::listening(const net::Endpoint& local) {
  tell(
      Tone::talk, "listening", [&](JsonEvent& event) { event.endpoint(local); },
      [&] { return "listening on " + net::to_string(local); });
  sink_.flush();
}

void Report::summary(const Totals& totals, bool in_text) {
  sink_.flush();  // so that what was not written is known
  const auto fields = [&](JsonEvent& event) {
    add_sent(event, totals);
    event.number("datagrams", totals.datagrams).number("bytes", totals.bytes).number("senders", totals.senders);
    if (totals.more_dropped) event.boolean("more_dropped", true);
    if (totals.bad_checksum > 0) event.number("bad_checksum", totals.bad_checksum);
    event.number("dropped", totals.dropped).number("ignored", totals.ignored);
    if (totals.not_answered) event.number("not_answered", *totals.not_answered);
    if (sink_.unwritten() > 0) event.number("unwritten", sink_.unwritten());
    event.raw("seconds", base::seconds_text(totals.elapsed));
  };
  tell(Tone::talk, "close", fields, [&] { return in_text ? summary_text(totals) : std::string(); });
}

void Report::so_far(const Totals& totals) {
  if (json()) return stats(totals, {}, totals.elapsed);
  say(summary_text(totals), Tone::talk);
}

void Report::stats(const Totals& now, const Totals& before, base::Nanoseconds interval) {
  const Rates receiving(now.datagrams - before.datagrams, now.bytes - before.bytes, interval);
  const Rates sending(now.sent.value_or(0) - before.sent.value_or(0), now.sent_bytes - before.sent_bytes, interval);
  const std::uint64_t dropped = now.dropped - before.dropped;
  const auto fields = [&](JsonEvent& event) {
    receiving.add_to(event);
    if (now.sent) {
      event.decimal("sent_per_second", sending.datagrams, 1).decimal("sent_bits_per_second", sending.bits, 0);
    }
    add_sent(event, now);
    event.number("datagrams", now.datagrams).number("bytes", now.bytes).number("senders", now.senders);
    event.number("dropped", dropped);
  };
  tell(Tone::asked, "stats", fields, [&] {
    const std::string sent = now.sent ? fmt::format("sent {}; received ", sending.text()) : "";
    return fmt::format("{}{}, {}, {} dropped", sent, receiving.text(),
                       base::counted(now.senders, "sender", now.more_senders), dropped);
  });
  sink_.flush();
}

void Report::error(const net::TransportError& error, const std::string& hint) {
  const std::string text = net::to_string(error);
  const std::string cure = hint.empty() ? "" : fmt::format(" ({})", hint);
  print_error(fmt::format("{}: {}{}", net::to_string(error.destination), text, cure), options_.color);
  if (!json()) return;
  {
    JsonEvent event(buffer(), "error");
    event.text("code", base::code_name(error.code)).text("message", text);
    event.address("address", error.destination.address()).number("port", error.destination.port());
    if (error.offender) event.address("from", *error.offender);
  }
  sink_.flush();
}

void Report::error(const base::Error& error) {
  print_error(error.message(), options_.color);
  if (!json()) return;
  JsonEvent(buffer(), "error").text("code", base::code_name(error.code)).text("message", error.message());
  sink_.flush();
}

}  // namespace output
