#include "commands/send/progress.hpp"

#include <fmt/format.h>

#include <cstdio>

#include "base/units.hpp"

namespace commands {

void Progress::show(double fraction, std::uint64_t datagrams, std::uint64_t bytes) {
  const std::chrono::duration<double> elapsed = run::Clock::now() - started_;
  const double bits = static_cast<double>(bytes) * 8 / elapsed.count();
  const double left = fraction > 0 ? elapsed.count() * (1 - fraction) / fraction : 0;
  fmt::print(stderr, "\r\x1b[K{:3.0f} %  {} datagrams  {}  {:.0f} s left", fraction * 100, datagrams,
             base::with_prefix(bits, "bit/s"), left);
  std::fflush(stderr);
  shown_ = true;
}

void Progress::end() {
  if (shown_) fmt::print(stderr, "\n");
  shown_ = false;
}

}  // namespace commands
