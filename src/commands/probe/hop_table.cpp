// SPDX-License-Identifier: MIT
#include "commands/probe/hop_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "base/text.hpp"

namespace commands {
namespace {

using Column = TableLine::Column;

const TableLine head{{"hop", "flow", "loss %", "sent", "last ms", "avg", "best", "worst", "stddev"}, "address", ""};

TableLine line_of(const HopRow& row, unsigned last_silent, const HopNames& names) {
  TableLine line;
  line.figures[Column::hop] =
      last_silent == row.ttl ? fmt::format("{}", row.ttl) : fmt::format("{}-{}", row.ttl, last_silent);
  if (row.flow != 0) line.figures[Column::flow] = fmt::format("{}", row.flow);
  if (row.probes.sent > 0) line.figures[Column::loss] = fmt::format("{:.1f}", row.probes.lost_percent);
  line.figures[Column::sent] = fmt::format("{}", row.probes.sent);
  if (const auto& rtt = row.probes.rtt) {
    const auto ms = [](double value) { return fmt::format("{:.3f}", value); };
    line.figures[Column::last] = ms(static_cast<double>(row.last->count()) / 1e6);
    line.figures[Column::avg] = ms(rtt->avg_ms);
    line.figures[Column::best] = ms(rtt->min_ms);
    line.figures[Column::worst] = ms(rtt->max_ms);
    line.figures[Column::stddev] = ms(rtt->stddev_ms);
  }
  line.address = row.is_silent() ? "*" : names.text(row.addresses);
  line.remark = row.is_silent() ? "no answer" : row.remark;
  return line;
}

// How many columns a text takes at most: what is not ASCII may take two.
std::size_t width_of(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const base::CodePoint next = base::next_code_point(text);
    width += next.value < 0x80 ? 1 : 2;
    text.remove_prefix(next.size);
  }
  return width;
}

// As much of it as fits.
std::string cut(std::string_view text, std::size_t width) {
  std::size_t kept = 0, used = 0;
  while (kept < text.size()) {
    const base::CodePoint next = base::next_code_point(text.substr(kept));
    used += next.value < 0x80 ? 1 : 2;
    if (used > width) break;
    kept += next.size;
  }
  return std::string(text.substr(0, kept));
}

constexpr std::size_t gap = 2;

using Widths = std::array<std::size_t, Column::columns>;  // 0: left out

Widths widths_of(const std::vector<TableLine>& table) {
  Widths widths{};
  for (std::size_t column = 0; column < widths.size(); ++column) {
    for (const TableLine& line : table) widths[column] = std::max(widths[column], line.figures[column].size());
  }
  return widths;
}

void leave_out(Widths& widths, std::size_t room, std::size_t address) {
  for (const Column column : {Column::stddev, Column::best, Column::worst, Column::last, Column::sent, Column::avg}) {
    std::size_t used = address;
    for (const std::size_t width : widths) used += width == 0 ? 0 : width + gap;
    if (used <= room) return;
    widths[column] = 0;
  }
}

}  // namespace

std::vector<TableLine> table_of(const std::vector<HopRow>& rows, const HopNames& names) {
  struct Path {
    bool ends_silent = true;
    unsigned last = 0;
  };
  std::map<unsigned, Path> paths;  // by flow
  std::vector<std::pair<unsigned, TableLine>> found;
  for (auto row = rows.rbegin(); row != rows.rend(); ++row) {
    Path& path = paths[row->flow];
    path.last = std::max(path.last, row->ttl);
    const bool begins = std::next(row) == rows.rend() || std::next(row)->flow != row->flow;
    path.ends_silent = path.ends_silent && row->is_silent();
    const bool more_before = path.ends_silent && !begins && std::next(row)->is_silent();
    if (!more_before) found.emplace_back(row->ttl, line_of(*row, path.ends_silent ? path.last : row->ttl, names));
  }
  std::reverse(found.begin(), found.end());
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<TableLine> table{head};
  if (paths.contains(0)) table.front().figures[Column::flow].clear();
  table.reserve(found.size() + 1);
  for (auto& [ttl, line] : found) table.push_back(std::move(line));
  return table;
}

std::string tabbed(const TableLine& line) {
  std::string out;
  for (std::size_t column = 0; column < line.figures.size(); ++column) {
    if (column != Column::flow || !line.figures[column].empty()) out += line.figures[column] + '\t';
  }
  out += line.address;
  if (!line.remark.empty()) out += '\t' + line.remark;
  return out;
}

std::vector<std::string> aligned(const std::vector<TableLine>& table, const output::TerminalSize& size) {
  std::size_t address = 0;
  for (const TableLine& line : table)
    address = std::max(address, width_of(line.address.substr(0, line.address.find(','))));
  Widths widths = widths_of(table);
  leave_out(widths, size.columns, address);
  std::vector<std::string> out;
  out.reserve(table.size());
  for (const TableLine& line : table) {
    std::string text;
    for (std::size_t column = 0; column < widths.size(); ++column) {
      if (widths[column] > 0) text += fmt::format("{:>{}}{:{}}", line.figures[column], widths[column], "", gap);
    }
    text += line.address;
    if (!line.remark.empty()) text += "  " + line.remark;
    out.push_back(cut(text, size.columns));
  }
  // The end of the path is worth more than its middle.
  if (const std::size_t room = std::max<std::size_t>(size.lines, 4) - 1; out.size() > room) {
    const std::size_t first = room - 2, left = out.size() - room + 1;
    out.erase(out.begin() + static_cast<std::ptrdiff_t>(first), out.end() - 1);
    out.insert(out.begin() + static_cast<std::ptrdiff_t>(first), cut(fmt::format("({} more)", left), size.columns));
  }
  return out;
}

void LiveTable::draw(const std::vector<TableLine>& table) {
  const output::TerminalSize size = output::terminal_size();
  if (size != size_) drawn_ = 0;
  size_ = size;
  std::string& out = sink_.buffer();
  if (drawn_ > 0) out += fmt::format("\r\x1b[{}A", drawn_);
  const std::vector<std::string> lines = aligned(table, size);
  for (const std::string& line : lines) out += line + "\x1b[K\n";
  out += "\x1b[J";
  drawn_ = lines.size();
  sink_.flush();
}

}  // namespace commands
