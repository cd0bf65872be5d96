// SPDX-License-Identifier: MIT
#include "commands/probe/paths.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "base/text.hpp"

namespace commands {
namespace {

// What flows of one path have found at a TTL.
struct Cell {
  std::vector<net::Address> addresses;  // none: silent
  std::chrono::nanoseconds best{};
  std::string remark;
};

struct Path {
  std::vector<unsigned> flows;
  std::map<unsigned, Cell> cells;  // by TTL
  std::optional<unsigned> end;     // the TTL that reached the target or was refused
  std::vector<unsigned> short_of;  // the target: those of `flows` that did not reach it

  bool is_known() const {
    return std::any_of(cells.begin(), cells.end(), [](const auto& cell) { return !cell.second.addresses.empty(); });
  }
};

std::string remark_of(const TraceHop& hop) {
  for (const TraceAnswer& answer : hop.answers) {
    if (!answer.remark.empty()) return answer.remark;
    if (answer.kind == TraceAnswer::Kind::reached) return "reached";
  }
  return "";
}

bool is_reached(const TraceHop& hop) {
  return std::any_of(hop.answers.begin(), hop.answers.end(),
                     [](const TraceAnswer& answer) { return answer.kind == TraceAnswer::Kind::reached; });
}

Path path_of(const FlowPath& flow) {
  Path path;
  path.flows = {flow.flow};
  for (const TraceHop& hop : flow.hops) {
    Cell& cell = path.cells[hop.ttl];
    cell.addresses = hop.addresses();
    std::sort(cell.addresses.begin(), cell.addresses.end());
    cell.remark = remark_of(hop);
    const auto best = std::min_element(hop.answers.begin(), hop.answers.end(),
                                       [](const auto& a, const auto& b) { return a.rtt < b.rtt; });
    if (best != hop.answers.end()) cell.best = best->rtt;
    if (hop.is_last && !hop.answers.empty() && hop.answers.back().kind != TraceAnswer::Kind::passed) path.end = hop.ttl;
  }
  const bool reached = !flow.hops.empty() && is_reached(flow.hops.back());
  if (!reached) path.short_of = path.flows;
  return path;
}

// The first TTL at which two differ; nothing: they are one.
std::optional<unsigned> parting(const Path& a, const Path& b) {
  for (const auto& [ttl, cell] : a.cells) {
    const auto other = b.cells.find(ttl);
    if (other == b.cells.end() || cell.addresses.empty() || other->second.addresses.empty()) continue;
    if (cell.addresses != other->second.addresses) return ttl;
  }
  if (a.end && b.end && a.end != b.end) return std::min(*a.end, *b.end) + 1;
  return std::nullopt;
}

// Nobody knows which way went what nobody answered.
bool is_same(const Path& a, const Path& b) { return a.is_known() == b.is_known() && !parting(a, b); }

void merge(Path& path, const Path& more) {
  path.flows.push_back(more.flows.front());
  path.short_of.insert(path.short_of.end(), more.short_of.begin(), more.short_of.end());
  if (!path.end) path.end = more.end;
  for (const auto& [ttl, cell] : more.cells) {
    Cell& mine = path.cells[ttl];
    if (mine.addresses.empty() || (!cell.addresses.empty() && cell.best < mine.best)) mine = cell;
  }
}

std::string cell_text(const Path& path, unsigned ttl, const HopNames& names) {
  const auto found = path.cells.find(ttl);
  if (found == path.cells.end()) return "";
  const Cell& cell = found->second;
  if (cell.addresses.empty()) return "*";
  return fmt::format("{} {:.3f} ms{}{}", names.text(cell.addresses), static_cast<double>(cell.best.count()) / 1e6,
                     cell.remark.empty() ? "" : ", ", cell.remark);
}

// "flow 2", "flows 1, 3-5"
std::string named(const std::vector<unsigned>& flows) {
  return fmt::format("flow{} {}", flows.size() == 1 ? "" : "s", flow_numbers(flows));
}

std::string verdict(const std::vector<Path>& paths, std::size_t flows) {
  std::vector<Path> known;
  std::vector<unsigned> unknown;
  for (const Path& path : paths) {
    if (path.is_known()) {
      known.push_back(path);
    } else {
      unknown = path.flows;
    }
  }
  if (known.empty()) return fmt::format("the paths of {} flows are not known: nobody answered", flows);
  std::optional<unsigned> parts;
  for (const Path& path : known) {
    const auto here = parting(known.front(), path);
    if (here && (!parts || *here < *parts)) parts = here;
  }
  const std::size_t followed = flows - unknown.size();
  std::string text = fmt::format("{} {} ", base::counted(followed, "flow"), followed == 1 ? "takes" : "take");
  text +=
      known.size() == 1 ? "one path" : fmt::format("{} paths, which part at hop {}", known.size(), parts.value_or(0));
  if (unknown.empty()) return text;
  return fmt::format("{}; to {} nobody answered", text, named(unknown));
}

// Silence makes no path another, so that a column may hold both those that reached the target and those that did not.
std::string short_of_target(const std::vector<Path>& paths, std::size_t flows) {
  std::vector<unsigned> lost;
  for (const Path& path : paths) lost.insert(lost.end(), path.short_of.begin(), path.short_of.end());
  if (lost.empty() || lost.size() == flows) return "";
  std::sort(lost.begin(), lost.end());
  return fmt::format("{} of {} {} not reach the target", named(lost), flows, lost.size() == 1 ? "does" : "do");
}

}  // namespace

std::string flow_numbers(const std::vector<unsigned>& flows) {
  std::string out;
  for (std::size_t i = 0; i < flows.size();) {
    std::size_t last = i;
    while (last + 1 < flows.size() && flows[last + 1] == flows[last] + 1) ++last;
    out += fmt::format("{}{}", out.empty() ? "" : ", ", flows[i]);
    if (last > i) out += fmt::format("{}{}", last == i + 1 ? ", " : "-", flows[last]);
    i = last + 1;
  }
  return out;
}

std::vector<std::string> path_lines(const std::vector<FlowPath>& flows, const HopNames& names) {
  std::vector<Path> paths;
  unsigned first = 256, last = 0;
  for (const FlowPath& flow : flows) {
    const Path path = path_of(flow);
    const auto same = std::find_if(paths.begin(), paths.end(), [&](const Path& known) { return is_same(known, path); });
    if (same == paths.end()) {
      paths.push_back(path);
    } else {
      merge(*same, path);
    }
    if (path.cells.empty()) continue;
    first = std::min(first, path.cells.begin()->first);
    last = std::max(last, path.cells.rbegin()->first);
  }
  const auto silent = [&](unsigned ttl) {
    return std::all_of(paths.begin(), paths.end(), [&](const Path& path) {
      const auto cell = path.cells.find(ttl);
      return cell == path.cells.end() || cell->second.addresses.empty();
    });
  };
  unsigned answered = last;
  while (answered >= first && silent(answered)) --answered;
  std::vector<std::string> lines{"hop"};
  for (const Path& path : paths) {
    lines[0] += '\t' + named(path.flows);
  }
  for (unsigned ttl = first; ttl <= answered; ++ttl) {
    std::string line = std::to_string(ttl);
    for (const Path& path : paths) line += '\t' + cell_text(path, ttl, names);
    lines.push_back(line);
  }
  if (answered < last) {
    const std::string range = answered + 1 == last ? "" : fmt::format("-{}", last);
    lines.push_back(fmt::format("{}{}\t*\tno answer", answered + 1, range));
  }
  if (flows.size() == 1) return lines;
  lines.push_back(verdict(paths, flows.size()));
  if (std::string text = short_of_target(paths, flows.size()); !text.empty()) lines.push_back(std::move(text));
  return lines;
}

}  // namespace commands
