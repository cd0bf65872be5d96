// SPDX-License-Identifier: MIT
#include <doctest/doctest.h>

#include <functional>
#include <random>

#include "commands/probe/mtu_search.hpp"

using commands::MtuResult;
using commands::MtuSearch;
using net::Family;
using Proof = MtuResult::Proof;

namespace {

const net::Address narrow_router = net::asio::ip::make_address("10.0.1.1");
const net::Address liar = net::asio::ip::make_address("10.6.6.6");

// A path as the search sees it.
struct Path {
  unsigned mtu = 1500;    // what really passes
  bool answers = true;    // the target replies to what arrives
  bool icmp = true;       // the narrow router says so
  int told = -1;          // the MTU it tells; -1: the true one
  unsigned hole = 65535;  // behind it, larger packets vanish
  double loss = 0;        // of round trips
};

struct Outcome {
  MtuResult result;
  int probes = 0;
};

Outcome searched(const Path& path, unsigned link = 1500, Family family = Family::ipv4, unsigned seed = 1) {
  MtuSearch search(family, link);
  std::mt19937 random(seed);
  Outcome out;
  while (const auto size = search.next()) {
    REQUIRE(++out.probes < 600);
    REQUIRE(*size <= link);
    if (std::uniform_real_distribution<>(0, 1)(random) < path.loss) {
      search.silent(*size);
    } else if (*size > path.mtu) {
      const unsigned told = path.told < 0 ? path.mtu : static_cast<unsigned>(path.told);
      if (path.icmp)
        search.too_big(*size, told, narrow_router);
      else
        search.silent(*size);
    } else if (*size <= path.hole && path.answers) {
      search.answered(*size);
    } else {
      search.silent(*size);
    }
  }
  out.result = search.result();
  return out;
}

}  // namespace

TEST_CASE("the link's own MTU is one probe when it passes") {
  const Outcome out = searched({});
  CHECK(out.result.proof == Proof::by_reply);
  CHECK(out.result.mtu == 1500);
  CHECK(out.result.payload == 1472);
  CHECK(!out.result.narrowed_by);
  CHECK(!out.result.black_hole);
  CHECK(!out.result.lossy);
  CHECK(out.probes == 1);
  CHECK(searched({}, 1500, Family::ipv6).result.payload == 1452);
}

TEST_CASE("a router's claim is verified in both directions") {
  const Outcome out = searched({.mtu = 1400});
  CHECK(out.result.mtu == 1400);
  CHECK(out.result.payload == 1372);
  CHECK(out.result.proof == Proof::by_reply);
  CHECK(out.result.narrowed_by == narrow_router);
  CHECK(!out.result.black_hole);
  CHECK(out.probes == 3);  // 1500 refused, 1400 answered, 1401 refused
  CHECK(searched({.mtu = 1280}, 9000, Family::ipv6).result.mtu == 1280);
}

TEST_CASE("every MTU is found, told or not, with a target that answers or with ICMP alone") {
  for (unsigned mtu = 68; mtu <= 1500; mtu += mtu % 7 + 1) {
    CAPTURE(mtu);
    for (const int told : {-1, 0, 40, 1500, 65535}) {
      CAPTURE(told);
      const Outcome heard = searched({.mtu = mtu, .told = told});
      CHECK(heard.result.mtu == mtu);
      CHECK(heard.result.proof == Proof::by_reply);
      CHECK(heard.result.narrowed_by.has_value() == (mtu < 1500));
      const Outcome unheard = searched({.mtu = mtu, .answers = false, .told = told});
      CHECK(unheard.result.mtu == (mtu < 1500 ? mtu : 0));
      CHECK(unheard.result.proof == (mtu < 1500 ? Proof::by_icmp : Proof::none));
    }
    const Outcome silent = searched({.mtu = mtu, .icmp = false});
    CHECK(silent.result.mtu == mtu);
    CHECK(silent.result.black_hole == (mtu < 1500));
    CHECK(!silent.result.narrowed_by);
  }
}

TEST_CASE("a usual black hole takes few probes") {
  CHECK(searched({.mtu = 1400, .icmp = false}).probes <= 25);
  CHECK(searched({.mtu = 1280, .icmp = false}, 1500, Family::ipv6).probes <= 25);
}

TEST_CASE("a router's limit with a black hole behind it") {
  const Outcome out = searched({.mtu = 1400, .hole = 1300});
  CHECK(out.result.mtu == 1300);
  CHECK(out.result.black_hole);
  CHECK(!out.result.narrowed_by);
}

TEST_CASE("a claim that is not true does not count") {
  MtuSearch search(Family::ipv4, 1500);
  SUBCASE("the reply comes after the forged error") {
    search.too_big(1500, 576, liar);
    CHECK(search.next() == 576u);
    search.answered(1500);
  }
  SUBCASE("only the sizes above the claim show it") {
    search.too_big(1500, 576, liar);
    while (const auto size = search.next()) search.answered(*size);
  }
  CHECK(!search.next());
  CHECK(search.result().mtu == 1500);
  CHECK(!search.result().narrowed_by);
  CHECK(search.result().proof == Proof::by_reply);
}

TEST_CASE("IPv6 never goes below 1280, whatever is claimed") {
  MtuSearch search(Family::ipv6, 1500);
  search.too_big(1500, 600, liar);
  CHECK(search.next() == 1492u);  // as if no MTU had been told
  search.too_big(1492, 1280, narrow_router);
  CHECK(search.next() == 1280u);
  search.too_big(1280, 600, liar);
  CHECK(search.next() == 1280u);
  search.answered(1280);
  while (const auto size = search.next()) search.answered(*size);
  CHECK(search.result().mtu == 1500);
}

TEST_CASE("random loss is not taken for a limit") {
  int right = 0, lossy = 0;
  for (unsigned seed = 0; seed < 200; ++seed) {
    const Outcome out = searched({.loss = 0.2}, 1500, Family::ipv4, seed);
    right += out.result.mtu == 1500;
    const Outcome narrow = searched({.mtu = 1420, .icmp = false, .loss = 0.2}, 1500, Family::ipv4, seed);
    right += narrow.result.mtu == 1420 && narrow.result.black_hole;
    lossy += narrow.result.lossy;
  }
  CHECK(right >= 390);
  CHECK(lossy >= 100);
}

TEST_CASE("once a size that passes was lost, a size gets six tries") {
  MtuSearch search(Family::ipv4, 1500);
  const auto silent = [&](int times) {
    for (; times > 0; --times) search.silent(search.next().value_or(0));
  };
  silent(3);
  CHECK(search.next() == 68u);
  silent(1);
  search.answered(68);
  CHECK(search.next() == 1500u);  // three tries were too few
  silent(5);
  CHECK(search.next() == 1500u);
  silent(1);
  CHECK(search.next() == 68u);
  search.answered(68);
  CHECK(search.next() != 1500u);
  CHECK(search.result().lossy);
}

TEST_CASE("a router that told the limit once is named, also when it is silent later") {
  MtuSearch search(Family::ipv4, 1500);
  search.too_big(1500, 1400, narrow_router);
  search.answered(1400);
  CHECK(search.next() == 1401u);
  while (const auto size = search.next()) {
    if (*size <= 1400)
      search.answered(*size);
    else
      search.silent(*size);
  }
  CHECK(search.result().mtu == 1400);
  CHECK(search.result().narrowed_by == narrow_router);
  CHECK(!search.result().black_hole);
}

TEST_CASE("a target that never answers, and no router that speaks, prove nothing") {
  const Outcome out = searched({.mtu = 1400, .answers = false, .icmp = false});
  CHECK(out.result.proof == Proof::none);
  CHECK(out.result.mtu == 0);
  CHECK(out.probes == 6);
  CHECK(searched({.answers = false}).result.proof == Proof::none);
  CHECK(searched({.loss = 1}).result.proof == Proof::none);
}

TEST_CASE("a target that falls silent ends the search without a figure") {
  MtuSearch search(Family::ipv4, 1500);
  for (int i = 0; i < 3; ++i) search.silent(1500);
  CHECK(search.next() == 68u);
  search.answered(68);
  int probes = 0;
  while (const auto size = search.next()) {
    REQUIRE(++probes < 200);
    search.silent(*size);
  }
  CHECK(search.result().proof == Proof::none);
  CHECK(search.result().lossy);
}

TEST_CASE("this host's own limit narrows the link, not the path") {
  MtuSearch search(Family::ipv4, 9000);
  search.too_big(9000, 1420, std::nullopt);
  CHECK(search.next() == 1420u);
  search.answered(1420);
  CHECK(!search.next());
  CHECK(search.result().mtu == 1420);
  CHECK(!search.result().narrowed_by);
}

TEST_CASE("a second claim about a size that was refused is ignored") {
  MtuSearch search(Family::ipv4, 1500);
  search.too_big(1500, 1400, narrow_router);
  search.too_big(1500, 600, liar);
  CHECK(search.next() == 1400u);
  search.answered(1400);
  CHECK(search.next() == 1401u);
  search.too_big(1500, 1450, liar);
  while (const auto size = search.next()) {
    if (*size <= 1400)
      search.answered(*size);
    else
      search.silent(*size);
  }
  CHECK(search.result().narrowed_by == narrow_router);
}

TEST_CASE("a target that answers after all is believed rather than the silence before") {
  MtuSearch search(Family::ipv4, 1500);
  search.too_big(1500, 1400, narrow_router);
  for (int i = 0; i < 3; ++i) search.silent(1400);
  for (int i = 0; i < 3; ++i) search.silent(68);
  CHECK(search.next() == 1401u);  // 1400 was not refused
  search.answered(68);
  int probes = 0;
  while (const auto size = search.next()) {
    REQUIRE(++probes < 100);
    if (*size <= 1300)
      search.answered(*size);
    else
      search.silent(*size);
  }
  CHECK(search.result().mtu == 1300);
  CHECK(search.result().proof == Proof::by_reply);
}

TEST_CASE("strangers' errors and replies that fit nothing are ignored") {
  MtuSearch search(Family::ipv4, 1500);
  search.answered(9000);
  search.silent(1400);
  search.too_big(9000, 1280, liar);
  search.too_big(60, 40, liar);
  CHECK(search.next() == 1500u);
  search.answered(1500);
  search.too_big(1500, 576, liar);
  CHECK(!search.next());
  CHECK(search.result().mtu == 1500);
}

TEST_CASE("a router that takes one byte off what it was just told costs no walk of a byte a time") {
  MtuSearch search(Family::ipv4, 9000);
  int probes = 0;
  while (const auto size = search.next()) {
    REQUIRE(++probes < 60);
    if (*size > 1400) {
      search.too_big(*size, *size - 1, liar);
    } else {
      search.answered(*size);
    }
  }
  CHECK(search.result().mtu == 1400);
}

TEST_CASE("any order of events ends") {
  for (unsigned seed = 0; seed < 2000; ++seed) {
    std::mt19937 random(seed);
    const auto upto = [&](unsigned most) { return std::uniform_int_distribution<unsigned>(0, most)(random); };
    MtuSearch search(upto(1) ? Family::ipv4 : Family::ipv6, 1280 + upto(8000));
    int probes = 0;
    while (const auto size = search.next()) {
      REQUIRE(++probes < 3000);
      switch (upto(5)) {
        case 0:
          search.answered(*size);
          break;
        case 1:
          search.too_big(*size, upto(9000), narrow_router);
          break;
        case 2:
          search.too_big(*size, upto(9000), std::nullopt);
          break;
        case 3:
          search.answered(upto(9000));
          break;
        case 4:
          search.too_big(upto(9000), upto(9000), liar);
          break;
        default:
          search.silent(*size);
          break;
      }
    }
    const MtuResult result = search.result();
    CHECK((result.proof == Proof::none) == (result.mtu == 0));
  }
}
