#include "commands/probe/log.hpp"

#include <algorithm>
#include <cstdlib>

namespace commands {

using std::chrono::nanoseconds;

Instant Instant::now() {
  return {std::chrono::time_point_cast<nanoseconds>(std::chrono::system_clock::now()),
          std::chrono::steady_clock::now()};
}

nanoseconds round_trip(const Instant& sent, const std::optional<net::SystemTime>& arrived, const Instant& seen) {
  const nanoseconds steady = seen.steady - sent.steady;
  const nanoseconds wall = seen.wall - sent.wall;
  // Slewing moves the wall clock by at most 0.05 % (adjtimex(2)); the two are read a moment apart.
  const nanoseconds slack = std::chrono::microseconds(500) + steady / 1'000;
  const bool was_set = std::chrono::abs(wall - steady) > slack;
  const nanoseconds measured = arrived && !was_set ? *arrived - sent.wall : steady;
  return std::max(std::min(measured, steady + slack), nanoseconds(0));
}

void ProbeLog::sent(const Instant& when) {
  if (kept_.size() < most_kept) {
    kept_.push_back({when});
  } else {
    kept_[count_ % most_kept] = {when};
  }
  ++count_;
}

void ProbeLog::settle(std::uint64_t sequence) {
  if (is_kept(sequence)) kept_[sequence % most_kept].waiting = false;
  while (oldest_waiting_ < count_ && !is_waiting(oldest_waiting_)) ++oldest_waiting_;
}

// The probe that fits, from the one after the last match outwards: answers mostly come in the order of the probes.
template <class Fits>
std::optional<std::uint64_t> ProbeLog::nearest(Fits fits) const {
  const std::uint64_t first = count_ - kept_.size();
  const std::uint64_t start = std::clamp(last_match_ + 1, first, count_);
  for (std::uint64_t step = 0; step < std::min(kept_.size() + 1, most_steps); ++step) {
    if (start + step < count_ && fits(start + step)) return start + step;
    if (step < start - first && fits(start - 1 - step)) return start - 1 - step;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> ProbeLog::best_waiting(const Instant& seen) const {
  std::optional<std::uint64_t> best;
  nanoseconds least{};
  for (std::uint64_t sequence = std::max(oldest_waiting_, count_ - kept_.size()); sequence < count_; ++sequence) {
    if (!is_waiting(sequence)) continue;
    if (!rtt_) return sequence;
    const nanoseconds off = std::chrono::abs(seen.steady - departure(sequence).steady - *rtt_);
    if (best && off >= least) break;  // departures only grow: it was passed
    best = sequence;
    least = off;
  }
  return best;
}

std::optional<std::uint64_t> ProbeLog::answered_by(std::string_view reply, const Instant& seen) {
  if (requests_.matches_by_id()) return nearest([&](auto sequence) { return requests_.answers(sequence, reply); });
  // A service that does not echo would otherwise cost a search for each of its replies.
  constexpr unsigned enough = 16;
  if (requests_.distinct() && (echoes_ || strange_ < enough)) {
    const auto found = nearest([&](auto sequence) { return requests_.answers(sequence, reply); });
    if (found) {
      echoes_ = true;
      return found;
    }
    ++strange_;
  }
  if (const auto found = best_waiting(seen)) return found;
  if (count_ == 0) return std::nullopt;
  return std::clamp(rtt_ ? last_match_ + 1 : 0, count_ - kept_.size(), count_ - 1);
}

std::optional<std::uint64_t> ProbeLog::quoted_by(std::string_view quoted, const Instant& seen) {
  const auto fits = [&](std::uint64_t sequence) {
    const std::string request = requests_.make(sequence);
    const std::size_t size = std::min(request.size(), quoted.size());
    return std::string_view(request).substr(0, size) == quoted.substr(0, size);
  };
  if (requests_.distinct_within(quoted.size())) return nearest(fits);
  if (kept_.empty() || !fits(count_ - 1)) return std::nullopt;  // the requests are all alike
  return best_waiting(seen);
}

void ProbeLog::learn(std::uint64_t sequence, nanoseconds rtt) {
  last_match_ = sequence;
  // Smoothed, so that one reply taken for another's does not lead all that follow astray.
  rtt_ = rtt_ ? *rtt_ + (rtt - *rtt_) / 16 : rtt;
}

}  // namespace commands
