// SPDX-License-Identifier: MIT
#include "commands/send/progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "base/units.hpp"
#include "output/terminal.hpp"

namespace commands {
namespace {

constexpr const char* erase_line = "\r\x1b[K";

// For whoever looks: what cannot be written at once is no failure.
void write_once(const std::string& text) {
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace

std::string Progress::text(double fraction, std::uint64_t datagrams, std::uint64_t bytes, double seconds,
                           std::size_t columns) {
  const double bits = seconds > 0 ? static_cast<double>(bytes) * 8 / seconds : 0;
  const double left = fraction > 0 ? seconds * (1 - fraction) / fraction : 0;
  std::string line = fmt::format("{:3.0f} %  {}  {}  {:.0f} s left", fraction * 100,
                                 base::counted(datagrams, "datagram"), base::with_prefix(bits, "bit/s"), left);
  line.resize(std::min(line.size(), std::max<std::size_t>(columns, 1) - 1));  // what has wrapped cannot be drawn anew
  return line;
}

void Progress::show(double fraction, std::uint64_t datagrams, std::uint64_t bytes) {
  const std::chrono::duration<double> elapsed = run::Clock::now() - started_;
  write_once(erase_line +
             text(fraction, datagrams, bytes, elapsed.count(), output::terminal_size(STDERR_FILENO).columns));
  shown_ = true;
}

void Progress::clear() {
  if (shown_) write_once(erase_line);
  shown_ = false;
}

void Progress::end() {
  if (shown_) write_once("\n");
  shown_ = false;
}

}  // namespace commands
