// SPDX-License-Identifier: MIT
#include "commands/probe/trace_answer.hpp"

#include <fmt/format.h>

namespace commands {
namespace {

using Kind = net::TransportError::Kind;

bool is_closed(const Answer& answer) { return answer.from_target && answer.error->kind == Kind::port_unreachable; }

}  // namespace

TraceAnswer trace_answer(const Answer& answer, const TraceProbe& probe, const net::Address& target) {
  TraceAnswer out;
  out.probe = probe;
  out.rtt = answer.rtt;
  if (answer.error == nullptr) {
    out.kind = TraceAnswer::Kind::reached;
    out.address = target;
    out.ttl = answer.reply->metadata.ttl;
    return out;
  }
  const net::TransportError& error = *answer.error;
  const bool passed = error.kind == Kind::ttl_exceeded;
  out.kind = passed               ? TraceAnswer::Kind::passed
             : answer.from_target ? TraceAnswer::Kind::reached
                                  : TraceAnswer::Kind::refused;
  out.address = *error.offender;
  out.ttl = error.ttl;
  out.remark = mpls_text(parse_mpls(error.extension));
  if (!passed && !is_closed(answer)) {
    out.remark = net::icmp_name(net::family_of(*error.offender), error.icmp_type, error.icmp_code);
    if (error.mtu != 0) out.remark += fmt::format(", MTU {}", error.mtu);
  }
  return out;
}

ProbeState state_after(ProbeState before, const Answer& answer) {
  if (answer.error == nullptr) return ProbeState::open;
  if (before == ProbeState::open || answer.error->kind == Kind::ttl_exceeded) return before;
  return is_closed(answer) ? ProbeState::closed : ProbeState::unreachable;
}

}  // namespace commands
