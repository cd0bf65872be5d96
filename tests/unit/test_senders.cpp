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

TEST_CASE("senders that two have counted are counted once") {
  traffic::SenderCounter one, other, both;
  for (std::uint32_t i = 0; i < 3'000; ++i) one.add(sender(i));
  for (std::uint32_t i = 2'000; i < 2'500; ++i) other.add(sender(i));
  for (std::uint32_t i = 5'000; i < 6'003; ++i) other.add(sender(i));
  both.add(one);
  CHECK(both.count() == 3'000);
  both.add(other);
  CHECK(both.count() == 4'003);
  traffic::SenderCounter few(10);
  few.add(one);
  CHECK(few.is_full());
  CHECK(few.count() == 10);
}
