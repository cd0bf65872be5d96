// SPDX-License-Identifier: MIT
// `--impair`: one way of a bad network, made on purpose. Pure: the clock is passed in.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <random>
#include <string>

#include "commands/forward_options.hpp"
#include "net/send_batch.hpp"
#include "traffic/transmitter.hpp"

namespace commands {

// A datagram under way, with all that is needed to send it when its time has come.
struct Parcel {
  std::string payload;
  net::Endpoint sender = {};
  net::Metadata metadata = {};
  net::Route route = {};
  traffic::Transmitter* by = nullptr;
};

struct ImpairCounts {
  std::uint64_t came = 0;
  std::uint64_t lost = 0;
  std::uint64_t duplicated = 0;
  std::uint64_t reordered = 0;  // overtaken by a later one
  std::uint64_t delayed = 0;    // left later than they came
  std::uint64_t dropped = 0;    // for want of room, or when the end did not wait for them
};

// What came and was duplicated is what was lost, dropped, has left and waits. With the same seed the same datagrams of
// the same input meet the same fate.
class ImpairedWay {
 public:
  using Time = std::chrono::steady_clock::time_point;

  static constexpr std::size_t max_waiting = std::size_t{8} << 20;    // bytes, with what each needs beside its payload
  static constexpr auto max_behind = std::chrono::milliseconds(100);  // for one that nothing overtakes

  ImpairedWay(const Impairment& how, std::uint64_t seed) : how_(how), random_(seed) {}

  void take(Parcel parcel, Time now);
  // When the next one leaves; nothing when none waits.
  std::optional<Time> due() const;
  // The next one whose time has come, in the order that they leave.
  std::optional<Parcel> leave(Time now);
  // What waits never leaves.
  void give_up();

  bool empty() const { return queue_.empty() && !behind_; }
  const ImpairCounts& counts() const { return counts_; }

 private:
  struct Item {
    Parcel parcel;
    Time came{};
    base::Nanoseconds later{};
    int copies = 1;
    Time due{};
  };

  double chance();
  bool enter(Item item);

  Impairment how_;
  std::mt19937_64 random_;
  std::deque<Item> queue_;      // by when they leave, which is in order
  std::optional<Item> behind_;  // the one that waits to be overtaken
  std::size_t waiting_ = 0;     // bytes
  Time free_at_{};              // the line is, for the next
  Time last_due_{};
  ImpairCounts counts_;
};

}  // namespace commands
