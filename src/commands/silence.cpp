// SPDX-License-Identifier: MIT
#include "commands/silence.hpp"

#include <fmt/format.h>

#include "base/units.hpp"

namespace commands {

std::vector<std::string> causes_of_silence(const net::KernelDrops& drops) {
  const auto both = [&](std::uint64_t net::KernelDrops::OfFamily::*count) {
    return drops.ipv4.*count + drops.ipv6.*count;
  };
  using OfFamily = net::KernelDrops::OfFamily;
  std::vector<std::string> causes;
  const auto tell = [&](std::uint64_t count, const char* unit, const char* why) {
    if (count == 0) return;
    causes.push_back(fmt::format("meanwhile this host's kernel dropped {} {}", base::counted(count, unit), why));
  };
  tell(drops.reverse_path, "packet",
       "by the reverse-path filter (a route to the sender by the interface it came by, or rp_filter=0 there, lets it "
       "in)");
  tell(both(&OfFamily::no_socket), "datagram", "for ports that no socket is bound to (is it the right port?)");
  tell(both(&OfFamily::not_joined), "datagram", "to a group or broadcast that no socket takes (join the group)");
  tell(both(&OfFamily::bad_checksum), "datagram",
       "with a bad checksum (of the sender, or of a network card on the way)");
  tell(both(&OfFamily::incomplete), "fragmented datagram", "of which a part never came");
  return causes;
}

}  // namespace commands
