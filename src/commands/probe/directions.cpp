// SPDX-License-Identifier: MIT
#include "commands/probe/directions.hpp"

#include <algorithm>

namespace commands {

std::optional<std::uint32_t> Directions::look_up(const Memory& memory, std::uint64_t key) {
  const Seen& seen = memory[key % kept];
  if (seen.mark != mark_of(key)) return {};
  return seen.value;
}

void Directions::remember(Memory& memory, std::uint64_t key, std::uint64_t value) {
  memory[key % kept] = {mark_of(key), static_cast<std::uint32_t>(value)};
}

// The numbers are 32 bits wide, and those under way are near each other.
std::uint64_t Directions::unwrapped(std::uint32_t number) const {
  const auto distance = static_cast<std::int32_t>(number - static_cast<std::uint32_t>(number_));
  const std::uint64_t full = number_ + static_cast<std::uint64_t>(static_cast<std::int64_t>(distance));
  return distance < 0 && full > number_ ? number : full;  // before the first
}

void Directions::begin(std::uint64_t sequence, std::uint64_t number, std::uint64_t first) {
  any_ = true;
  start_ = first;
  base_ = number - std::min(number, sequence - first);
  latest_ = sequence;
  number_ = number;
  requests_ = 1;
  extra_ = 0;
  sequences_.fill({});
  numbers_.fill({});
  remember(sequences_, number, sequence);
  remember(numbers_, sequence, number);
}

bool Directions::add(std::uint64_t sequence, std::uint32_t short_number, bool again) {
  differed_ = differed_ || short_number != static_cast<std::uint32_t>(sequence);
  if (!any_) {
    // One that is ahead of the requests counted others before: what was lost until here has no direction.
    begin(sequence, short_number, short_number > sequence ? sequence : 0);
    return false;
  }
  const std::uint64_t number = unwrapped(short_number);
  const std::optional<std::uint32_t> same_number = look_up(sequences_, number);
  if (same_number == static_cast<std::uint32_t>(sequence)) return false;  // a copy that was made on the way back
  const bool counted_anew = sequence > latest_ && (same_number || number + kept < number_);
  if (counted_anew) {
    const Lost ended = of_this_count();
    before_ = {before_.forward + ended.forward, before_.backward + ended.backward};
    begin(sequence, short_number, sequence);
    return true;
  }
  remember(sequences_, number, sequence);
  if (!again) {
    remember(numbers_, sequence, number);
    ++requests_;
  } else if (look_up(numbers_, sequence)) {
    ++extra_;  // with another number: the reflector got it twice
  }
  latest_ = std::max(latest_, sequence);
  number_ = std::max(number_, number);
  return false;
}

Directions::Lost Directions::of_this_count() const {
  if (!any_) return {};
  const std::uint64_t sent = latest_ - start_ + 1;
  const std::uint64_t missing = sent - std::min(sent, requests_);
  const std::uint64_t arrived = number_ - base_ + 1;
  const std::uint64_t arrived_once = arrived - std::min(arrived, extra_);
  const std::uint64_t forward = std::min(missing, sent - std::min(sent, arrived_once));
  return {forward, missing - forward};
}

std::optional<Directions::Lost> Directions::lost() const {
  if (!any_) return {};
  const Lost now = of_this_count();
  if (!differed_ && now.backward > 0) return {};
  return Lost{before_.forward + now.forward, before_.backward + now.backward};
}

}  // namespace commands
