// SPDX-License-Identifier: MIT
#include "commands/probe/socket.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "commands/probe/prober.hpp"
#include "net/drain.hpp"

namespace commands {

ProbeStage::ProbeStage(const ProbeOptions& options) : Stage(options.output, options.stop), options_(options) {
  if (options.output.pcap) pcap_.emplace(*options.output.pcap, sink);
}

void ProbeStage::notice_once(const std::string& text) {
  if (told_.insert(text).second) report.notice(text);
}

void ProbeStage::confine(int replaces_in) {
  Stage::confine(options_.privileges, {.names = options_.names || !options_.targets.empty(),
                                       .clock = options_.mode == ProbeMode::stamp && !options_.targets.empty(),
                                       .replaces_in = replaces_in});
}

void ProbeStage::release() {
  if (--held_ == 0) loop.stop(run::StopReason::done);
}

ProbeSocket::ProbeSocket(ProbeStage& stage, const ProbeOptions& options, const Destination& destination)
    : stage_(stage), socket_(stage.loop.context()) {
  net::WantedMetadata wanted;
  wanted.details = wanted.time = true;
  open_socket(socket_, options.target, destination, options.socket, wanted, stage.report);
  const bool asks_the_path = options.mode == ProbeMode::trace && options.socket.dont_fragment;
  if (options.mode == ProbeMode::mtu || asks_the_path) socket_.set_path_mtu_probing(true);
}

void ProbeSocket::add(Prober& prober) { probers_.emplace(net::with_zone(prober.target().address(), 0), &prober); }

void ProbeSocket::remove(const Prober& prober) { probers_.erase(net::with_zone(prober.target().address(), 0)); }

void ProbeSocket::watch() {
  if (watched_) return;
  watched_ = true;
  stage_.loop.on_readable(socket_, [this] {
    for (Prober* const prober : drain()) prober->turn();
  });
}

std::vector<Prober*> ProbeSocket::drain() {
  std::vector<Prober*> concerned;
  const auto add = [&](Prober* prober) {
    if (prober != nullptr && (concerned.empty() || concerned.back() != prober)) concerned.push_back(prober);
  };
  add(only());  // whatever it was
  constexpr std::size_t max_batches = 32;
  const net::ReceiveBatch& batch = stage_.batch();
  const auto take_batch = [&] {
    for (std::size_t place = 0; place < batch.size(); ++place) add(take(batch[place]));
  };
  net::drain(socket_, stage_.batch(), max_batches, net::any_number, take_batch, [&](const net::TransportError& error) {
    Prober* const prober = prober_of(error.destination.address());
    if (prober == nullptr) return;
    prober->take(error);
    add(prober);
  });
  if (stage_.pcap() != nullptr) stage_.pcap()->flush();
  stage_.sink.flush();
  return concerned;
}

// From elsewhere: whose answer it is, if anybody's, each can tell only by what it says.
Prober* ProbeSocket::take(const net::Received& received) {
  if (stage_.pcap() != nullptr) stage_.pcap()->write(received, local_port());
  if (Prober* const prober = prober_of(received.sender->address())) {
    prober->take(received);
    return prober;
  }
  if (!std::exchange(told_elsewhere_, true)) {
    stage_.report.notice(fmt::format("a datagram came from {}, which was not asked", net::to_string(*received.sender)));
  }
  offer(received);
  return nullptr;
}

// A thousand looks cost 1.3 ms, on a slow machine ten times that, and a stranger can send without end: they have a
// twentieth of the time, and what of that was saved, so that a few datagrams that come at once are all looked at.
void ProbeSocket::offer(const net::Received& received) {
  constexpr auto max_saved = std::chrono::milliseconds(50);
  const auto now = run::Clock::now();
  offer_time_ = std::min<base::Nanoseconds>(offer_time_ + (now - offered_at_) / 20, max_saved);
  offered_at_ = now;
  if (offer_time_ <= base::Nanoseconds(0)) return;
  for (const auto& [address, prober] : probers_) prober->take(received);
  offer_time_ -= run::Clock::now() - now;
}

// Who alone has the socket sees all that comes.
Prober* ProbeSocket::prober_of(const net::Address& address) const {
  if (Prober* const prober = only()) return prober;
  const auto found = probers_.find(net::with_zone(address, 0));
  return found != probers_.end() ? found->second : nullptr;
}

}  // namespace commands
