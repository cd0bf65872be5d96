// SPDX-License-Identifier: MIT
// Endpoints, groups, networks, ports and addresses: only UsageError leaves, its text can be printed, and what
// is accepted says the same when it is written out and read again.
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "fuzz.hpp"
#include "net/address.hpp"
#include "net/group.hpp"

namespace {

template <class Call>
void attempt(Call&& call) {
  try {
    call();
  } catch (const base::UsageError& error) {
    fuzz::must_be_harmless(error.what());
  }
}

void check_network(std::string_view word) {
  const net::Network network = net::Network::parse(word);
  const auto address = net::parse_address(word.substr(0, word.find('/')));
  MUST(address && network.contains(*address));
  const net::Address other_family =
      address->is_v4() ? net::Address(net::asio::ip::address_v6()) : net::asio::ip::address_v4();
  MUST(!network.contains(other_family));
}

void check_group(std::string_view word) {
  const net::GroupWord group = net::parse_group(word);
  MUST(group.port != 0);
  MUST(group.count >= 1 && group.count <= 65'536);
  MUST(group.first.is_multicast());
  MUST(net::advanced(group.first, group.count - 1).is_multicast());
  if (group.source) {
    MUST(net::family_of(*group.source) == net::family_of(group.first));
    MUST(!group.source->is_multicast() && !group.source->is_unspecified());
  }
  net::is_source_specific(group.first);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view word(reinterpret_cast<const char*>(data), size);
  attempt([&] {
    if (const auto address = net::parse_address(word)) {
      MUST(net::parse_address(net::to_string(*address)) == address);
      MUST(net::looks_numeric(word));
      fuzz::must_be_harmless(net::to_string(net::Endpoint(*address, 9)));
    }
  });
  net::looks_numeric(word);
  attempt([&] { MUST(net::parse_port(word, 1) != 0); });
  attempt([&] {
    const net::HostAndPort parts = net::split_host_port(word);
    MUST(parts.host.size() + (parts.port ? parts.port->size() : 0) <= word.size());
  });
  attempt([&] { MUST(net::parse_endpoint(word).host != "*"); });
  attempt([&] { check_network(word); });
  attempt([&] { check_group(word); });
  return 0;
}
