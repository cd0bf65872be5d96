// A responder's guard against a model of it that remembers everything: no answer to a port, a group or itself
// that must not have one, and none in a ping-pong beyond the bound.
#include <array>
#include <map>
#include <set>
#include <string>

#include "fuzz.hpp"
#include "commands/listen/guard.hpp"

namespace {

using Time = commands::AnswerGuard::Time;

const std::set<std::uint16_t> forbidden{0, 7, 13, 17, 19, 37, 53, 69, 123, 161, 389, 1900, 5353, 11211};
constexpr std::uint16_t own_port = 4'242;

struct Peer {
  std::string payload;  // the last one
  std::string answer;
  Time heard{};
  unsigned echoes = 0;
  unsigned repeats = 0;
};

struct Step {
  net::Endpoint sender;
  net::Metadata metadata;
  std::string payload;
  std::string answer;
  std::uint64_t key = 0;  // of the sender
};

// Few senders, so that the guard's table need not forget any.
Step step_from(fuzz::Feed& feed, const std::map<std::uint64_t, Peer>& peers) {
  static const auto address = [](const char* text) { return net::asio::ip::make_address(text); };
  const std::array<net::Address, 3> hosts{address("127.0.0.1"), address("198.51.100.1"), address("198.51.100.2")};
  const std::array<net::Address, 3> destinations{address("10.0.0.1"), address("239.1.1.1"), address("10.0.0.255")};
  Step step;
  const std::uint8_t who = feed.byte();
  const std::uint8_t what = feed.byte();
  const std::uint16_t port = who & 64 ? feed.two_bytes() : who & 128 ? own_port : 5'000;
  step.sender = net::Endpoint(hosts[(who & 15) % hosts.size()], port);
  step.key = static_cast<std::uint64_t>((who & 15) % hosts.size()) << 16 | port;
  if (what & 1) {
    step.metadata.destination = destinations[(what >> 1) % destinations.size()];
    step.metadata.local = destinations[0];
  }
  const auto peer = peers.find(step.key);
  if ((what & 64) && peer != peers.end()) {
    step.payload = peer->second.answer;
  } else {
    step.payload = feed.bytes(who >> 4 & 3);
  }
  step.answer = what & 32 ? std::string(feed.bytes(feed.byte() & 7)) : step.payload;
  return step;
}

bool may_answer(Peer& peer, const Step& step, Time now) {
  const bool many = step.metadata.destination && *step.metadata.destination != *step.metadata.local;
  if (forbidden.contains(step.sender.port())) return false;
  if (many && step.answer.size() > step.payload.size()) return false;
  if (step.sender.port() == own_port && step.sender.address().is_loopback()) return false;
  const bool goes_on = peer.heard != Time{} && now - peer.heard < std::chrono::seconds(1);
  peer.echoes = goes_on && peer.answer == step.payload ? peer.echoes + 1 : 0;
  peer.repeats = goes_on && peer.payload == step.payload ? peer.repeats + 1 : 0;
  peer.heard = now;
  peer.payload = step.payload;
  if (peer.echoes >= 1'000 || peer.repeats >= 10'000) return false;
  peer.answer = step.answer;
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t most_peers = 4;  // the places of one set
  fuzz::Feed feed(data, size);
  commands::AnswerGuard guard({net::Endpoint(net::asio::ip::make_address("127.0.0.1"), own_port)});
  std::map<std::uint64_t, Peer> peers;
  Time now{std::chrono::hours(1)};
  unsigned left = 12'500;
  while (!feed.empty() && left > 0) {
    const std::uint8_t rhythm = feed.byte();
    Step step = step_from(feed, peers);
    if (!peers.contains(step.key) && !forbidden.contains(step.sender.port()) && peers.size() == most_peers) continue;
    Peer& peer = peers[step.key];
    // Whether an address is its own the guard asks the kernel, which takes long.
    const bool often = (rhythm & 1) && step.sender.port() != own_port;
    unsigned times = std::min(left, often ? (rhythm | 1u) * 64 : 1);
    for (left -= times; times > 0; --times) {
      now += std::chrono::milliseconds(rhythm & 2 ? 999 + (rhythm >> 2 & 3) : rhythm >> 4);
      net::Received received;
      received.bytes = step.payload;
      received.sender = &step.sender;
      received.metadata = step.metadata;
      const bool answered = guard.may_answer(received, step.payload, step.answer, now);
      MUST(answered == may_answer(peer, step, now));
      if (rhythm & 4) step.payload = step.answer;
    }
  }
  return 0;
}
