// SPDX-License-Identifier: MIT
// The line that shows how far a long send is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "run/loop.hpp"

namespace commands {

class Progress {
 public:
  // Draws the line anew; `fraction` is from 0 to 1. A line that nobody takes is given up.
  void show(double fraction, std::uint64_t datagrams, std::uint64_t bytes);
  // Takes the line away, for what is to be said next.
  void clear();
  // Leaves the line standing and goes to the next, if any was drawn.
  void end();

  // The line after so many seconds, short enough not to wrap.
  static std::string text(double fraction, std::uint64_t datagrams, std::uint64_t bytes, double seconds,
                          std::size_t columns);

 private:
  run::Clock::time_point started_ = run::Clock::now();
  bool shown_ = false;
};

}  // namespace commands
