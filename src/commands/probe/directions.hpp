// SPDX-License-Identifier: MIT
// Which way what is missing went missing, by the numbers of a reflector that counts a session's requests: pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

namespace commands {

class Directions {
 public:
  // A reply to request `sequence`, in which the reflector calls it its `number`th; `again`: that request had one
  // before. Returns true when the reflector has begun to count anew.
  bool add(std::uint64_t sequence, std::uint32_t number, bool again);

  // What is known of the requests up to the latest that was answered; each of those that are missing went one way.
  // Of those behind it nothing is known, nor of any when the reflector only copies the requests' numbers.
  struct Lost {
    std::uint64_t forward = 0;
    std::uint64_t backward = 0;
  };
  // Nothing: none was answered, or some are missing and every reply had the request's own number.
  std::optional<Lost> lost() const;
  // The number of requests up to the latest that was answered.
  std::uint64_t reach() const { return any_ ? latest_ + 1 : 0; }

 private:
  // The lower bits: what is that far apart is long forgotten. 8 bytes, for there may be a thousand sessions.
  struct Seen {
    std::uint32_t mark = 0;  // of the key; 0: free
    std::uint32_t value = 0;
  };
  static std::uint32_t mark_of(std::uint64_t key) { return static_cast<std::uint32_t>(2 * key + 1); }
  static constexpr std::size_t kept = 1'024;  // as far back as a reply is known again
  using Memory = std::array<Seen, kept>;

  static std::optional<std::uint32_t> look_up(const Memory& memory, std::uint64_t key);
  static void remember(Memory& memory, std::uint64_t key, std::uint64_t value);
  std::uint64_t unwrapped(std::uint32_t number) const;
  void begin(std::uint64_t sequence, std::uint64_t number, std::uint64_t first);
  Lost of_this_count() const;

  bool any_ = false;
  bool differed_ = false;     // a number was not the request's: the reflector counts
  std::uint64_t start_ = 0;   // the first request of this count
  std::uint64_t base_ = 0;    // and its number
  std::uint64_t latest_ = 0;  // the highest of each
  std::uint64_t number_ = 0;
  std::uint64_t requests_ = 0;  // different ones that were answered
  std::uint64_t extra_ = 0;     // that the reflector got twice
  Lost before_;                 // of counts that have ended
  Memory sequences_{};          // by number
  Memory numbers_{};            // by sequence
};

}  // namespace commands
