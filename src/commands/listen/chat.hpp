// SPDX-License-Identifier: MIT
// `listen --chat`: what is typed goes to who wrote last.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "commands/listen/responder.hpp"
#include "commands/stage.hpp"
#include "run/loop.hpp"

namespace commands {

class Chat final : public Responder {
 public:
  // `interface`: that -i names.
  Chat(AnswerGuard& guard, Stage& stage, std::optional<net::Interface> interface);

  // A person decides whom to answer.
  bool admits(const net::Received&, AnswerGuard::Time) override { return true; }
  // Remembers the sender, and that `out` reaches it.
  void answer(const net::Received& received, traffic::Transmitter& out) override;
  // Told to who typed the line that did not arrive, if there is one left.
  void error(const net::TransportError& error) override;
  // A socket to send by.
  void opened(traffic::Transmitter& out) override { sockets_.push_back(&out); }

 private:
  static constexpr std::size_t max_senders = 100;  // that are remembered, the last ones

  struct Sender {
    net::Endpoint endpoint;
    net::Route route;
    traffic::Transmitter* out = nullptr;
    std::uint64_t datagrams = 0;
    run::Clock::time_point heard{};
  };

  bool read_input();
  void take(std::string_view bytes);
  void end_line();
  void line(std::string_view text);
  void command(std::string_view text);
  void send(std::string_view payload);
  void choose(std::string_view word);
  Sender sender_at(std::string_view word) const;
  void list();
  const Sender* partner() const;

  output::Report& report_;
  std::optional<net::Interface> interface_;
  std::deque<traffic::Transmitter*> sockets_;
  std::deque<Sender> senders_;    // the last one first: an order that a SenderTable does not keep
  std::optional<Sender> chosen_;  // by /to
  std::string line_;              // that is not complete yet
  std::size_t line_size_ = 0;     // of all of it; no more is kept than a datagram holds
  std::uint64_t sent_ = 0;        // lines, less the refusals that were told
};

}  // namespace commands
