// SPDX-License-Identifier: MIT
// What listen and join say of streams: a line each, or an event.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "commands/streams/streams.hpp"
#include "output/metrics.hpp"
#include "output/record_sink.hpp"
#include "output/report.hpp"

namespace commands {

// Where streams arrive: a group that was joined on an interface, or an endpoint that is listened on.
struct StreamPlace {
  net::Endpoint endpoint;
  bool joined = false;
  std::optional<net::Address> source;
};

// Says what the streams of a place are like. `asked`: by --stats, so that -q does not silence it.
void report_streams(const Streams& streams, std::size_t place, const StreamPlace& where, output::Report& report,
                    bool asked);
// What they lost, for --metrics: of all that ever were, under the labels of the place.
void measure_streams(output::MetricsText& metrics, std::string_view labels, const Streams& streams, std::size_t place);
// Says that there were more streams than are remembered, where that is so.
void report_more_streams(const Streams& streams, output::Report& report);

// Passes on the payloads of RTP without what surrounds them, and no RTCP; everything else as it is.
class RtpPayloads final : public output::RecordSink {
 public:
  explicit RtpPayloads(output::RecordSink& next) : next_(next) {}

  // This one with --rtp, where what is printed is raw; else the one that prints all.
  output::RecordSink& or_whole(const StreamOptions& streams, const output::Options& output) {
    return streams.rtp && output.format == output::Format::raw ? *this : next_;
  }
  void write(const net::Received& received, std::uint16_t local_port) override;

 private:
  output::RecordSink& next_;
};

}  // namespace commands
