// Names on the command line to endpoints, without holding up signals and deadlines.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "net/address.hpp"
#include "run/loop.hpp"

namespace commands {

// As net::resolve(), but a name is looked up on the side, so that a signal or deadline ends the wait (Failure).
std::vector<net::Endpoint> look_up(run::Loop& loop, const std::string& host, std::uint16_t port,
                                   std::optional<net::Family> family);

}  // namespace commands
