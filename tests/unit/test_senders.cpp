// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <cstdint>
#include <set>

#include "traffic/counts.hpp"

namespace {

net::Endpoint sender(std::uint32_t number) {
  return {net::asio::ip::address_v4(0x0a000000 + number / 1'000), static_cast<std::uint16_t>(1 + number % 1'000)};
}

}  // namespace

TEST_CASE("different senders are counted, whatever their order") {
  struct Row {
    const char* name;
    std::uint32_t datagrams;
    std::uint32_t (*number)(std::uint32_t);
  };
  static constexpr Row rows[] = {
      {"nobody", 0, [](std::uint32_t i) { return i; }},
      {"one", 100, [](std::uint32_t) { return 7u; }},
      {"two in turn", 100, [](std::uint32_t i) { return i % 2; }},
      {"each new", 5'000, [](std::uint32_t i) { return i; }},
      {"each three times in a row", 900, [](std::uint32_t i) { return i / 3; }},
      {"in rounds", 5'000, [](std::uint32_t i) { return i % 700; }},
      {"scattered", 5'000, [](std::uint32_t i) { return i * 7'919 % 1'009; }},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    traffic::SenderCounter counter;
    std::set<std::uint32_t> seen;
    bool right = true;
    for (std::uint32_t i = 0; i < row.datagrams; ++i) {
      counter.add(sender(row.number(i)));
      seen.insert(row.number(i));
      right = right && counter.count() == seen.size();
    }
    CHECK(right);
    CHECK(counter.count() == seen.size());
    CHECK_FALSE(counter.is_full());
  }
}

TEST_CASE("counting senders ends at the most that was asked for") {
  traffic::SenderCounter counter(100);
  for (std::uint32_t i = 0; i < 99; ++i) counter.add(sender(i));
  CHECK(counter.count() == 99);
  CHECK_FALSE(counter.is_full());
  for (std::uint32_t i = 0; i < 1'000; ++i) counter.add(sender(i));
  CHECK(counter.count() == 100);
  CHECK(counter.is_full());
}

TEST_CASE("the families of an address are two senders") {
  traffic::SenderCounter counter;
  counter.add({net::asio::ip::make_address("127.0.0.1"), 7});
  counter.add({net::asio::ip::make_address("::1"), 7});
  counter.add({net::asio::ip::make_address("::1%1"), 7});
  counter.add({net::asio::ip::make_address("127.0.0.1"), 7});
  CHECK(counter.count() == 3);
}
