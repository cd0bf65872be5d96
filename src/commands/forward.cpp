// SPDX-License-Identifier: MIT
#include "commands/forward.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error.hpp"
#include "commands/target.hpp"
#include "net/drain.hpp"
#include "net/resolve.hpp"
#include "net/route.hpp"
#include "traffic/counts.hpp"

namespace commands {
namespace {

constexpr std::size_t max_pending = 64;  // datagrams of a session whose target is being looked up
constexpr std::size_t batches_a_turn = 32;

bool came_by_unicast(const net::Metadata& metadata) {
  if (!metadata.destination || metadata.destination->is_multicast()) return false;
  return metadata.destination->is_v6() || metadata.local == metadata.destination;
}

// A session is one sender's at one address of ours: who writes to two has both answers from where it asked.
std::uint64_t key_of(const net::Endpoint& sender, const net::Source& asked, const traffic::Transmitter& back) {
  const std::uint64_t local = asked.address ? traffic::hash_of({*asked.address, 0}) : 0;
  return traffic::hash_of(sender) ^ local ^ reinterpret_cast<std::uintptr_t>(&back);
}

}  // namespace

// One sender's way to the only target and back.
struct Forwarder::Session {
  Session(std::uint64_t its_key, const net::Received& received, traffic::Transmitter& back_by,
          std::unique_ptr<net::UdpSocket> upstream)
      : key(its_key), sender(*received.sender), back(back_by), socket(std::move(upstream)), out(*socket, 16) {}

  // Until its target has been looked up; returns how many there was no room for.
  std::size_t keep(const net::Received& received, int ttl) {
    const std::size_t kept = std::min(received.count(), max_pending - pending.size());
    for (std::size_t i = 0; i < kept; ++i) pending.emplace_back(received.payload(i), ttl);
    return received.count() - kept;
  }

  std::uint64_t key;
  net::Endpoint sender;
  net::Source asked;  // the address that it wrote to
  traffic::Transmitter& back;
  std::unique_ptr<net::UdpSocket> socket;
  traffic::Transmitter out;
  net::Endpoint to;
  run::Clock::time_point used{};
  bool looking_up = false;
  bool touched = false;
  std::vector<std::pair<std::string, int>> pending;  // payloads and their TTLs
};

Forwarder::~Forwarder() = default;

net::WantedMetadata Forwarder::needs() {
  net::WantedMetadata needs;
  needs.destination = needs.ttl = needs.coalesced = true;
  return needs;
}

// Nothing: what came may go no further.
std::optional<int> Forwarder::ttl_of(const net::Received& received) const {
  if (!came_by_unicast(received.metadata)) return socket_options_.ttl.value_or(-1);
  const int came = received.metadata.ttl.value_or(1);
  if (came <= 1) return std::nullopt;
  return std::min(came - 1, socket_options_.ttl.value_or(255));
}

// Never back to the sender, and never to the same group on the same interface.
bool Forwarder::may_pass(const net::Received& received, const Path& path) const {
  if (path.to == *received.sender) return false;
  const auto& destination = received.metadata.destination;
  if (!path.to.address().is_multicast() || !destination || !same_host(*destination, path.to.address())) return true;
  const unsigned leaves_by = interface_to(path.to.address());
  return leaves_by != 0 && received.metadata.interface && *received.metadata.interface != leaves_by;
}

void Forwarder::pass(const net::Received& received, traffic::Transmitter& back) {
  const auto ttl = ttl_of(received);
  for (Path& path : paths_) {
    path.came += received.count();
    if (!ttl) path.expired += received.count();
    const bool passes = ttl && may_pass(received, path);
    Session* const session = passes && two_way() ? session_of(received, back) : nullptr;
    if (!passes || (two_way() && session == nullptr)) {
      path.dropped += received.count();
    } else if (session != nullptr && session->looking_up) {
      path.dropped += session->keep(received, *ttl);
    } else {
      traffic::Transmitter& out = session != nullptr ? session->out : *path.out;
      out.set_route(route_to(session != nullptr ? session->to : path.to, *ttl));
      for (std::size_t i = 0; i < received.count(); ++i) out.add(received.payload(i));
    }
  }
}

void Forwarder::transmit() {
  for (const auto& socket : fan_sockets_) drain_fan(*socket);  // an old error costs no new datagram
  for (Path& path : paths_) {
    if (path.out) leave(path, *path.out);
  }
  for (const auto& session : touched_) {
    session->touched = false;
    leave(paths_.front(), session->out);
  }
  touched_.clear();
}

// What this host refuses is told once, as what the network refuses is; want of room is a count.
void Forwarder::leave(Path& path, traffic::Transmitter& out) {
  out.transmit_or_drop();
  while (const auto error = out.news()) {
    if (traffic::is_want_of_room(*error) || path.told->test_and_set()) continue;
    const auto failure =
        base::failure(*error, "cannot pass on to " + path.text, net::hint_of_sending(*error, path.to.address()));
    stage_.report.notice(failure.message() + "; going on");
  }
}

// What comes back from a fan-out is not asked for; refusals are counted.
void Forwarder::drain_fan(net::UdpSocket& socket) {
  socket.suspect_errors();
  net::drain(
      socket, answers_, batches_a_turn, net::any_number, [] {},
      [this](const net::TransportError& error) {
        for (Path& path : paths_) {
          if (path.to == error.destination && error.is_refusal()) count_refusal(path, error);
        }
      });
}

void Forwarder::count_refusal(Path& path, const net::TransportError& error) {
  ++path.refused;
  if (path.told->test_and_set()) return;
  stage_.report.notice(fmt::format("{} refuses: {}; going on", path.text, net::to_string(error)));
}

// A socket for one more session. Whoever writes decides how many there are, so the limit on open files ends the oldest,
// and not the relay; null when there is none to end.
std::unique_ptr<net::UdpSocket> Forwarder::make_room() {
  if (sessions_.size() >= options_.max_sessions) end_the_oldest();
  for (;;) {
    try {
      return open_socket(paths_.front().to);
    } catch (const base::Failure&) {
      if (sessions_.empty()) return nullptr;
      end_the_oldest();
    }
  }
}

Forwarder::Session* Forwarder::session_of(const net::Received& received, traffic::Transmitter& back) {
  const net::Source asked = net::source_of_answer(received.metadata);
  const std::uint64_t key = key_of(*received.sender, asked, back);
  auto found = sessions_.find(key);
  const bool is_new = found == sessions_.end();
  if (is_new) {
    auto socket = make_room();
    if (!socket) return nullptr;
    const auto session = std::make_shared<Session>(key, received, back, std::move(socket));
    found = sessions_.emplace(key, session).first;
    session->to = paths_.front().to;
    ++sessions_made_;
    stage_.loop.on_readable(*session->socket, [this, one = session.get()] { drain(*one); });
    resolve_for(*session);
  }
  Session& session = *found->second;
  session.asked = asked;
  session.used = run::Clock::now();
  if (!session.touched) touched_.push_back(found->second);
  session.touched = true;
  return &session;
}

// A name is looked up anew for each session, on the side; what comes meanwhile waits.
void Forwarder::resolve_for(Session& session) {
  const Path& path = paths_.front();
  if (net::looks_numeric(path.word.host)) return;
  session.looking_up = true;
  const auto lookup = std::make_shared<Lookup>(path.word.host, path.word.port, std::nullopt);
  const auto take = [this, lookup, key = session.key] {
    const auto at = sessions_.find(key);
    if (at != sessions_.end() && at->second->looking_up) resolved(*at->second, *lookup);
  };
  stage_.loop.aside([lookup] { lookup->run(); }, take);
}

void Forwarder::resolved(Session& session, Lookup& lookup) {
  session.looking_up = false;
  try {
    const std::vector<net::Endpoint> found = lookup.result();
    const auto fits = std::ranges::find_if(
        found, [&](const net::Endpoint& to) { return net::family_of(to) == session.socket->family() && !is_own(to); });
    if (fits != found.end()) session.to = *fits;
  } catch (const base::Error&) {
    // The address that it had goes on.
  }
  for (const auto& [payload, ttl] : session.pending) {
    session.out.set_route(route_to(session.to, ttl));
    session.out.add(payload);
  }
  leave(paths_.front(), session.out);
  session.pending.clear();
}

// The target's host, but for this command itself, which forged senders would have it taken for.
bool Forwarder::may_answer(const net::Endpoint& sender, const Session& session) {
  return same_host(sender.address(), session.to.address()) && !is_own(sender);
}

void Forwarder::pass_back(Session& session, const net::Received& received, int ttl) {
  const net::Route route{session.sender, session.asked, ttl};
  if (!backward_line_) session.back.set_route(route);
  for (std::size_t i = 0; i < received.count(); ++i) {
    if (backward_line_) {
      backward_line_->take({std::string(received.payload(i)), {}, {}, route, &session.back});
    } else {
      session.back.add(received.payload(i));
    }
  }
}

void Forwarder::drain(Session& session) {
  net::UdpSocket& socket = *session.socket;
  if (!socket.is_open()) return;
  const auto take_batch = [&] {
    for (std::size_t place = 0; place < answers_.size(); ++place) {
      const net::Received received = answers_[place];
      const int came = received.metadata.ttl.value_or(1);
      if (came <= 1 || !may_answer(*received.sender, session)) continue;
      session.to.port(received.sender->port());  // it goes on from another port, as TFTP does
      session.used = run::Clock::now();
      pass_back(session, received, std::min(came - 1, socket_options_.ttl.value_or(255)));
    }
    session.back.transmit_or_drop();
    if (backward_line_) backward_line_->release();
  };
  std::optional<net::TransportError> refusal;
  net::drain(socket, answers_, batches_a_turn, net::any_number, take_batch, [&](const net::TransportError& error) {
    if (!refusal && error.is_refusal()) refusal = error;
  });
  if (!refusal) return;
  count_refusal(paths_.front(), *refusal);
  end(session);
}

void Forwarder::end(Session& session) {
  const auto found = sessions_.find(session.key);
  paths_.front().dropped += session.pending.size();
  settle(paths_.front(), session.out);
  session.socket->close();
  // What was called back for it before is called before this.
  if (ended_.empty()) stage_.loop.post([this] { ended_.clear(); });
  ended_.push_back(std::move(found->second));
  sessions_.erase(found);
}

void Forwarder::end_the_oldest() {
  const auto oldest = std::min_element(sessions_.begin(), sessions_.end(),
                                       [](const auto& a, const auto& b) { return a.second->used < b.second->used; });
  oldest->second->out.transmit_or_drop();
  end(*oldest->second);
}

void Forwarder::expire() {
  const auto now = run::Clock::now();
  std::vector<Session*> idle;
  for (const auto& [key, session] : sessions_) {
    if (now - session->used >= options_.session_timeout) idle.push_back(session.get());
  }
  for (Session* const one : idle) end(*one);
}

}  // namespace commands
