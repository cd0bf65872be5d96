// SPDX-License-Identifier: MIT
// Cutting an input into datagrams.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace commands {

enum class CutAt { delimiter, size, end };

// How the input is cut: at a delimiter that is not part of any datagram, every `size` bytes, or not at all.
struct Cut {
  CutAt at = CutAt::delimiter;
  std::string delimiter = "\n";
  std::size_t size = 0;
};

// Takes the next piece off the front of `input`, or returns nothing when it is not complete yet; `ended` says that
// nothing follows. A delimiter at the very end does not begin another piece; two in a row make an empty one. An empty
// input has no piece, but CutAt::end makes an empty one of it.
class Splitter {
 public:
  explicit Splitter(Cut cut) : cut_(std::move(cut)) {}

  std::optional<std::string_view> take(std::string_view& input, bool ended);

 private:
  Cut cut_;
  bool took_whole_ = false;
};

}  // namespace commands
