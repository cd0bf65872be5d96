// SPDX-License-Identifier: MIT
#include "commands/send/splitter.hpp"

#include <algorithm>

namespace commands {
namespace {

// One byte is looked for by memchr alone.
std::size_t find(std::string_view input, std::string_view delimiter) {
  return delimiter.size() == 1 ? input.find(delimiter.front()) : input.find(delimiter);
}

}  // namespace

std::optional<std::string_view> Splitter::take(std::string_view& input, bool ended) {
  std::size_t size = input.size();
  std::size_t behind = 0;
  if (cut_.at == CutAt::end) {
    if (!ended || took_whole_) return std::nullopt;
    took_whole_ = true;
  } else {
    if (input.empty()) return std::nullopt;
    bool complete = false;
    if (cut_.at == CutAt::size) {
      complete = size >= cut_.size;
      size = std::min(size, cut_.size);
    } else if (const std::size_t found = find(input, cut_.delimiter); found != std::string_view::npos) {
      complete = true;
      size = found;
      behind = cut_.delimiter.size();
    }
    if (!complete && !ended) return std::nullopt;
  }
  const std::string_view piece = input.substr(0, size);
  input.remove_prefix(size + behind);
  return piece;
}

}  // namespace commands
