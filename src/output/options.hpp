// SPDX-License-Identifier: MIT
// What is printed, as the command line says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace output {

enum class Format : std::uint8_t { text, json, hex, raw, none };
enum class Color : std::uint8_t { automatic, always, never };

struct Options {
  Format format = Format::text;
  std::optional<std::string> delimiter;  // after each raw datagram
  bool timestamps = false;
  bool verbose = false;
  bool quiet = false;
  Color color = Color::automatic;
  std::optional<std::size_t> top;   // that many senders, who sent the most
  std::optional<std::string> pcap;  // a capture there, too; "-": on stdout, instead of records

  bool prints_records() const { return format != Format::none; }
};

}  // namespace output
