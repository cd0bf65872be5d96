// SPDX-License-Identifier: MIT
// The words behind the options. One in a form of another tool (`udp://@239.1.1.1:5000` of VLC, `S@G`, `::1:5000`) is
// refused with the form that is meant. All throw UsageError.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "commands/forward_options.hpp"
#include "commands/target.hpp"
#include "net/address.hpp"
#include "net/group.hpp"

namespace cli {

// An address in it that is not of `family` is refused too.
net::EndpointWord endpoint_of(const std::string& word, std::optional<net::Family> family);
net::GroupWord group_of(const std::string& word, std::optional<net::Family> family);
// TARGET: HOST:PORT, neither left out.
net::EndpointWord target_of(const std::string& word);
// LIST of --impair: "loss=1%,delay=50ms", of both ways, or behind ">" or "<" of one. A later one takes its ways over.
void take_impairment(const std::string& word, commands::ForwardOptions& options);

// HOST and PORT, the first two words, to `target`. A PORT that is left out is `default_port`, or missing when that is
// 0.
void take_host_and_port(const std::vector<std::string>& words, commands::Target& target, std::uint16_t default_port);

}  // namespace cli
