// SPDX-License-Identifier: MIT
#include "commands/probe/stamp_facts.hpp"

#include <fmt/format.h>

#include <chrono>

namespace commands {
namespace {

using base::Nanoseconds;

// A reflector whose time is that far off has written it in another format than it says.
constexpr auto max_difference = std::chrono::hours(24);
constexpr int max_hops = 64;

double milliseconds(Nanoseconds time) { return static_cast<double>(time.count()) / 1e6; }

bool is_near(net::SystemTime a, net::SystemTime b) { return std::chrono::abs(a - b) <= max_difference; }

// Nothing for what cannot be a number of hops: the other end did not send with that TTL, or does not know it.
std::optional<int> hops_between(int left, int arrived) {
  const int count = left - arrived;
  return count >= 0 && count <= max_hops ? std::optional(count) : std::nullopt;
}

}  // namespace

StampFacts facts_of(const stamp::Reply& reply, const StampSight& sight) {
  StampFacts facts;
  stamp::TimeFormat format = stamp::format_of(reply.error_estimate);
  const bool format_known = is_near(stamp::decode_time(reply.received, format, sight.sent), sight.sent);
  if (!format_known) {  // how long it held the packet may still be read in the other one
    format = format == stamp::TimeFormat::ntp ? stamp::TimeFormat::ptp : stamp::TimeFormat::ntp;
  }
  const net::SystemTime received = stamp::decode_time(reply.received, format, sight.sent);
  const net::SystemTime sent = stamp::decode_time(reply.sent, format, received);
  facts.held = std::clamp<Nanoseconds>(sent - received, Nanoseconds(0), sight.round_trip);
  if (format_known) {
    facts.forward = received - sight.sent;
    facts.backward = sight.arrived - sent;
    facts.synchronised = sight.synchronised && stamp::is_synchronised(reply.error_estimate);
  }
  constexpr int reflectors_ttl = 255;
  facts.hops_forward = hops_between(sight.ttl, reply.request_ttl);
  if (sight.reply_ttl) facts.hops_backward = hops_between(reflectors_ttl, *sight.reply_ttl);
  if (reply.class_of_service) {
    facts.dscp_arrived = reply.class_of_service->dscp;
    facts.ecn_arrived = reply.class_of_service->ecn;
  }
  return facts;
}

std::string StampFacts::text(std::optional<int> dscp_left) const {
  std::string out = "stamp";
  if (forward && backward) {
    out += fmt::format(", forward {:.3f} ms, backward {:.3f} ms{}", milliseconds(*forward), milliseconds(*backward),
                       synchronised ? "" : " (clocks not synchronised)");
  }
  const auto number = [](const std::optional<int>& value) { return value ? std::to_string(*value) : "unknown"; };
  out += fmt::format(", hops {} there, {} back", number(hops_forward), number(hops_backward));
  if (dscp_left) out += fmt::format(", dscp {} left, {} arrived", *dscp_left, number(dscp_arrived));
  return out;
}

}  // namespace commands
