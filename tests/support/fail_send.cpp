// SPDX-License-Identifier: MIT
// A preload (ld.so(8)) that makes sending fail where a network would be hard put to. Messages that hold the
// bytes of FAIL_SEND_MARK fail with errno FAIL_SEND_ERRNO, the first FAIL_SEND_TIMES times. As in the kernel,
// messages of the same call that stand before such a one leave, and its error comes with the next call. With
// FAIL_SEND_RUNS only segmented ones fail. With FAIL_SEND_LOG, each failure is a line in that file: how many datagrams
// the message held, which is more than one when it is segmented.
#include <dlfcn.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

// A message's datagrams may lie in one piece of memory or in many; none lies in two.
bool is_marked(const msghdr& message) {
  const char* mark = std::getenv("FAIL_SEND_MARK");
  if (mark == nullptr) return false;
  for (std::size_t i = 0; i < message.msg_iovlen; ++i) {
    const iovec& piece = message.msg_iov[i];
    if (memmem(piece.iov_base, piece.iov_len, mark, std::strlen(mark)) != nullptr) return true;
  }
  return false;
}

std::size_t datagrams_in(const msghdr& message) {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < message.msg_iovlen; ++i) bytes += message.msg_iov[i].iov_len;
  auto* changeable = const_cast<msghdr*>(&message);
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(changeable, header)) {
    if (header->cmsg_level != SOL_UDP || header->cmsg_type != UDP_SEGMENT) continue;
    std::uint16_t size = 0;
    std::memcpy(&size, CMSG_DATA(header), sizeof size);
    return (bytes + size - 1) / size;
  }
  return 1;
}

bool must_fail(const msghdr& message) {
  static long left = std::atol(std::getenv("FAIL_SEND_TIMES") != nullptr ? std::getenv("FAIL_SEND_TIMES") : "0");
  if (std::getenv("FAIL_SEND_RUNS") != nullptr && datagrams_in(message) == 1) return false;
  return left > 0 && is_marked(message) && left-- > 0;
}

void log(const msghdr& message) {
  const char* path = std::getenv("FAIL_SEND_LOG");
  if (path == nullptr) return;
  const int file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  char line[32];
  const int size = std::snprintf(line, sizeof line, "%zu\n", datagrams_in(message));
  if (file >= 0 && write(file, line, static_cast<std::size_t>(size)) < 0) std::abort();
  close(file);
}

ssize_t fail_now(const msghdr& message) {
  log(message);
  errno = std::atoi(std::getenv("FAIL_SEND_ERRNO"));
  return -1;
}

template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  static auto* const send = real<decltype(sendmsg)>("sendmsg");
  return must_fail(*message) ? fail_now(*message) : send(fd, message, flags);
}

extern "C" int sendmmsg(int fd, mmsghdr* messages, unsigned count, int flags) {
  static auto* const send = real<decltype(sendmmsg)>("sendmmsg");
  unsigned good = 0;
  while (good < count && !is_marked(messages[good].msg_hdr)) ++good;
  if (good > 0) return send(fd, messages, good, flags);
  return must_fail(messages[0].msg_hdr) ? static_cast<int>(fail_now(messages[0].msg_hdr))
                                        : send(fd, messages, 1, flags);
}
