// SPDX-License-Identifier: MIT
// Names to addresses.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "net/address.hpp"

namespace net {

// The addresses of HOST, in the order in which they should be tried (getaddrinfo(3), RFC 6724); a literal returns
// itself. Blocks while a name is looked up. Throws UsageError for a malformed address or one of the wrong family,
// and Failure for a name that has no address.
std::vector<Endpoint> resolve(const std::string& host, std::uint16_t port, std::optional<Family> family);

// The name of an address, or nothing (getnameinfo(3)). Blocks.
std::optional<std::string> name_of_address(const Address& address);

}  // namespace net
