// SPDX-License-Identifier: MIT
#include "net/route.hpp"

#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>

namespace net {
namespace {

class NetlinkSocket {
 public:
  NetlinkSocket() : fd_(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)) {}
  ~NetlinkSocket() {
    if (fd_ >= 0) close(fd_);
  }
  NetlinkSocket(const NetlinkSocket&) = delete;
  NetlinkSocket& operator=(const NetlinkSocket&) = delete;

  // Sends a request and returns the size of the answer, or -1.
  ssize_t ask(const void* request, std::size_t size, void* answer, std::size_t room) const {
    if (fd_ < 0 || send(fd_, request, size, 0) < 0) return -1;
    return recv(fd_, answer, room, 0);
  }

 private:
  int fd_;
};

struct Request {
  nlmsghdr header{};
  rtmsg route{};
  std::array<char, 64> attributes{};

  explicit Request(const Address& destination) {
    header.nlmsg_type = RTM_GETROUTE;
    header.nlmsg_flags = NLM_F_REQUEST;
    header.nlmsg_len = NLMSG_LENGTH(sizeof route);
    route.rtm_family = destination.is_v4() ? AF_INET : AF_INET6;
    if (destination.is_v4()) {
      const auto bytes = destination.to_v4().to_bytes();
      add(RTA_DST, bytes.data(), bytes.size());
    } else {
      const auto bytes = destination.to_v6().to_bytes();
      add(RTA_DST, bytes.data(), bytes.size());
    }
    route.rtm_dst_len = destination.is_v4() ? 32 : 128;
    if (const unsigned zone = zone_of(destination); zone != 0) add(RTA_OIF, &zone, sizeof zone);
  }

  void add(unsigned short type, const void* data, std::size_t size) {
    const std::size_t at = NLMSG_ALIGN(header.nlmsg_len) - NLMSG_LENGTH(sizeof route);
    const rtattr attribute{static_cast<unsigned short>(RTA_LENGTH(size)), type};
    std::memcpy(attributes.data() + at, &attribute, sizeof attribute);
    std::memcpy(attributes.data() + at + RTA_LENGTH(0), data, size);
    header.nlmsg_len = static_cast<unsigned>(NLMSG_ALIGN(header.nlmsg_len) + RTA_LENGTH(size));
  }
};
static_assert(offsetof(Request, attributes) == NLMSG_LENGTH(sizeof(rtmsg)));

bool is_no_route(int error) { return error == ENETUNREACH || error == EHOSTUNREACH || error == EACCES; }

// Reads RTA_OIF and RTA_PREFSRC of a route message of `size` bytes behind its header.
void read_attributes(const char* message, std::size_t size, FoundRoute& out) {
  constexpr std::size_t head = NLMSG_ALIGN(sizeof(rtmsg));
  for (std::size_t at = head; at + sizeof(rtattr) <= size;) {
    rtattr attribute;
    std::memcpy(&attribute, message + at, sizeof attribute);
    if (attribute.rta_len < sizeof attribute || attribute.rta_len > size - at) return;
    const char* const data = message + at + RTA_LENGTH(0);
    const std::size_t data_size = attribute.rta_len - RTA_LENGTH(0);
    if (attribute.rta_type == RTA_OIF && data_size == sizeof out.interface) {
      std::memcpy(&out.interface, data, sizeof out.interface);
    } else if (attribute.rta_type == RTA_PREFSRC && data_size == 4) {
      asio::ip::address_v4::bytes_type bytes;
      std::memcpy(bytes.data(), data, bytes.size());
      out.source = asio::ip::address_v4(bytes);
    } else if (attribute.rta_type == RTA_PREFSRC && data_size == 16) {
      asio::ip::address_v6::bytes_type bytes;
      std::memcpy(bytes.data(), data, bytes.size());
      out.source = asio::ip::address_v6(bytes);
    }
    at += RTA_ALIGN(attribute.rta_len);
  }
}

}  // namespace

FoundRoute route_to(const Address& destination) {
  const Request request(destination);
  std::array<char, 4'096> answer{};
  const ssize_t size = NetlinkSocket().ask(&request, request.header.nlmsg_len, answer.data(), answer.size());
  nlmsghdr header;
  constexpr std::size_t body = NLMSG_HDRLEN;
  if (size < static_cast<ssize_t>(body + sizeof(int))) return {};
  std::memcpy(&header, answer.data(), sizeof header);
  if (header.nlmsg_type == NLMSG_ERROR) {
    int error = 0;
    std::memcpy(&error, answer.data() + body, sizeof error);
    return {is_no_route(-error) ? FoundRoute::Answer::none : FoundRoute::Answer::unknown};
  }
  if (header.nlmsg_type != RTM_NEWROUTE || static_cast<std::size_t>(size) < NLMSG_LENGTH(sizeof(rtmsg))) return {};
  rtmsg route;
  std::memcpy(&route, answer.data() + body, sizeof route);
  FoundRoute found{FoundRoute::Answer::none};
  read_attributes(answer.data() + body, static_cast<std::size_t>(size) - body, found);
  if (found.interface == 0) return found;
  found.answer = FoundRoute::Answer::by_interface;
  found.local = route.rtm_type == RTN_LOCAL;
  found.broadcast = route.rtm_type == RTN_BROADCAST;
  return found;
}

std::string hint_of_sending(int error, const Address& destination) {
  if (error == EPERM) return "a local firewall is the usual cause";
  if (error != EACCES) return "";
  return is_limited_broadcast(destination) || route_to(destination).broadcast ? "add --broadcast" : "";
}

}  // namespace net
