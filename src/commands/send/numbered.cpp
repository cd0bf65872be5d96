// SPDX-License-Identifier: MIT
#include "commands/send/numbered.hpp"

#include <algorithm>
#include <chrono>
#include <string>

#include "base/bytes.hpp"

namespace commands {
namespace {

// Copies stand one behind the other, so that a run of datagrams is one piece of memory. Each is written anew when it is
// given, and only after refill(): until then it may wait to be sent.
class Numbered final : public PayloadSource {
 public:
  Numbered(std::size_t size, std::uint64_t rounds)
      : PayloadSource(rounds), size_(size), copies_(std::clamp<std::size_t>(room / size, 16, 1'024)) {
    // Behind its header iperf 2 looks for flags of its own: there are none.
    constexpr std::size_t flags_end = 64;
    std::string one(size, '\0');
    for (std::size_t i = flags_end; i < size; ++i) one[i] = static_cast<char>('a' + i % 26);
    for (std::size_t i = 0; i < copies_; ++i) bytes_ += one;
  }

  const Piece* next() override {
    if (ended() || at_ == copies_) return nullptr;
    const bool is_last = rounds_left() == 1;
    end_round();
    return give(numbered(is_last));
  }
  bool is_always_ready() const override { return true; }
  void refill() override { at_ = 0; }

  std::optional<Piece> farewell() override {
    if (ended() || number_ == 0) return std::nullopt;
    end();
    at_ = 0;
    return Piece{numbered(true)};
  }

 private:
  static constexpr std::size_t room = std::size_t{1} << 20;

  std::string_view numbered(bool is_last) {
    using namespace std::chrono;
    number_ = number_ == INT32_MAX ? 1 : number_ + 1;
    const auto now = duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
    char* const to = bytes_.data() + size_ * at_++;
    const std::int64_t number = is_last ? -number_ : number_;
    base::store_number(to, static_cast<std::uint64_t>(number), 4);
    base::store_number(to + 4, static_cast<std::uint64_t>(now / 1'000'000), 4);
    base::store_number(to + 8, static_cast<std::uint64_t>(now % 1'000'000), 4);
    base::store_number(to + 12, static_cast<std::uint64_t>(number >> 32), 4);
    return {to, size_};
  }

  std::size_t size_;
  std::size_t copies_;
  std::int64_t number_ = 0;  // the last that was given
  std::size_t at_ = 0;
  std::string bytes_;
};

}  // namespace

std::unique_ptr<PayloadSource> make_numbered(std::size_t size, std::uint64_t rounds) {
  return std::make_unique<Numbered>(size, rounds);
}

}  // namespace commands
