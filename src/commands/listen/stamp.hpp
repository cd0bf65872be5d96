// SPDX-License-Identifier: MIT
// `listen --stamp`: a STAMP session-reflector (RFC 8762, section 4.3; RFC 8972).
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "commands/listen/responder.hpp"
#include "commands/stamp_packet.hpp"
#include "run/loop.hpp"
#include "traffic/sender_table.hpp"

namespace commands {

class StampReflector final : public Responder {
 public:
  struct Settings {
    std::optional<int> ttl;          // of replies; 255 without
    bool own_dscp = false;           // the socket's, whatever a request wants
    bool lengthens = false;          // a short request gets a whole reply: --allow names its sender
    std::optional<std::string> key;  // only authentic packets are answered
  };
  StampReflector(AnswerGuard& guard, Settings settings);

  net::WantedMetadata needs() const override;
  void answer(const net::Received& received, traffic::Transmitter& out) override;
  void depart() override;

 private:
  // All of one sender's packets to one of our addresses under one SSID.
  struct Session {
    std::uint32_t replies = 0;  // the next one's number
    // The T3 of those that left, from the first to the last; 0: none did. The clock may be set back meanwhile.
    std::uint64_t first_t3 = 0;
    std::uint64_t last_t3 = 0;

    void left_at(std::uint64_t t3);
    bool sent_at(std::uint64_t t3) const { return first_t3 != 0 && t3 - first_t3 <= last_t3 - first_t3; }
  };
  struct Reply {
    std::string packet;
    std::uint64_t session = 0;  // its key
  };

  Session& session_of(std::uint64_t key);
  Session* find(std::uint64_t key);
  void reflect(const net::Received& received, std::string_view request, traffic::Transmitter& out);
  net::Route route_of(const net::Received& received, std::size_t reply_size) const;
  Reply& next_reply();
  std::uint16_t error_estimate();

  Settings settings_;
  stamp::Packets packets_;
  // One packet may be anybody's forgery: a session that has had two is where forged ones push nobody out.
  traffic::SenderTable<Session> new_sessions_{std::size_t{1} << 14};
  traffic::SenderTable<Session> sessions_{std::size_t{1} << 16};
  std::deque<Reply> replies_;  // where they are, they stay until they have left
  std::size_t used_ = 0;       // of them, by this batch
  run::Clock::time_point now_{};
  run::Clock::time_point asked_clock_{};
  std::uint16_t error_estimate_ = 0;
};

}  // namespace commands
