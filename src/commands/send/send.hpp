// `udptool send`: messages, an input or a generator to one destination, and the replies.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/error.hpp"
#include "net/options.hpp"
#include "output/options.hpp"
#include "run/loop.hpp"
#include "run/privileges.hpp"
#include "commands/send/source.hpp"

namespace commands {

struct SendOptions {
  std::string host;
  std::uint16_t port = 0;
  std::optional<net::Family> family;
  std::optional<net::Address> source_address;
  std::uint16_t source_port = 0;
  net::SocketOptions socket;
  run::StopOptions stop;  // count: rounds, 0 for ever
  output::Options output;
  run::PrivilegeOptions privileges;
  SourceOptions payloads;
  std::optional<std::uint64_t> replies;  // enough to end the wait
  std::optional<double> rate;            // datagrams a second
  std::optional<double> bitrate;         // bits of payload a second
  bool progress = false;
};

base::ExitStatus send(const SendOptions& options);

}  // namespace commands
