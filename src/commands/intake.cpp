#include "commands/intake.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/text.hpp"

namespace commands {

Reception::Reception(run::Loop& loop, const output::Options& output, const run::StopOptions& stop)
    : loop_(loop),
      stop_(stop),
      sink_(STDOUT_FILENO, &run::Loop::past_deadline),
      report_(output, sink_),
      writer_(output, sink_) {
  loop_.on_reader_gone(STDOUT_FILENO, [] { throw output::Closed{}; });
}

void Reception::watch(net::UdpSocket& socket, Hooks hooks) {
  const Watched& watched = watched_.emplace_back(Watched{socket, std::move(hooks)});
  loop_.on_readable(socket, [this, &watched] { drain(watched); });
}

std::size_t Reception::places_left() const {
  if (!stop_.count) return batch_.places();
  return std::min<std::uint64_t>(batch_.places(), *stop_.count - totals_.datagrams);
}

void Reception::take_what_waits() {
  // As much as the buffer (twice of what was granted) may have held: a flood does not end because we do.
  constexpr std::size_t least_cost = 512;  // bytes of it that a datagram takes
  for (const Watched& watched : watched_) {
    drain(watched, 2 * watched.socket.receive_buffer() / least_cost / batch_.places() + 1);
  }
}

void Reception::drain(const Watched& watched, std::size_t most_batches) {
  const auto& [socket, hooks] = watched;
  constexpr std::uint64_t drains_a_drop_check = 1'024;  // often enough for a 32-bit counter
  const std::uint16_t local_port = socket.local_port() != 0 ? socket.local_port() : socket.local_endpoint().port();
  const std::uint64_t before = totals_.datagrams;
  const bool at_the_end = loop_.stopping();
  for (std::size_t i = 0; i < most_batches && !is_complete() && (at_the_end || !loop_.stopping()); ++i) {
    const std::size_t count = socket.receive(batch_, places_left());
    for (std::size_t place = 0; place < count; ++place) take(batch_[place], local_port, hooks);
    if (count > 0 && hooks.batch_done) hooks.batch_done();
    if (sink_.has_views() || sink_.is_full()) sink_.flush();
    if (count == 0 || socket.drained()) break;
  }
  sink_.flush();
  if (hooks.drained) hooks.drained();
  if (totals_.datagrams != before) last_taken_ = run::Clock::now();
  if (is_complete()) loop_.stop(run::StopReason::count);
  if (++drains_ % drains_a_drop_check == 0) socket.drops();
}

void Reception::take(net::Received received, std::uint16_t local_port, const Hooks& hooks) {
  if (hooks.accept && !hooks.accept(received)) {
    totals_.ignored += received.count();
    return;
  }
  if (stop_.count) {
    const std::uint64_t left = *stop_.count - totals_.datagrams;
    if (left == 0) return;
    if (received.count() > left) received.keep_first(left);
  }
  took_runs_ = took_runs_ || received.is_run();
  totals_.datagrams += received.count();
  totals_.bytes += received.is_run() ? received.bytes.size() : received.size;
  senders_.add(*received.sender);
  writer_.write(received, local_port);
  if (hooks.taken) hooks.taken(received);
}

void Reception::stop_when_idle(base::Nanoseconds idle) {
  last_taken_ = run::Clock::now();
  loop_.after(idle, [this, idle] { check_idle(idle); });
}

void Reception::check_idle(base::Nanoseconds idle) {
  const auto quiet = run::Clock::now() - last_taken_;
  if (quiet >= idle) {
    loop_.stop(run::StopReason::idle);
  } else {
    loop_.after(idle - quiet, [this, idle] { check_idle(idle); });
  }
}

void Reception::tell_when_gone(const net::Interface& interface) {
  loop_.every(std::chrono::seconds(1), [this, interface, told = false]() mutable {
    if (told || net::exists(interface)) return;
    told = true;
    report_.notice(fmt::format("interface {} is gone: nothing more comes from it, nor from a new one of that name",
                               base::escaped(interface.name)));
  });
}

void Reception::print_stats_every(base::Nanoseconds interval) {
  loop_.every(interval, [this, interval] {
    const output::Totals now = totals();
    report_.stats(now, last_stats_, interval);
    last_stats_ = now;
  });
}

output::Totals Reception::totals() {
  output::Totals totals = totals_;
  for (const Watched& watched : watched_) totals.dropped += watched.socket.drops();
  totals.more_dropped = took_runs_ && totals.dropped > 0;
  totals.senders = senders_.count();
  totals.more_senders = senders_.is_full();
  totals.elapsed = run::Clock::now() - started_;
  return totals;
}

void report_buffers(const net::GrantedBuffers& granted, output::Report& report) {
  if (granted.receive) report.verbose_notice(fmt::format("the receive buffer is {} bytes", *granted.receive));
  if (granted.send) report.verbose_notice(fmt::format("the send buffer is {} bytes", *granted.send));
}

base::ExitStatus status_of_receiving(run::StopReason reason, std::uint64_t datagrams, const run::StopOptions& stop) {
  using base::ExitStatus;
  if (stop.count) return datagrams >= *stop.count ? ExitStatus::done : ExitStatus::nothing;
  const bool waited = reason == run::StopReason::idle || reason == run::StopReason::deadline;
  return waited && datagrams == 0 ? ExitStatus::nothing : ExitStatus::done;
}

}  // namespace commands
