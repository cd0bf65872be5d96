// What the probes of a run say, each as a function of its number, so that none has to be kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

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

 private:
  std::string_view name() const { return payload_ != nullptr ? payload_->name : "data"; }
  RandomBits random(std::uint64_t sequence) const;

  RequestChoice choice_;
  const Payload* payload_;  // nullptr: by hand
  std::uint16_t port_;
  std::uint64_t seed_;
  bool distinct_;
};

}  // namespace commands
