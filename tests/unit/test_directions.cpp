// SPDX-License-Identifier: MIT
#include "commands/probe/directions.hpp"

#include <random>
#include <set>
#include <utility>
#include <vector>

#include "support/check.hpp"

using commands::Directions;

namespace {

// What is lost each way, or {-1, -1} when it is not known; `anew` counts how often the reflector began again.
struct Result {
  int forward;
  int backward;
  int anew = 0;
  bool operator==(const Result&) const = default;
};

Result after_replies(const std::vector<std::pair<std::uint64_t, std::uint32_t>>& replies) {
  Directions directions;
  std::set<std::uint64_t> seen;
  Result result{-1, -1};
  for (const auto& [sequence, number] : replies) {
    result.anew += directions.add(sequence, number, !seen.insert(sequence).second) ? 1 : 0;
  }
  if (const auto lost = directions.lost()) {
    result.forward = static_cast<int>(lost->forward);
    result.backward = static_cast<int>(lost->backward);
  }
  return result;
}

}  // namespace

TEST_CASE("directions: what a reflector's numbers tell") {
  CHECK(after_replies({}) == Result{-1, -1});  // nothing
  CHECK(after_replies({{0, 0}, {1, 1}, {2, 2}}) == Result{0, 0});
  CHECK(after_replies({{0, 0}, {2, 1}, {3, 2}}) == Result{1, 0});          // 1 never arrived there
  CHECK(after_replies({{3, 0}}) == Result{3, 0});                          // nor did the first three
  CHECK(after_replies({{0, 0}, {2, 1}, {4, 3}}) == Result{1, 1});          // 1 on the way there, 3 on the way back
  CHECK(after_replies({{0, 0}, {1, 1}, {3, 3}}) == Result{-1, -1});        // or does it only copy the number?
  CHECK(after_replies({{0, 0}, {1, 1}, {3, 3}, {5, 4}}) == Result{1, 1});  // it does not
}

TEST_CASE("directions: they reach to the latest request that was answered") {
  Directions directions;
  CHECK(directions.reach() == 0);
  directions.add(4, 0, false);
  CHECK(directions.reach() == 5);
  directions.add(3, 1, false);
  CHECK(directions.reach() == 5);
  directions.add(9, 0, false);
  CHECK(directions.reach() == 10);
}

TEST_CASE("directions: overtaking loses nothing") {
  CHECK(after_replies({{0, 0}, {2, 2}, {1, 1}}) == Result{0, 0});  // on the way back
  CHECK(after_replies({{0, 0}, {2, 1}, {1, 2}}) == Result{0, 0});  // on the way there
  CHECK(after_replies({{0, 0}, {1, 2}, {2, 1}}) == Result{0, 0});  // both
}

TEST_CASE("directions: copies lose nothing, wherever they were made") {
  CHECK(after_replies({{0, 0}, {0, 0}, {1, 1}, {3, 2}}) == Result{1, 0});  // on the way back
  CHECK(after_replies({{0, 0}, {0, 1}, {1, 2}, {3, 3}}) == Result{1, 0});  // on the way there
  CHECK(after_replies({{0, 0}, {1, 2}, {2, 3}}) == Result{0, 0});          // there, and its reply was lost
  CHECK(after_replies({{0, 0}, {0, 1}, {1, 2}, {2, 3}, {4, 5}}) == Result{0, 1});
}

TEST_CASE("directions: a reflector that begins anew makes no loss negative") {
  CHECK(after_replies({{0, 0}, {1, 1}, {3, 2}, {4, 0}, {5, 1}}) == Result{1, 0, 1});
  CHECK(after_replies({{0, 0}, {2, 1}, {4, 1}, {6, 2}}) == Result{2, 0, 1});
  CHECK(after_replies({{0, 0}, {1, 1}, {5'000, 4'000}, {5'001, 7}, {5'003, 9}}) == Result{1'000, 3'999, 1});
}

TEST_CASE("directions: a reflector that had counted others before counts from where we came in") {
  CHECK(after_replies({{0, 500}, {1, 501}, {3, 502}}) == Result{1, 0});
  CHECK(after_replies({{0, 0xffff'fffe}, {1, 0xffff'ffff}, {2, 0}, {4, 1}, {6, 3}}) == Result{1, 1});
}

TEST_CASE("directions: what a network did to a thousand requests is told exactly") {
  std::mt19937 random(7);
  const auto one_in = [&](unsigned n) { return random() % n == 0; };
  for (int run = 0; run < 50; ++run) {
    Directions directions;
    std::uint32_t number = 0;
    int forward = 0;
    int backward = 0;
    // The last one comes back, so that nothing is lost behind it.
    for (std::uint64_t sequence = 0; sequence < 1'000; ++sequence) {
      const bool last = sequence == 999;
      if (!last && one_in(20)) {
        ++forward;
        continue;
      }
      const std::uint32_t mine = number++;
      if (!last && one_in(10)) {
        ++backward;
        continue;
      }
      directions.add(sequence, mine, false);
      if (one_in(50)) directions.add(sequence, mine, true);
    }
    const auto lost = directions.lost();
    REQUIRE(lost);
    CHECK(lost->forward == static_cast<std::uint64_t>(forward));
    CHECK(lost->backward == static_cast<std::uint64_t>(backward));
  }
}
