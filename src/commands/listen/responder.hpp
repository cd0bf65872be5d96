// SPDX-License-Identifier: MIT
// Answering what is received: `listen --echo` and `--reply`, and what they share with every other responder.
#pragma once

#include <limits>
#include <optional>
#include <string>

#include "commands/listen/guard.hpp"
#include "traffic/transmitter.hpp"

namespace commands {

class Responder {
 public:
  // `max_ttl`: of answers, whatever came (-t). The guard must outlive it.
  Responder(AnswerGuard& guard, std::optional<int> max_ttl) : guard_(guard), max_ttl_(max_ttl) {}
  virtual ~Responder() = default;

  // What must be known of each datagram, beside what is recorded.
  virtual net::WantedMetadata needs() const;
  // Whether its sender may be answered, before any work is done for it.
  virtual bool admits(const net::Received& received, AnswerGuard::Time now) { return guard_.admits(received, now); }
  // Prepares the answers to what was admitted. What it adds is sent before `received` is overwritten; what it owns
  // must stay until then.
  virtual void answer(const net::Received& received, traffic::Transmitter& out) = 0;
  // What was prepared is about to leave: the last moment to write a time into it.
  virtual void depart() {}
  // How many datagrams it can take now; for as long as it is none, they are left to the kernel.
  virtual std::size_t room() const { return std::numeric_limits<std::size_t>::max(); }
  // A socket that it answers by, before anything arrives there; it stays.
  virtual void opened(traffic::Transmitter&) {}
  // An ICMP error about what was sent, where ICMP errors are asked for.
  virtual void error(const net::TransportError&) {}
  // The end: nothing is begun any more.
  virtual void finish() {}

 protected:
  // Back to the sender, from the address that was asked, with the TTL that came less one.
  net::Route route_to_sender(const net::Received& received) const;
  AnswerGuard& guard() { return guard_; }

 private:
  AnswerGuard& guard_;
  std::optional<int> max_ttl_;
};

// Sends the same text back to everybody, or without one to each what it sent.
class Echo : public Responder {
 public:
  Echo(AnswerGuard& guard, std::optional<int> max_ttl, std::optional<std::string> text)
      : Responder(guard, max_ttl), text_(std::move(text)) {}

  void answer(const net::Received& received, traffic::Transmitter& out) override;

 private:
  std::optional<std::string> text_;
};

}  // namespace commands
