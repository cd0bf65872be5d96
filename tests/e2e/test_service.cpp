// SPDX-License-Identifier: MIT
// Under a service manager: sockets that are handed over (fd:N, fd:NAME, LISTEN_FDS), and what it is told.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "support/check.hpp"
#include "support/udptool.hpp"

using namespace support;

namespace {

// Runs udptool as systemd does: with the sockets that SOCKETS makes from descriptor 3 on. LISTEN_PID is the process's
// own but for an offset.
Words handed(const std::string& sockets, const Words& words, const std::string& names = "", int pid_offset = 0) {
  const std::string script =
      "import os, socket, sys\n"
      "v4 = lambda *a: bound(socket.socket(*(a or (socket.AF_INET, socket.SOCK_DGRAM))), '127.0.0.1')\n"
      "def bound(s, address):\n    s.bind((address, 0))\n    return s\n"
      "def v6(only):\n    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)\n"
      "    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only)\n    return bound(s, '::')\n"
      "sockets = [" +
      sockets +
      "]\n"
      "high = [os.dup2(s.fileno(), 100 + i) for i, s in enumerate(sockets)]\n"
      "for i, fd in enumerate(high): os.dup2(fd, 3 + i)\n"
      "os.environ.update(LISTEN_FDS=str(len(high)), LISTEN_PID=str(os.getpid() + " +
      std::to_string(pid_offset) + "), LISTEN_FDNAMES='" + names +
      "')\n"
      "os.execv(sys.argv[1], sys.argv[1:])\n";
  Words all{"python3", "-c", script};
  const Words rest = udptool(words);
  all.insert(all.end(), rest.begin(), rest.end());
  return all;
}

std::uint16_t port_in(const std::vector<std::string>& match) {
  return static_cast<std::uint16_t>(std::stoul(match[1]));
}

constexpr const char* listening = "listening on .*:([0-9]+)$";

// A socket of the manager's, which hears what services tell.
class Manager {
 public:
  Manager() : fd_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    name_ = "udptool-test-" + std::to_string(getpid()) + "-" + std::to_string(fd_);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path + 1, name_.data(), name_.size());
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name_.size());
    REQUIRE(bind(fd_, reinterpret_cast<const sockaddr*>(&address), size) == 0);
    const timeval limit{15, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  ~Manager() { close(fd_); }
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;
  std::string variable() const { return "NOTIFY_SOCKET=@" + name_; }
  std::string next() const {
    char buffer[512];
    const ssize_t size = recv(fd_, buffer, sizeof buffer, 0);
    return size < 0 ? "nothing" : std::string(buffer, static_cast<std::size_t>(size));
  }

 private:
  int fd_;
  std::string name_;
};

}  // namespace

TEST_CASE("service: a socket that is handed over is listened on, by number, by name, or without a word") {
  SKIP_UNLESS(have("python3"), "no python3");
  for (const Words& words : {Words{"fd:4"}, Words{"fd:second"}}) {
    CAPTURE(words);
    Words all{"listen", "-c", "1"};
    all.insert(all.end(), words.begin(), words.end());
    Process listener(handed("v4(), v4()", all, "first:second"));
    RawUdp().send("x", port_in(listener.wait_for_match(Stream::err, listening)));
    CHECK(listener.finish().ending == done);
  }
  Process both(handed("v4(), v4()", {"listen", "-c", "2"}));
  for (const char* text : {"one", "two"}) {
    RawUdp().send(text, port_in(both.wait_for_match(Stream::err, listening)));
    both.wait_for(Stream::out, text);
  }
  CHECK(both.finish().ending == done);
}

TEST_CASE("service: it answers and tells of datagrams by a socket that is handed over as by its own") {
  SKIP_UNLESS(have("python3"), "no python3");
  Process listener(handed("v4()", {"listen", "-v", "--echo", "fd:3"}));
  const std::uint16_t port = port_in(listener.wait_for_match(Stream::err, listening));
  const RawUdp peer;
  peer.send("hello", port);
  CHECK(peer.next() == "hello");
  CHECK(contains(listener.wait_for(Stream::out, "hello"), "ttl="));
  CHECK(listener.stop().ending == done);
}

TEST_CASE("service: what cannot be listened on is 2, with its cure") {
  SKIP_UNLESS(have("python3"), "no python3");
  struct Row {
    const char* sockets;
    Words words;
    const char* expected;
  };
  for (const Row& row : std::vector<Row>{
           {"v4(socket.AF_INET, socket.SOCK_STREAM)", {"fd:3"}, "cannot listen on fd:3: it is not a UDP socket"},
           {"socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)", {"fd:3"}, "it is not a UDP socket"},
           {"socket.socket(socket.AF_INET, socket.SOCK_DGRAM)", {"fd:3"}, "it is not bound to a port"},
           {"v6(0)", {"fd:3"}, "BindIPv6Only=ipv6-only"},
           {"v4()", {"fd:77"}, "cannot listen on fd:77: Bad file descriptor"},
           {"v4()", {"fd:nobody"}, "'fd:nobody'"},
           {"v4()", {"-6", "fd:3"}, "fd:3 is a socket over IPv4, and -6 asks for the other family"},
           {"v4()", {"fd:3", "fd:3"}, "twice"}}) {
    if (std::string_view(row.sockets) == "v6(0)" && !has_ipv6()) continue;
    Words words{"listen", "-W", "5"};
    words.insert(words.end(), row.words.begin(), row.words.end());
    const Finished result = run(handed(row.sockets, words));
    CAPTURE(row.words);
    CAPTURE(result.err);
    CHECK(result.ending == failed);
    CHECK(count_of(result.err, "\n") == 1);
    CHECK(contains(result.err, row.expected));
  }
  const Finished named = run(handed("v4()", {"listen", "-W", "5", "fd:3", "fd:first"}, "first"));
  CHECK(named.ending == failed);
  CHECK(contains(named.err, "'fd:first': this ENDPOINT is given twice"));
  // Handed over to another process, which left its environment behind.
  const Finished stale = run(handed("v4()", {"listen", "-W", "1"}, "", 1));
  CHECK(stale.ending == failed);
  CHECK(contains(stale.err, "ENDPOINT"));
}

TEST_CASE("service: the manager is told when it is ready, how it fares and that it stops") {
  const Manager manager;
  ProcessOptions options;
  options.environment = {manager.variable()};
  Listener listener({"--stats=100ms"}, {"127.0.0.1:0"}, 1, options);
  CHECK(manager.next() == "READY=1");
  RawUdp().send("12345", listener.port());
  listener.wait_for(Stream::out, "12345");
  std::string status = manager.next();
  for (int i = 0; i < 100 && status == "STATUS=0 datagrams, 0 bytes, 0 dropped"; ++i) status = manager.next();
  CHECK(status == "STATUS=1 datagram, 5 bytes, 0 dropped");
  CHECK(listener.stop().ending == done);
  std::string last = manager.next();
  while (last.starts_with("STATUS=")) last = manager.next();
  CHECK(last == "STOPPING=1");
}
