// SPDX-License-Identifier: MIT
#include "commands/listen/guard.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "traffic/counts.hpp"

namespace commands {
namespace {

using namespace std::chrono_literals;

// Echo, discard's neighbours, DNS, TFTP, portmap, NTP, SNMP, CLDAP, SSDP, mDNS, memcached: they answer anything, so an
// answer to them may never end.
constexpr std::array<std::uint16_t, 13> answering_ports{7, 13, 17, 19, 37, 53, 69, 123, 161, 389, 1900, 5353, 11211};

constexpr AnswerGuard::Duration cost = 1ms;
constexpr AnswerGuard::Duration cost_of_last_hop = 100ms;
constexpr AnswerGuard::Duration enough_again = 1s;  // from here on a budget is not empty any more
constexpr auto patience = 10s;
constexpr auto quiet = 1s;
constexpr std::size_t max_told = 16;  // who forges senders does not fill the log

// As a destination it is not one other host: the kernel takes 0.0.0.0 and :: for itself.
bool means_another(const net::Address& address) {
  if (address.is_unspecified() || address.is_multicast()) return true;
  if (address.is_v4()) return address.to_v4() == net::asio::ip::address_v4::broadcast();
  return address.to_v6().is_v4_mapped();
}

bool is_last_hop(const net::Metadata& metadata) { return !metadata.ttl || *metadata.ttl <= 1; }

}  // namespace

bool AnswerGuard::is_self(const net::Received& received, Time now) {
  const net::Endpoint& sender = *received.sender;
  const bool own_port = std::any_of(own_.begin(), own_.end(), [&](const net::Endpoint& one) {
    return one.port() == sender.port() && net::family_of(one) == net::family_of(sender);
  });
  if (!own_port) return false;
  if (received.metadata.destination == sender.address()) return true;
  return own_addresses_.holds(sender.address(), now).value_or(true);
}

bool AnswerGuard::is_answerable(const net::Received& received, Time now) {
  const std::uint16_t port = received.sender->port();
  if (port == 0 || std::find(answering_ports.begin(), answering_ports.end(), port) != answering_ports.end()) {
    return false;
  }
  return !means_another(received.sender->address()) && !is_self(received, now);
}

bool AnswerGuard::spend(const net::Received& received, Time now) {
  const bool last_hop = is_last_hop(received.metadata);
  if (lifted_ && !last_hop) return true;
  const auto [account, before] = accounts_.touch(traffic::hash_of(*received.sender), now);
  if (before) account.left = std::min(max_left, account.left + (now - *before));
  const bool paused = before && now - *before >= quiet;
  if (paused || (account.left >= enough_again && !account.cut_off)) {
    account.empty_since = {};
    account.cut_off = false;
  }
  const Duration price = (last_hop ? cost_of_last_hop : cost) * static_cast<Duration::rep>(received.count());
  if (!account.cut_off && account.left >= price) {
    account.left -= price;
    return true;
  }
  found_empty(account, *received.sender, last_hop, now);
  return false;
}

// A TTL of 1 has its price for whom --allow names, too.
void AnswerGuard::found_empty(Account& account, const net::Endpoint& sender, bool last_hop, Time now) {
  if (account.empty_since == Time{}) {
    account.empty_since = now;
    if (told_++ < max_told) {
      news_.push_back(fmt::format("{} asks more than {}", net::to_string(sender),
                                  last_hop ? "10 times a second with a TTL of 1: not always answered"
                                           : "1,000 times a second: not always answered; --allow it if it is yours"));
    }
  }
  if (!lifted_ && now - account.empty_since >= patience) account.cut_off = true;
}

bool AnswerGuard::admits(const net::Received& received, Time now) {
  const bool admitted = is_answerable(received, now) && spend(received, now);
  if (!admitted) refused_ += received.count();
  return admitted;
}

bool AnswerGuard::allows(const net::Received& received, std::size_t asked, std::size_t answer) {
  const bool allowed = answer <= asked || !net::reached_many(received.metadata);
  if (!allowed) ++refused_;
  return allowed;
}

std::optional<std::string> AnswerGuard::news() {
  if (news_.empty()) return std::nullopt;
  std::string text = std::move(news_.front());
  news_.erase(news_.begin());
  return text;
}

}  // namespace commands
