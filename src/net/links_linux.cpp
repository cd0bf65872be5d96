// SPDX-License-Identifier: MIT
#include "net/links.hpp"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace net {
namespace {

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

std::vector<Link> links() {
  std::vector<Link> all;
  const int socket = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (socket < 0) return all;
  struct {
    nlmsghdr head{};
    ifinfomsg link{};
  } request;
  request.head.nlmsg_len = NLMSG_LENGTH(sizeof request.link);
  request.head.nlmsg_type = RTM_GETLINK;
  request.head.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  std::string answer(1 << 16, '\0');
  bool more = send(socket, &request, request.head.nlmsg_len, 0) > 0;
  while (more) {
    const ssize_t size = recv(socket, answer.data(), answer.size(), 0);
    more = size > 0 && take_answer(std::string_view(answer).substr(0, static_cast<std::size_t>(size)), all);
  }
  close(socket);
  return all;
}

}  // namespace net
