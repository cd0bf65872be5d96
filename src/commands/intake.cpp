// SPDX-License-Identifier: MIT
#include "commands/intake.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <new>

#include "base/error.hpp"
#include "base/text.hpp"
#include "commands/silence.hpp"

namespace commands {

void Intake::record_as(const output::Options& options, output::RecordSink& form) {
  if (options.format != output::Format::none) record_sinks_.push_back(&form);
  if (options.pcap) record_sinks_.push_back(&pcap_.emplace(*options.pcap));
  if (options.top) top_.emplace(*options.top);
}

void Intake::watch(net::UdpSocket& socket, Client& client) {
  Watched& watched = watched_.emplace_back(Watched{socket, client});
  loop_.on_readable(socket, [this, &watched] { drain(watched, batches_a_turn); });
}

std::size_t Intake::places_left() const {
  if (!limit_ || is_complete()) return batch_.places();
  return std::min<std::uint64_t>(batch_.places(), *limit_ - counts_.datagrams);
}

void Intake::take_what_waits() {
  // As much as the buffer (twice of what was granted) may have held: a flood does not end because we do.
  constexpr std::size_t min_cost = 512;  // bytes of it that a datagram takes
  for (Watched& watched : watched_) {
    drain(watched, 2 * static_cast<std::size_t>(watched.socket.read(net::UdpSocket::Readable::receive_buffer)) /
                           min_cost / batch_.places() +
                       1);
  }
}

void Intake::resume() {
  for (Watched& watched : watched_) drain(watched, batches_a_turn);
}

void Intake::drain(Watched& watched, std::size_t max_batches) {
  try {
    take_batches(watched, max_batches);
  } catch (const std::bad_alloc&) {  // what was taken before is written
    write_out();
    throw;
  }
}

void Intake::write_out() {
  sink_.flush();
  for (output::RecordSink* const records : record_sinks_) records->flush();
}

void Intake::take_batches(Watched& watched, std::size_t max_batches) {
  auto& [socket, client, heard] = watched;
  constexpr std::uint64_t drains_a_drop_check = 1'024;  // often enough for a 32-bit counter
  const std::uint16_t local_port = socket.local_port() != 0 ? socket.local_port() : socket.local_endpoint().port();
  const std::uint64_t before = counts_.datagrams;
  const auto is_last = [this] { return stop_.count && is_complete(); };
  for (std::size_t i = 0; i < max_batches && !is_last(); ++i) {
    const std::size_t count = socket.receive(batch_, std::min(places_left(), client.room()));
    for (std::size_t place = 0; place < count; ++place) take(batch_[place], local_port, watched);
    if (count > 0) client.batch_done();
    if (sink_.has_views() || sink_.is_full()) sink_.flush();
    if (count == 0 || socket.drained()) break;
  }
  drain_errors(watched);
  write_out();
  if (counts_.datagrams != before) last_taken_ = run::Clock::now();
  if (is_last()) loop_.stop(run::StopReason::count);
  if (++drains_ % drains_a_drop_check == 0) socket.drops();
}

void Intake::drain_errors(const Watched& watched) {
  for (std::size_t i = 0; i < errors_a_turn; ++i) {
    const auto error = watched.socket.transport_error();
    if (!error) break;
    watched.client.error(*error);
  }
}

void Intake::take(net::Received received, std::uint16_t local_port, Watched& watched) {
  if (is_complete()) return;
  const Admission admission = watched.client.admit(received);
  if (!admission.in) {
    watched.heard.ignored += received.count();
    return;
  }
  took_runs_ = took_runs_ || received.is_run();
  if (limit_ && received.count() > *limit_ - counts_.datagrams) received.keep_first(*limit_ - counts_.datagrams);
  counts_.add(received);
  watched.heard.datagrams += received.count();
  watched.heard.bytes += received.size();
  if (top_) top_->add(received);
  for (output::RecordSink* const records : record_sinks_) records->write(received, local_port);
  watched.client.take(received, admission);
}

void Intake::stop_when_idle(base::Nanoseconds idle) {
  last_taken_ = run::Clock::now();
  loop_.after(idle, [this, idle] { check_idle(idle); });
}

void Intake::check_idle(base::Nanoseconds idle) {
  const auto quiet = run::Clock::now() - last_taken_;
  if (quiet >= idle) {
    loop_.stop(run::StopReason::idle);
  } else {
    loop_.after(idle - quiet, [this, idle] { check_idle(idle); });
  }
}

void Intake::tell_when_gone(const net::Interface& interface) {
  loop_.every(std::chrono::seconds(1), [this, interface, told = false](base::Nanoseconds) mutable {
    if (told || net::exists(interface)) return;
    told = true;
    report_.notice(fmt::format("interface {} is gone: nothing more comes from it, nor from a new one of that name",
                               interface.shown()));
  });
}

void Intake::print_stats_every(base::Nanoseconds interval) {
  loop_.every(interval, [this](base::Nanoseconds elapsed) {
    const output::Totals now = totals();
    if (top_) top_->erase();
    report_.stats(now, last_stats_, elapsed);
    last_stats_ = now;
    tell_top();
  });
}

void Intake::tell_top() {
  if (!top_) return;
  const auto now = run::Clock::now();
  top_->erase();
  top_->tell(report_, counts_.datagrams, now - last_top_);
  last_top_ = now;
}

output::Totals Intake::totals() {
  output::Totals totals;
  totals.datagrams = counts_.datagrams;
  totals.bytes = counts_.bytes;
  count_drops();
  for (const Watched& watched : watched_) {
    totals.ignored += watched.heard.ignored;
    totals.dropped += watched.heard.dropped;
    totals.bad_checksum += watched.heard.bad_checksum;
  }
  const std::uint64_t of_host = dropped_.ipv4.bad_checksum + dropped_.ipv6.bad_checksum;
  totals.bad_checksum_of_host = of_host > totals.bad_checksum;
  totals.bad_checksum = std::max(totals.bad_checksum, of_host);
  totals.more_dropped = took_runs_ && totals.dropped > 0;
  totals.senders = counts_.senders.count();
  totals.more_senders = counts_.senders.is_full();
  totals.elapsed = run::Clock::now() - started_;
  return totals;
}

// The kernel has one counter a socket for all causes, and one a cause for all sockets, which is read after those.
void Intake::count_drops() {
  std::vector<std::uint64_t> lost;
  lost.reserve(watched_.size());
  for (const Watched& watched : watched_) lost.push_back(watched.socket.drops());
  if (kernel_) dropped_ = kernel_->drops();
  auto next = lost.begin();
  for (auto& [socket, client, heard] : watched_) {
    const std::uint64_t all = *next++;
    if (all == heard.dropped + heard.bad_checksum) continue;
    const std::uint64_t bad = net::bad_checksums_among(all, dropped_.of(net::family_of(socket.local_endpoint())));
    heard.dropped = std::max(heard.dropped, all - bad);  // the counters were not read in one moment
    heard.bad_checksum = all - heard.dropped;
  }
}

void Intake::explain_silence() {
  if (counts_.datagrams > 0) return;
  count_drops();
  for (const std::string& cause : causes_of_silence(dropped_)) report_.notice(cause);
}

base::ExitStatus status_of_receiving(run::StopReason reason, std::uint64_t datagrams, const run::StopOptions& stop) {
  using base::ExitStatus;
  if (reason == run::StopReason::reader_gone) return ExitStatus::done;
  if (stop.count) return datagrams >= *stop.count ? ExitStatus::done : ExitStatus::nothing;
  const bool waited = reason == run::StopReason::idle || reason == run::StopReason::deadline;
  return waited && datagrams == 0 ? ExitStatus::nothing : ExitStatus::done;
}

}  // namespace commands
