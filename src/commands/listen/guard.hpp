// SPDX-License-Identifier: MIT
// What keeps a responder from becoming an amplifier or half of a ping-pong.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "net/datagram.hpp"
#include "net/own_addresses.hpp"
#include "traffic/sender_table.hpp"

namespace commands {

class AnswerGuard {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Duration = std::chrono::nanoseconds;

  // `lifted`: senders were named by --allow, and their budget counts only datagrams of TTL 1.
  explicit AnswerGuard(bool lifted, net::OwnAddresses own_addresses = net::OwnAddresses())
      : lifted_(lifted), own_addresses_(std::move(own_addresses)) {}

  // An endpoint at which this process answers.
  void answers_at(const net::Endpoint& own) { own_.push_back(own); }

  // Whether the sender may be answered, asked before any work is done for it, once a datagram: is_answerable() and
  // spend(). Every refusal is counted.
  bool admits(const net::Received& received, Time now);
  // Not an address that means this host, a group or everybody; not port 0, this process itself, or the port of a
  // service that answers anything. What cannot be checked is not answered.
  bool is_answerable(const net::Received& received, Time now);
  // Takes an answer from the sender's budget: 10,000 that grow by 1,000 a second; one to a TTL of 1 costs 100, for it
  // leaves with a new TTL. False when it is empty, and once it was so for 10 s until a second without a datagram.
  // What datagrams hold changes nothing.
  bool spend(const net::Received& received, Time now);

  // Whether an answer of that size may go to who sent `asked` bytes: not more than came to what reached many.
  // A refusal is counted.
  bool allows(const net::Received& received, std::size_t asked, std::size_t answer);

  // For a reason of the responder's own.
  void refuse() { ++refused_; }

  std::uint64_t refused() const { return refused_; }  // datagrams
  // The next sender whose budget turned out to be empty, in words: each once while it goes on, and 16 in all.
  std::optional<std::string> news();

 private:
  struct Account {
    Duration left = max_left;  // an answer costs a millisecond
    Time empty_since{};        // when it was found empty; Time{}: it is not
    bool cut_off = false;
  };
  static constexpr Duration max_left = std::chrono::seconds(10);
  static constexpr std::size_t places = 4'096;

  bool is_self(const net::Received& received, Time now);
  void found_empty(Account& account, const net::Endpoint& sender, bool last_hop, Time now);

  bool lifted_;
  net::OwnAddresses own_addresses_;
  std::vector<net::Endpoint> own_;
  traffic::SenderTable<Account> accounts_{places};
  std::uint64_t refused_ = 0;
  std::vector<std::string> news_;
  std::size_t told_ = 0;
};

}  // namespace commands
