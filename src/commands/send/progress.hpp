// The line that shows how far a long send is.
#pragma once

#include <cstdint>

#include "run/loop.hpp"

namespace commands {

class Progress {
 public:
  // Draws the line anew; `fraction` is from 0 to 1.
  void show(double fraction, std::uint64_t datagrams, std::uint64_t bytes);
  // Leaves the line standing and goes to the next, if any was drawn.
  void end();

 private:
  run::Clock::time_point started_ = run::Clock::now();
  bool shown_ = false;
};

}  // namespace commands
