#include "commands/listen/guard.hpp"

#include <algorithm>
#include <functional>

#include "net/interfaces.hpp"
#include "traffic/counts.hpp"

namespace commands {
namespace {

// Echo, discard's neighbours, DNS, TFTP, portmap, NTP, SNMP, CLDAP, SSDP, mDNS, memcached: they answer anything, so an
// answer to them may never end.
constexpr std::array<std::uint16_t, 13> answering_ports{7, 13, 17, 19, 37, 53, 69, 123, 161, 389, 1900, 5353, 11211};

constexpr std::uint32_t most_echoes = 1'000;
constexpr std::uint32_t most_repeats = 10'000;  // more, for a person may well ask the same again and again
constexpr auto quiet = std::chrono::seconds(1);

// A datagram to a group or to broadcast: over IPv4 the address to answer from then differs from the destination.
bool reached_many(const net::Metadata& metadata) {
  if (!metadata.destination) return false;
  if (metadata.destination->is_multicast()) return true;
  return metadata.destination->is_v4() && metadata.local && *metadata.local != *metadata.destination;
}

}  // namespace

AnswerGuard::AnswerGuard(std::vector<net::Endpoint> own) : own_(std::move(own)), conversations_(sets) {}

bool AnswerGuard::is_self(const net::Endpoint& sender) const {
  const bool own_port = std::any_of(own_.begin(), own_.end(), [&](const net::Endpoint& one) {
    return one.port() == sender.port() && net::family_of(one) == net::family_of(sender);
  });
  return own_port && net::is_own_address(sender.address());
}

AnswerGuard::Conversation& AnswerGuard::conversation_with(const net::Endpoint& sender) {
  const std::uint64_t hash = traffic::hash_of(sender);
  auto& set = conversations_[hash % sets];
  const auto known = std::find_if(set.begin(), set.end(), [&](const Conversation& c) { return c.sender == hash; });
  if (known != set.end()) return *known;
  Conversation& oldest = *std::min_element(
      set.begin(), set.end(), [](const Conversation& a, const Conversation& b) { return a.heard < b.heard; });
  oldest = {};
  oldest.sender = hash;
  return oldest;
}

bool AnswerGuard::may_answer(const net::Received& received, std::string_view payload, std::string_view answer,
                             Time now) {
  const net::Endpoint& sender = *received.sender;
  const std::uint16_t port = sender.port();
  if (port == 0 || std::find(answering_ports.begin(), answering_ports.end(), port) != answering_ports.end()) {
    return false;
  }
  if (reached_many(received.metadata) && answer.size() > payload.size()) return false;
  if (is_self(sender)) return false;

  Conversation& conversation = conversation_with(sender);
  const std::hash<std::string_view> hash_of_bytes;
  const std::uint64_t hash = hash_of_bytes(payload);
  const bool goes_on = conversation.heard != Time{} && now - conversation.heard < quiet;
  conversation.echoes = goes_on && hash == conversation.answer ? conversation.echoes + 1 : 0;
  conversation.repeats = goes_on && hash == conversation.payload ? conversation.repeats + 1 : 0;
  conversation.heard = now;
  conversation.payload = hash;
  if (conversation.echoes >= most_echoes || conversation.repeats >= most_repeats) return false;
  conversation.answer = hash_of_bytes(answer);
  return true;
}

}  // namespace commands
