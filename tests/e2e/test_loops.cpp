// SPDX-License-Identifier: MIT
// Responders that are pointed at each other or at themselves, and what they make of a byte that a stranger sends.
#include <sys/socket.h>

#include "support/check.hpp"
#include "support/kernel.hpp"
#include "support/loops.hpp"
#include "support/namespace.hpp"
#include "support/spoof.hpp"
#include "support/udptool.hpp"

using namespace support;

namespace {

const std::string network = R"sh(
interface one
ip addr add 10.0.0.1/24 brd + dev one
ip route add 224.0.0.0/4 dev one
)sh";

struct Pair {
  Words one, two;
};

Words silent_v4(Words responder) {
  responder.emplace_back("-4");
  return silent(std::move(responder));
}

// What a responder made of one request.
struct Answered {
  std::size_t datagrams = 0;
  std::size_t bytes = 0;
};

// Asks from a socket of its own. Another one that asks after it and has its answer shows that all answers have come.
Answered ask(std::uint16_t port, const std::string& address, const std::string& request) {
  const RawUdp client("10.0.0.1"), fence("10.0.0.1");
  const int on = 1;
  setsockopt(client.fd(), SOL_SOCKET, SO_BROADCAST, &on, sizeof on);
  client.send(request, port, address);
  fence.send(std::string(2'000, 'f'), port, "10.0.0.1");
  REQUIRE(fence.receive());
  Answered answered;
  while (const auto answer = client.receive(Milliseconds(0))) {
    ++answered.datagrams;
    answered.bytes += answer->payload.size();
  }
  return answered;
}

constexpr const char* unicast = "10.0.0.1";
constexpr const char* broadcast = "10.0.0.255";
constexpr const char* multicast = "239.1.1.1";

}  // namespace

TEST_CASE("loops: no two responders answer each other for ever") {
  IN_NAMESPACE(network);
  const std::vector<Pair> pairs{
      {{"--echo"}, {"--echo"}},
      {{"--echo"}, {"--reply", "x"}},
      {{"--reply", "x"}, {"--reply", "x"}},
      {{"--reply", ""}, {"--echo"}},
      {{"--reply", "one"}, {"--reply", "another"}},
      {{"--echo", "--allow", "0.0.0.0/0"}, {"--echo", "--allow", "0.0.0.0/0"}},
  };
  for (const Pair& pair : pairs) {
    for (const char* first : {unicast, broadcast, multicast}) {
      CAPTURE(pair.one);
      CAPTURE(pair.two);
      CAPTURE(std::string(first));
      const RawUdp member("10.0.0.1");
      member.join(multicast, "one");
      const Listener one(silent_v4(pair.one), {"0"}), two(silent_v4(pair.two), {"0"});
      const std::uint64_t before = datagrams_out();
      RawIp().udp({unicast, two.port(), first, one.port()}, "a first ball");
      // As many bounces as the TTL has, then with a new one as often as a budget of 10,000 pays for: 100 each time.
      const std::uint64_t sent = sent_until_quiet(before, 64);
      CHECK(sent >= 64);
      CHECK(sent <= 2 * 100 * 65);
    }
  }
}

TEST_CASE("loops: a responder does not answer itself, at whichever of its endpoints and own addresses") {
  IN_NAMESPACE(network);
  for (const Words& responder : {Words{"--echo"}, Words{"--reply", "x"}}) {
    Listener listener(silent_v4(responder), {"0", "127.0.0.1:0"}, 2);
    const std::uint64_t before = datagrams_out();
    const RawIp raw;
    unsigned sent = 0;
    for (const char* from : {"127.0.0.1", "127.0.0.9", unicast}) {
      for (const std::size_t from_port : {0u, 1u}) {
        raw.udp({from, listener.port(from_port), "127.0.0.1", listener.port(1)}, "ball");
        raw.udp({from, listener.port(from_port), unicast, listener.port(0)}, "ball");
        sent += 2;
      }
    }
    wait_until_taken(listener.port(0));
    wait_until_taken(listener.port(1));
    const Finished result = listener.stop();
    CHECK(contains(result.err, std::to_string(sent) + " datagrams, "));
    CHECK(datagrams_out() == before);
  }
}

TEST_CASE("amplification: a forged sender that stands for everybody gets no answer, with -b neither") {
  IN_NAMESPACE(network);
  for (const Words& responder : {Words{"--echo"}, Words{"-b", "--echo"}, Words{"-b", "--reply", "x"}}) {
    Listener listener(silent_v4(responder), {"0"});
    const std::uint64_t before = datagrams_out();
    RawIp().udp({broadcast, 5'000, unicast, listener.port()}, "smurf");
    wait_until_taken(listener.port());
    CHECK(contains(listener.stop().err, "1 datagram, "));
    CHECK(datagrams_out() == before);
  }
}

TEST_CASE("amplification: --echo sends back one datagram of the same size, wherever it was sent to") {
  IN_NAMESPACE(network);
  const RawUdp member("10.0.0.1");
  member.join(multicast, "one");
  const Listener listener({"-4", "--echo", "-o", "none"}, {"0"});
  for (const char* address : {unicast, broadcast, multicast}) {
    for (const std::size_t size : {0, 1, 2, 100, 1'472, 65'507}) {
      if (size > 1'472 && address == broadcast) continue;  // which are not cut into fragments
      CAPTURE(std::string(address));
      CAPTURE(size);
      const Answered answered = ask(listener.port(), address, std::string(size, 'q'));
      CHECK(answered.datagrams == 1);
      CHECK(answered.bytes == size);
    }
  }
}

TEST_CASE("amplification: --reply sends one datagram of its text, and to a broadcast or group none that is larger") {
  IN_NAMESPACE(network);
  const RawUdp member("10.0.0.1");
  member.join(multicast, "one");
  for (const std::size_t text : {0, 4, 100, 1'400}) {
    const Listener listener({"-4", "--reply", std::string(text, 't'), "-o", "none"}, {"0"});
    for (const char* address : {unicast, broadcast, multicast}) {
      for (const std::size_t size : {0, 1, 4, 99, 100, 101, 1'472}) {
        CAPTURE(text);
        CAPTURE(std::string(address));
        CAPTURE(size);
        const Answered answered = ask(listener.port(), address, std::string(size, 'q'));
        const bool answers = address == unicast || text <= size;
        CHECK(answered.datagrams == (answers ? 1 : 0));
        CHECK(answered.bytes == (answers ? text : 0));
      }
    }
  }
}
