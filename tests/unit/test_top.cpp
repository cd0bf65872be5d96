// SPDX-License-Identifier: MIT
#include <string>

#include "support/check.hpp"
#include "traffic/top.hpp"

namespace {

net::Endpoint local_sender(std::uint16_t port) { return {net::asio::ip::address_v4::loopback(), port}; }

void add(traffic::TopSenders& senders, std::uint16_t port, std::size_t times = 1, std::size_t size = 10) {
  const std::string payload(size, 'x');
  const net::Endpoint from = local_sender(port);
  for (std::size_t i = 0; i < times; ++i)
    senders.add({payload, 0, &from, {}}, net::SystemTime(std::chrono::seconds(i)));
}

}  // namespace

TEST_CASE("top senders: the most datagrams first, exact while all are remembered") {
  traffic::TopSenders senders(4);
  add(senders, 1, 3);
  add(senders, 2, 7);
  add(senders, 3, 5);
  const auto top = senders.top(2);
  REQUIRE(top.size() == 2);
  CHECK(top[0].endpoint == local_sender(2));
  CHECK(top[0].datagrams == 7);
  CHECK(top[0].bytes == 70);
  CHECK(top[0].surplus == 0);
  CHECK(top[0].first == net::SystemTime(std::chrono::seconds(0)));
  CHECK(top[0].last == net::SystemTime(std::chrono::seconds(6)));
  CHECK(top[1].endpoint == local_sender(3));
}

TEST_CASE("top senders: a heavy one is never lost among many, and no count is too low") {
  traffic::TopSenders senders(16);
  std::size_t heavy = 0;
  for (std::uint16_t port = 1; port <= 2'000; ++port) {
    add(senders, port);
    if (port % 4 != 0) continue;
    add(senders, 60'000);
    ++heavy;
  }
  const auto top = senders.top(100);
  CHECK(top.size() == 16);
  CHECK(top[0].endpoint == local_sender(60'000));
  CHECK(top[0].datagrams >= heavy);
  CHECK(top[0].datagrams - top[0].surplus <= heavy);
  CHECK(top[15].surplus > 0);
}

TEST_CASE("top senders: rates are over what came since the mark") {
  traffic::TopSenders senders;
  add(senders, 1, 3);
  senders.mark();
  add(senders, 1, 2);
  const auto top = senders.top(1);
  CHECK(top[0].datagrams - top[0].before == 2);
}

TEST_CASE("top senders: those of two are added up, with their rates and times") {
  traffic::TopSenders one(8), other(8), both(8);
  add(one, 1, 3);
  add(other, 1, 7);
  add(other, 2, 9);
  other.mark();
  add(other, 2, 2);
  both.add(one);
  both.add(other);
  const auto top = both.top(3);
  REQUIRE(top.size() == 2);
  CHECK(top[0].endpoint == local_sender(2));
  CHECK(top[0].datagrams == 11);
  CHECK(top[0].before == 9);
  CHECK(top[1].datagrams == 10);
  CHECK(top[1].bytes == 100);
  CHECK(top[1].before == 7);
  CHECK(top[1].surplus == 0);
  CHECK(top[1].last == net::SystemTime(std::chrono::seconds(6)));
}
