// SPDX-License-Identifier: MIT
// Floods of strangers: memory stays bounded, and what is told of the rest stays right. What they cost of speed, the
// benchmark says (bench/bench.py).
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <deque>
#include <random>
#include <regex>
#include <thread>

#include "support/check.hpp"
#include "support/joiner.hpp"
#include "support/kernel.hpp"
#include "support/namespace.hpp"
#include "support/spoof.hpp"
#include "support/udptool.hpp"

using namespace support;

namespace {

const std::size_t flood_size = sanitized() ? 60'000 : 1'060'000;  // more than are counted
const std::size_t small_flood_size = sanitized() ? 20'000 : 100'000;
const std::uint64_t max_memory = (sanitized() ? 1'024 : 64) * 1'024;  // KiB; a sanitizer keeps what was freed
constexpr std::size_t max_forged = 100'000;
constexpr std::size_t counted = std::size_t{1} << 20;

// How much a receiver on this host may have waiting, and after how many datagrams to look: so that no buffer overflows.
struct Pace {
  Pace() {
    const RawUdp socket;
    const int wanted = 4 << 20;  // as much as udptool asks for
    int granted = 0;
    socklen_t size = sizeof granted;
    setsockopt(socket.fd(), SOL_SOCKET, SO_RCVBUF, &wanted, sizeof wanted);
    getsockopt(socket.fd(), SOL_SOCKET, SO_RCVBUF, &granted, &size);
    room = static_cast<std::uint64_t>(granted) / 4;
    look_after = room / 1'024;  // more than the kernel needs for a small datagram
  }
  void look(std::uint16_t port, std::size_t sent) {
    if (sent - looked_at_ < look_after) return;
    looked_at_ = sent;
    wait_until_taken(port, room);
  }
  std::uint64_t room = 0;
  std::size_t look_after = 0;

 private:
  std::size_t looked_at_ = 0;
};

// A message from an address of 127/8, which IP_PKTINFO chooses.
struct Spoofed {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(in_pktinfo))] = {};
  std::string payload;
  iovec piece{};
};

// Sends numbered datagrams, from so many addresses in turn and from 16 ports, no faster than they are taken.
void flood(std::uint16_t port, std::size_t count, std::size_t senders) {
  constexpr std::size_t batch = 64;
  Pace pace;
  std::deque<RawUdp> sockets;
  for (int i = 0; i < 16; ++i) sockets.emplace_back("0.0.0.0");
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::array<Spoofed, batch> spoofed;
  std::array<mmsghdr, batch> messages{};
  for (std::size_t done = 0, round = 0; done < count; ++round) {
    const std::size_t wanted = std::min(batch, count - done);
    for (std::size_t i = 0; i < wanted; ++i) {
      Spoofed& one = spoofed[i];
      one.payload = "datagram " + std::to_string(done + i);
      one.piece = {one.payload.data(), one.payload.size()};
      msghdr& header = messages[i].msg_hdr;
      header = {&to, sizeof to, &one.piece, 1, one.control, sizeof one.control, 0};
      in_pktinfo info{};
      info.ipi_spec_dst.s_addr = htonl(0x7f010000u + static_cast<std::uint32_t>((done + i) % senders));
      cmsghdr& control = *CMSG_FIRSTHDR(&header);
      control = {CMSG_LEN(sizeof info), SOL_IP, IP_PKTINFO};
      std::memcpy(CMSG_DATA(&control), &info, sizeof info);
    }
    const int fd = sockets[senders > 1 ? round % sockets.size() : 0].fd();
    send_messages(fd, {messages.data(), wanted});
    done += wanted;
    pace.look(port, done);
  }
  wait_until_taken(port);
}

struct Flooded {
  std::uint64_t memory = 0;
  std::string summary;  // none with -j, which has it among the records
};

Flooded listen_to(const Words& options, std::size_t count, std::size_t senders) {
  Words all{"--rcvbuf", "4M"};
  all.insert(all.end(), options.begin(), options.end());
  Listener listener(all, {"127.0.0.1:0"}, 1, {.output_file = "/dev/null"});
  flood(listener.port(), count, senders);
  Flooded outcome;
  outcome.memory = memory_of(listener.pid(), "VmHWM");
  const Finished result = listener.stop();
  CHECK(result.ending == done);
  outcome.summary = last_line(result.err);
  return outcome;
}

// The figure before that word in the summary.
std::uint64_t told(const std::string& summary, const std::string& word) {
  std::smatch found;
  const bool matched = std::regex_search(summary, found, std::regex("([0-9]+)\\+? " + word));
  CAPTURE(summary);
  REQUIRE(matched);
  return std::stoull(found[1]);
}

void check_flood(const Words& options, std::size_t count) {
  CAPTURE(options);
  const Flooded all = listen_to(options, count, count);
  CHECK(all.memory < max_memory);
  if (all.summary.empty()) return;
  const std::uint64_t shown = told(all.summary, "datagrams, ");
  const std::uint64_t senders = told(all.summary, "senders");
  CHECK(shown + told(all.summary, "dropped") == count);
  CHECK(senders == std::min<std::uint64_t>(counted, shown));
  CHECK(contains(all.summary, "+ senders") == (senders == counted));
}

}  // namespace

TEST_CASE("flood: a million senders cost bounded memory") {
  IN_NAMESPACE("");
  check_flood({}, flood_size);
}

TEST_CASE("flood: nor with answers, filters, statistics or json") {
  IN_NAMESPACE("");
  check_flood({"--echo", "--allow", "127.0.0.0/8"}, small_flood_size);
  check_flood({"--allow", "127.0.0.0/8", "--deny", "127.255.0.0/16"}, small_flood_size);
  check_flood({"--stats=100ms"}, small_flood_size);
  check_flood({"-j", "-q"}, small_flood_size);  // its port from the kernel
}

TEST_CASE("flood: join --rtp of random bytes counts each datagram, in bounded memory") {
  IN_NAMESPACE("interface one; ip addr add 10.9.1.1/24 dev one");
  Joiner joiner({"--rtp", "-o", "none", "-i", "one", "239.1.1.1:5004"});
  const RawUdp sender("10.9.1.1");
  Pace pace;
  std::mt19937 random(6);
  std::string payload;
  for (std::size_t i = 0; i < small_flood_size; ++i) {
    payload.resize(12 + random() % 32);
    for (char& byte : payload) byte = static_cast<char>(random());
    if (i % 2 == 0) payload[0] = '\x80';  // as RTP: a source that was never there before
    sender.send(payload, 5004, "239.1.1.1");
    pace.look(5004, i);
  }
  wait_until_taken(5004);
  CHECK(memory_of(joiner.pid(), "VmHWM") < max_memory);
  const Finished result = joiner.stop();
  CHECK(result.ending == done);
  CHECK(told(last_line(result.err), "datagrams, ") + told(last_line(result.err), "dropped") == small_flood_size);
  CHECK(count_of(result.err, "\n") < 1'000);
}

namespace {

// An NTP server (RFC 5905, 7.3) on an endpoint of its own, which answers what it is asked until it is stopped.
class TimeServer {
 public:
  TimeServer() : thread_([this] { serve(); }) {}
  ~TimeServer() {
    stopping_ = true;
    thread_.join();
  }
  std::uint16_t port() const { return socket_.port(); }
  static std::string reply_to(std::string_view request) {
    std::string reply(48, '\0');
    reply[0] = '\x24';  // version 4, from a server
    reply[1] = '\x01';
    return reply.replace(24, 8, request.substr(40, 8)).replace(40, 8, "timetime");
  }

 private:
  void serve() {
    while (!stopping_) {
      const auto request = socket_.receive(Milliseconds(20));
      if (request && request->payload.size() == 48) socket_.reply(*request, reply_to(request->payload));
    }
  }
  const RawUdp socket_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace

TEST_CASE("flood: probe -c believes no forged reply and no forged error, and counts its own") {
  IN_NAMESPACE("");
  constexpr std::uint16_t own_port = 5'000;
  const TimeServer server;
  const std::string port = std::to_string(server.port());
  Process probe(udptool({"probe", "--rcvbuf", "4M", "-c", "40", "--interval", "25ms", "-w", "5", "--payload", "ntp",
                         "-p", std::to_string(own_port), "127.0.0.1", port}));
  probe.wait_for(Stream::out, "open");
  const RawIp raw;
  Pace pace;
  std::mt19937_64 random(6);
  const auto request_of = [&](std::uint64_t id) {
    std::string request(48, '\0');
    std::memcpy(request.data() + 40, &id, sizeof id);
    return request;
  };
  for (std::size_t i = 0; i < max_forged; ++i) {
    const std::string request = request_of(random());
    const bool from_target = i % 2 == 0;
    raw.udp({from_target ? "127.0.0.1" : "127.0.0.66", server.port(), "127.0.0.1", own_port},
            TimeServer::reply_to(request));
    if (i % 16 == 0) raw.port_unreachable({"127.0.0.1", own_port, "127.0.0.1", server.port()}, request);
    pace.look(own_port, i);
  }
  CHECK(memory_of(probe.pid(), "VmHWM") < max_memory);
  CHECK(probe.wait() == done);
  CAPTURE(probe.out());
  CAPTURE(probe.err());
  CHECK(count_of(probe.out(), "\topen\t") == 40);
  CHECK(count_of(probe.out(), "127.0.0.1:" + port) == 40);
  CHECK(contains(probe.out(), "40 sent, 40 received"));
}
