// SPDX-License-Identifier: MIT
// An input that comes in blocks of any sizes is cut as the same input in one piece is.
#include <string>
#include <string_view>
#include <vector>

#include "commands/send/splitter.hpp"
#include "fuzz.hpp"

namespace {

using commands::Cut;
using commands::CutAt;
using Pieces = std::vector<std::string>;

// As the documentation has it, with nothing clever.
Pieces reference(const std::string& input, const Cut& cut) {
  if (cut.at == CutAt::end) return {input};
  Pieces out;
  std::string piece;
  for (const char c : input) {
    piece += c;
    const bool full = cut.at == CutAt::size ? piece.size() == cut.size : piece.ends_with(cut.delimiter);
    if (!full) continue;
    if (cut.at == CutAt::delimiter) piece.resize(piece.size() - cut.delimiter.size());
    out.push_back(piece);
    piece.clear();
  }
  if (!piece.empty()) out.push_back(piece);
  return out;
}

void take_all(commands::Splitter& splitter, std::string& unread, bool ended, Pieces& out) {
  std::string_view left = unread;
  while (const auto piece = splitter.take(left, ended)) {
    out.emplace_back(*piece);
    MUST(out.size() <= 1'000'000);
  }
  unread.erase(0, unread.size() - left.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Feed feed(data, size);
  Cut cut;
  const std::uint8_t kind = feed.byte();
  cut.at = static_cast<CutAt>(kind % 3);
  cut.size = kind / 16 + 1;
  const std::string delimiter(feed.bytes(kind / 64 + 1));
  if (!delimiter.empty()) cut.delimiter = delimiter;
  const std::string sizes(feed.bytes(8));
  const std::string input(feed.rest());

  commands::Splitter splitter(cut);
  Pieces pieces;
  std::string unread;
  std::size_t at = 0;
  for (std::size_t i = 0; at < input.size(); ++i) {
    const std::size_t block = 1 + static_cast<std::uint8_t>(sizes[i % sizes.size()]) % 32;
    unread += input.substr(at, block);
    at += block;
    take_all(splitter, unread, false, pieces);
  }
  take_all(splitter, unread, true, pieces);
  MUST(unread.empty());
  MUST(pieces == reference(input, cut));
  return 0;
}
