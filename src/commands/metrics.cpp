// SPDX-License-Identifier: MIT
#include "commands/metrics.hpp"

#include <fmt/format.h>

#include <chrono>

#include "base/error.hpp"

namespace commands {
namespace {

constexpr output::Metric build_info{"udptool_build_info", output::Metric::Type::gauge,
                                    "The version of udptool; always 1."};
constexpr output::Metric start_time{"udptool_start_time_seconds", output::Metric::Type::gauge,
                                    "When it was started, in seconds since 1970."};

double seconds_since_1970() {
  const std::chrono::duration<double> since = std::chrono::system_clock::now().time_since_epoch();
  return since.count();
}

}  // namespace

Metrics::Metrics(Stage& stage, const std::optional<std::string>& file, Measured& measured)
    : stage_(stage), measured_(measured), start_seconds_(seconds_since_1970()) {
  if (file) file_.emplace(*file);
}

void Metrics::start(std::optional<base::Nanoseconds> interval) {
  if (!file_) return;
  write();
  constexpr std::chrono::seconds usual(15);  // as often as a collector comes by default
  stage_.loop.every(interval.value_or(usual), [this](base::Nanoseconds) { write_or_tell(); });
}

void Metrics::finish() {
  if (file_) write_or_tell();
}

void Metrics::write() {
  text_.clear();
  text_.add(build_info, output::labels({{"version", UDPTOOL_VERSION}}), std::uint64_t{1});
  text_.add(start_time, "", start_seconds_);
  measured_.measure(text_);
  file_->replace(text_.text());
}

void Metrics::write_or_tell() {
  try {
    write();
    told_ = false;
  } catch (const base::Failure& error) {
    if (!told_) stage_.report.notice(fmt::format("{}: measuring goes on", error.what()));
    told_ = true;
  }
}

}  // namespace commands
