// SPDX-License-Identifier: MIT
// The datagrams of send --sequence: every copy is given once between two refills, with its own number and time.
#include "base/bytes.hpp"
#include "commands/send/numbered.hpp"
#include "support/check.hpp"

namespace {

struct Header {
  std::int64_t number;
  std::uint32_t seconds, microseconds;
};

Header header_of(std::string_view payload) {
  base::ByteReader reader(payload);
  const std::uint32_t low = reader.u32();
  Header out{0, reader.u32(), reader.u32()};
  out.number = static_cast<std::int64_t>(std::uint64_t{reader.u32()} << 32 | low);
  return out;
}

}  // namespace

TEST_CASE("numbered: each payload stays until refill(), and only the last has its number below 0") {
  for (const std::size_t size : {16, 64, 1'472, 65'507}) {
    CAPTURE(size);
    constexpr std::uint64_t total = 3'000;
    const auto source = commands::make_numbered(size, total);
    std::int64_t number = 0;
    while (!source->ended()) {
      std::vector<std::string_view> given;
      while (const auto piece = source->next()) given.push_back(piece->payload);
      REQUIRE((given.size() >= 16 || source->ended()));
      for (const std::string_view payload : given) {
        REQUIRE(payload.size() == size);
        const Header header = header_of(payload);
        REQUIRE(header.microseconds < 1'000'000);
        ++number;
        REQUIRE(header.number == (number == total ? -number : number));
      }
      source->refill();
    }
    CHECK(number == total);
    CHECK_FALSE(source->farewell());
  }
}

TEST_CASE("numbered: one that ends before its end says so once, and one that sent nothing says nothing") {
  const auto source = commands::make_numbered(100, commands::for_ever);
  CHECK_FALSE(source->farewell());
  source->next();
  const auto last = source->farewell();
  REQUIRE(last);
  CHECK(header_of(last->payload).number == -2);
  CHECK(source->ended());
  CHECK_FALSE(source->farewell());
}
