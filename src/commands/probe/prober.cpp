#include "commands/probe/prober.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/error.hpp"
#include "net/route.hpp"

namespace commands {

Prober::Prober(const ProbeOptions& options, bool any_size)
    : options_(options), stage_(options.output, options.stop), socket_(stage_.loop.context()) {
  if (options.output.pcap) pcap_.emplace(*options.output.pcap);
  destination_ = find_destination(stage_.loop, options_.target, options.socket, stage_.report);
  // 0.0.0.0 and :: mean this host, and it answers from an address.
  if (target().address().is_unspecified()) destination_.endpoint.address(destination_.local);
  for_many_ = destination_.is_multicast() || net::is_limited_broadcast(target().address()) ||
              (options.socket.broadcast && net::route_to(target().address()).broadcast);
  open_socket(any_size);
}

void Prober::open_socket(bool any_size) {
  net::WantedMetadata wanted;
  wanted.details = wanted.time = true;
  commands::open_socket(socket_, options_.target, destination_, options_.socket, wanted, stage_.report);
  if (any_size) socket_.set_path_mtu_probing(true);
}

void Prober::check_size(std::size_t size) const {
  const net::Family family = net::family_of(target());
  if (size > net::max_payload(family)) {
    throw base::UsageError(fmt::format("{} bytes are more than a datagram over {} holds: at most {}", size,
                                       net::name_of(family), net::max_payload(family)));
  }
  if (options_.socket.dont_fragment && size > destination_.unfragmented()) refuse_to_fragment(destination_, size);
}

Outlet::Sent Prober::send(std::string_view payload, const Ask& ask) {
  net::Endpoint to = target();
  if (ask.port != 0) to.port(ask.port);
  outgoing_.reset();
  outgoing_.set_route({to, {}, ask.ttl > 0 ? ask.ttl : -1});
  outgoing_.add(payload);
  Sent sent;
  sent.at = now();
  sent.error = socket_.send(outgoing_).error;
  if (sent.error == ENOBUFS) sent.error = EAGAIN;
  return sent;
}

bool Prober::run(Engine& engine) {
  engine_ = &engine;
  stage_.confine(options_.privileges, {.names = options_.names});
  stage_.loop.on_readable(socket_, [this] { turn(); });
  stage_.loop.post([this] { turn(); });
  stage_.loop.run();
  drain();  // what came while stopping
  const bool waited = engine.finish(run::Clock::now());
  return waited;
}

void Prober::wake() {
  stage_.loop.post([this] { turn(); });
}

// What arrived first, then what is due.
void Prober::turn() {
  drain();
  if (stage_.loop.stopping()) return;
  const auto again = engine_->turn(run::Clock::now());
  stage_.sink.flush();
  if (engine_->done()) return stage_.loop.stop(run::StopReason::done);
  if (!again || (wake_ && *wake_ <= *again)) return;
  constexpr auto min_nap = std::chrono::microseconds(50);
  wake_ = std::max(*again, run::Clock::now() + min_nap);
  stage_.loop.at(*wake_, [this, when = *wake_] {
    if (wake_ == when) wake_.reset();
    turn();
  });
}

void Prober::drain() {
  constexpr int max_batches = 32;
  for (int i = 0; i < max_batches; ++i) {
    const std::size_t count = socket_.receive(batch_);
    for (std::size_t place = 0; place < count; ++place) take(batch_[place]);
    if (count == 0 || socket_.drained()) break;
  }
  constexpr int max_errors = 1'024;
  for (int i = 0; i < max_errors; ++i) {
    const auto error = socket_.transport_error();
    if (!error) break;
    if (!is_target(error->destination.address())) continue;
    engine_->take(*error, error->offender && is_target(*error->offender), now());
  }
  if (pcap_) pcap_->flush();
  stage_.sink.flush();
}

void Prober::take(const net::Received& received) {
  if (pcap_) pcap_->write(received, socket_.local_endpoint().port());
  if (is_for_many() || is_target(received.sender->address())) {
    if (!engine_->take(received, true, now())) engine_->mode().strange();
    return;
  }
  engine_->mode().elsewhere(received, now());
}

bool Prober::is_target(const net::Address& address) const {
  return net::with_zone(address, 0) == net::with_zone(target().address(), 0);
}

void Prober::hint_at_family() {
  if (const std::string hint = family_hint(options_.target, destination_); !hint.empty()) stage_.report.notice(hint);
}

void fail_to_send(int error, const net::Endpoint& to) {
  throw base::failure(error, "cannot send to " + net::to_string(to), net::hint_of_sending(error, to.address()));
}

}  // namespace commands
