// SPDX-License-Identifier: MIT
#include "commands/probe/requests.hpp"

#include <algorithm>
#include <random>
#include <utility>

#include "base/mix.hpp"

namespace commands {
namespace {

using std::chrono::nanoseconds;

constexpr int max_shift = 128;  // of the number in a reply against its place in the request

}  // namespace

std::uint64_t Requests::random_seed() {
  std::random_device device;
  return static_cast<std::uint64_t>(device()) << 32 | device();
}

Requests::Requests(RequestChoice choice, std::uint16_t port, std::uint64_t seed)
    : choice_(std::move(choice)),
      payload_(choice_.data || choice_.size ? nullptr
               : choice_.payload            ? choice_.payload
                                            : &payload_for_port(port)),
      port_(port),
      seed_(seed),
      // Six bytes hold the counter and four more that another program's datagrams will not have.
      distinct_(choice_.size ? *choice_.size >= 6 : !choice_.data && make(0) != make(1)) {
  if (distinct_) find_counter();
}

// Each four bits of the counter are found by setting them alone.
void Requests::find_counter() {
  const std::string none = build({});
  for (std::size_t i = 0; i < counter_.size(); ++i) {
    RandomBits bits{};
    bits[i / 2] = i % 2 == 0 ? 0x0f : 0xf0;
    const std::string set = build(bits);
    const auto place = std::mismatch(none.begin(), none.end(), set.begin()).first;
    if (place == none.end()) return;
    const auto byte = static_cast<std::size_t>(place - none.begin());
    const auto changed = static_cast<unsigned char>(none[byte] ^ set[byte]);
    counter_[i] = {static_cast<int>(byte), changed == 0x0f ? 0 : changed == 0xf0 ? 4 : -1};
  }
  has_counter_ = true;
}

std::optional<std::uint16_t> Requests::counter_in(std::string_view bytes, int shift) const {
  if (!has_counter_) return std::nullopt;
  unsigned counter = 0;
  for (std::size_t i = 0; i < counter_.size(); ++i) {
    const int at = counter_[i].byte + shift;
    if (at < 0 || static_cast<std::size_t>(at) >= bytes.size()) return std::nullopt;
    const auto byte = static_cast<unsigned char>(bytes[static_cast<std::size_t>(at)]);
    unsigned nibble = (byte >> (counter_[i].bit & 7)) & 15u;
    if (counter_[i].bit < 0) nibble = byte >= 'a' && byte <= 'f' ? byte - 'a' + 10u : byte - unsigned{'0'};
    if (nibble > 15) return std::nullopt;
    counter |= nibble << (4 * i);
  }
  return static_cast<std::uint16_t>(counter - base::mixed(seed_));
}

// The first two bytes count, from a random start: ids of 16 bits stay distinct through 65,536 probes.
RandomBits Requests::random(std::uint64_t sequence) const {
  RandomBits out;
  const std::uint64_t halves[] = {base::mixed(seed_ ^ base::mixed(sequence)),
                                  base::mixed(~seed_ ^ base::mixed(sequence))};
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::uint8_t>(halves[i / 8] >> (i % 8 * 8));
  const std::uint64_t count = base::mixed(seed_) + sequence;
  out[0] = static_cast<std::uint8_t>(count);
  out[1] = static_cast<std::uint8_t>(count >> 8);
  return out;
}

std::string Requests::build(const RandomBits& random) const {
  if (payload_ != nullptr) return build_request(*payload_, random, port_);
  std::string out(*choice_.size, '\0');
  std::copy_n(random.begin(), std::min(random.size(), out.size()), out.begin());
  for (std::size_t i = random.size(); i < out.size(); ++i) out[i] = static_cast<char>(i);
  return out;
}

std::string Requests::make(std::uint64_t sequence) const {
  return choice_.data ? *choice_.data : build(random(sequence));
}

std::string Requests::make_sized(std::uint64_t sequence, std::size_t size) const {
  std::string out = make(sequence);
  out.resize(size);
  return out;
}

bool Requests::distinct_within(std::size_t size) const {
  return distinct_ && make(0).substr(0, size) != make(1).substr(0, size);
}

bool Requests::answers(std::uint64_t sequence, std::string_view reply) const {
  const std::string request = make(sequence);
  if (matches_by_id()) return payload_->check_fact(request, reply, {}).has_value();
  return distinct_ && is_echo(request, reply);
}

std::string Requests::detail(std::uint64_t sequence, std::string_view reply, const ReplyContext& context) const {
  const std::string request = make(sequence);
  if (payload_ == nullptr) return std::string(name()) + (is_echo(request, reply) ? " echoed" : " reply");
  return check_reply(*payload_, request, reply, context).value_or(std::string(name()) + " reply");
}

// The probe that fits, from `start` outwards: answers mostly come in the order of the probes.
template <class Fits>
std::optional<std::uint64_t> Matcher::near(std::uint64_t start, Fits fits) const {
  constexpr std::uint64_t max_steps = 32;
  const std::uint64_t first = log_.first_kept();
  for (std::uint64_t step = 0; step < max_steps; ++step) {
    if (start + step < log_.count() && fits(start + step)) return start + step;
    if (start > first + step && fits(start - 1 - step)) return start - 1 - step;
  }
  return std::nullopt;
}

// Around the one after the last match, then around the one that left a usual round trip ago.
template <class Fits>
std::optional<std::uint64_t> Matcher::nearest(const Instant& seen, Fits fits) const {
  const auto found = near(std::clamp(last_match_ + 1, log_.first_kept(), log_.count()), fits);
  return found ? found : near(usual(seen), fits);
}

// The probe that fits among those with that number modulo 65,536, the latest first.
template <class Fits>
std::optional<std::uint64_t> Matcher::numbered(std::uint16_t counter, Fits fits) const {
  if (log_.count() == 0) return std::nullopt;
  const std::uint64_t last = log_.count() - 1;
  std::uint64_t behind = static_cast<std::uint16_t>(last - counter);
  for (; behind <= last && log_.is_kept(last - behind); behind += 65'536) {
    if (fits(last - behind)) return last - behind;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> Matcher::shown_by(std::string_view reply, const Instant& seen) {
  const auto fits = [&](std::uint64_t sequence) { return requests_.answers(sequence, reply); };
  for (const int shift : shifts_) {
    const auto counter = requests_.counter_in(reply, shift);
    if (const auto found = counter ? numbered(*counter, fits) : std::nullopt) return found;
  }
  auto found = nearest(seen, fits);
  for (int shift = -max_shift; !found && shifts_.empty() && shift <= max_shift; ++shift) {
    const auto counter = requests_.counter_in(reply, shift);
    if (counter) found = numbered(*counter, fits);
  }
  if (found) learn_shift(reply, *found);
  return found;
}

void Matcher::learn_shift(std::string_view reply, std::uint64_t sequence) {
  constexpr std::size_t max_shifts = 4;
  if (shifts_.size() == max_shifts) return;
  for (int shift = -max_shift; shift <= max_shift; ++shift) {
    if (requests_.counter_in(reply, shift) != static_cast<std::uint16_t>(sequence)) continue;
    if (std::find(shifts_.begin(), shifts_.end(), shift) == shifts_.end()) shifts_.push_back(shift);
    return;
  }
}

// The kept probe that left a usual round trip ago; count() when it is younger than all.
std::uint64_t Matcher::usual(const Instant& seen) const {
  const auto left = seen.steady - rtt_.value_or(nanoseconds(0));
  std::uint64_t low = log_.first_kept(), high = log_.count();
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    if (log_.departure(middle).steady < left) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

// Of those that wait, of which that one is the oldest; count(): none.
template <class Waits>
std::optional<std::uint64_t> Matcher::best_waiting(const Instant& seen, std::uint64_t oldest, Waits waits) const {
  if (oldest == log_.count()) return std::nullopt;
  if (!rtt_) return oldest;
  const std::uint64_t middle = std::max(usual(seen), oldest);
  constexpr std::uint64_t max_steps = 20'000;
  std::uint64_t before = middle, after = middle;
  while (before > oldest && middle - before < max_steps && !waits(--before)) continue;
  while (after < log_.count() && after - middle < max_steps && !waits(after)) ++after;
  const auto off = [&](std::uint64_t sequence) {
    return std::chrono::abs(seen.steady - log_.departure(sequence).steady - *rtt_);
  };
  if (!waits(after)) return waits(before) ? before : oldest;
  return waits(before) && off(before) <= off(after) ? before : after;
}

std::optional<std::uint64_t> Matcher::answered_by(std::string_view reply, const Instant& seen) {
  if (requests_.matches_by_id()) return shown_by(reply, seen);
  // A service that does not echo would otherwise cost a search for each of its replies.
  constexpr unsigned enough = 16;
  if (requests_.distinct() && (echoes_ || strange_ < enough)) {
    if (const auto found = shown_by(reply, seen)) {
      echoes_ = true;
      return found;
    }
    ++strange_;
  }
  const auto waits = [this](std::uint64_t sequence) { return log_.is_waiting(sequence); };
  if (const auto found = best_waiting(seen, log_.oldest_waiting(), waits)) return found;
  if (log_.count() == 0) return std::nullopt;
  return std::clamp(rtt_ ? last_match_ + 1 : 0, log_.first_kept(), log_.count() - 1);
}

std::optional<std::uint64_t> Matcher::quoted_by(std::string_view quoted, const Instant& seen) const {
  const auto fits = [&](std::uint64_t sequence) {
    const std::string request = requests_.make(sequence);
    const std::size_t size = std::min(request.size(), quoted.size());
    return std::string_view(request).substr(0, size) == quoted.substr(0, size);
  };
  if (const auto counter = requests_.counter_in(quoted, 0)) return numbered(*counter, fits);
  if (requests_.distinct_within(quoted.size())) return nearest(seen, fits);
  if (log_.count() == 0 || !fits(log_.count() - 1)) return std::nullopt;  // the requests are all alike
  return best_waiting(seen, log_.oldest_undoubted(), [this](std::uint64_t one) { return log_.is_undoubted(one); });
}

void Matcher::learn(std::uint64_t sequence, nanoseconds rtt) {
  last_match_ = sequence;
  // Smoothed, so that one reply taken for another's does not lead all that follow astray.
  rtt_ = rtt_ ? *rtt_ + (rtt - *rtt_) / 16 : rtt;
}

}  // namespace commands
