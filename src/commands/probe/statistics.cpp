// SPDX-License-Identifier: MIT
#include "commands/probe/statistics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace commands {
namespace {

double milliseconds(std::int64_t ns) { return static_cast<double>(ns) / 1e6; }

constexpr std::int64_t microsecond = 1'000;

// The edges from the one at or below `low` to the one above `high`, whole microseconds that grow by `factor`.
std::vector<std::int64_t> edges(std::int64_t low, std::int64_t high, double factor) {
  std::vector<std::int64_t> out{low / microsecond * microsecond};
  const double first = std::floor(std::log(static_cast<double>(std::max(low, microsecond))) / std::log(factor));
  for (double power = first; out.back() <= high; ++power) {
    const std::int64_t edge = std::llround(std::pow(factor, power) / 1e3) * microsecond;
    if (edge <= low) out.back() = std::min(edge, out.back());
    if (edge > out.back()) out.push_back(edge);
  }
  return out;
}

}  // namespace

void RttJitter::add(std::int64_t rtt) {
  if (last >= 0) value += (std::abs(static_cast<double>(rtt - last)) - value) / 16;
  last = rtt;
}

std::int64_t nearest_rank(const RttSamples& samples, std::uint64_t count, unsigned thousandths) {
  const std::uint64_t rank = (count * thousandths + 999) / 1'000;
  std::uint64_t seen = 0;
  for (const auto& [rtt, times] : samples) {
    seen += times;
    if (seen >= rank) return rtt;
  }
  return samples.back().first;
}

Histogram histogram_of(const RttSamples& samples) {
  if (samples.empty()) return {};
  constexpr std::size_t max_bins = 20;
  std::vector<std::int64_t> borders;
  for (const double steps : {8.0, 4.0, 2.0, 1.0, 0.5, 0.25}) {  // bins for each doubling
    borders = edges(samples.front().first, samples.back().first, std::exp2(1 / steps));
    if (borders.size() <= max_bins + 1) break;
  }
  Histogram bins;
  for (std::size_t i = 0; i + 1 < borders.size(); ++i) bins.push_back({borders[i], borders[i + 1], 0});
  std::size_t at = 0;
  for (const auto& [rtt, times] : samples) {
    while (rtt >= bins[at].to) ++at;
    bins[at].count += times;
  }
  const auto counted = [](const HistogramBin& bin) { return bin.count > 0; };
  bins.erase(bins.begin(), std::find_if(bins.begin(), bins.end(), counted));
  return bins;
}

std::string histogram_text(const Histogram& bins, std::size_t width) {
  if (bins.empty()) return {};
  constexpr std::size_t min_width = 40;
  std::uint64_t largest = 0;
  for (const HistogramBin& bin : bins) largest = std::max(largest, bin.count);
  const auto edge = [](std::int64_t ns) { return fmt::format("{:.3f}", milliseconds(ns)); };
  const std::size_t edge_width = edge(bins.back().to).size();
  const std::size_t count_width = fmt::format("{}", largest).size();
  std::string out;
  for (const HistogramBin& bin : bins) {
    const std::string line = fmt::format("{:>{}} - {:>{}} ms  {:>{}}  ", edge(bin.from), edge_width, edge(bin.to),
                                         edge_width, bin.count, count_width);
    const std::size_t room = std::max(width, min_width) - std::min(line.size(), min_width - 1);
    const double share = static_cast<double>(bin.count) / static_cast<double>(largest);
    out += line + std::string(static_cast<std::size_t>(std::ceil(share * static_cast<double>(room))), '#') + '\n';
  }
  return out;
}

}  // namespace commands
