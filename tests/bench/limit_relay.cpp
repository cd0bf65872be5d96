// SPDX-License-Identifier: MIT
// The measuring stick's relays, and its loop of shells.
#include <fcntl.h>
#include <netinet/udp.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <unordered_map>

#include "limit.hpp"

extern char** environ;

namespace limit {
namespace {

// The size of the segments of a coalesced run; 0 for a single datagram.
int segment_size(msghdr& header) {
  int size = 0;
  const cmsghdr* const control = CMSG_FIRSTHDR(&header);
  if (control != nullptr && control->cmsg_level == SOL_UDP && control->cmsg_type == UDP_GRO) {
    std::memcpy(&size, CMSG_DATA(control), sizeof size);
  }
  return size;
}

// Makes of a run that came one that leaves: to the connected peer, cut as it was.
void turn_round(msghdr& header) {
  const int size = segment_size(header);
  header.msg_name = nullptr;
  header.msg_namelen = 0;
  header.msg_controllen = 0;
  if (size == 0) return;
  header.msg_controllen = CMSG_SPACE(sizeof(std::uint16_t));
  cmsghdr& control = *CMSG_FIRSTHDR(&header);
  control.cmsg_level = SOL_UDP;
  control.cmsg_type = UDP_SEGMENT;
  control.cmsg_len = CMSG_LEN(sizeof(std::uint16_t));
  const auto segment = static_cast<std::uint16_t>(size);
  std::memcpy(CMSG_DATA(&control), &segment, sizeof segment);
}

// To as many ports of this host as there are targets, from `to` on.
std::uint64_t relay_runs(int from, std::uint16_t to, std::size_t targets) {
  set_option(from, SOL_UDP, UDP_GRO, 1);
  const int out = targets == 1 ? connected_socket(to) : open_socket();
  Batch batch(32, 65'536);
  return for_each_batch(batch, from, true, [&](std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) turn_round(batch.header(i));
    for (std::size_t target = 0; target < targets; ++target) {
      sockaddr_in name = loopback(static_cast<std::uint16_t>(to + target));
      for (std::size_t i = 0; i < count && targets > 1; ++i) {
        batch.header(i).msg_name = &name;
        batch.header(i).msg_namelen = sizeof name;
      }
      batch.send(out, count);
    }
  });
}

// What waits at `from` goes to the peer of `to`, or to `client`. `heard` becomes who sent the last.
std::size_t pass_on(Batch& batch, int from, int to, const sockaddr_in* client, sockaddr_in* heard) {
  batch.ask(false);
  const std::size_t count = batch.receive(from, MSG_DONTWAIT);
  if (count == 0) return 0;
  if (heard != nullptr) std::memcpy(heard, batch.header(count - 1).msg_name, sizeof *heard);
  batch.set_lengths(count, true);
  for (std::size_t i = 0; i < count; ++i) {
    msghdr& header = batch.header(i);
    header.msg_name = const_cast<sockaddr_in*>(client);
    header.msg_namelen = client != nullptr ? sizeof *client : 0;
  }
  batch.send(to, count);
  batch.set_lengths(count, false);
  return count;
}

// One client and one target, both ways.
std::uint64_t relay_both_ways(int front, int upstream) {
  Batch batch(64, 2'048);
  std::array<pollfd, 2> sockets{{{front, POLLIN, 0}, {upstream, POLLIN, 0}}};
  sockaddr_in client{};
  std::uint64_t datagrams = 0;
  while (!stopping) {
    if (poll(sockets.data(), sockets.size(), -1) < 1) continue;
    datagrams += pass_on(batch, front, upstream, nullptr, &client);
    if (client.sin_port != 0) datagrams += pass_on(batch, upstream, front, &client, nullptr);
  }
  return datagrams;
}

// Any number of clients, a socket each towards the target. What clients send one after the other leaves in a call each.
std::uint64_t relay_sessions(int front, std::uint16_t to) {
  std::unordered_map<std::uint64_t, int> upstreams;
  const auto upstream_of = [&](const sockaddr_in& client) {
    const std::uint64_t key = std::uint64_t{client.sin_addr.s_addr} << 16 | client.sin_port;
    const auto [found, fresh] = upstreams.try_emplace(key, -1);
    if (fresh) found->second = connected_socket(to);
    return found->second;
  };
  Batch batch(64, 2'048);
  const auto client = [&](std::size_t place) { return *static_cast<sockaddr_in*>(batch.header(place).msg_name); };
  return for_each_batch(batch, front, false, [&](std::size_t count) {
    for (std::size_t first = 0, end = 0; first < count; first = end) {
      const int upstream = upstream_of(client(first));
      while (end < count && upstream_of(client(end)) == upstream) batch.header(end++).msg_namelen = 0;
      batch.send(upstream, end - first, first);
    }
  });
}

// /bin/sh -c cat, with five bytes on its stdin, until it has ended.
void run_one_shell(int input) {
  std::array<int, 2> output{};
  check(pipe2(output.data(), O_CLOEXEC), "pipe2");
  check(lseek(input, 0, SEEK_SET), "lseek");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output[1], STDOUT_FILENO);
  std::array<char, 8> shell{"/bin/sh"};
  std::array<char, 3> option{"-c"};
  std::array<char, 4> command{"cat"};
  std::array<char*, 4> words{shell.data(), option.data(), command.data(), nullptr};
  pid_t child = 0;
  errno = posix_spawn(&child, shell.data(), &actions, nullptr, words.data(), environ);
  if (errno != 0) fail("posix_spawn");
  posix_spawn_file_actions_destroy(&actions);
  close(output[1]);
  std::array<char, 64> bytes;
  while (read(output[0], bytes.data(), bytes.size()) > 0) {
  }
  close(output[0]);
  check(waitpid(child, nullptr, 0), "waitpid");
}

}  // namespace

void run_relay(const Options& options) {
  const int front = bound_socket(options.port);
  const auto start = Clock::now();
  const std::uint64_t passed = options.mode == "runs"       ? relay_runs(front, options.to, options.targets)
                               : options.mode == "sessions" ? relay_sessions(front, options.to)
                                                            : relay_both_ways(front, connected_socket(options.to));
  print_counts("relay", passed, 0, seconds_since(start));
}

void run_spawn(const Options& options) {
  const int input = check(memfd_create("input", MFD_CLOEXEC), "memfd_create");
  check(write(input, "hello", 5), "write");
  const auto start = Clock::now();
  std::uint64_t done = 0;
  for (; done < options.count && !stopping; ++done) run_one_shell(input);
  print_counts("spawn", done, 0, seconds_since(start));
}

}  // namespace limit
