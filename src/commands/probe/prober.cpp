// SPDX-License-Identifier: MIT
#include "commands/probe/prober.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"
#include "net/interfaces.hpp"
#include "net/route.hpp"

namespace commands {

Destination find_target(ProbeStage& stage, const ProbeOptions& options) {
  Destination destination = find_destination(stage.loop, options.target, options.socket, stage.report);
  net::Address address = destination.endpoint.address();
  if (address.is_unspecified()) address = destination.local;
  destination.endpoint.address(address);
  const Target& target = options.target;
  const unsigned last = target.source_port + std::max(options.flows, 1u) - 1;
  const bool own_port = target.source_port != 0 && target.port >= target.source_port && target.port <= last;
  if (own_port && target.source_address.value_or(address) == address && net::is_own_address(address)) {
    throw base::UsageError(
        fmt::format("--source-port {}: it is the port that is asked, and would hear itself", target.port));
  }
  return destination;
}

bool is_for_many(const Destination& destination, const ProbeOptions& options) {
  const net::Address& address = destination.endpoint.address();
  return destination.is_multicast() || net::is_limited_broadcast(address) ||
         (options.socket.broadcast && net::route_to(address).broadcast);
}

Destination find_one_target(ProbeStage& stage, const ProbeOptions& options, std::string_view mode) {
  const auto refuse_many = [&](const net::Address& address) {
    if (address.is_multicast() || net::is_limited_broadcast(address) || net::route_to(address).broadcast) {
      throw base::UsageError(fmt::format("{} takes the address of one host, not of many", mode));
    }
  };
  // Before anything is said of -i and --broadcast, which would not help.
  const std::string& host = options.target.host;
  if (const auto address = net::looks_numeric(host) ? net::parse_address(host) : std::nullopt) refuse_many(*address);
  Destination destination = find_target(stage, options);
  refuse_many(destination.endpoint.address());
  return destination;
}

Prober::Prober(ProbeStage& stage, const ProbeOptions& options, Destination destination, ProbeSocket* shared)
    : stage_(stage),
      options_(options),
      destination_(std::move(destination)),
      for_many_(shared == nullptr && commands::is_for_many(destination_, options)),
      own_(shared == nullptr ? std::make_unique<ProbeSocket>(stage, options, destination_) : nullptr),
      socket_(shared == nullptr ? *own_ : *shared) {
  socket_.add(*this);
}

void Prober::check_size(std::size_t size) const {
  const net::Family family = net::family_of(target());
  if (size > net::max_payload(family)) {
    throw base::UsageError(fmt::format("{} bytes are more than a datagram over {} holds: at most {}", size,
                                       net::name_of(family), net::max_payload(family)));
  }
  const bool of_link = options_.socket.dont_fragment && options_.mode != ProbeMode::trace;
  if (of_link && size > destination_.unfragmented()) refuse_size(size);
}

Outlet::Sent Prober::send(std::string_view payload, const Ask& ask) {
  net::Endpoint to = target();
  if (ask.port != 0) to.port(ask.port);
  const net::Route route{to, {}, ask.ttl > 0 ? ask.ttl : -1};
  Sent sent;
  sent.at = now();
  sent.error = socket_.send(payload, route);
  return sent;
}

void Prober::start(Engine& engine) {
  engine_ = &engine;
  stage_.hold();
  socket_.watch();
  wake();
}

bool Prober::close() {
  socket_.drain();
  return engine_->finish(run::Clock::now());
}

bool Prober::run(Engine& engine) {
  stage_.confine();
  start(engine);
  loop().run();
  return close();
}

void Prober::wake() {
  loop().post([this] { turn(); });
}

// What arrived counts before a wait is over; what is only sent need not look for it.
void Prober::turn() {
  const auto now = run::Clock::now();
  if (engine_->has_ended_waits(now)) {
    for (Prober* const other : socket_.drain()) {
      if (other != this) other->wake();
    }
  }
  if (over_ || loop().stopping()) return;
  const auto again = engine_->turn(now);
  sink().flush();
  if (engine_->done()) {
    over_ = true;
    if (engine_->mode().is_told_at_once()) {
      engine_->finish(run::Clock::now());
      engine_->mode().over();
    }
    return stage_.release();
  }
  if (!again || (wake_ && *wake_ <= *again)) return;
  constexpr auto min_nap = std::chrono::microseconds(50);
  wake_ = std::max(*again, run::Clock::now() + min_nap);
  loop().at(*wake_, [this, when = *wake_] {
    if (wake_ == when) wake_.reset();
    turn();
  });
}

void Prober::take(const net::TransportError& error) {
  if (!is_target(error.destination.address())) return;
  engine_->take(error, error.offender && is_target(*error.offender), now());
}

void Prober::take(const net::Received& received) {
  if (is_for_many() || is_target(received.sender->address())) {
    if (!engine_->take(received, true, now())) engine_->mode().strange();
    return;
  }
  const Instant seen = now();
  if (engine_->mode().elsewhere(received, seen) || told_elsewhere_ || !engine_->mode().match(received, seen)) return;
  told_elsewhere_ = true;
  notice(fmt::format("a reply came from {}, which was not asked", net::to_string(*received.sender)));
}

// True for the address of the target itself.
bool Prober::is_target(const net::Address& address) const {
  return net::with_zone(address, 0) == net::with_zone(target().address(), 0);
}

void Prober::notice(const std::string& text) {
  report().notice(options_.name.empty() ? text : base::escaped(options_.name) + ": " + text);
}

void Prober::hint_at_family() {
  if (const std::string hint = family_hint(options_.target, destination_); !hint.empty()) notice_once(hint);
}

base::Failure failure_to_send(int error, const net::Endpoint& to) {
  return base::failure(error, "cannot send to " + net::to_string(to), net::hint_of_sending(error, to.address()));
}

void fail_to_send(int error, const net::Endpoint& to) { throw failure_to_send(error, to); }

}  // namespace commands
