// SPDX-License-Identifier: MIT
// `--metrics`: what a command counts, in a file for the collector of an agent such as Prometheus' node_exporter.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/units.hpp"
#include "commands/intake.hpp"
#include "commands/stage.hpp"
#include "output/metrics.hpp"
#include "output/replaced_file.hpp"

namespace commands {

// Who has something to count.
class Measured {
 public:
  // Counters never fall from one call to the next.
  virtual void measure(output::MetricsText& metrics) = 0;

 protected:
  ~Measured() = default;
};

class Metrics {
 public:
  // Where no file is named, nothing is written. Throws base::Failure when the file can never be: before the sandbox.
  Metrics(Stage& stage, const std::optional<std::string>& file, Measured& measured);

  // The directory that is written in, for the sandbox, or -1.
  int directory() const { return file_ ? file_->directory() : -1; }

  // Writes the first state and, from then on, one each `interval`. Throws base::Failure when the first cannot be
  // written: this user may not, or the disk is full. A later one that cannot is one notice.
  void start(std::optional<base::Nanoseconds> interval);
  // The last state.
  void finish();

 private:
  void write();
  void write_or_tell();

  Stage& stage_;
  Measured& measured_;
  std::optional<output::ReplacedFile> file_;
  output::MetricsText text_;
  double start_seconds_;  // since 1970
  bool told_ = false;
};

namespace metric {

using output::Metric;

// By endpoint (listen), or group and interface (join).
inline constexpr Metric received_datagrams{"udptool_received_datagrams_total", Metric::Type::counter,
                                           "Datagrams that were received."};
inline constexpr Metric received_bytes{"udptool_received_bytes_total", Metric::Type::counter,
                                       "Payload bytes that were received."};
inline constexpr Metric dropped{"udptool_dropped_datagrams_total", Metric::Type::counter,
                                "Datagrams that the kernel dropped for want of room in the receive buffer."};
inline constexpr Metric ignored{"udptool_ignored_datagrams_total", Metric::Type::counter,
                                "Datagrams of senders that are not let in, or to no group that was joined."};
inline constexpr Metric answered{"udptool_answered_datagrams_total", Metric::Type::counter, "Answers that were sent."};
inline constexpr Metric senders{"udptool_senders", Metric::Type::gauge, "Different senders since the start."};

}  // namespace metric
}  // namespace commands
