// SPDX-License-Identifier: MIT
// --impair: a list of any bytes, and then, after a newline, what comes and when: nothing leaves too early, changed or
// more often than it may, and each datagram is accounted for.
#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "cli/words.hpp"
#include "commands/impair.hpp"
#include "fuzz.hpp"

namespace {

using Time = commands::ImpairedWay::Time;
using commands::Impairment;

// What has come, and how often it has left.
struct Known {
  Time came{};
  std::string payload;
  unsigned left = 0;
};

class Model {
 public:
  explicit Model(const Impairment& how) : how_(how), way_(how, 1) {}

  void wait(std::chrono::milliseconds time) { now_ += time; }

  void take(std::size_t size) {
    std::string payload(size, static_cast<char>(known_.size()));
    commands::Parcel parcel{payload};
    parcel.route.ttl = static_cast<int>(known_.size());
    known_.push_back({now_, std::move(payload)});
    way_.take(std::move(parcel), now_);
  }

  void leave() {
    while (const auto parcel = way_.leave(now_)) check(*parcel);
    const auto due = way_.due();
    MUST(due.has_value() != way_.empty());
    MUST(!due || *due > now_);
  }

  void end() {
    way_.give_up();
    const commands::ImpairCounts& counts = way_.counts();
    MUST(way_.empty() && !way_.due());
    MUST(counts.came == known_.size());
    MUST(counts.came + counts.duplicated == counts.lost + counts.dropped + left_);
    MUST(counts.delayed <= left_ && counts.reordered <= counts.came);
    MUST(how_.loss > 0 || counts.lost == 0);
    MUST(how_.loss < 1 || counts.lost == counts.came);
    MUST(how_.duplicate > 0 || counts.duplicated == 0);
    MUST(how_.reorder > 0 || counts.reordered == 0);
  }

 private:
  void check(const commands::Parcel& parcel) {
    const auto number = static_cast<std::size_t>(parcel.route.ttl);
    Known& known = known_.at(number);
    MUST(parcel.payload == known.payload);
    MUST(now_ - known.came >= how_.delay - how_.jitter);
    MUST(++known.left <= (how_.duplicate > 0 ? 2u : 1u));
    MUST(how_.reorder > 0 || number >= last_);
    last_ = number;
    ++left_;
  }

  const Impairment how_;
  commands::ImpairedWay way_;
  Time now_{std::chrono::hours(1)};
  std::vector<Known> known_;
  std::size_t last_ = 0;
  std::uint64_t left_ = 0;
};

void pass(const Impairment& how, std::string_view steps) {
  constexpr std::size_t most_steps = 1'024;
  MUST(how.loss >= 0 && how.loss <= 1 && how.duplicate >= 0 && how.duplicate <= 1);
  MUST(how.reorder >= 0 && how.reorder <= 1 && how.delay.count() >= 0 && how.jitter.count() >= 0 && how.rate >= 0);
  Model model(how);
  for (const char step : steps.substr(0, most_steps)) {
    const auto value = static_cast<unsigned char>(step);
    if (value < 128) {
      model.wait(std::chrono::milliseconds(value));
    } else {
      model.take((value - 128u) * 64);
    }
    model.leave();
  }
  model.end();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(all.find('\n'), all.size());
  commands::ForwardOptions options;
  try {
    cli::take_impairment(std::string(all.substr(0, end)), options);
  } catch (const base::UsageError&) {
    return 0;
  }
  MUST(options.impair_forward || options.impair_backward);
  const std::string_view steps = all.substr(std::min(end + 1, all.size()));
  if (options.impair_forward) pass(*options.impair_forward, steps);
  if (options.impair_backward) pass(*options.impair_backward, steps);
  return 0;
}
