// SPDX-License-Identifier: MIT
// The table of a trace in rounds: lines for a pipe, and a terminal where it is redrawn in place.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "commands/probe/hop_names.hpp"
#include "commands/probe/path_statistics.hpp"
#include "output/sink.hpp"
#include "output/terminal.hpp"

namespace commands {

struct TableLine {
  enum Column : std::size_t { hop, flow, loss, sent, last, avg, best, worst, stddev, columns };
  std::array<std::string, columns> figures;
  std::string address;
  std::string remark;
};

// The head and a line a row, by TTL and then by flow. The silent hops that end a flow's path share one.
std::vector<TableLine> table_of(const std::vector<HopRow>& rows, const HopNames& names);

// With tabs between.
std::string tabbed(const TableLine& line);

// Lines of at most so many columns, and as many as leave one for the cursor: columns that find no room beside the
// addresses are left out, the least important first.
std::vector<std::string> aligned(const std::vector<TableLine>& table, const output::TerminalSize& size);

// A table on a terminal. The cursor moves inside the lines of its own that were drawn last, and nowhere else: where
// they may have moved, the next is drawn below.
class LiveTable {
 public:
  explicit LiveTable(output::Sink& sink) : sink_(sink) {}

  void draw(const std::vector<TableLine>& table);
  // Something else was, or may have been, written meanwhile.
  void leave() { drawn_ = 0; }
  bool is_drawn() const { return drawn_ > 0; }

 private:
  output::Sink& sink_;
  output::TerminalSize size_;
  std::size_t drawn_ = 0;  // lines
};

}  // namespace commands
