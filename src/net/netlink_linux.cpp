// SPDX-License-Identifier: MIT
// What the kernel tells of routes and links: rtnetlink(7).
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "base/file.hpp"
#include "net/links.hpp"
#include "net/route.hpp"

namespace net {
namespace {

class NetlinkSocket {
 public:
  bool ask(const void* request, std::size_t size) const { return send(fd_.get(), request, size, 0) >= 0; }
  // What it says next, in that memory; "" when nothing can be read.
  std::string_view answer(std::span<char> room) const {
    const ssize_t size = recv(fd_.get(), room.data(), room.size(), 0);
    return {room.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
  }

 private:
  base::Descriptor fd_{socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)};
};

template <class T>
T read(std::string_view bytes) {
  T value{};
  if (bytes.size() >= sizeof value) std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

std::string text(std::string_view bytes) { return std::string(bytes.substr(0, bytes.find('\0'))); }

// Calls take(type, value) for each attribute.
template <class Take>
void each_attribute(std::string_view bytes, Take take) {
  while (bytes.size() >= sizeof(rtattr)) {
    const auto head = read<rtattr>(bytes);
    if (head.rta_len < sizeof head || head.rta_len > bytes.size()) return;
    take(head.rta_type & NLA_TYPE_MASK, bytes.substr(sizeof head, head.rta_len - sizeof head));
    bytes.remove_prefix(std::min<std::size_t>(RTA_ALIGN(head.rta_len), bytes.size()));
  }
}

struct RouteRequest {
  nlmsghdr header{};
  rtmsg route{};
  std::array<char, 64> attributes{};

  explicit RouteRequest(const Address& destination) {
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
static_assert(offsetof(RouteRequest, attributes) == NLMSG_LENGTH(sizeof(rtmsg)));

bool is_no_route(int error) { return error == ENETUNREACH || error == EHOSTUNREACH || error == EACCES; }

std::optional<Address> source_in(std::string_view bytes) {
  if (bytes.size() == 4) return asio::ip::address_v4(read<asio::ip::address_v4::bytes_type>(bytes));
  if (bytes.size() == 16) return asio::ip::address_v6(read<asio::ip::address_v6::bytes_type>(bytes));
  return std::nullopt;
}

void take_information(std::string_view bytes, Link& link) {
  std::string_view data;
  each_attribute(bytes, [&](int type, std::string_view value) {
    if (type == IFLA_INFO_KIND) link.kind = text(value);
    if (type == IFLA_INFO_SLAVE_KIND) link.port_kind = text(value);
    if (type == IFLA_INFO_DATA) data = value;
  });
  if (link.kind != "macvlan" && link.kind != "macvtap") return;
  each_attribute(data, [&](int type, std::string_view value) {
    if (type == IFLA_MACVLAN_MODE) link.takes_all = read<std::uint32_t>(value) == MACVLAN_MODE_PASSTHRU;
  });
}

Link link_of(std::string_view message) {
  Link link;
  const auto head = read<ifinfomsg>(message);
  link.index = static_cast<unsigned>(head.ifi_index);
  link.running = (head.ifi_flags & IFF_UP) == 0 || (head.ifi_flags & IFF_RUNNING) != 0;
  if (message.size() < NLMSG_ALIGN(sizeof head)) return link;
  each_attribute(message.substr(NLMSG_ALIGN(sizeof head)), [&](int type, std::string_view value) {
    if (type == IFLA_MASTER) link.master = read<std::uint32_t>(value);
    if (type == IFLA_LINK) link.parent = read<std::uint32_t>(value);
    if (type == IFLA_LINKINFO) take_information(value, link);
  });
  return link;
}

// Takes the messages of one answer; false after the last one of all.
bool take_answer(std::string_view answer, std::vector<Link>& links) {
  while (answer.size() >= sizeof(nlmsghdr)) {
    const auto head = read<nlmsghdr>(answer);
    if (head.nlmsg_len < NLMSG_HDRLEN || head.nlmsg_len > answer.size()) return false;
    if (head.nlmsg_type == NLMSG_DONE || head.nlmsg_type == NLMSG_ERROR) return false;
    if (head.nlmsg_type == RTM_NEWLINK)
      links.push_back(link_of(answer.substr(NLMSG_HDRLEN, head.nlmsg_len - NLMSG_HDRLEN)));
    answer.remove_prefix(std::min<std::size_t>(NLMSG_ALIGN(head.nlmsg_len), answer.size()));
  }
  return true;
}

}  // namespace

FoundRoute route_to(const Address& destination) {
  const RouteRequest request(destination);
  const NetlinkSocket kernel;
  if (!kernel.ask(&request, request.header.nlmsg_len)) return {};
  std::array<char, 4'096> room;
  const std::string_view answer = kernel.answer(room);
  if (answer.size() < NLMSG_HDRLEN + sizeof(int)) return {};
  const auto type = read<nlmsghdr>(answer).nlmsg_type;
  const std::string_view message = answer.substr(NLMSG_HDRLEN);
  if (type == NLMSG_ERROR) {
    return {is_no_route(-read<int>(message)) ? FoundRoute::Answer::none : FoundRoute::Answer::unknown};
  }
  if (type != RTM_NEWROUTE || message.size() < sizeof(rtmsg)) return {};
  FoundRoute found{FoundRoute::Answer::none};
  each_attribute(message.substr(NLMSG_ALIGN(sizeof(rtmsg))), [&](int attribute, std::string_view value) {
    if (attribute == RTA_OIF) found.interface = read<unsigned>(value);
    if (attribute == RTA_PREFSRC) found.source = source_in(value);
  });
  if (found.interface == 0) return found;
  found.answer = FoundRoute::Answer::by_interface;
  const auto kind = read<rtmsg>(message).rtm_type;
  found.local = kind == RTN_LOCAL;
  found.broadcast = kind == RTN_BROADCAST;
  return found;
}

std::string hint_of_sending(int error, const Address& destination) {
  if (error == EPERM) return "a local firewall is the usual cause";
  if (error != EACCES) return "";
  return is_limited_broadcast(destination) || route_to(destination).broadcast ? "add --broadcast" : "";
}

std::vector<Link> links() {
  std::vector<Link> all;
  struct {
    nlmsghdr head{};
    ifinfomsg link{};
  } request;
  request.head.nlmsg_len = NLMSG_LENGTH(sizeof request.link);
  request.head.nlmsg_type = RTM_GETLINK;
  request.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  const NetlinkSocket kernel;
  if (!kernel.ask(&request, request.head.nlmsg_len)) return all;
  std::string room(1 << 16, '\0');
  std::string_view answer;
  do answer = kernel.answer(room);
  while (!answer.empty() && take_answer(answer, all));
  return all;
}

}  // namespace net
