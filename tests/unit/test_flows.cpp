// SPDX-License-Identifier: MIT
// Which flows are worse than the rest, by tables and by chance.
#include <random>

#include "commands/probe/flows.hpp"
#include "commands/probe/paths.hpp"
#include "support/check.hpp"

using commands::FlowLoss;
using commands::FlowPath;
using commands::TraceAnswer;
using commands::TraceHop;
using commands::verdict_on;
using Lines = std::vector<std::string>;

namespace {

std::vector<FlowLoss> flows_of(std::uint64_t sent, const std::vector<std::uint64_t>& lost) {
  std::vector<FlowLoss> flows;
  for (const std::uint64_t each : lost) flows.push_back({static_cast<unsigned>(flows.size()) + 1, sent, each});
  return flows;
}

FlowPath path_of(unsigned flow, const std::vector<const char*>& addresses, bool reached = true) {
  FlowPath path{flow, {}};
  for (const char* each : addresses) {
    TraceHop hop;
    hop.ttl = static_cast<unsigned>(path.hops.size()) + 1;
    hop.is_last = reached && hop.ttl == addresses.size();
    const auto kind = hop.is_last ? TraceAnswer::Kind::reached : TraceAnswer::Kind::passed;
    if (*each == '\0') {
      hop.silent = 1;
    } else {
      hop.answers = {{{hop.ttl, 0}, kind, net::asio::ip::make_address(each), std::chrono::microseconds(500)}};
    }
    path.hops.push_back(hop);
  }
  return path;
}

Lines path_lines_of(const std::vector<FlowPath>& flows) {
  run::Loop loop;
  const commands::HopNames names(false, loop, [] {});
  return path_lines(flows, names);
}

}  // namespace

TEST_CASE("flows: those of a bad member, and no others") {
  const struct {
    std::uint64_t sent;
    std::vector<std::uint64_t> lost;
    std::vector<unsigned> worse;
  } cases[] = {
      {10, {0, 3, 0, 0, 4, 0}, {2, 5}},
      {100, {0, 30, 28, 33, 0, 31}, {2, 3, 4, 6}},  // more than half share it
      {100, {1, 0, 1, 0, 0, 1}, {}},                // what chance makes
      {100, {5, 4, 6, 3, 5, 7}, {}},
      {100, {5, 4, 36, 3, 5, 7}, {3}},
      {10, {10, 10, 10}, {}},  // all alike
      {10, {10, 0}, {1}},
      {1, {1, 0}, {}},  // one probe proves nothing
      {0, {0, 0}, {}},
      {10, {0}, {}},
  };
  for (const auto& [sent, lost, worse] : cases) CHECK(verdict_on(flows_of(sent, lost)).worse == worse);
  CHECK(verdict_on({}).worse.empty());
}

TEST_CASE("flows: of 64 that lose alike hardly ever one is called worse") {
  std::mt19937 random(1);
  std::binomial_distribution<std::uint64_t> lost(100, 0.05);
  unsigned wrong = 0;
  for (int run = 0; run < 200; ++run) {
    std::vector<std::uint64_t> each(64);
    for (auto& one : each) one = lost(random);
    wrong += verdict_on(flows_of(100, each)).worse.empty() ? 0 : 1;
  }
  CHECK(wrong <= 20);
}

TEST_CASE("flows: the verdict in words") {
  const auto text = [](const std::vector<FlowLoss>& flows) { return text_of(verdict_on(flows), flows.size()); };
  CHECK(text(flows_of(9, {0, 3, 0, 0, 3, 0})) == "flows 2, 5 of 6 lose 33.3 %, the others 0.0 %");
  CHECK(text(flows_of(10, {0, 0, 5})) == "flow 3 of 3 loses 50.0 %, the others 0.0 %");
  CHECK(text(flows_of(10, {1, 1})) == "none of 2 flows is worse than the others (10.0 % lost)");
}

TEST_CASE("paths: one column a path, with its flows; silence makes no other path") {
  CHECK(path_lines_of({path_of(1, {"10.0.0.1", "10.0.0.9"}), path_of(2, {"", "10.0.0.9"})}) ==
        Lines{"hop\tflows 1, 2", "1\t10.0.0.1 0.500 ms", "2\t10.0.0.9 0.500 ms, reached", "2 flows take one path"});
  CHECK(
      path_lines_of({path_of(1, {"10.0.0.1", "10.0.1.1", "10.0.0.9"}), path_of(2, {"10.0.0.1", "10.0.2.1", "10.0.0.9"}),
                     path_of(3, {"10.0.0.1", "10.0.1.1", "10.0.0.9"})}) ==
      Lines{"hop\tflows 1, 3\tflow 2", "1\t10.0.0.1 0.500 ms\t10.0.0.1 0.500 ms",
            "2\t10.0.1.1 0.500 ms\t10.0.2.1 0.500 ms", "3\t10.0.0.9 0.500 ms, reached\t10.0.0.9 0.500 ms, reached",
            "3 flows take 2 paths, which part at hop 2"});
}

TEST_CASE("paths: one that is longer is another; silence at the end of all is one line") {
  CHECK(path_lines_of({path_of(1, {"10.0.0.1", "10.0.0.9"}), path_of(2, {"10.0.0.1", "", "10.0.0.9"})}) ==
        Lines{"hop\tflow 1\tflow 2", "1\t10.0.0.1 0.500 ms\t10.0.0.1 0.500 ms", "2\t10.0.0.9 0.500 ms, reached\t*",
              "3\t\t10.0.0.9 0.500 ms, reached", "2 flows take 2 paths, which part at hop 3"});
  CHECK(path_lines_of({path_of(1, {"10.0.0.1", "", ""}, false), path_of(2, {"10.0.0.1", "", ""}, false)}) ==
        Lines{"hop\tflows 1, 2", "1\t10.0.0.1 0.500 ms", "2-3\t*\tno answer", "2 flows take one path"});
  CHECK(path_lines_of({path_of(1, {"", ""}, false), path_of(2, {"", ""}, false)}) ==
        Lines{"hop\tflows 1, 2", "1-2\t*\tno answer", "the paths of 2 flows are not known: nobody answered"});
}

TEST_CASE("paths: what nobody answered took no path that is known, and who does not reach the target is named") {
  CHECK(path_lines_of({path_of(1, {"10.0.0.1", "10.0.0.9"}), path_of(2, {"", ""}, false),
                       path_of(3, {"10.0.0.1", ""}, false), path_of(4, {"", ""}, false)}) ==
        Lines{"hop\tflows 1, 3\tflows 2, 4", "1\t10.0.0.1 0.500 ms\t*", "2\t10.0.0.9 0.500 ms, reached\t*",
              "2 flows take one path; to flows 2, 4 nobody answered", "flows 2-4 of 4 do not reach the target"});
  CHECK(path_lines_of({path_of(1, {"10.0.0.1"}), path_of(2, {""}, false)}) ==
        Lines{"hop\tflow 1\tflow 2", "1\t10.0.0.1 0.500 ms, reached\t*",
              "1 flow takes one path; to flow 2 nobody answered", "flow 2 of 2 does not reach the target"});
}

TEST_CASE("paths: one flow is compared with none") {
  CHECK(path_lines_of({path_of(1, {"10.0.0.1"})}) == Lines{"hop\tflow 1", "1\t10.0.0.1 0.500 ms, reached"});
}

TEST_CASE("paths: flows by their numbers") {
  CHECK(commands::flow_numbers({1}) == "1");
  CHECK(commands::flow_numbers({1, 2}) == "1, 2");
  CHECK(commands::flow_numbers({1, 3, 4, 5, 9}) == "1, 3-5, 9");
}
