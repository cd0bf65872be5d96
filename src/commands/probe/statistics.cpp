#include "commands/probe/statistics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace commands {
namespace {

double milliseconds(std::int64_t nanoseconds) { return static_cast<double>(nanoseconds) / 1e6; }

// The smallest of 1, 2, 5, 10, 20, ... that is at least `min`.
std::int64_t round_step(std::int64_t min) {
  for (std::int64_t power = 1;; power *= 10) {
    for (const int factor : {1, 2, 5}) {
      if (power * factor >= min) return power * factor;
    }
  }
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

std::string histogram(const RttSamples& samples, std::size_t width) {
  if (samples.empty()) return {};
  constexpr std::int64_t max_rows = 15;
  constexpr std::size_t min_width = 40;
  std::uint64_t total = 0;
  for (const auto& sample : samples) total += sample.second;
  const std::int64_t low = samples.front().first;
  const std::int64_t high = nearest_rank(samples, total, 990);
  const std::int64_t step = round_step(std::max<std::int64_t>((high - low) / (max_rows - 1), 1'000));
  const std::int64_t first = low / step;
  // One row more than the ranges: what lies above the last.
  std::vector<std::uint64_t> counts(static_cast<std::size_t>(high / step - first) + 2);
  for (const auto& [rtt, times] : samples) {
    counts[std::min(static_cast<std::size_t>(rtt / step - first), counts.size() - 1)] += times;
  }
  if (counts.back() == 0) counts.pop_back();
  const std::uint64_t largest = *std::max_element(counts.begin(), counts.end());
  const auto edge = [&](std::size_t row) {
    return fmt::format("{:.3f}", milliseconds((first + static_cast<std::int64_t>(row)) * step));
  };
  const std::size_t edge_width = edge(counts.size()).size();
  const std::size_t count_width = fmt::format("{}", largest).size();
  const std::size_t last_range = static_cast<std::size_t>(high / step - first);
  std::string out;
  for (std::size_t row = 0; row < counts.size(); ++row) {
    const std::string upper = row > last_range ? "" : edge(row + 1);
    const std::string line =
        fmt::format("{:>{}} - {:>{}} ms  {:>{}}  ", edge(row), edge_width, upper, edge_width, counts[row], count_width);
    const std::size_t room = std::max(width, min_width) - std::min(line.size(), min_width - 1);
    const double share = static_cast<double>(counts[row]) / static_cast<double>(largest);
    const auto bar = static_cast<std::size_t>(std::ceil(share * static_cast<double>(room)));
    out += line + std::string(bar, '#') + '\n';
  }
  return out;
}

}  // namespace commands
