// SPDX-License-Identifier: MIT
#include "support/raw_udp.hpp"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <vector>

namespace support {
namespace {

struct Name {
  sockaddr_storage storage{};
  socklen_t size = sizeof(sockaddr_storage);

  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  sockaddr_in& v4() { return reinterpret_cast<sockaddr_in&>(storage); }
  sockaddr_in6& v6() { return reinterpret_cast<sockaddr_in6&>(storage); }
};

Name name_of(const std::string& address, std::uint16_t port) {
  Name name;
  if (address.find(':') == std::string::npos) {
    name.storage.ss_family = AF_INET;
    name.v4().sin_port = htons(port);
    name.size = sizeof(sockaddr_in);
    inet_pton(AF_INET, address.c_str(), &name.v4().sin_addr);
  } else {
    name.storage.ss_family = AF_INET6;
    name.v6().sin6_port = htons(port);
    name.size = sizeof(sockaddr_in6);
    inet_pton(AF_INET6, address.c_str(), &name.v6().sin6_addr);
  }
  return name;
}

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what + ": " + std::strerror(errno)); }

}  // namespace

RawUdp::RawUdp(const std::string& address, std::uint16_t port) : address_(address) {
  Name name = name_of(address, port);
  fd_ = socket(name.storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd_ < 0) fail("socket");
  if (bind(fd_, name.get(), name.size) == 0) return;
  close(fd_);
  fail("bind " + address);
}

RawUdp::~RawUdp() { close(fd_); }

std::uint16_t RawUdp::port() const {
  Name name;
  if (getsockname(fd_, name.get(), &name.size) != 0) fail("getsockname");
  return ntohs(name.storage.ss_family == AF_INET ? name.v4().sin_port : name.v6().sin6_port);
}

std::string RawUdp::endpoint() const {
  const bool v4 = address_.find(':') == std::string::npos;
  return (v4 ? address_ : "[" + address_ + "]") + ":" + std::to_string(port());
}

void RawUdp::join(const std::string& group, const std::string& interface) const {
  ip_mreqn request{};
  inet_pton(AF_INET, group.c_str(), &request.imr_multiaddr);
  request.imr_ifindex = static_cast<int>(if_nametoindex(interface.c_str()));
  if (setsockopt(fd_, SOL_IP, IP_ADD_MEMBERSHIP, &request, sizeof request) != 0) fail("join " + group);
}

void RawUdp::send(std::string_view payload, std::uint16_t port, const std::string& address) const {
  Name to = name_of(address.empty() ? address_ : address, port);
  const ssize_t size = sendto(fd_, payload.data(), payload.size(), 0, to.get(), to.size);
  if (size != static_cast<ssize_t>(payload.size())) fail("sendto");
}

std::optional<Message> RawUdp::receive(Milliseconds timeout) const {
  pollfd polled{fd_, POLLIN, 0};
  if (poll(&polled, 1, static_cast<int>(timeout.count())) <= 0) return std::nullopt;
  std::vector<char> buffer(1 << 16);
  Name from;
  const ssize_t size = recvfrom(fd_, buffer.data(), buffer.size(), 0, from.get(), &from.size);
  if (size < 0) return std::nullopt;
  Message message;
  message.payload.assign(buffer.data(), static_cast<std::size_t>(size));
  const bool v4 = from.storage.ss_family == AF_INET;
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(from.storage.ss_family, v4 ? static_cast<void*>(&from.v4().sin_addr) : &from.v6().sin6_addr, text,
            sizeof text);
  message.address = text;
  message.port = ntohs(v4 ? from.v4().sin_port : from.v6().sin6_port);
  return message;
}

std::string RawUdp::next(Milliseconds timeout) const {
  const auto message = receive(timeout);
  return message ? message->payload : "(nothing came)";
}

void send_messages(int fd, std::span<mmsghdr> messages) {
  while (!messages.empty()) {
    const int taken = sendmmsg(fd, messages.data(), static_cast<unsigned>(messages.size()), 0);
    if (taken <= 0) fail("sendmmsg");
    messages = messages.subspan(static_cast<std::size_t>(taken));
  }
}

std::uint16_t unused_port() { return RawUdp().port(); }

bool has_ipv6() {
  try {
    RawUdp("::1");
    return true;
  } catch (const std::runtime_error&) {
    return false;
  }
}

}  // namespace support
