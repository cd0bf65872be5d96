#include "commands/probe/run.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <random>
#include <utility>

#include "base/error.hpp"
#include "commands/confine.hpp"
#include "net/route.hpp"

namespace commands {

Prober::Prober(const ProbeOptions& options, bool any_size)
    : options_(options),
      words_{options.host, options.port, options.family, options.source_address, options.source_port},
      sink_(STDOUT_FILENO, &run::Loop::past_deadline),
      report_(options.output, sink_),
      socket_(loop_.context()) {
  loop_.on_reader_gone(STDOUT_FILENO, [] { throw output::Closed{}; });
  if (options.stop.deadline) loop_.stop_after(*options.stop.deadline);
  destination_ = find_destination(loop_, words_, options.socket, report_);
  // 0.0.0.0 and :: mean this host, and it answers from an address.
  if (target().address().is_unspecified()) destination_.endpoint.address(destination_.local);
  open_socket(any_size);
}

void Prober::open_socket(bool any_size) {
  socket_.open(net::family_of(target()));
  net::apply(options_.socket, destination_.is_multicast(), socket_);
  if (any_size) socket_.set_path_mtu_probing(true);
  net::WantedMetadata wanted;
  wanted.details = wanted.time = true;
  socket_.want(wanted);
  socket_.report_transport_errors(true);
  bind_source(words_, socket_);
}

void Prober::check_size(std::size_t size) const {
  const net::Family family = net::family_of(target());
  if (size > net::max_payload(family)) {
    throw base::UsageError(fmt::format("{} bytes are more than a datagram over {} holds: at most {}", size,
                                       net::name_of(family), net::max_payload(family)));
  }
  if (options_.socket.dont_fragment && size > destination_.unfragmented()) refuse_to_fragment(destination_, size);
}

Prober::Sent Prober::send(std::string_view payload, int ttl, std::uint16_t port) {
  net::Endpoint to = target();
  if (port != 0) to.port(port);
  outgoing_.reset();
  outgoing_.set_route({to, {}, ttl});
  outgoing_.add(payload);
  Sent sent;
  sent.at = Instant::now();
  sent.error = socket_.send(outgoing_).error;
  if (sent.error == ENOBUFS) sent.error = EAGAIN;
  if (sent.error != 0 && sent.error != EAGAIN && sent.error != EMSGSIZE) {
    throw base::failure(sent.error, "cannot send to " + net::to_string(to),
                        net::hint_of_sending(sent.error, to.address()));
  }
  return sent;
}

void Prober::when_writable(std::function<void()> handler) {
  // A timer beside the socket: a full queue of the interface is not told by the socket.
  loop_.after(std::chrono::milliseconds(1), std::move(handler));
}

void Prober::watch(Hooks hooks) {
  confine(options_.privileges, {.names = options_.names}, report_);
  hooks_ = std::move(hooks);
  loop_.on_readable(socket_, [this] { drain(); });
}

void Prober::drain() {
  constexpr int batches_a_turn = 32;
  for (int i = 0; i < batches_a_turn; ++i) {
    const std::size_t count = socket_.receive(batch_);
    for (std::size_t place = 0; place < count; ++place) take(batch_[place]);
    if (count == 0 || socket_.drained()) break;
  }
  while (const auto error = socket_.transport_error()) {
    if (net::with_zone(error->destination.address(), 0) == net::with_zone(target().address(), 0)) {
      hooks_.error(*error, Instant::now());
    }
  }
  sink_.flush();
}

void Prober::take(const net::Received& received) {
  if (is_for_many() || is_target(received.sender->address())) {
    return hooks_.reply(received, Instant::now());
  }
  if (std::exchange(noted_stranger_, true)) return;
  report_.verbose_notice(fmt::format("a datagram from {} is no reply of {}: not counted",
                                     net::to_string(*received.sender), net::to_string(target().address())));
}

bool Prober::is_target(const net::Address& address) const {
  return net::with_zone(address, 0) == net::with_zone(target().address(), 0);
}

std::uint64_t Prober::random_seed() {
  std::random_device device;
  return static_cast<std::uint64_t>(device()) << 32 | device();
}

void Prober::hint_at_family() {
  if (const std::string hint = family_hint(words_, destination_); !hint.empty()) report_.notice(hint);
}

}  // namespace commands
