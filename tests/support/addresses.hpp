// SPDX-License-Identifier: MIT
// Addresses by their words.
#pragma once

#include <string_view>

#include "net/address.hpp"

namespace support {

inline net::Address address(std::string_view word) { return net::parse_address(word).value(); }
inline net::Address loopback(net::Family family) { return address(family == net::Family::ipv4 ? "127.0.0.1" : "::1"); }

}  // namespace support
