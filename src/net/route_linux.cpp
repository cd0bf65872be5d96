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

  // Sends a request and gives the size of the answer, or -1.
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

// RTA_OIF of a route message of `size` bytes behind its header; 0 when there is none.
unsigned outgoing_interface(const char* message, std::size_t size) {
  constexpr std::size_t head = NLMSG_ALIGN(sizeof(rtmsg));
  for (std::size_t at = head; at + sizeof(rtattr) <= size;) {
    rtattr attribute;
    std::memcpy(&attribute, message + at, sizeof attribute);
    if (attribute.rta_len < sizeof attribute || attribute.rta_len > size - at) return 0;
    unsigned index = 0;
    if (attribute.rta_type == RTA_OIF && attribute.rta_len == RTA_LENGTH(sizeof index)) {
      std::memcpy(&index, message + at + RTA_LENGTH(0), sizeof index);
      return index;
    }
    at += RTA_ALIGN(attribute.rta_len);
  }
  return 0;
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
    return {is_no_route(-error) ? FoundRoute::Answer::none : FoundRoute::Answer::unknown, 0, false, false};
  }
  if (header.nlmsg_type != RTM_NEWROUTE || static_cast<std::size_t>(size) < NLMSG_LENGTH(sizeof(rtmsg))) return {};
  rtmsg route;
  std::memcpy(&route, answer.data() + body, sizeof route);
  const unsigned index = outgoing_interface(answer.data() + body, static_cast<std::size_t>(size) - body);
  if (index == 0) return {FoundRoute::Answer::none, 0, false, false};
  return {FoundRoute::Answer::by_interface, index, route.rtm_type == RTN_LOCAL, route.rtm_type == RTN_BROADCAST};
}

std::string hint_of_sending(int error, const Address& destination) {
  if (error == EPERM) return "a local firewall is the usual cause";
  if (error != EACCES) return "";
  return is_limited_broadcast(destination) || route_to(destination).broadcast ? "add --broadcast" : "";
}

}  // namespace net
