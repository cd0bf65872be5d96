// What keeps a responder from becoming an amplifier or half of a ping-pong.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

#include "net/address.hpp"
#include "net/datagram.hpp"

namespace commands {

class AnswerGuard {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // `own` are the endpoints that this process answers at.
  explicit AnswerGuard(std::vector<net::Endpoint> own);

  // Whether `answer` may go to the sender of `payload`. Not to port 0, to this process itself, to the port of a
  // service that answers anything, with more bytes than a datagram to a group or to broadcast held, and not to a
  // sender whose last 1,000 datagrams each equalled the answer before, or whose last 10,000 each equalled the one
  // before (another responder, with a text of its own), until one differs or a second is quiet.
  bool may_answer(const net::Received& received, std::string_view payload, std::string_view answer, Time now);

 private:
  // Bounded, whoever writes: a new sender takes the place of the one in its set that was heard least lately.
  struct Conversation {
    std::uint64_t sender = 0;
    std::uint64_t payload = 0;  // hash of the last one
    std::uint64_t answer = 0;   // the same
    Time heard{};
    std::uint32_t echoes = 0;   // datagrams in a row that equalled the answer before
    std::uint32_t repeats = 0;  // datagrams in a row that equalled the one before
  };
  static constexpr std::size_t sets = 1'024;
  static constexpr std::size_t ways = 4;

  bool is_self(const net::Endpoint& sender) const;
  Conversation& conversation_with(const net::Endpoint& sender);

  std::vector<net::Endpoint> own_;
  std::vector<std::array<Conversation, ways>> conversations_;
};

}  // namespace commands
