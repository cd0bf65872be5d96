// SPDX-License-Identifier: MIT
// What the probes of a run say, each as a function of its number, so that none has to be kept; and which of them an
// answer belongs to.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "commands/probe/log.hpp"
#include "commands/probe/payloads/payloads.hpp"

namespace commands {

// What to send; at most one of the three. None: what is at home on the port, else the token.
struct RequestChoice {
  const Payload* payload = nullptr;
  std::optional<std::string> data;  // as it is
  std::optional<std::size_t> size;  // so many bytes, beginning with a token
};

class Requests {
 public:
  // `seed` makes this run's requests different from any other's.
  Requests(RequestChoice choice, std::uint16_t port, std::uint64_t seed);
  static std::uint64_t random_seed();

  std::string make(std::uint64_t sequence) const;
  // The same with zeros behind it, or cut, so that it has `size` bytes.
  std::string make_sized(std::uint64_t sequence, std::size_t size) const;

  // True when every request differs from the others, so that an echo of it tells which it was.
  bool distinct() const { return distinct_; }
  // True when the first `size` bytes differ already, so that a quote of so much does.
  bool distinct_within(std::size_t size) const;
  // True when only a reply that carries the request's id counts.
  bool matches_by_id() const { return payload_ != nullptr && payload_->matches_by_id; }

  // True when the reply shows by its id, or by holding the request, that it answers that one.
  bool answers(std::uint64_t sequence, std::string_view reply) const;
  // What the reply says: "dns NOERROR", "token echoed", "tftp reply".
  std::string detail(std::uint64_t sequence, std::string_view reply, const ReplyContext& context) const;

  // What STUN's reply tells: from which address the request came there.
  std::optional<net::Endpoint> mapped_address(std::uint64_t sequence, std::string_view reply) const {
    return name() == "stun" ? stun_mapped_address(make(sequence), reply) : std::nullopt;
  }

  // The lower 16 bits of the sequence number that `bytes` carry, if they hold a piece of a request that begins
  // `shift` bytes further on than in the request. Nothing: they end before it, or requests do not carry it.
  std::optional<std::uint16_t> counter_in(std::string_view bytes, int shift) const;

 private:
  struct Place {
    int byte = -1;
    int bit = 0;  // of the lowest bit of four in it; -1: a hexadecimal digit
  };

  std::string_view name() const { return payload_ != nullptr ? payload_->name : "data"; }
  RandomBits random(std::uint64_t sequence) const;
  std::string build(const RandomBits& random) const;
  void find_counter();

  RequestChoice choice_;
  const Payload* payload_;  // nullptr: by hand
  std::uint16_t port_;
  std::uint64_t seed_;
  std::array<Place, 4> counter_{};  // where four bits each of the number are, the lowest first
  bool has_counter_ = false;
  bool distinct_;
};

// Finds the probe that an answer belongs to. What a stranger's datagram may cost is bounded: an id is read where
// replies were seen to carry it, and looked for only near the probes whose turn it is.
class Matcher {
 public:
  Matcher(const Requests& requests, const ProbeLog& log) : requests_(requests), log_(log) {}

  // The probe that a reply which came at `seen` answers: by its id, or by the request that it holds. One that carries
  // neither, where the protocol has no id, goes to the waiting probe whose time is nearest to the usual
  // round trip, the oldest at first; where none waits, to the one after the last match. Nothing: it answers none.
  std::optional<std::uint64_t> answered_by(std::string_view reply, const Instant& seen);

  // The probe that an ICMP error is about: whose request begins as `quoted` does; an error that quotes so
  // little that it could be several goes to one of those that wait, as above, but that has no such error yet.
  std::optional<std::uint64_t> quoted_by(std::string_view quoted, const Instant& seen) const;

  // The probe that a reply shows by what it holds to answer.
  std::optional<std::uint64_t> shown_by(std::string_view reply, const Instant& seen);

  // To be told for each answer, as it guides the search for the next.
  void learn(std::uint64_t sequence, std::chrono::nanoseconds rtt);

 private:
  template <class Fits>
  std::optional<std::uint64_t> near(std::uint64_t start, Fits fits) const;
  template <class Fits>
  std::optional<std::uint64_t> nearest(const Instant& seen, Fits fits) const;
  template <class Fits>
  std::optional<std::uint64_t> numbered(std::uint16_t counter, Fits fits) const;
  std::uint64_t usual(const Instant& seen) const;
  template <class Waits>
  std::optional<std::uint64_t> best_waiting(const Instant& seen, std::uint64_t oldest, Waits waits) const;
  void learn_shift(std::string_view reply, std::uint64_t sequence);

  const Requests& requests_;
  const ProbeLog& log_;
  std::uint64_t last_match_ = 0;
  std::optional<std::chrono::nanoseconds> rtt_;  // smoothed
  std::vector<int> shifts_;                      // how much further on than in requests replies carry the number
  unsigned strange_ = 0;                         // replies without an echo so far
  bool echoes_ = false;                          // one had it
};

}  // namespace commands
