// SPDX-License-Identifier: MIT
#include "commands/impair.hpp"

#include <algorithm>
#include <utility>

namespace commands {
namespace {

using base::Nanoseconds;

constexpr auto max_queue = std::chrono::hours(24 * 365);  // no clock overflows

Nanoseconds time_of(std::size_t bytes, double rate) {
  if (rate <= 0) return Nanoseconds(0);
  const double ns = static_cast<double>(bytes) * 8e9 / rate;
  return Nanoseconds(static_cast<std::int64_t>(std::min(ns, static_cast<double>(Nanoseconds(max_queue).count()))));
}

}  // namespace

// From 0 to less than 1, the same with every library.
double ImpairedWay::chance() { return static_cast<double>(random_() >> 11) * 0x1p-53; }

void ImpairedWay::take(Parcel parcel, Time now) {
  ++counts_.came;
  // As many draws for each, whatever they say.
  const bool lost = chance() < how_.loss;
  const bool twice = chance() < how_.duplicate;
  const bool stays = chance() < how_.reorder;
  const auto wobble =
      Nanoseconds(static_cast<std::int64_t>((2 * chance() - 1) * static_cast<double>(how_.jitter.count())));
  if (lost) {
    ++counts_.lost;
    return;
  }
  Item item{std::move(parcel), now, std::max(how_.delay + wobble, Nanoseconds(0)), twice ? 2 : 1, {}};
  if (twice) ++counts_.duplicated;
  if (stays && !behind_) {
    behind_ = std::move(item);
    return;
  }
  if (!enter(item) || !behind_) return;
  ++counts_.reordered;
  enter(*std::exchange(behind_, std::nullopt));
}

// Puts it at the end of the queue; false when there is no room for it.
bool ImpairedWay::enter(Item item) {
  const std::size_t size = item.parcel.payload.size();
  bool entered = false;
  for (int i = 0; i < item.copies; ++i) {
    if (waiting_ + size + sizeof(Item) > max_waiting) {
      ++counts_.dropped;
      continue;
    }
    waiting_ += size + sizeof(Item);
    const Time begins = std::max(item.came, free_at_);
    free_at_ = std::min(begins + time_of(size, how_.rate), item.came + max_queue);
    last_due_ = std::max(last_due_, free_at_ + item.later);
    item.due = last_due_;
    queue_.push_back(item);
    entered = true;
  }
  return entered;
}

std::optional<ImpairedWay::Time> ImpairedWay::due() const {
  std::optional<Time> first;
  if (behind_) first = behind_->came + max_behind;
  if (!queue_.empty()) first = first ? std::min(*first, queue_.front().due) : queue_.front().due;
  return first;
}

std::optional<Parcel> ImpairedWay::leave(Time now) {
  if (behind_ && behind_->came + max_behind <= now) enter(*std::exchange(behind_, std::nullopt));
  if (queue_.empty() || queue_.front().due > now) return std::nullopt;
  Item& first = queue_.front();
  if (now > first.came) ++counts_.delayed;
  waiting_ -= first.parcel.payload.size() + sizeof(Item);
  std::optional<Parcel> parcel = std::move(first.parcel);
  queue_.pop_front();
  return parcel;
}

void ImpairedWay::give_up() {
  counts_.dropped += queue_.size() + (behind_ ? static_cast<std::size_t>(behind_->copies) : 0);
  queue_.clear();
  behind_.reset();
  waiting_ = 0;
}

}  // namespace commands
