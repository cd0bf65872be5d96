// SPDX-License-Identifier: MIT
// What is remembered about senders, in bounded memory, whoever writes.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace traffic {

// A `T` a key, in sets of four places: a new key takes the place of the one in its set that was heard least lately.
// Keys are hashes that nobody can foresee (hash_of), so that nobody can choose whom to push out; 0 is none.
template <class T>
class SenderTable {
 public:
  using Time = std::chrono::steady_clock::time_point;

  struct Entry {
    std::uint64_t key = 0;
    Time heard{};  // when it was last touched
    T value{};
  };

  // Room for `places` keys, rounded up to a power of two, at least 4.
  explicit SenderTable(std::size_t places) : sets_((std::bit_ceil(std::max(places, ways)) / ways)) {}

  // The entry of that key, or null.
  Entry* find(std::uint64_t key) {
    auto& set = set_of(key);
    const auto found = std::find_if(set.begin(), set.end(), [&](const Entry& one) { return one.key == key; });
    return found == set.end() ? nullptr : &*found;
  }

  struct Touched {
    T& value;
    std::optional<Time> before;  // when it was touched before; nothing: it is new
  };

  // The value of that key, made anew where there is none; heard `now`.
  Touched touch(std::uint64_t key, Time now) {
    if (Entry* const known = find(key)) {
      const Time before = known->heard;
      known->heard = now;
      return {known->value, before};
    }
    auto& set = set_of(key);
    Entry& oldest = *std::min_element(set.begin(), set.end(), [](const Entry& a, const Entry& b) {
      return (a.key != 0) != (b.key != 0) ? a.key == 0 : a.heard < b.heard;
    });
    oldest = {key, now, T{}};
    return {oldest.value, std::nullopt};
  }

 private:
  static constexpr std::size_t ways = 4;

  std::array<Entry, ways>& set_of(std::uint64_t key) { return sets_[key & (sets_.size() - 1)]; }

  std::vector<std::array<Entry, ways>> sets_;
};

}  // namespace traffic
