// Answering what is received: `listen --echo` and `--reply`.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "net/udp_socket.hpp"
#include "commands/listen/guard.hpp"

namespace commands {

class Responder {
 public:
  // Without a `reply`, each datagram is sent back.
  Responder(std::optional<std::string> reply, std::vector<net::Endpoint> own)
      : reply_(std::move(reply)), guard_(std::move(own)) {}

  // Prepares the answers to what was received. It must stay in place until flush().
  void answer(const net::Received& received);
  // Sends them from the address that was asked. One that cannot leave now is given up, as the network would.
  void flush(net::UdpSocket& socket);

 private:
  std::optional<std::string> reply_;
  AnswerGuard guard_;
  net::SendBatch batch_;
  AnswerGuard::Time now_;
};

}  // namespace commands
