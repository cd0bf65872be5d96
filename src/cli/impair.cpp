// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <charconv>
#include <set>
#include <string_view>

#include "base/text.hpp"
#include "base/units.hpp"
#include "cli/words.hpp"

namespace cli {
namespace {

using base::UsageError;

// A share in percent, as a number from 0 to 1.
double share_of(std::string_view word) {
  double percent = -1;
  const char* const end = word.data() + word.size();
  const auto [rest, error] = std::from_chars(word.data(), end, percent, std::chars_format::fixed);
  if (error != std::errc() || std::string_view(rest, end) != "%" || !(percent >= 0 && percent <= 100)) {
    throw UsageError(fmt::format("'{}' is no share from 0% to 100%", base::printable(word)));
  }
  return percent / 100;
}

// `given`: the names so far.
void take_one(std::string_view word, commands::Impairment& how, std::set<std::string_view>& given) {
  const std::size_t equals = word.find('=');
  const std::string_view name = word.substr(0, equals);
  const std::string_view value = equals == std::string_view::npos ? "" : word.substr(equals + 1);
  if (!given.insert(name).second) throw UsageError(fmt::format("'{}' is given twice", base::printable(name)));
  if (name == "loss") {
    how.loss = share_of(value);
  } else if (name == "duplicate") {
    how.duplicate = share_of(value);
  } else if (name == "reorder") {
    how.reorder = share_of(value);
  } else if (name == "delay") {
    how.delay = base::parse_duration(value);
  } else if (name == "jitter") {
    how.jitter = base::parse_duration(value);
  } else if (name == "rate") {
    how.rate = base::parse_rate(value);
  } else if (name == "seed") {
    how.seed = base::parse_integer(value);
  } else {
    throw UsageError(fmt::format("'{}' is none of loss=, delay=, jitter=, duplicate=, reorder=, rate=, seed=",
                                 base::printable(word)));
  }
}

}  // namespace

void take_impairment(const std::string& word, commands::ForwardOptions& options) {
  std::string_view list = word;
  const char way = list.starts_with('>') || list.starts_with('<') ? list.front() : ' ';
  if (way != ' ') list.remove_prefix(1);
  commands::Impairment how;
  std::set<std::string_view> given;
  for (;;) {
    const std::size_t comma = list.find(',');
    take_one(list.substr(0, comma), how, given);
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  if (way != '<') options.impair_forward = how;
  if (way != '>') options.impair_backward = how;
}

}  // namespace cli
