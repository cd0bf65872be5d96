#include "commands/join/membership_report.hpp"

#include <fmt/format.h>

#include <chrono>

#include "commands/join/explain/host_state.hpp"
#include "output/json.hpp"

namespace commands {
namespace {

void add_group(output::JsonEvent& event, const Membership& one) {
  event.address("group", net::with_zone(one.group, 0)).number("port", one.port);
  event.text("interface", net::interface_name(one.interface.index));
  if (one.source) {
    event.address("source", *one.source);
  } else {
    event.null("source");
  }
}

std::string ssrc_text(std::uint32_t ssrc) { return fmt::format("0x{:08x}", ssrc); }

}  // namespace

void MembershipReport::announce(const char* what, const Membership& one) {
  report_.line(fmt::format("{} {}", what, one.text()));
  if (!report_.json()) return;
  {
    output::JsonEvent event(report_.buffer(), what);
    add_group(event, one);
  }
  report_.flush();
}

void MembershipReport::stats(const Memberships& memberships, base::Nanoseconds interval) {
  const double seconds = static_cast<double>(interval.count()) / 1e9;
  if (memberships.left()) {
    interface_stats(memberships, seconds);
  } else {
    for (const auto& socket : memberships.sockets()) {
      for (const Membership* one : socket->memberships) stats_of(*socket, *one, seconds);
    }
  }
  report_.flush();
}

void MembershipReport::stats_of(Memberships::Socket& socket, const Membership& one, double seconds) {
  Counts& last = last_[&one];
  const double datagrams = static_cast<double>(one.datagrams - last.datagrams) / seconds;
  const double bits = static_cast<double>(one.bytes - last.bytes) * 8 / seconds;
  const std::uint64_t drops = socket.udp.drops();  // of the socket, which memberships of one group share
  const std::uint64_t dropped = drops - last.dropped;
  last = {one.datagrams, one.bytes, drops};
  if (report_.json()) {
    output::JsonEvent event(report_.buffer(), "stats");
    add_group(event, one);
    event.decimal("datagrams_per_second", datagrams, 1).decimal("bits_per_second", bits, 0);
    event.number("datagrams", one.datagrams).number("bytes", one.bytes).number("senders", one.senders.count());
    event.number("dropped", dropped);
  } else {
    output::print_line(fmt::format("{}: {:.0f} datagrams/s, {}, {} datagrams, {} bytes, {} senders, {} dropped",
                                   one.text(), datagrams, base::with_prefix(bits, "bit/s"), one.datagrams, one.bytes,
                                   one.senders.count(), dropped));
  }
  streams_of(one, &MembershipReport::print_always);  // --stats asked for it
}

void MembershipReport::interface_stats(const Memberships& memberships, double seconds) {
  std::map<std::string, Counts> now;
  for (const auto& one : memberships.all()) {
    const std::string& name = one->interface.name;
    const auto counters = receive_counters(name);
    if (counters) now[name] = {counters->packets, counters->multicast, 0};
  }
  for (const auto& [name, counts] : now) {
    const Counts last = last_of_interface_.count(name) != 0 ? last_of_interface_[name] : counts;
    const double packets = static_cast<double>(counts.datagrams - last.datagrams) / seconds;
    const double multicast = static_cast<double>(counts.bytes - last.bytes) / seconds;
    if (report_.json()) {
      output::JsonEvent(report_.buffer(), "stats")
          .text("interface", name)
          .decimal("packets_per_second", packets, 1)
          .decimal("multicast_packets_per_second", multicast, 1)
          .number("multicast_packets", counts.bytes);
    } else {
      output::print_line(
          fmt::format("{} after leaving: {:.0f} packets/s, of them {:.0f} multicast; {} multicast in all", name,
                      packets, multicast, counts.bytes));
    }
  }
  last_of_interface_ = std::move(now);
}

void MembershipReport::streams_of(const Membership& one, Print print) {
  if (!one.streams) return;
  for (const RtpReport& rtp : one.streams->rtp.reports()) {
    if (report_.json()) {
      output::JsonEvent event(report_.buffer(), "rtp");
      add_group(event, one);
      event.text("ssrc", ssrc_text(rtp.ssrc)).number("payload_type", rtp.payload_type);
      event.number("clock_rate", rtp.clock_rate).number("received", rtp.received).number("lost", rtp.lost);
      event.number("duplicate", rtp.duplicate).number("reordered", rtp.reordered).number("restarts", rtp.restarts);
      event.decimal("jitter_ms", rtp.jitter_ms);
      continue;
    }
    const std::string restarts = rtp.restarts > 0 ? fmt::format(", restarts {}", rtp.restarts) : "";
    (this->*print)(fmt::format("rtp {}: lost {}, duplicate {}, reordered {}{}, jitter {:.1f} ms", ssrc_text(rtp.ssrc),
                               rtp.lost, rtp.duplicate, rtp.reordered, restarts, rtp.jitter_ms));
  }
  for (const TsReport& ts : one.streams->ts.reports()) {
    if (report_.json()) {
      output::JsonEvent event(report_.buffer(), "mpegts");
      add_group(event, one);
      event.number("pid", ts.pid).number("packets", ts.packets).number("continuity_errors", ts.errors);
    } else {
      (this->*print)(
          fmt::format("mpeg-ts pid 0x{:04x}: {} packets, {} continuity errors", ts.pid, ts.packets, ts.errors));
    }
  }
}

void MembershipReport::summarize(const Membership& one) {
  using std::chrono::milliseconds;
  std::optional<std::uint64_t> first_ms;
  if (one.first) {
    const auto wait = std::chrono::duration_cast<milliseconds>(*one.first - one.joined_at);
    first_ms = static_cast<std::uint64_t>(wait.count());
  }
  report_.line(fmt::format("{}: {}, {}, {}{}", one.text(), base::counted(one.datagrams, "datagram"),
                           base::counted(one.bytes, "byte"),
                           base::counted(one.senders.count(), "sender", one.senders.is_full()),
                           first_ms ? fmt::format(", first after {} ms", *first_ms) : ""));
  if (report_.json()) {
    output::JsonEvent event(report_.buffer(), "group");
    add_group(event, one);
    event.number("datagrams", one.datagrams).number("bytes", one.bytes).number("senders", one.senders.count());
    if (first_ms) event.number("first_ms", *first_ms);
  }
  streams_of(one, &MembershipReport::print_as_talk);
}

}  // namespace commands
