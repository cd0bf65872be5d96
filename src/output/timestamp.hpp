// SPDX-License-Identifier: MIT
// Times as RFC 3339 UTC.
#pragma once

#include <string>

#include "net/datagram.hpp"

namespace output {

// Appends `2026-01-02T03:04:05.123456Z` with `places` (6 or 9) decimals. The date is worked out anew only when the
// second changes.
void append_time(std::string& out, net::SystemTime time, int places);

}  // namespace output
