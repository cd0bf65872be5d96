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
//   limit relay PORT runs|two-way|sessions --to PORT
//                                                  UDP_GRO to UDP_SEGMENT, one way; or recvmmsg to sendmmsg, both ways,
//                                                  or with a socket for each client, one way
//   limit spawn 0 --count N                        /bin/sh -c cat, N times, one after the other
//
// recv, echo and relay run until SIGTERM. Options: --size BYTES, --count DATAGRAMS, --seconds T, --window REQUESTS,
// --senders N (from so many addresses of 127/8 in turn, --each DATAGRAMS at a time), --from PORT (with
// --senders), --rtp 1 (numbered RTP packets), --workers N (threads of recv, with a socket each),
// --targets N (ports from that of --to on).
// One JSON line on stderr at the end.
#include <netinet/udp.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <thread>

#include "limit.hpp"

namespace {

using namespace limit;

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

std::uint64_t receive_and_forget(int socket, std::string_view mode) {
  if (mode == "runs") set_option(socket, SOL_UDP, UDP_GRO, 1);
  if (mode == "facts") {
    set_option(socket, SOL_SOCKET, SO_TIMESTAMPNS, 1);
    for (const int option : {IP_PKTINFO, IP_RECVTTL, IP_RECVTOS}) set_option(socket, SOL_IP, option, 1);
  }
  Batch batch(64, 2'048);
  std::uint64_t datagrams = 0;
  while (!stopping) {
    batch.ask(mode != "discard");
    datagrams += batch.receive(socket);
  }
  return datagrams;
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
  const int socket = bound_socket(options.port, options.workers > 1);
  if (options.mode == "gro") return receive_runs(socket);
  for (std::size_t i = 1; i < options.workers; ++i) {
    std::thread([=] { receive_and_forget(bound_socket(options.port, true), options.mode); }).detach();
  }
  const auto start = Clock::now();
  const std::uint64_t datagrams = receive_and_forget(socket, options.mode);
  print_counts("recv", datagrams, 0, seconds_since(start));
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

constexpr std::size_t max_segments = 128;
constexpr std::size_t max_bytes = 65'507;

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
  Batch batch(8, max_bytes);
  const int socket = connected_socket(options.port);
  set_option(socket, SOL_UDP, UDP_SEGMENT, static_cast<int>(options.size));
  const std::size_t segments = std::min(max_segments, max_bytes / options.size);
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

// Makes each of the datagrams in a message an RTP packet: version 2, payload type 0, the next number, 20 ms on.
void number(char* at, std::size_t bytes, std::size_t size, std::uint32_t& next) {
  for (const char* const end = at + bytes; at != end; at += size, ++next) {
    const auto sequence = htons(static_cast<std::uint16_t>(next));
    const std::uint32_t timestamp = htonl(next * 160), source = htonl(1);
    at[0] = static_cast<char>(0x80);
    at[1] = 0;
    std::memcpy(at + 2, &sequence, sizeof sequence);
    std::memcpy(at + 4, &timestamp, sizeof timestamp);
    std::memcpy(at + 8, &source, sizeof source);
  }
}

void run_send(const Options& options) {
  if (options.mode == "lines") return send_lines(options);
  const std::size_t fitting = std::min(max_segments, max_bytes / std::max<std::size_t>(options.size, 1));
  const std::size_t wanted = options.senders > 0 ? options.each : options.mode == "gso" ? fitting : 1;
  const std::size_t segments = std::clamp<std::size_t>(wanted, 1, fitting);
  Batch batch(options.senders == 0 && segments > 1 ? 8 : 64, options.size * segments);
  for (std::size_t i = 0; i < batch.places(); ++i) std::memset(batch.payload(i), 'x', options.size * segments);
  Senders senders(batch, options);
  const int socket = options.senders > 0 ? open_socket() : connected_socket(options.port);
  if (segments > 1) set_option(socket, SOL_UDP, UDP_SEGMENT, static_cast<int>(options.size));
  if (options.from != 0) {
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_port = htons(options.from);
    check(bind(socket, reinterpret_cast<const sockaddr*>(&any), sizeof any), "bind");
  }

  std::uint64_t left = options.count;
  std::uint32_t next = 0;
  const auto start = Clock::now();
  while (left > 0 && !stopping && seconds_since(start) < options.seconds) {
    std::size_t messages = 0;
    while (messages < batch.places() && left > 0) {
      const std::size_t now = std::min<std::uint64_t>(segments, left);
      batch.vectors()[messages++].iov_len = now * options.size;
      left -= now;
    }
    for (std::size_t i = 0; options.rtp && i < messages; ++i) {
      number(batch.payload(i), batch.vectors()[i].iov_len, options.size, next);
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
  return for_each_batch(batch, socket, false, [&](std::size_t count) { batch.send(socket, count); });
}

void run_echo(const Options& options) {
  const int socket = bound_socket(options.port);
  const auto start = Clock::now();
  const std::uint64_t answered = options.mode == "mmsg" ? echo_batches(socket) : echo_one_by_one(socket);
  print_counts("echo", answered, 0, seconds_since(start));
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
    else if (name == "--from")
      options.from = static_cast<std::uint16_t>(value);
    else if (name == "--to")
      options.to = static_cast<std::uint16_t>(value);
    else if (name == "--workers")
      options.workers = static_cast<std::size_t>(value);
    else if (name == "--targets")
      options.targets = static_cast<std::size_t>(value);
    else if (name == "--rtp")
      options.rtp = value != 0;
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
  else if (role == "relay")
    run_relay(options);
  else if (role == "spawn")
    run_spawn(options);
  else
    return std::fprintf(stderr, "limit: %s: no such role\n", argv[1]), 2;
  return 0;
}
