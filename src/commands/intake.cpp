// SPDX-License-Identifier: MIT
#include "commands/intake.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <new>

#include "base/error.hpp"
#include "commands/silence.hpp"
#include "net/drain.hpp"

namespace commands {

void Intake::record_as(const output::Options& options, output::RecordSink& form, output::RecordSink* pcap) {
  if (options.prints_records()) record_sinks_.push_back(&form);
  if (options.pcap) record_sinks_.push_back(pcap != nullptr ? pcap : &pcap_.emplace(*options.pcap, sink_));
  if (options.top) top_.emplace(*options.top, options.prints_records());
}

void Intake::count_with(Intake& other) {
  if (!tickets_) tickets_ = std::make_shared<std::atomic<std::uint64_t>>(0);
  other.tickets_ = tickets_;
  others_.push_back(&other);
}

void Intake::watch(net::UdpSocket& socket, Client& client) {
  Watched& watched = watched_.emplace_back(Watched{socket, client});
  loop_.on_readable(socket, [this, &watched] { drain(watched, batches_a_turn); });
}

std::size_t Intake::places_left() const {
  const std::uint64_t before = taken();
  if (!limit_ || before >= *limit_) return batch_.places();
  return std::min<std::uint64_t>(batch_.places(), *limit_ - before);
}

// How many of so many may still be taken.
std::uint64_t Intake::grant(std::uint64_t datagrams) {
  if (!limit_) return datagrams;
  const std::uint64_t before = tickets_ ? tickets_->fetch_add(datagrams) : counts_.datagrams;
  return before >= *limit_ ? 0 : std::min(datagrams, *limit_ - before);
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
  net::UdpSocket& socket = watched.socket;
  constexpr std::uint64_t drains_a_drop_check = 1'024;  // often enough for a 32-bit counter
  const std::uint16_t local_port = socket.local_port() != 0 ? socket.local_port() : socket.local_endpoint().port();
  const std::uint64_t before = counts_.datagrams;
  const auto is_last = [this] { return ends_at_limit_ && is_complete(); };
  const auto room = [&] { return is_last() ? 0 : std::min(places_left(), watched.client.room()); };
  const auto take_batch = [&] {
    for (std::size_t place = 0; place < batch_.size(); ++place) take(batch_[place], local_port, watched);
    watched.client.batch_done();
    if (sink_.has_views() || sink_.is_full()) sink_.flush();
  };
  net::drain(socket, batch_, max_batches, room, take_batch,
             [&](const net::TransportError& error) { watched.client.error(error); });
  write_out();
  if (counts_.datagrams != before) last_taken_ = run::Clock::now();
  if (is_last()) loop_.stop(run::StopReason::count);
  if (++drains_ % drains_a_drop_check == 0) socket.drops();
}

void Intake::take(net::Received received, std::uint16_t local_port, Watched& watched) {
  if (is_complete()) return;
  const Admission admission = watched.client.admit(received);
  if (!admission.in) {
    if (admission.counts) watched.heard.ignored += received.count();
    return;
  }
  const std::uint64_t granted = grant(received.count());
  if (granted == 0) return;
  took_runs_ = took_runs_ || received.is_run();
  if (granted < received.count()) received.keep_first(granted);
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
  run::Clock::time_point last{};
  for_each([&](const Intake& one) { last = std::max(last, one.last_taken_); });
  const auto quiet = run::Clock::now() - last;
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

void Intake::tell_last_top() {
  if (top_) top_->settle();
  tell_top();
}

void Intake::tell_top() {
  if (!top_) return;
  const auto now = run::Clock::now();
  top_->erase();
  traffic::TopSenders all;
  for_each([&](Intake& one) {
    all.add(one.top_->senders());
    one.top_->mark();
  });
  top_->tell(report_, all, datagrams(), now - last_top_);
  last_top_ = now;
}

std::uint64_t Intake::datagrams() {
  std::uint64_t sum = 0;
  for_each([&](const Intake& one) { sum += one.counts_.datagrams; });
  return sum;
}

output::Heard Intake::heard(std::size_t watched) {
  output::Heard sum;
  for_each([&](const Intake& one) { sum.add(one.watched_[watched].heard); });
  return sum;
}

output::Totals Intake::totals() {
  output::Totals totals;
  count_drops();
  bool runs = false;
  traffic::SenderCounter all;
  for_each([&](const Intake& one) {
    runs = runs || one.took_runs_;
    if (!others_.empty()) all.add(one.counts_.senders);
    for (const Watched& watched : one.watched_) totals.add(watched.heard);
  });
  const traffic::SenderCounter& senders = others_.empty() ? counts_.senders : all;
  const std::uint64_t of_host = dropped_.ipv4.bad_checksum + dropped_.ipv6.bad_checksum;
  totals.bad_checksum_of_host = of_host > totals.bad_checksum;
  totals.bad_checksum = std::max(totals.bad_checksum, of_host);
  totals.more_dropped = runs && totals.dropped > 0;
  totals.senders = senders.count();
  totals.more_senders = senders.is_full();
  totals.elapsed = run::Clock::now() - started_;
  return totals;
}

// The kernel has one counter a socket for all causes, and one a cause for all sockets, which is read after those.
void Intake::count_drops() {
  for_each([](Intake& one) {
    for (Watched& watched : one.watched_) watched.lost = watched.socket.drops();
  });
  if (kernel_) dropped_ = kernel_->drops();
  for_each([this](Intake& one) { one.share_out(dropped_); });
}

void Intake::share_out(const net::KernelDrops& dropped) {
  for (auto& [socket, client, heard, lost] : watched_) {
    if (lost == heard.dropped + heard.bad_checksum) continue;
    const std::uint64_t bad = net::bad_checksums_among(lost, dropped.of(net::family_of(socket.local_endpoint())));
    heard.dropped = std::max(heard.dropped, lost - bad);  // the counters were not read in one moment
    heard.bad_checksum = lost - heard.dropped;
  }
}

void Intake::explain_silence() {
  if (datagrams() > 0) return;
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
