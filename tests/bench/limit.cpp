// SPDX-License-Identifier: MIT
// The measuring stick of the benchmark: the least that a program must do to receive, send or answer datagrams over
// 127.0.0.1, so that its figures stand for what the kernel allows.
//
//   limit recv  PORT discard|runs|facts|gro        recvmmsg with the senders, and forget (runs: with UDP_GRO on; facts:
//                                                  with time, destination, TTL and TOS); gro: write the runs to stdout
//   limit send  PORT mmsg|gso|lines [option value]...  connected sendmmsg, 64 a call; or UDP_SEGMENT, 128 a message;
//                                                  or that with the lines of stdin, a file
//   limit echo  PORT epoll|mmsg                    one at a time from epoll; or recvmmsg and sendmmsg
//   limit ping  PORT [option value]...             round trips, one after the other
//   limit flood PORT [option value]...             requests, several in flight
//
// recv and echo run until SIGTERM. Options: --size BYTES, --count DATAGRAMS, --seconds T, --window REQUESTS,
// --senders N (from so many addresses of 127/8 in turn, --each DATAGRAMS at a time). One JSON line on stderr at the
// end.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

volatile std::sig_atomic_t stopping = 0;

struct Options {
  std::uint16_t port = 0;
  std::string_view mode;
  std::size_t size = 64;
  std::uint64_t count = std::numeric_limits<std::uint64_t>::max();
  double seconds = 1e9;
  std::size_t window = 64;
  std::uint32_t senders = 0;
  std::size_t each = 1;
};

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "limit: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

template <class Result>
Result check(Result result, const char* what) {
  if (result < 0) fail(what);
  return result;
}

sockaddr_in loopback(std::uint16_t port) {
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

int open_socket() {
  const int socket = check(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket");
  set_option(socket, SOL_SOCKET, SO_RCVBUF, 4 << 20);  // as much as udptool asks for
  return socket;
}

int bound_socket(std::uint16_t port) {
  const int socket = open_socket();
  const sockaddr_in address = loopback(port);
  check(bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), "bind");
  return socket;
}

int connected_socket(std::uint16_t port) {
  const int socket = open_socket();
  const sockaddr_in address = loopback(port);
  check(connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), "connect");
  return socket;
}

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Whether a call that failed may be tried again: not after a signal that ends the program.
bool is_passing(int error) {
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
  // Sends the first `count` messages, all of them unless stopping.
  void send(int socket, std::size_t count) {
    for (std::size_t done = 0; done < count && !stopping;) {
      const int sent = sendmmsg(socket, headers() + done, static_cast<unsigned>(count - done), 0);
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

void print_counts(const char* role, std::uint64_t datagrams, std::uint64_t bytes, double seconds) {
  std::fprintf(stderr, "{\"role\":\"%s\",\"datagrams\":%llu,\"bytes\":%llu,\"seconds\":%.6f}\n", role,
               static_cast<unsigned long long>(datagrams), static_cast<unsigned long long>(bytes), seconds);
}

void write_all(std::vector<iovec> pieces) {
  iovec* first = pieces.data();
  iovec* const end = first + pieces.size();
  while (first != end && !stopping) {
    const ssize_t written = writev(STDOUT_FILENO, first, static_cast<int>(end - first));
    if (written < 0 && errno != EINTR) fail("writev");
    std::size_t left = written < 0 ? 0 : static_cast<std::size_t>(written);
    while (first != end && left >= first->iov_len) left -= first++->iov_len;
    if (first != end) *first = {static_cast<char*>(first->iov_base) + left, first->iov_len - left};
  }
}

void receive_and_forget(int socket, std::string_view mode) {
  if (mode == "runs") set_option(socket, SOL_UDP, UDP_GRO, 1);
  if (mode == "facts") {
    set_option(socket, SOL_SOCKET, SO_TIMESTAMPNS, 1);
    for (const int option : {IP_PKTINFO, IP_RECVTTL, IP_RECVTOS}) set_option(socket, SOL_IP, option, 1);
  }
  Batch batch(64, 2'048);
  std::uint64_t datagrams = 0;
  const auto start = Clock::now();
  while (!stopping) {
    batch.ask(mode != "discard");
    datagrams += batch.receive(socket);
  }
  print_counts("recv", datagrams, 0, seconds_since(start));
}

void receive_runs(int socket) {
  set_option(socket, SOL_UDP, UDP_GRO, 1);
  Batch batch(32, 65'536);
  std::uint64_t runs = 0;
  std::uint64_t bytes = 0;
  const auto start = Clock::now();
  while (!stopping) {
    const std::size_t count = batch.receive(socket);
    batch.set_lengths(count, true);
    for (std::size_t i = 0; i < count; ++i) bytes += batch.vectors()[i].iov_len;
    if (count > 0) write_all({batch.vectors(), batch.vectors() + count});
    batch.set_lengths(count, false);
    runs += count;
  }
  print_counts("recv", runs, bytes, seconds_since(start));
}

void run_recv(const Options& options) {
  const int socket = bound_socket(options.port);
  if (options.mode == "gro") return receive_runs(socket);
  receive_and_forget(socket, options.mode);
}

// Sends from 127.1.0.0 on, the next address with each message: IP_PKTINFO chooses it, so that one socket is enough.
class Senders {
 public:
  Senders(Batch& batch, const Options& options)
      : batch_(batch), senders_(options.senders), to_(loopback(options.port)) {
    if (senders_ == 0) return;
    controls_.resize(batch.places());
    for (std::size_t i = 0; i < batch.places(); ++i) {
      msghdr& header = batch.header(i);
      header.msg_name = &to_;
      header.msg_namelen = sizeof to_;
      header.msg_control = controls_[i].bytes;
      header.msg_controllen = sizeof controls_[i].bytes;
      cmsghdr& control = *CMSG_FIRSTHDR(&header);
      control.cmsg_level = SOL_IP;
      control.cmsg_type = IP_PKTINFO;
      control.cmsg_len = CMSG_LEN(sizeof(in_pktinfo));
    }
  }

  void address(std::size_t count) {
    for (std::size_t i = 0; i < count && senders_ > 0; ++i) {
      in_pktinfo info{};
      info.ipi_spec_dst.s_addr = htonl(0x7f010000u + next_);
      std::memcpy(CMSG_DATA(CMSG_FIRSTHDR(&batch_.header(i))), &info, sizeof info);
      next_ = next_ + 1 == senders_ ? 0 : next_ + 1;
    }
  }

 private:
  struct Control {
    alignas(cmsghdr) char bytes[CMSG_SPACE(sizeof(in_pktinfo))];
  };
  Batch& batch_;
  std::uint32_t senders_;
  std::uint32_t next_ = 0;
  sockaddr_in to_;
  std::vector<Control> controls_;
};

constexpr std::size_t most_segments = 128;
constexpr std::size_t most_bytes = 65'507;

// The lines of stdin, a file whose lines all have options.size bytes, over and over: each is found, and copied to
// where a segmented send can take it.
void send_lines(const Options& options) {
  struct stat status {};
  check(fstat(STDIN_FILENO, &status), "fstat");
  const auto size = static_cast<std::size_t>(status.st_size);
  void* const mapped = mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, STDIN_FILENO, 0);
  if (mapped == MAP_FAILED) fail("mmap");
  const char* const begin = static_cast<const char*>(mapped);
  const char* at = begin;
  Batch batch(8, most_bytes);
  const int socket = connected_socket(options.port);
  set_option(socket, SOL_UDP, UDP_SEGMENT, static_cast<int>(options.size));
  const std::size_t segments = std::min(most_segments, most_bytes / options.size);
  while (!stopping) {
    for (std::size_t place = 0; place < batch.places(); ++place) {
      char* to = batch.payload(place);
      for (std::size_t i = 0; i < segments; ++i) {
        if (at == begin + size) at = begin;
        const auto* const end =
            static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(begin + size - at)));
        to = std::copy(at, end, to);
        at = end + 1;
      }
      batch.vectors()[place].iov_len = static_cast<std::size_t>(to - batch.payload(place));
    }
    batch.send(socket, batch.places());
  }
}

void run_send(const Options& options) {
  if (options.mode == "lines") return send_lines(options);
  const std::size_t fitting = std::min(most_segments, most_bytes / std::max<std::size_t>(options.size, 1));
  const std::size_t wanted = options.senders > 0 ? options.each : options.mode == "gso" ? fitting : 1;
  const std::size_t segments = std::clamp<std::size_t>(wanted, 1, fitting);
  Batch batch(options.senders == 0 && segments > 1 ? 8 : 64, options.size * segments);
  for (std::size_t i = 0; i < batch.places(); ++i) std::memset(batch.payload(i), 'x', options.size * segments);
  Senders senders(batch, options);
  const int socket = options.senders > 0 ? open_socket() : connected_socket(options.port);
  if (segments > 1) set_option(socket, SOL_UDP, UDP_SEGMENT, static_cast<int>(options.size));

  std::uint64_t left = options.count;
  const auto start = Clock::now();
  while (left > 0 && !stopping && seconds_since(start) < options.seconds) {
    std::size_t messages = 0;
    while (messages < batch.places() && left > 0) {
      const std::size_t now = std::min<std::uint64_t>(segments, left);
      batch.vectors()[messages++].iov_len = now * options.size;
      left -= now;
    }
    senders.address(messages);
    batch.send(socket, messages);
  }
  const double seconds = seconds_since(start);
  sockaddr_in local{};
  socklen_t length = sizeof local;
  check(getsockname(socket, reinterpret_cast<sockaddr*>(&local), &length), "getsockname");
  std::fprintf(stderr, "{\"role\":\"send\",\"port\":%u,\"datagrams\":%llu,\"seconds\":%.6f}\n", ntohs(local.sin_port),
               static_cast<unsigned long long>(options.count - left), seconds);
}

std::uint64_t echo_one_by_one(int socket) {
  const int epoll = check(epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
  epoll_event event{};
  event.events = EPOLLIN;
  check(epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event), "epoll_ctl");
  std::array<char, 2'048> payload;
  std::uint64_t answered = 0;
  while (!stopping) {
    if (epoll_wait(epoll, &event, 1, -1) < 1) continue;
    sockaddr_in from{};
    socklen_t length = sizeof from;
    auto* const name = reinterpret_cast<sockaddr*>(&from);
    const ssize_t size = recvfrom(socket, payload.data(), payload.size(), MSG_DONTWAIT, name, &length);
    if (size < 0) continue;
    answered += sendto(socket, payload.data(), static_cast<std::size_t>(size), 0, name, length) == size;
  }
  return answered;
}

std::uint64_t echo_batches(int socket) {
  Batch batch(64, 2'048);
  std::uint64_t answered = 0;
  while (!stopping) {
    batch.ask(false);
    const std::size_t count = batch.receive(socket);
    batch.set_lengths(count, true);
    batch.send(socket, count);
    batch.set_lengths(count, false);
    answered += count;
  }
  return answered;
}

void run_echo(const Options& options) {
  const int socket = bound_socket(options.port);
  const auto start = Clock::now();
  const std::uint64_t answered = options.mode == "mmsg" ? echo_batches(socket) : echo_one_by_one(socket);
  print_counts("echo", answered, 0, seconds_since(start));
}

void give_up_waiting_after(int socket, int milliseconds) {
  set_option(socket, SOL_SOCKET, SO_RCVTIMEO, timeval{0, milliseconds * 1'000});
}

std::int64_t nanoseconds(const timespec& time) { return time.tv_sec * 1'000'000'000 + time.tv_nsec; }

// When the kernel took the datagram in, and not when this process was given the processor.
std::int64_t arrival_of(msghdr& header) {
  timespec time{};
  const cmsghdr* const control = CMSG_FIRSTHDR(&header);
  if (control != nullptr && control->cmsg_type == SCM_TIMESTAMPNS) std::memcpy(&time, CMSG_DATA(control), sizeof time);
  return nanoseconds(time);
}

double part(std::vector<double>& times, double share) {
  if (times.empty()) return 0;
  std::sort(times.begin(), times.end());
  return times[static_cast<std::size_t>(share * static_cast<double>(times.size() - 1))];
}

void run_ping(const Options& options) {
  const int socket = connected_socket(options.port);
  give_up_waiting_after(socket, 200);
  set_option(socket, SOL_SOCKET, SO_TIMESTAMPNS, 1);
  std::vector<char> request(std::max<std::size_t>(options.size, sizeof(std::uint64_t)), 'x');
  Batch reply(1, request.size());
  std::vector<double> known;    // microseconds until this process knew of the reply
  std::vector<double> arrived;  // until the kernel had it
  for (std::uint64_t i = 0; i < options.count && !stopping; ++i) {
    std::memcpy(request.data(), &i, sizeof i);
    timespec departure{};
    clock_gettime(CLOCK_REALTIME, &departure);
    const auto start = Clock::now();
    check(send(socket, request.data(), request.size(), 0), "send");
    std::size_t received = 0;
    do {
      reply.ask(true);
      received = reply.receive(socket);
    } while (received > 0 && std::memcmp(reply.payload(0), &i, sizeof i) != 0);  // a late one
    if (received == 0) continue;
    known.push_back(seconds_since(start) * 1e6);
    arrived.push_back(static_cast<double>(arrival_of(reply.header(0)) - nanoseconds(departure)) / 1e3);
  }
  std::fprintf(stderr, "{\"role\":\"ping\",\"p50_us\":%.3f,\"p99_us\":%.3f,\"arrival_p50_us\":%.3f,\"answered\":%zu}\n",
               part(known, .5), part(known, .99), part(arrived, .5), known.size());
}

void run_flood(const Options& options) {
  const int socket = connected_socket(options.port);
  give_up_waiting_after(socket, 50);
  Batch requests(options.window, std::max(options.size, sizeof(std::uint64_t)));
  for (std::size_t i = 0; i < requests.places(); ++i) std::memset(requests.payload(i), 'x', options.size);
  Batch replies(options.window, 2'048);
  std::uint64_t answered = 0;
  std::uint64_t number = 0;
  const auto request = [&](std::size_t count) {
    // No two alike: udptool --echo takes what equals its own answers for another echo.
    for (std::size_t i = 0; i < count; ++i) std::memcpy(requests.payload(i), &++number, sizeof number);
    requests.send(socket, count);
  };
  const auto start = Clock::now();
  request(options.window);
  while (!stopping && seconds_since(start) < options.seconds) {
    const std::size_t count = replies.receive(socket);
    answered += count;
    request(count > 0 ? count : options.window);  // after silence all of them are taken for lost
  }
  print_counts("flood", answered, answered * options.size, seconds_since(start));
}

Options parse(int argc, char** argv) {
  Options options;
  options.port = static_cast<std::uint16_t>(std::atoi(argv[2]));
  int i = 3;
  if (i < argc && argv[i][0] != '-') options.mode = argv[i++];
  for (; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const double value = std::strtod(argv[i + 1], nullptr);
    if (name == "--size")
      options.size = static_cast<std::size_t>(value);
    else if (name == "--count")
      options.count = static_cast<std::uint64_t>(value);
    else if (name == "--seconds")
      options.seconds = value;
    else if (name == "--window")
      options.window = static_cast<std::size_t>(value);
    else if (name == "--senders")
      options.senders = static_cast<std::uint32_t>(value);
    else if (name == "--each")
      options.each = static_cast<std::size_t>(value);
    else
      std::fprintf(stderr, "limit: %s: no such option\n", argv[i]), std::exit(2);
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return std::fprintf(stderr, "usage: limit ROLE PORT [MODE] [--option value]...; see limit.cpp\n"), 2;
  struct sigaction action {};  // no SA_RESTART: a signal ends what blocks
  action.sa_handler = [](int) { stopping = 1; };
  sigaction(SIGTERM, &action, nullptr);
  sigaction(SIGINT, &action, nullptr);
  const Options options = parse(argc, argv);
  const std::string_view role = argv[1];
  if (role == "recv")
    run_recv(options);
  else if (role == "send")
    run_send(options);
  else if (role == "echo")
    run_echo(options);
  else if (role == "ping")
    run_ping(options);
  else if (role == "flood")
    run_flood(options);
  else
    return std::fprintf(stderr, "limit: %s: no such role\n", argv[1]), 2;
  return 0;
}
