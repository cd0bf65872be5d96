// SPDX-License-Identifier: MIT
// A responder's guard against a model of it that remembers everything: no answer to a port, a group or itself that
// must not have one, and none beyond a sender's budget.
#include <array>
#include <map>
#include <set>
#include <string>

#include "commands/listen/guard.hpp"
#include "fuzz.hpp"

namespace {

using Time = commands::AnswerGuard::Time;
using namespace std::chrono_literals;

const std::set<std::uint16_t> forbidden{0, 7, 13, 17, 19, 37, 53, 69, 123, 161, 389, 1900, 5353, 11211};
constexpr std::uint16_t own_port = 4'242;

net::Address address(const char* text) { return net::asio::ip::make_address(text); }

// Where own addresses stand: known, or not to be had.
bool can_tell = true;
std::optional<std::vector<net::Address>> own_addresses() {
  if (!can_tell) return std::nullopt;
  return std::vector{address("198.51.100.1")};
}

// In thousandths of an answer's thousandth, as a schoolbook bucket would have it.
struct Peer {
  double left = 10'000;
  Time heard{};
  Time empty_since{};
  bool cut_off = false;
};

struct Step {
  net::Endpoint sender;
  net::Metadata metadata;
};

// Few senders, so that the guard's table need not forget any.
Step step_from(fuzz::Feed& feed) {
  static const std::array<net::Address, 5> hosts{address("127.0.0.1"), address("198.51.100.1"), address("198.51.100.2"),
                                                 address("0.0.0.0"), address("::")};
  const std::uint8_t who = feed.byte();
  const std::uint8_t what = feed.byte();
  Step step;
  step.sender = net::Endpoint(hosts[(who & 15) % hosts.size()], who & 64    ? feed.two_bytes()
                                                                : who & 128 ? own_port
                                                                            : std::uint16_t{5'000});
  step.metadata.destination = address(what & 1 ? "10.0.0.255" : "10.0.0.1");
  step.metadata.local = address("10.0.0.1");
  if (what & 2) step.metadata.ttl = static_cast<std::uint8_t>(what >> 2);
  return step;
}

bool is_answerable(const Step& step) {
  if (forbidden.contains(step.sender.port()) || step.sender.address().is_unspecified()) return false;
  if (step.sender.port() != own_port) return true;
  return can_tell && !step.sender.address().is_loopback() && step.sender.address() != address("198.51.100.1");
}

bool admits(Peer& peer, const Step& step, Time now, bool lifted) {
  const bool last_hop = step.metadata.ttl.value_or(1) <= 1;
  if (lifted && !last_hop) return true;
  const bool paused = peer.heard != Time{} && now - peer.heard >= 1s;
  if (peer.heard != Time{}) {
    peer.left = std::min(10'000.0, peer.left + std::chrono::duration<double>(now - peer.heard).count() * 1'000);
  }
  peer.heard = now;
  if (paused || (peer.left >= 1'000 && !peer.cut_off)) peer.empty_since = {};
  if (paused) peer.cut_off = false;
  const double price = last_hop ? 100 : 1;
  if (!peer.cut_off && peer.left >= price) {
    peer.left -= price;
    return true;
  }
  if (lifted) return false;
  if (peer.empty_since == Time{}) peer.empty_since = now;
  if (now - peer.empty_since >= 10s) peer.cut_off = true;
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t max_peers = 4;  // the places of one set
  fuzz::Feed feed(data, size);
  const bool lifted = feed.byte() & 1;
  commands::AnswerGuard guard(lifted, net::OwnAddresses(&own_addresses));
  guard.answers_at(net::Endpoint(address("0.0.0.0"), own_port));
  std::map<net::Endpoint, Peer> peers;
  std::uint64_t refused = 0;
  std::size_t told = 0;
  Time now{std::chrono::hours(1)};
  unsigned left = 25'000;
  while (!feed.empty() && left > 0) {
    const std::uint8_t rhythm = feed.byte();
    if (rhythm & 64) {
      can_tell = !can_tell;
      now += 1s;  // what was known is asked for again
    }
    const Step step = step_from(feed);
    const bool answerable = is_answerable(step);
    if (answerable && !peers.contains(step.sender) && peers.size() == max_peers) continue;
    unsigned times = std::min(left, rhythm & 1 ? (rhythm | 1u) * 64 : 1);
    for (left -= times; times > 0; --times) {
      now +=
          rhythm & 2 ? 999ms + std::chrono::milliseconds(rhythm >> 2 & 3) : std::chrono::milliseconds(rhythm >> 4 & 3);
      net::Received received;
      received.sender = &step.sender;
      received.metadata = step.metadata;
      const bool admitted = guard.admits(received, now);
      MUST(admitted == (answerable && admits(peers[step.sender], step, now, lifted)));
      refused += !admitted;
      const bool allowed = guard.allows(received, rhythm, 64);
      MUST(allowed == (rhythm >= 64 || *step.metadata.destination == *step.metadata.local));
      refused += !allowed;
      MUST(guard.refused() == refused);
    }
  }
  while (guard.news()) ++told;
  MUST(told <= 16);
  can_tell = true;
  return 0;
}
