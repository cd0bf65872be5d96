// SPDX-License-Identifier: MIT
#include "net/send_batch.hpp"

#include <string>
#include <vector>

#include "support/check.hpp"

using net::Outgoing;
using net::SegmentLimits;

namespace {

// Datagrams of these sizes, all on route 0.
std::vector<Outgoing> of_sizes(const std::vector<std::uint32_t>& sizes) {
  static const std::string bytes(65'536, 'x');
  std::vector<Outgoing> all;
  for (const std::uint32_t size : sizes) all.push_back({bytes.data(), size, 0});
  return all;
}

constexpr SegmentLimits usual{64, 1'232, 65'507};

}  // namespace

TEST_CASE("datagrams of one size leave together, the last may be shorter") {
  struct Row {
    std::vector<std::uint32_t> sizes;
    std::size_t length;
  };
  for (const Row& row : std::vector<Row>{
           {{100}, 1},
           {{100, 100}, 2},
           {{100, 100, 100, 50}, 4},
           {{100, 100, 50, 50}, 3},  // the shorter one ends the run
           {{100, 50, 100}, 2},
           {{50, 100}, 1},  // a longer one does not fit in
           {{100, 100, 101}, 2},
           {{100, 0, 100}, 1},  // an empty one goes alone
           {{0, 0}, 1},
           {{0, 100}, 1},
           {{1, 1, 1}, 3},
           {{1'232, 1'232}, 2},
           {{1'233, 1'233}, 1},  // larger than a segment may be
           {{65'507, 1}, 1},
       }) {
    CAPTURE(row.sizes.size());
    CAPTURE(row.sizes.front());
    CHECK(net::run_length(of_sizes(row.sizes), usual) == row.length);
  }
}

TEST_CASE("a run ends at the limits of segments and of bytes") {
  const auto many = of_sizes(std::vector<std::uint32_t>(200, 1'000));
  CHECK(net::run_length(many, {64, 1'232, 65'507}) == 64);
  CHECK(net::run_length(many, {128, 1'232, 65'507}) == 65);  // 65 * 1,000 bytes
  CHECK(net::run_length(many, {1, 1'232, 65'507}) == 1);
  CHECK(net::run_length(many, {128, 0, 65'507}) == 1);
  CHECK(net::run_length(many, {128, 1'232, 500}) == 1);
  CHECK(net::run_length(many, {128, 1'232, 2'000}) == 2);
  CHECK(net::run_length(many, SegmentLimits{}) == 1);  // segmentation is off until it is asked for
}

TEST_CASE("a run never takes more bytes than one send may hold, with a shorter last one too") {
  auto sizes = std::vector<std::uint32_t>(100, 1'000);
  sizes[65] = 500;
  const auto many = of_sizes(sizes);
  const std::size_t length = net::run_length(many, {128, 1'232, 65'507});
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < length; ++i) bytes += many[i].size;
  CHECK(bytes <= 65'507);
  CHECK(length >= 65);
}

TEST_CASE("datagrams of different routes never leave together") {
  auto many = of_sizes({100, 100, 100});
  many[1].route = 1;
  CHECK(net::run_length(many, usual) == 1);
  many[1].route = 0;
  many[2].route = 1;
  CHECK(net::run_length(many, usual) == 2);
}

TEST_CASE("a batch keeps order and routes, and forgets what was sent or dropped") {
  const auto to = [](std::uint16_t port) {
    return net::Route{net::Endpoint(net::parse_address("127.0.0.1").value(), port), {}, -1};
  };
  net::SendBatch batch(3);
  CHECK(batch.empty());
  batch.set_route(to(1));
  batch.add("one");
  batch.set_route(to(2));
  batch.add("two");
  CHECK_FALSE(batch.full());
  batch.add("three");
  CHECK(batch.full());
  REQUIRE(batch.waiting().size() == 3);
  CHECK(batch.route_of(batch.waiting()[0]).to->port() == 1);
  CHECK(batch.route_of(batch.waiting()[2]).to->port() == 2);
  batch.sent(1);
  CHECK(batch.waiting().front().data == std::string("two"));
  batch.drop_first();
  CHECK(batch.waiting().size() == 1);
  batch.clear();
  CHECK(batch.empty());
  batch.add("four");  // on the last route
  CHECK(batch.route_of(batch.waiting()[0]).to->port() == 2);
  batch.reset();
  CHECK(batch.empty());
  batch.set_route(to(3));
  batch.add("five");
  CHECK(batch.route_of(batch.waiting()[0]).to->port() == 3);
}
