// SPDX-License-Identifier: MIT
// What the roles of the measuring stick share; see limit.cpp.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string_view>
#include <vector>

namespace limit {

using Clock = std::chrono::steady_clock;

inline volatile std::sig_atomic_t stopping = 0;

struct Options {
  std::uint16_t port = 0;
  std::string_view mode;
  std::size_t size = 64;
  std::uint64_t count = std::numeric_limits<std::uint64_t>::max();
  double seconds = 1e9;
  std::size_t window = 64;
  std::uint32_t senders = 0;
  std::size_t each = 1;
  std::uint16_t from = 0;  // 0: any
  std::uint16_t to = 0;
  bool rtp = false;
  std::size_t workers = 1;
  std::size_t targets = 1;
};

[[noreturn]] inline void fail(const char* what) {
  std::fprintf(stderr, "limit: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

template <class Result>
Result check(Result result, const char* what) {
  if (result < 0) fail(what);
  return result;
}

inline sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

template <class Value>
void set_option(int socket, int level, int name, const Value& value) {
  check(setsockopt(socket, level, name, &value, sizeof value), "setsockopt");
}

inline int open_socket() {
  const int socket = check(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
  set_option(socket, SOL_SOCKET, SO_RCVBUF, 4 << 20);  // as much as udptool asks for
  return socket;
}

// `shared`: with others of this program.
inline int bound_socket(std::uint16_t port, bool shared = false) {
  const int socket = open_socket();
  if (shared) set_option(socket, SOL_SOCKET, SO_REUSEPORT, 1);
  const sockaddr_in address = loopback(port);
  check(bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), "bind");
  return socket;
}

inline int connected_socket(std::uint16_t port) {
  const int socket = open_socket();
  const sockaddr_in address = loopback(port);
  check(connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), "connect");
  return socket;
}

inline double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Whether a call that failed may be tried again: not after a signal that ends the program.
inline bool is_passing(int error) {
  return !stopping && (error == EINTR || error == ECONNREFUSED || error == ENOBUFS || error == EAGAIN);
}

// Arrays for recvmmsg and sendmmsg: `places` messages of one piece of memory each.
class Batch {
 public:
  Batch(std::size_t places, std::size_t room)
      : room_(room),
        names_(places),
        controls_(places),
        vectors_(places),
        headers_(places),
        payloads_(new char[places * stride()]) {
    for (std::size_t i = 0; i < places; ++i) {
      vectors_[i] = {payload(i), room};
      headers_[i].msg_hdr.msg_iov = &vectors_[i];
      headers_[i].msg_hdr.msg_iovlen = 1;
    }
  }
  ~Batch() { delete[] payloads_; }
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  std::size_t places() const { return headers_.size(); }
  mmsghdr* headers() { return headers_.data(); }
  iovec* vectors() { return vectors_.data(); }
  msghdr& header(std::size_t place) { return headers_[place].msg_hdr; }
  char* payload(std::size_t place) { return payloads_ + place * stride(); }

  // The number of messages received, at least one; 0 when stopping or after the socket's timeout.
  std::size_t receive(int socket, int flags = MSG_WAITFORONE) {
    const int count = recvmmsg(socket, headers(), static_cast<unsigned>(places()), flags, nullptr);
    if (count < 0 && !is_passing(errno) && !stopping) fail("recvmmsg");
    return count < 0 ? 0 : static_cast<std::size_t>(count);
  }
  // Gives each of the first `count` vectors the length of what was received there, or its whole room again.
  void set_lengths(std::size_t count, bool received) {
    for (std::size_t i = 0; i < count; ++i) vectors_[i].iov_len = received ? headers_[i].msg_len : room_;
  }
  // Asks for the senders of the next datagrams, and for control messages.
  void ask(bool controls) {
    for (std::size_t i = 0; i < places(); ++i) {
      msghdr& header = headers_[i].msg_hdr;
      header.msg_name = &names_[i];
      header.msg_namelen = sizeof names_[i];
      header.msg_control = controls ? controls_[i].data() : nullptr;
      header.msg_controllen = controls ? controls_[i].size() : 0;
    }
  }
  // Sends `count` messages from the first or a later one on, all of them unless stopping.
  void send(int socket, std::size_t count, std::size_t first = 0) {
    for (std::size_t done = 0; done < count && !stopping;) {
      const int sent = sendmmsg(socket, headers() + first + done, static_cast<unsigned>(count - done), 0);
      if (sent < 0 && !is_passing(errno) && !stopping) fail("sendmmsg");
      if (sent > 0) done += static_cast<std::size_t>(sent);
    }
  }

 private:
  // Payloads that all began at multiples of a power of two would share one set of the cache.
  std::size_t stride() const { return room_ + 320; }

  std::size_t room_;
  std::vector<sockaddr_in> names_;
  std::vector<std::array<char, 256>> controls_;
  std::vector<iovec> vectors_;
  std::vector<mmsghdr> headers_;
  char* payloads_;  // not touched before it is needed
};

// What is received there, with the senders: `use(COUNT)` for each batch, of which the vectors have the lengths that
// came. Returns how many messages there were, when stopping.
template <class Use>
std::uint64_t for_each_batch(Batch& batch, int socket, bool controls, Use use) {
  std::uint64_t messages = 0;
  while (!stopping) {
    batch.ask(controls);
    const std::size_t count = batch.receive(socket);
    batch.set_lengths(count, true);
    use(count);
    batch.set_lengths(count, false);
    messages += count;
  }
  return messages;
}

inline void print_counts(const char* role, std::uint64_t datagrams, std::uint64_t bytes, double seconds) {
  std::fprintf(stderr, "{\"role\":\"%s\",\"datagrams\":%llu,\"bytes\":%llu,\"seconds\":%.6f}\n", role,
               static_cast<unsigned long long>(datagrams), static_cast<unsigned long long>(bytes), seconds);
}

// The roles.
void run_ping(const Options& options);
void run_flood(const Options& options);
void run_relay(const Options& options);
void run_spawn(const Options& options);

}  // namespace limit
