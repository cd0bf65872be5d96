// SPDX-License-Identifier: MIT
// Control messages and error-queue messages of any content: as raw bytes, and as well-formed messages with
// any data.
#include <ctime>  // before errqueue.h, which needs timespec

#include <linux/errqueue.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <memory>
#include <string>

#include "fuzz.hpp"
#include "net/control.hpp"
#include "output/timestamp.hpp"

namespace {

struct Kind {
  int level, type;
};
constexpr std::array<Kind, 16> kinds{{{SOL_IP, IP_PKTINFO},
                                      {SOL_IP, IP_TTL},
                                      {SOL_IP, IP_TOS},
                                      {SOL_IP, IP_RECVERR},
                                      {SOL_IPV6, IPV6_PKTINFO},
                                      {SOL_IPV6, IPV6_HOPLIMIT},
                                      {SOL_IPV6, IPV6_TCLASS},
                                      {SOL_IPV6, IPV6_RECVERR},
                                      {SOL_SOCKET, SCM_TIMESTAMPNS},
                                      {SOL_SOCKET, SO_RXQ_OVFL},
                                      {SOL_UDP, UDP_GRO},
                                      {SOL_UDP, 999},
                                      {SOL_IP, 999},
                                      {SOL_IPV6, 999},
                                      {SOL_SOCKET, 999},
                                      {999, IP_TTL}}};

// Messages of a kind byte, a size byte and data each.
std::string well_formed(fuzz::Feed& feed) {
  std::string out;
  while (!feed.empty()) {
    const Kind kind = kinds[feed.byte() % kinds.size()];
    const std::string_view content = feed.bytes(feed.byte() % 64);
    cmsghdr header{};
    header.cmsg_len = CMSG_LEN(content.size());
    header.cmsg_level = kind.level;
    header.cmsg_type = kind.type;
    out.append(reinterpret_cast<const char*>(&header), sizeof header);
    out += content;
    out.resize(CMSG_ALIGN(out.size()), '\x55');
  }
  return out;
}

void check(const msghdr& message, std::string_view quoted) {
  const net::Metadata metadata = net::decode_metadata(message);
  MUST(metadata.truncated == ((message.msg_flags & MSG_CTRUNC) != 0));
  MUST(metadata.segment_size <= 0x7fff'ffff);
  std::string out;
  if (metadata.destination) net::append_address(out, *metadata.destination);
  if (metadata.local) net::append_address(out, *metadata.local);
  if (metadata.time) output::append_time(out, *metadata.time, 9);
  const auto error = net::decode_error(message, quoted);
  if (error) {
    out += net::to_string(*error) + net::to_string(error->destination);
    MUST(quoted.starts_with(error->quoted));  // an extension structure may follow
    MUST(!(error->local() && error->is_refusal()));
    MUST(error->mtu == 0 || error->code == EMSGSIZE);
  }
  fuzz::must_be_harmless(out);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Feed feed(data, size);
  const std::uint8_t flags = feed.byte();
  std::string name(feed.bytes(flags & 31));
  const std::string control = flags & 32 ? well_formed(feed) : std::string(feed.rest());
  // A buffer of exactly that size, so that a sanitizer sees every byte too many.
  const auto exact = std::make_unique<char[]>(control.size());
  std::memcpy(exact.get(), control.data(), control.size());
  msghdr message{};
  message.msg_name = name.data();
  message.msg_namelen = static_cast<socklen_t>(name.size());
  message.msg_control = exact.get();
  message.msg_controllen = control.size();
  message.msg_flags = flags & 64 ? MSG_CTRUNC : 0;
  check(message, "quoted");
  return 0;
}
