// SPDX-License-Identifier: MIT
// The table of a trace in rounds: its lines with tabs, and what a terminal of any size gets of it.
#include "commands/probe/hop_table.hpp"
#include "support/check.hpp"

using commands::aligned;
using commands::HopNames;
using commands::HopRow;
using commands::tabbed;
using commands::table_of;
using Lines = std::vector<std::string>;

namespace {

HopRow row(unsigned ttl, std::initializer_list<const char*> addresses, unsigned flow = 0) {
  HopRow out;
  out.ttl = ttl;
  out.flow = flow;
  out.probes.sent = 10;
  out.probes.received = addresses.size() == 0 ? 0 : 9;
  out.probes.lost = 10 - out.probes.received;
  out.probes.lost_percent = 10.0 * static_cast<double>(out.probes.lost);
  for (const char* each : addresses) out.addresses.push_back(net::asio::ip::make_address(each));
  if (addresses.size() == 0) return out;
  out.probes.rtt = commands::RttSummary{0.5, 1.25, 12.5, 0.125};
  out.last = std::chrono::microseconds(750);
  return out;
}

struct Table {
  explicit Table(const std::vector<HopRow>& rows) : lines(table_of(rows, names)) {}
  Lines tabs() const {
    Lines out;
    for (const auto& line : lines) out.push_back(tabbed(line));
    return out;
  }
  Lines screen(std::size_t columns, std::size_t height = 24) const { return aligned(lines, {columns, height}); }

  run::Loop loop;
  HopNames names{false, loop, [] {}};
  std::vector<commands::TableLine> lines;
};

}  // namespace

TEST_CASE("hop table: a row a hop, with tabs between") {
  CHECK(Table({row(1, {"10.0.0.1"}), row(2, {"10.0.0.2", "10.0.0.3"})}).tabs() ==
        Lines{"hop\tloss %\tsent\tlast ms\tavg\tbest\tworst\tstddev\taddress",
              "1\t10.0\t10\t0.750\t1.250\t0.500\t12.500\t0.125\t10.0.0.1",
              "2\t10.0\t10\t0.750\t1.250\t0.500\t12.500\t0.125\t10.0.0.2, 10.0.0.3"});
}

TEST_CASE("hop table: silent hops stand for themselves, but for those at the end, which share a line") {
  const auto hops = [](const std::vector<HopRow>& rows) {
    Lines out;
    for (const std::string& line : Table(rows).tabs()) out.push_back(line.substr(0, line.find('\t')));
    return out;
  };
  CHECK(hops({row(1, {}), row(2, {"10.0.0.2"}), row(3, {}), row(4, {}), row(5, {})}) == Lines{"hop", "1", "2", "3-5"});
  CHECK(hops({row(4, {}), row(5, {})}) == Lines{"hop", "4-5"});
  CHECK(hops({row(1, {"10.0.0.2"}), row(2, {})}) == Lines{"hop", "1", "2"});
  CHECK(hops({}) == Lines{"hop"});
  CHECK(Table({row(3, {}), row(4, {})}).tabs().back() == "3-4\t100.0\t10\t\t\t\t\t\t*\tno answer");
}

TEST_CASE("hop table: flows stand beside each other, hop by hop, each with its own end") {
  const Lines lines =
      Table({row(1, {"10.0.0.1"}, 1), row(2, {"10.0.0.2"}, 1), row(1, {"10.0.0.1"}, 2), row(2, {}, 2), row(3, {}, 2)})
          .tabs();
  CHECK(lines.size() == 5);
  CHECK(lines[0].starts_with("hop\tflow\tloss %"));
  CHECK(lines[1].starts_with("1\t1\t"));
  CHECK(lines[2].starts_with("1\t2\t"));
  CHECK(lines[3].starts_with("2\t1\t"));
  CHECK(lines[4].starts_with("2-3\t2\t"));
}

TEST_CASE("hop table: a terminal's lines are aligned, never wrap, and keep what matters most") {
  Table table({row(1, {"10.0.0.1"}), row(10, {"192.168.100.100"})});
  CHECK(table.screen(200)[0] == "hop  loss %  sent  last ms    avg   best   worst  stddev  address");
  CHECK(table.screen(200)[1] == "  1    10.0    10    0.750  1.250  0.500  12.500   0.125  10.0.0.1");
  CHECK(table.screen(41)[2] == " 10    10.0    10  1.250  192.168.100.100");
  CHECK(table.screen(40)[2] == " 10    10.0  1.250  192.168.100.100");
  CHECK(table.screen(33)[2] == " 10    10.0  192.168.100.100");
  for (const std::size_t columns : {1u, 10u, 39u, 40u, 60u, 80u, 200u}) {
    for (const std::string& line : table.screen(columns)) CHECK(line.size() <= columns);
  }
}

TEST_CASE("hop table: what is wider than it is long is cut before it wraps") {
  Table table({row(1, {"10.0.0.1"})});
  table.lines[1].address = "\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2\xe5\xad\x97";  // four characters, eight columns
  CHECK(aligned(table.lines, {20, 24})[1] == "  1    10.0  \xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2");
}

TEST_CASE("hop table: a low terminal keeps the end of the path") {
  std::vector<HopRow> rows;
  for (unsigned ttl = 1; ttl <= 20; ++ttl) rows.push_back(row(ttl, {"10.0.0.1"}));
  const Lines lines = Table(rows).screen(80, 8);
  REQUIRE(lines.size() == 7);
  CHECK(lines[4].starts_with("  4"));
  CHECK(lines[5] == "(15 more)");
  CHECK(lines[6].starts_with(" 20"));
  CHECK(Table(rows).screen(80, 22).size() == 21);
}
