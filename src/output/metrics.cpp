// SPDX-License-Identifier: MIT
#include "output/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace output {
namespace {

constexpr const char* name_of(Metric::Type type) {
  return type == Metric::Type::counter ? "counter" : type == Metric::Type::gauge ? "gauge" : "histogram";
}

void append_sample(std::string& out, std::string_view name, std::string_view labels, const std::string& value) {
  const bool any = !labels.empty();
  out += fmt::format("{}{}{}{} {}\n", name, any ? "{" : "", labels, any ? "}" : "", value);
}

}  // namespace

std::string labels(std::initializer_list<std::pair<std::string_view, std::string_view>> pairs) {
  std::string out;
  for (const auto& [name, value] : pairs) {
    out += out.empty() ? "" : ",";
    out.append(name).append("=\"");
    for (const char c : value) {
      if (c == '\n') {
        out += "\\n";
        continue;
      }
      if (c == '\\' || c == '"') out += '\\';
      out += c;
    }
    out += '"';
  }
  return out;
}

std::string& MetricsText::samples_of(const Metric& metric) {
  const auto found =
      std::find_if(families_.begin(), families_.end(), [&](const Family& one) { return one.metric == &metric; });
  return found != families_.end() ? found->samples : families_.emplace_back(Family{&metric, {}}).samples;
}

void MetricsText::add(const Metric& metric, std::string_view labels, std::uint64_t value) {
  if (metric.type == Metric::Type::counter) {
    std::uint64_t& highest = highest_[fmt::format("{}{{{}", metric.name, labels)];
    value = highest = std::max(highest, value);
  }
  append_sample(samples_of(metric), metric.name, labels, fmt::format("{}", value));
}

void MetricsText::add(const Metric& metric, std::string_view labels, double value) {
  append_sample(samples_of(metric), metric.name, labels, fmt::format("{}", value));
}

void MetricsText::add(const Metric& metric, const std::string& labels, std::span<const double> bounds,
                      std::span<const std::uint64_t> counts, double sum) {
  std::string& samples = samples_of(metric);
  const std::string name(metric.name);
  const std::string before = labels.empty() ? "" : labels + ",";
  std::uint64_t total = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    total += counts[i];
    const std::string bound = i < bounds.size() ? fmt::format("{}", bounds[i]) : "+Inf";
    append_sample(samples, name + "_bucket", fmt::format("{}le=\"{}\"", before, bound), fmt::format("{}", total));
  }
  append_sample(samples, name + "_sum", labels, fmt::format("{}", sum));
  append_sample(samples, name + "_count", labels, fmt::format("{}", total));
}

std::string MetricsText::text() const {
  std::string out;
  for (const auto& [metric, samples] : families_) {
    out += fmt::format("# HELP {} {}\n# TYPE {} {}\n{}", metric->name, metric->help, metric->name,
                       name_of(metric->type), samples);
  }
  return out;
}

}  // namespace output
