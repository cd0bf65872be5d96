// SPDX-License-Identifier: MIT
// Every ENDPOINT of `listen`, opened.
#pragma once

#include <memory>
#include <vector>

#include "commands/listen/listen.hpp"
#include "commands/stage.hpp"
#include "net/udp_socket.hpp"

namespace commands {

using Sockets = std::vector<std::unique_ptr<net::UdpSocket>>;

// A socket for each address of each of them, bound and set as the options say: a name has one for every address, a
// port alone one a family, and all addresses of an ENDPOINT are on one port, also where the kernel chooses it. What a
// host lacks and what was chosen are notices. Throws as look_up() does, and Failure for what cannot be bound.
Sockets open_endpoints(const ListenOptions& options, const net::SocketOptions& socket,
                       const net::WantedMetadata& wanted, Stage& stage);

// The same endpoints once more, for another thread: the kernel shares out among both what comes, each flow to one of
// them. `first` were not opened to be shared, so that a port that is taken has been told. Throws Failure.
Sockets open_shared(const Sockets& first, const net::SocketOptions& socket, const net::WantedMetadata& wanted,
                    Stage& stage);

}  // namespace commands
