// SPDX-License-Identifier: MIT
// Counters in the text form that Prometheus reads (exposition format 0.0.4).
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace output {

struct Metric {
  enum class Type : std::uint8_t { counter, gauge, histogram };

  const char* name;
  Type type;
  const char* help;
};

// What tells the samples of a metric apart: `endpoint="0.0.0.0:514",target="loghost:514"`, the values escaped.
std::string labels(std::initializer_list<std::pair<std::string_view, std::string_view>> pairs);

class MetricsText {
 public:
  // The next state begins.
  void clear() { families_.clear(); }

  // Samples of one metric stand together, in the order of their coming; metrics in that of their first sample.
  // A counter never falls from one state to the next: one that is counted down (what was lost came late) stays where
  // it was until it has grown beyond that.
  void add(const Metric& metric, std::string_view labels, std::uint64_t value);
  void add(const Metric& metric, std::string_view labels, double value);
  // `counts`: how many lie at or below each of `bounds` and above the one before it, and last those above all.
  void add(const Metric& metric, const std::string& labels, std::span<const double> bounds,
           std::span<const std::uint64_t> counts, double sum);

  std::string text() const;

 private:
  struct Family {
    const Metric* metric;
    std::string samples;
  };

  std::string& samples_of(const Metric& metric);

  std::vector<Family> families_;
  std::map<std::string, std::uint64_t, std::less<>> highest_;  // of each counter, by its name and labels
};

}  // namespace output
