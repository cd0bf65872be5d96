// SPDX-License-Identifier: MIT
// LD_PRELOAD shim of the benchmark: every UDP socket that is bound gets as large a receive buffer as the kernel gives,
// so that a burst can wait there while the program is stopped. Only root may go beyond net.core.rmem_max.
#include <dlfcn.h>
#include <sys/socket.h>

extern "C" int bind(int socket, const sockaddr* address, socklen_t length) noexcept {
  using Bind = int (*)(int, const sockaddr*, socklen_t);
  static const Bind real = reinterpret_cast<Bind>(dlsym(RTLD_NEXT, "bind"));
  const int result = real(socket, address, length);
  int type = 0;
  socklen_t size = sizeof type;
  if (result == 0 && getsockopt(socket, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_DGRAM) {
    const int bytes = 256 << 20;
    if (setsockopt(socket, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0) {
      setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    }
  }
  return result;
}
