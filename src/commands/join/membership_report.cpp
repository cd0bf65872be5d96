// SPDX-License-Identifier: MIT
#include "commands/join/membership_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/text.hpp"
#include "commands/streams/report.hpp"
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

// More silent memberships than these share a line.
constexpr std::size_t max_silent = 16;

std::string more_silent(std::size_t silent) { return fmt::format("{} more groups: 0 datagrams", silent); }

// How many silent groups share one line. Each is an event of its own with -j.
std::size_t folded_ones(const Memberships& memberships) {
  const auto& all = memberships.all();
  const auto silent = static_cast<std::size_t>(
      std::count_if(all.begin(), all.end(), [](const auto& one) { return one->datagrams == 0; }));
  return silent > max_silent ? silent : 0;
}

}  // namespace

void MembershipReport::announce(const char* what, const Membership& one) {
  report_.tell(
      output::Tone::talk, what, [&](output::JsonEvent& event) { add_group(event, one); },
      [&] { return fmt::format("{} {}", what, one.text()); });
  report_.flush();
}

void MembershipReport::stats(const Memberships& memberships, base::Nanoseconds interval) {
  if (memberships.left()) {
    interface_stats(memberships, interval);
  } else {
    const std::size_t folded = folded_ones(memberships);
    for (std::size_t i = 0; i < memberships.sockets().size(); ++i) {
      const std::uint64_t drops = intake_.heard(i).dropped;  // each is watched, in this order
      for (const Membership* one : memberships.sockets()[i]->memberships) {
        stats_of(*one, drops, interval, folded == 0 || one->datagrams > 0);
      }
    }
    if (folded > 0) report_.line(more_silent(folded), output::Tone::asked);
  }
  report_.flush();
}

// `drops` are of the socket, which memberships of one group share.
void MembershipReport::stats_of(const Membership& one, std::uint64_t drops, base::Nanoseconds interval, bool in_text) {
  Told& last = last_[&one];
  const output::Rates rates(one.datagrams - last.datagrams, one.bytes - last.bytes, interval);
  const std::uint64_t dropped = drops - last.dropped;
  last = {one.datagrams, one.bytes, drops};
  const auto fields = [&](output::JsonEvent& event) {
    add_group(event, one);
    rates.add_to(event);
    event.number("datagrams", one.datagrams).number("bytes", one.bytes).number("senders", one.senders.count());
    event.number("dropped", dropped);
  };
  report_.tell(output::Tone::asked, "stats", fields, [&] {
    if (!in_text) return std::string();
    return fmt::format("{}: {}, {}, {}, {}, {} dropped", one.text(), rates.text(),
                       base::counted(one.datagrams, "datagram"), base::counted(one.bytes, "byte"),
                       base::counted(one.senders.count(), "sender", one.senders.is_full()), dropped);
  });
  streams_of(one, true);
}

void MembershipReport::interface_stats(const Memberships& memberships, base::Nanoseconds interval) {
  const double seconds = static_cast<double>(interval.count()) / 1e9;
  std::map<unsigned, std::uint64_t> heard;  // by the memberships on each interface
  for (const auto& one : memberships.all()) heard[one->interface.index] += one->datagrams;
  for (const auto& one : heard) {
    const std::string interface(net::interface_name(one.first));  // that it has now
    const std::uint64_t datagrams = one.second;
    const auto now = receive_counters(interface);
    if (!now) continue;
    const ReceiveCounters last = last_of_interface_.try_emplace(interface, *now).first->second;
    last_of_interface_[interface] = *now;
    const double packets = static_cast<double>(now->packets - last.packets) / seconds;
    const double multicast = static_cast<double>(now->multicast - last.multicast) / seconds;
    const bool counts = now->multicast > 0 || datagrams == 0;  // else its driver passed some and counted none
    const auto fields = [&](output::JsonEvent& event) {
      event.text("interface", interface).decimal("packets_per_second", packets, 1);
      if (!counts) return;
      event.decimal("multicast_packets_per_second", multicast, 1).number("multicast_packets", now->multicast);
    };
    report_.tell(output::Tone::asked, "stats", fields, [&] {
      if (!counts) {
        return fmt::format("{} after leaving: {:.0f} packets/s; its driver does not count multicast",
                           base::escaped(interface), packets);
      }
      return fmt::format("{} after leaving: {:.0f} packets/s, of them {:.0f} multicast; {} multicast in all",
                         base::escaped(interface), packets, multicast, now->multicast);
    });
  }
}

void MembershipReport::streams_of(const Membership& one, bool asked) {
  if (streams_ == nullptr) return;
  const StreamPlace place{net::Endpoint(net::with_zone(one.group, 0), one.port), true, one.source};
  report_streams(*streams_, one.number, place, report_, asked);
}

void MembershipReport::summarize(const Memberships& memberships) {
  const std::size_t folded = folded_ones(memberships);
  for (const auto& one : memberships.all()) summarize(*one, folded == 0 || one->datagrams > 0);
  if (folded > 0) report_.line(more_silent(folded));
  if (streams_ != nullptr) report_more_streams(*streams_, report_);
}

void MembershipReport::summarize(const Membership& one, bool in_text) {
  using std::chrono::milliseconds;
  std::optional<std::uint64_t> first_ms;
  if (one.first) {
    const auto wait = std::chrono::duration_cast<milliseconds>(*one.first - one.joined_at);
    first_ms = static_cast<std::uint64_t>(wait.count());
  }
  const auto fields = [&](output::JsonEvent& event) {
    add_group(event, one);
    event.number("datagrams", one.datagrams).number("bytes", one.bytes).number("senders", one.senders.count());
    if (first_ms) event.number("first_ms", *first_ms);
  };
  report_.tell(output::Tone::talk, "group", fields, [&] {
    if (!in_text) return std::string();
    return fmt::format("{}: {}, {}, {}{}", one.text(), base::counted(one.datagrams, "datagram"),
                       base::counted(one.bytes, "byte"),
                       base::counted(one.senders.count(), "sender", one.senders.is_full()),
                       first_ms ? fmt::format(", first after {} ms", *first_ms) : "");
  });
  streams_of(one, false);
}

}  // namespace commands
