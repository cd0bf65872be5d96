// SPDX-License-Identifier: MIT
// Datagrams that a receiver can count: numbered and timed as iperf 2's UDP datagrams are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "commands/send/source.hpp"

namespace commands {

// A number, the time in seconds and microseconds, and the upper word of the number, 32 bits each.
constexpr std::size_t number_header_size = 16;

// `size` is that of each datagram, at least the header's; `rounds` may be for_ever. The last one has its number below
// 0.
std::unique_ptr<PayloadSource> make_numbered(std::size_t size, std::uint64_t rounds);

}  // namespace commands
