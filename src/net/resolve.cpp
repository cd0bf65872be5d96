// SPDX-License-Identifier: MIT
#include "net/resolve.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "base/error.hpp"
#include "base/text.hpp"

namespace net {
namespace {

Endpoint endpoint_of(const addrinfo& entry, std::uint16_t port) {
  Endpoint endpoint;
  endpoint.resize(entry.ai_addrlen);
  std::memcpy(endpoint.data(), entry.ai_addr, entry.ai_addrlen);
  endpoint.port(port);
  return endpoint;
}

int code_of(int resolver_error) { return resolver_error == EAI_MEMORY ? ENOMEM : base::name_not_found; }

}  // namespace

std::vector<Endpoint> resolve(const std::string& host, std::uint16_t port, std::optional<Family> family) {
  const std::string shown = base::printable(host);
  if (const auto address = parse_address(host)) {
    if (family && family_of(*address) != *family) {
      throw base::UsageError(fmt::format("'{}' is not an {} address", shown, name_of(*family)));
    }
    return {Endpoint(*address, port)};
  }
  if (host.empty() || host.size() > 255 || host.find('\0') != std::string::npos || looks_numeric(host)) {
    throw base::UsageError(fmt::format("'{}' is not an address or a host name", shown.substr(0, 300)));
  }
  addrinfo hints{};
  hints.ai_family = !family ? AF_UNSPEC : *family == Family::ipv4 ? AF_INET : AF_INET6;
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* first = nullptr;
  const int error = getaddrinfo(host.c_str(), nullptr, &hints, &first);
  if (error != 0) {
    const std::string what = fmt::format("cannot resolve '{}'", shown);
    if (error == EAI_SYSTEM) throw base::failure(errno, what);
    // Who has not answered is not asked again.
    const bool has_none = error == EAI_NONAME || error == EAI_NODATA || error == EAI_ADDRFAMILY;
    hints.ai_family = AF_UNSPEC;
    if (family && has_none && getaddrinfo(host.c_str(), nullptr, &hints, &first) == 0) {
      freeaddrinfo(first);
      throw base::Failure(base::name_not_found, fmt::format("{}: it has no {} address", what, name_of(*family)));
    }
    throw base::Failure(code_of(error), fmt::format("{}: {}", what, gai_strerror(error)));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(first, &freeaddrinfo);
  std::vector<Endpoint> found;
  for (const addrinfo* entry = first; entry != nullptr; entry = entry->ai_next) {
    const Endpoint endpoint = endpoint_of(*entry, port);
    if (std::find(found.begin(), found.end(), endpoint) == found.end()) found.push_back(endpoint);
  }
  return found;
}

std::optional<std::string> name_of_address(const Address& address) {
  const Endpoint endpoint(address, 0);
  char name[NI_MAXHOST];
  const int error = getnameinfo(static_cast<const sockaddr*>(static_cast<const void*>(endpoint.data())),
                                static_cast<socklen_t>(endpoint.size()), name, sizeof name, nullptr, 0, NI_NAMEREQD);
  if (error != 0) return std::nullopt;
  return name;
}

}  // namespace net
