// SPDX-License-Identifier: MIT
// Relays in a ring, and responders with relays between them: each ball ends, and with how many datagrams.
#include <deque>

#include "support/check.hpp"
#include "support/loops.hpp"
#include "support/namespace.hpp"
#include "support/spoof.hpp"
#include "support/udptool.hpp"

using namespace support;

namespace {

constexpr const char* v4 = "127.0.0.1";
constexpr const char* v6 = "::1";
constexpr std::uint64_t default_ttl = 64;
constexpr Milliseconds quiet{100};  // what goes round on one host does so without a pause

std::string endpoint_at(const std::string& address, std::uint16_t port) {
  const bool bare = address.find(':') == std::string::npos;
  return (bare ? address : "[" + address + "]") + ":" + std::to_string(port);
}

// A process at an address of its own.
struct Node {
  Node(const Words& options, const std::string& its_address, std::uint16_t port = 0)
      : address(its_address), listener(options, {endpoint_at(address, port)}) {}

  std::uint16_t port() const { return listener.port(); }
  std::string endpoint() const { return endpoint_at(address, port()); }

  std::string address;
  Listener listener;
};

// Relays, each to the next, and the last to the first: or, of a chain, to `end`.
std::deque<Node> relays_at(const Words& addresses, const std::string& end = {}) {
  std::deque<Node> all;
  const std::uint16_t first = end.empty() ? unused_port() : 0;
  std::string next = end.empty() ? endpoint_at(addresses.front(), first) : end;
  for (std::size_t i = addresses.size(); i-- > 0;) {
    all.emplace_front(forwarding_to({next}), addresses[i], i == 0 ? first : 0);
    next = all.front().endpoint();
  }
  return all;
}

// How many datagrams the host's sockets send for one from `from` to `to`, that neither has sent.
std::uint64_t sent_for(const Node& from, const Node& to, std::uint64_t least, std::uint8_t ttl = default_ttl) {
  const std::uint64_t before = datagrams_out();
  RawIp().udp({from.address, from.port(), to.address, to.port(), ttl}, "ball");
  return sent_until_quiet(before, least, quiet);
}

}  // namespace

TEST_CASE("loops: a ring of two, three and four relays ends with the TTL, whoever the sender is said to be") {
  IN_NAMESPACE("");
  SKIP_UNLESS(has_ipv6(), "no IPv6 here");
  for (const Words& addresses : std::vector<Words>{{v4, v4},
                                                   {v6, v6},
                                                   {v4, v6},
                                                   {v4, v4, v4},
                                                   {v6, v6, v6},
                                                   {v4, v6, v4},
                                                   {v4, v4, v4, v4},
                                                   {v6, v4, v6, v4}}) {
    CAPTURE(addresses);
    const std::deque<Node> ring = relays_at(addresses);
    const RawUdp sender(addresses.front());
    const std::uint64_t before = datagrams_out();
    sender.send("ball", ring.front().port());
    CHECK(sent_until_quiet(before, default_ttl, quiet) == default_ttl);
    for (std::size_t i = 1; i < ring.size(); ++i) {
      if (addresses[i] != addresses.front()) continue;  // no packet has two families
      CAPTURE(i);
      // The next one is the target, and nothing goes back to its sender.
      const std::uint64_t expected = i == 1 ? 0 : default_ttl - 1;
      CHECK(sent_for(ring[i], ring.front(), expected) == expected);
    }
  }
}

TEST_CASE("loops: two responders and a relay between them end with the TTL") {
  IN_NAMESPACE("");
  SKIP_UNLESS(has_ipv6(), "no IPv6 here");
  struct Three {
    Words far, near;
    std::string far_address, address;  // of the one behind the relay, and of the other two
  };
  const Words echo{"--echo"}, reply{"--reply", "x"}, command{"--exec", "echo y"};
  for (const Three& three : std::vector<Three>{{echo, echo, v4, v4},
                                               {echo, reply, v4, v4},
                                               {reply, reply, v6, v6},
                                               {echo, echo, v6, v4},
                                               {reply, echo, v4, v6},
                                               {command, echo, v4, v4},
                                               {reply, command, v6, v4}}) {
    CAPTURE(three.far);
    CAPTURE(three.near);
    CAPTURE(three.far_address);
    const Node far(silent(three.far), three.far_address), near(silent(three.near), three.address);
    const std::deque<Node> between = relays_at({three.address}, far.endpoint());
    // Back and forth between the two, by the relay each time. The last one comes to it with a TTL of 1.
    CHECK(sent_for(between.front(), near, default_ttl - 1) == default_ttl - 1);
    CHECK(sent_for(far, between.front(), 0) == 0);  // what the target itself is said to ask
  }
}

TEST_CASE("loops: responders with two relays between them end, also where the last hop is one of theirs") {
  IN_NAMESPACE("");
  const Node far(silent({"--echo"}), v4), near(silent({"--echo"}), v4);
  const std::deque<Node> between = relays_at({v4, v4}, far.endpoint());
  // The one behind them is asked with a TTL of 1 and answers with a new one, which ends at a relay.
  const std::uint64_t expected = default_ttl - 1 + default_ttl;
  CHECK(sent_for(between.front(), near, expected) == expected);
}

TEST_CASE("loops: a ball whose TTL runs out at a responder each time ends with the budget of its sender") {
  IN_NAMESPACE("");
  const Node far(silent({"--echo"}), v4), near(silent({"--echo"}), v4);
  const std::deque<Node> between = relays_at({v4}, far.endpoint());
  // An answer to a TTL of 1 costs a hundredth of what an idle sender has, the others of a round a little more.
  const std::uint64_t sent = sent_for(between.front(), near, 80 * default_ttl, 3);
  CHECK(sent >= 80 * default_ttl);
  CHECK(sent <= 2 * 100 * default_ttl);
}

TEST_CASE("loops: of relays that all pass on to all others each generation has a TTL less, and the buffers bound it") {
  IN_NAMESPACE("");
  const std::vector<std::uint16_t> ports{unused_port(), unused_port(), unused_port()};
  std::deque<Listener> all;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    Words words = forwarding_to({endpoint_at(v4, ports[(i + 1) % 3]), endpoint_at(v4, ports[(i + 2) % 3])});
    words.insert(words.end(), {"--rcvbuf", "64K"});
    all.emplace_back(words, Words{endpoint_at(v4, ports[i])});
  }
  const RawUdp sender;
  const std::uint64_t before = datagrams_out();
  sender.send("ball", ports.front());
  const std::uint64_t sent = sent_until_quiet(before, 1'000);
  // A datagram takes 500 bytes or more of the 128 KiB that the kernel makes of such a buffer.
  constexpr std::uint64_t held = 3 * (128 * 1'024 / 500);
  CHECK(sent > 1'000);
  CHECK(sent < default_ttl * 2 * held);
}

TEST_CASE("loops: a relay whose own socket is said to be the sender is not led to itself") {
  IN_NAMESPACE("");
  const RawUdp target, sender;
  const Node node(forwarding_to({target.endpoint()}), v4);
  sender.send("one", node.port());
  const auto asked = target.receive();
  REQUIRE(asked);
  RawIp().udp({v4, asked->port, v4, node.port()}, "forged");
  const auto forged = target.receive();
  REQUIRE(forged);
  // The answer goes to the socket of the first session, from where this command listens: on the target's host.
  target.reply(*forged, "who is that?");
  sender.send("two", node.port());
  const auto next = target.receive();
  REQUIRE(next);
  CHECK(next->payload == "two");
  CHECK(next->port == asked->port);
  target.reply(*next, "answer");
  CHECK(sender.next() == "answer");
}
