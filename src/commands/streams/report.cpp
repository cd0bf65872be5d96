// SPDX-License-Identifier: MIT
#include "commands/streams/report.hpp"

#include <fmt/format.h>

#include <chrono>
#include <string>

#include "base/units.hpp"
#include "output/json.hpp"
#include "output/timestamp.hpp"

namespace commands {
namespace {

// Streams of a single datagram are mostly no streams: of those only so many are shown.
constexpr std::size_t max_single = 16;

using output::Metric;
constexpr Metric rtp_lost{"udptool_rtp_lost_packets_total", Metric::Type::counter, "RTP packets that are missing."};
constexpr Metric sequence_lost{"udptool_sequence_lost_total", Metric::Type::counter,
                               "Datagrams that are missing by a number in their payload."};
constexpr Metric continuity_errors{"udptool_mpegts_continuity_errors_total", Metric::Type::counter,
                                   "MPEG-TS continuity errors."};

std::string sender_text(const Stream& stream) { return net::to_string(stream.key.sender); }

void add_place(output::JsonEvent& event, const Stream& stream, const StreamPlace& where) {
  if (where.joined) {
    event.address("group", net::with_zone(where.endpoint.address(), 0)).number("to_port", where.endpoint.port());
  } else {
    event.text("endpoint", net::unescaped(where.endpoint));
  }
  if (stream.key.interface != 0) event.text("interface", net::interface_name(stream.key.interface));
  if (where.source) event.address("source", *where.source);
  event.address("address", stream.key.sender.address()).number("port", stream.key.sender.port());
}

void add_runs(output::JsonEvent& event, const LossRuns& runs) {
  std::string object = "{";
  for (std::size_t i = 0; i < runs.counts.size(); ++i) {
    object += fmt::format("{}\"{}\":{}", i == 0 ? "" : ",", LossRuns::names[i], runs.counts[i]);
  }
  event.raw("loss_runs", object + "}");
}

void add_sequence(output::JsonEvent& event, std::uint64_t received, const SequenceTracker& sequence) {
  event.number("received", received).number("lost", sequence.lost()).number("duplicate", sequence.duplicate());
  event.number("reordered", sequence.reordered()).number("restarts", sequence.restarts());
}

// By the wall clock: arrivals are by the clock that nobody sets.
std::string wall_time(net::SystemTime arrival, int places) {
  const auto ago = std::chrono::steady_clock::now().time_since_epoch() - arrival.time_since_epoch();
  std::string time;
  output::append_time(time, std::chrono::system_clock::now() - ago, places);
  return time;
}

void add_gap(output::JsonEvent& event, const LongestGap& gap) {
  event.decimal("longest_gap_ms", gap.milliseconds());
  if (gap.ended() != net::SystemTime{}) event.text("longest_gap_ended", wall_time(gap.ended(), 9));
}

void add_interval(output::JsonEvent& event, const std::optional<IntervalLoss>& loss) {
  if (!loss) return;
  event.number("interval_lost", loss->lost).decimal("interval_lost_percent", loss->percent, 1);
  event.text("lost_from", wall_time(loss->from, 9)).text("lost_to", wall_time(loss->to, 9));
}

std::string interval_text(const std::optional<IntervalLoss>& loss) {
  constexpr std::size_t date = std::string_view("2026-01-02T").size();
  if (!loss) return "";
  return fmt::format("; in this interval {:.1f} % lost, all between {} and {}", loss->percent,
                     wall_time(loss->from, 6).substr(date), wall_time(loss->to, 6).substr(date));
}

std::string sequence_text(std::uint64_t received, const SequenceTracker& sequence) {
  const std::string restarts = sequence.restarts() > 0 ? fmt::format(", restarts {}", sequence.restarts()) : "";
  return fmt::format("received {}, lost {}, duplicate {}, reordered {}{}", received, sequence.lost(),
                     sequence.duplicate(), sequence.reordered(), restarts);
}

std::string jitter_text(std::optional<double> jitter_ms) {
  return jitter_ms ? fmt::format("{:.3f} ms", *jitter_ms) : "unknown";
}

std::string ending_text(const LongestGap& gap, const SequenceTracker& sequence) {
  return fmt::format("longest gap {:.1f} ms, loss runs {}", gap.milliseconds(), sequence.runs().total());
}

class Printer {
 public:
  Printer(const StreamPlace& where, output::Report& report, bool asked)
      : where_(where), report_(report), asked_(asked) {}

  void say(const Stream& stream) const {
    std::visit([&](const auto& content) { say(stream, content); }, stream.content);
  }

 private:
  // Intervals are those of --stats.
  template <class Content>
  std::optional<IntervalLoss> interval_loss(const Content& content) const {
    return asked_ ? content.interval_loss() : std::nullopt;
  }
  template <class Fields, class Text>
  void tell(std::string_view name, const Fields& fields, const Text& text) const {
    report_.tell(asked_ ? output::Tone::asked : output::Tone::talk, name, fields, text);
  }

  void say(const Stream& stream, const RtpStream& rtp) const {
    const std::string ssrc = fmt::format("0x{:08x}", stream.key.ssrc);
    const auto rate = rtp.clock_rate();
    const auto fields = [&](output::JsonEvent& event) {
      add_place(event, stream, where_);
      event.text("ssrc", ssrc).number("payload_type", rtp.payload_type());
      if (rate) event.number("clock_rate", *rate).boolean("clock_measured", rtp.clock_is_measured());
      add_sequence(event, rtp.received(), rtp.sequence());
      if (rtp.jitter_ms()) event.decimal("jitter_ms", *rtp.jitter_ms());
      add_gap(event, rtp.longest_gap());
      add_runs(event, rtp.sequence().runs());
      add_interval(event, interval_loss(rtp));
    };
    const std::string clock =
        rate ? fmt::format("{} Hz{}", *rate, rtp.clock_is_measured() ? " (measured)" : "") : "an unknown clock rate";
    tell("rtp", fields, [&] {
      return fmt::format("rtp {} from {}: payload type {} at {}, {}, jitter {}, {}{}", ssrc, sender_text(stream),
                         rtp.payload_type(), clock, sequence_text(rtp.received(), rtp.sequence()),
                         jitter_text(rtp.jitter_ms()), ending_text(rtp.longest_gap(), rtp.sequence()),
                         interval_text(interval_loss(rtp)));
    });
  }

  void say(const Stream& stream, const CountedStream& counted) const {
    const auto jitter = counted.jitter_ms();
    const auto fields = [&](output::JsonEvent& event) {
      add_place(event, stream, where_);
      add_sequence(event, counted.received(), counted.sequence());
      if (jitter) event.decimal("jitter_ms", *jitter).decimal("delay_ms", *counted.delay_ms());
      add_gap(event, counted.longest_gap());
      add_runs(event, counted.sequence().runs());
      add_interval(event, interval_loss(counted));
    };
    const std::string timing = jitter ? fmt::format(", jitter {}", jitter_text(jitter)) : "";
    const std::string delay =
        jitter ? fmt::format(", one-way delay {:.3f} ms (only if both clocks are synchronised)", *counted.delay_ms())
               : "";
    tell("sequence", fields, [&] {
      return fmt::format(
          "sequence from {}: {}{}, {}{}{}", sender_text(stream), sequence_text(counted.received(), counted.sequence()),
          timing, ending_text(counted.longest_gap(), counted.sequence()), delay, interval_text(interval_loss(counted)));
    });
  }

  void say(const Stream& stream, const TsStream& ts) const {
    say_sums(stream, ts);
    for (const TsReport& pid : ts.reports()) say_pid(stream, pid);
  }

  void say_sums(const Stream& stream, const TsStream& ts) const {
    const auto fields = [&](output::JsonEvent& event) {
      add_place(event, stream, where_);
      event.number("packets", ts.packets()).number("transport_errors", ts.transport_errors());
      event.number("sync_losses", ts.sync_losses()).decimal("bits_per_second", ts.bits_per_second(), 0);
    };
    tell("mpegts_stream", fields, [&] {
      return fmt::format("mpeg-ts from {}: {}, {}, {}, {}, {}", sender_text(stream),
                         base::counted(ts.packets(), "packet"), base::counted(ts.errors(), "continuity error"),
                         base::counted(ts.transport_errors(), "transport error"),
                         ts.sync_losses() == 1 ? "1 sync loss" : fmt::format("{} sync losses", ts.sync_losses()),
                         base::with_prefix(ts.bits_per_second(), "bit/s"));
    });
  }

  void say_pid(const Stream& stream, const TsReport& pid) const {
    const auto fields = [&](output::JsonEvent& event) {
      add_place(event, stream, where_);
      event.number("pid", pid.pid).number("packets", pid.packets).number("continuity_errors", pid.errors);
      event.decimal("bits_per_second", pid.bits_per_second, 0);
      if (pid.pcr_interval_ms) event.decimal("pcr_interval_ms", *pid.pcr_interval_ms);
      if (pid.pcr_jitter_ms) event.decimal("pcr_jitter_ms", *pid.pcr_jitter_ms);
    };
    const std::string clock = pid.pcr_interval_ms
                                  ? fmt::format(", largest PCR interval {:.1f} ms, PCR jitter {:.3f} ms",
                                                *pid.pcr_interval_ms, *pid.pcr_jitter_ms)
                                  : "";
    tell("mpegts", fields, [&] {
      return fmt::format("mpeg-ts pid 0x{:04x} from {}: {}, {}{}, {}", pid.pid, sender_text(stream),
                         base::counted(pid.packets, "packet"), base::counted(pid.errors, "continuity error"), clock,
                         base::with_prefix(pid.bits_per_second, "bit/s"));
    });
  }

  const StreamPlace& where_;
  output::Report& report_;
  bool asked_;
};

}  // namespace

void report_streams(const Streams& streams, std::size_t place, const StreamPlace& where, output::Report& report,
                    bool asked) {
  const Printer printer(where, report, asked);
  std::size_t single = 0;
  std::size_t hidden = 0;
  for (const Stream* stream : streams.of(place)) {
    if (stream->datagrams == 1 && ++single > max_single) {
      ++hidden;
    } else {
      printer.say(*stream);
    }
  }
  if (hidden > 0) report.line(base::counted(hidden, "more stream") + " of one datagram each");
}

void report_more_streams(const Streams& streams, output::Report& report) {
  if (streams.forgotten() > 0) {
    report.notice(base::counted(streams.forgotten(), "stream") + " more than are remembered came and went");
  }
  if (streams.unlisted() > 0) {
    report.notice(fmt::format("{} of streams more than are remembered", base::counted(streams.unlisted(), "datagram")));
  }
}

void RtpPayloads::write(const net::Received& received, std::uint16_t local_port) {
  const RtpPacket packet = received.is_run() ? RtpPacket() : parse_rtp(received.bytes);
  if (packet.kind == RtpKind::rtcp) return;
  net::Received stripped = received;
  if (packet.kind == RtpKind::rtp) stripped.bytes = packet.payload;
  next_.write(stripped, local_port);
}

void measure_streams(output::MetricsText& metrics, std::string_view labels, const Streams& streams, std::size_t place) {
  const Streams::Sums sums = streams.sums(place);
  if (streams.options().rtp) {
    metrics.add(rtp_lost, labels, sums.rtp_lost);
    metrics.add(continuity_errors, labels, sums.continuity_errors);
  }
  if (streams.options().sequence) metrics.add(sequence_lost, labels, sums.sequence_lost);
}

}  // namespace commands
