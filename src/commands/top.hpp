// SPDX-License-Identifier: MIT
// --top: who sent the most, told at each interval and at the end.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/units.hpp"
#include "output/report.hpp"
#include "traffic/top.hpp"

namespace commands {

class TopReport {
 public:
  explicit TopReport(std::size_t senders);

  void add(const net::Received& received);
  // Takes the lines of the last tell() off the terminal again, where they may be redrawn.
  void erase();
  // `datagrams`: of all senders, for their shares; rates are over `interval`, and then over what comes next.
  void tell(output::Report& report, std::uint64_t datagrams, base::Nanoseconds interval);

 private:
  std::size_t shown_;
  traffic::TopSenders senders_;
  bool redraws_;
  std::size_t lines_ = 0;  // on the terminal
};

}  // namespace commands
