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
  // `with_records`: they are printed, too.
  TopReport(std::size_t senders, bool with_records);

  void add(const net::Received& received);
  // Takes the lines of the last tell() off the terminal again, where they may be redrawn.
  void erase();
  // The same for the last time: the next lines stay, and are whole.
  void settle();
  const traffic::TopSenders& senders() const { return senders_; }
  // Of `senders`, which may be more than were added here. `datagrams`: of all, for their shares; rates are over
  // `interval`.
  void tell(output::Report& report, const traffic::TopSenders& senders, std::uint64_t datagrams,
            base::Nanoseconds interval);
  // From now on rates are over what comes next.
  void mark() { senders_.mark(); }

 private:
  std::size_t shown_;
  traffic::TopSenders senders_;
  bool redraws_;
  std::size_t lines_ = 0;  // on the terminal
};

}  // namespace commands
