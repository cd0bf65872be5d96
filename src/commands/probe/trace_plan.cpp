// SPDX-License-Identifier: MIT
#include "commands/probe/trace_plan.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.hpp"

namespace commands {
namespace {

// RFC 1071: a structure that includes its own right checksum adds up to all ones.
bool checksum_is_right(std::string_view bytes) {
  std::uint32_t sum = 0;
  base::ByteReader in(bytes);
  while (in.left() >= 2) sum += in.u16();
  if (in.left() == 1) sum += static_cast<std::uint32_t>(in.u8()) << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return sum == 0xffff;
}

}  // namespace

std::vector<net::Address> TraceHop::addresses() const {
  std::vector<net::Address> out;
  for (const TraceAnswer& answer : answers) {
    if (std::find(out.begin(), out.end(), answer.address) == out.end()) out.push_back(answer.address);
  }
  return out;
}

TracePlan::TracePlan(const TraceOptions& options)
    : options_(options),
      hops_(options.max_hops - options.first_hop + 1, std::vector<Try>(options.tries)),
      cursor_{options.first_hop, 0},
      next_hop_(options.first_hop),
      last_(options.max_hops) {}

std::optional<TraceProbe> TracePlan::next() {
  if (halted_ || cursor_.ttl > last_ || cursor_.ttl - next_hop_ >= options_.window) return std::nullopt;
  const TraceProbe probe = cursor_;
  tries(probe.ttl)[probe.attempt].sent = true;
  if (++cursor_.attempt == options_.tries) cursor_ = {cursor_.ttl + 1, 0};
  return probe;
}

// The state of a probe that was sent and whose hop has not been handed out, else nullptr.
TracePlan::Try* TracePlan::find(const TraceProbe& probe) {
  if (probe.ttl < next_hop_ || probe.ttl > options_.max_hops || probe.attempt >= options_.tries) return nullptr;
  Try& found = tries(probe.ttl)[probe.attempt];
  return found.sent ? &found : nullptr;
}

void TracePlan::answered(const TraceAnswer& answer) {
  Try* const found = find(answer.probe);
  if (found == nullptr || found->answer) return;
  found->answer = answer;
  if (answer.kind != TraceAnswer::Kind::passed && answer.probe.ttl <= last_) {
    last_ = answer.probe.ttl;
    find_end();
  }
}

// Among several answers at the last TTL the target's own weighs more than a refusal on another path.
void TracePlan::find_end() {
  end_ = End::refused;
  for (const Try& each : tries(last_)) {
    if (each.answer && each.answer->kind == TraceAnswer::Kind::reached) end_ = End::reached;
  }
}

void TracePlan::silent(const TraceProbe& probe) {
  if (Try* const found = find(probe)) found->silent = true;
}

void TracePlan::halt(const std::optional<TraceProbe>& unsent) {
  halted_ = true;
  if (unsent) {
    tries(unsent->ttl)[unsent->attempt].sent = false;
    cursor_ = *unsent;
  }
  last_ = std::min(last_, cursor_.attempt == 0 ? cursor_.ttl - 1 : cursor_.ttl);
}

std::optional<TraceHop> TracePlan::take_hop() {
  if (done()) return std::nullopt;
  TraceHop hop;
  hop.ttl = next_hop_;
  for (const Try& each : tries(next_hop_)) {
    if (each.answer) {
      hop.answers.push_back(*each.answer);
    } else if (each.silent) {
      ++hop.silent;
    } else if (!halted_ || each.sent) {
      return std::nullopt;
    }
  }
  hop.is_last = next_hop_ == last_;
  ++next_hop_;
  return hop;
}

unsigned return_hops(std::uint8_t ttl) {
  const unsigned first = ttl <= 64 ? 64 : ttl <= 128 ? 128 : 255;
  return first - ttl + 1;  // a neighbour's answer is not yet counted down
}

std::optional<unsigned> asymmetric_return(unsigned hop, std::uint8_t ttl) {
  const unsigned back = return_hops(ttl);
  if (back == hop) return std::nullopt;
  return back;
}

std::vector<MplsLabel> parse_mpls(std::string_view extension) {
  base::ByteReader in(extension);
  const unsigned version = in.u8() >> 4;
  in.skip(1);
  const std::uint16_t checksum = in.u16();  // 0: not given
  if (!in.ok() || version != 2 || (checksum != 0 && !checksum_is_right(extension))) return {};
  constexpr std::size_t header_size = 4, max_labels = 16;
  while (in.left() > 0) {
    const std::size_t size = in.u16();
    const std::uint8_t object_class = in.u8();
    const std::uint8_t type = in.u8();
    if (size < header_size) return {};
    base::ByteReader object(in.take(size - header_size));
    if (!in.ok()) return {};
    if (object_class != 1 || type != 1) continue;
    std::vector<MplsLabel> labels;
    while (object.left() >= 4 && labels.size() < max_labels) {
      const std::uint32_t entry = object.u32();
      labels.push_back({entry >> 12, static_cast<std::uint8_t>(entry >> 9 & 7), (entry >> 8 & 1) != 0,
                        static_cast<std::uint8_t>(entry & 0xff)});
      if (labels.back().bottom) break;
    }
    return labels;
  }
  return {};
}

std::string mpls_text(const std::vector<MplsLabel>& labels) {
  std::string out;
  for (const MplsLabel& each : labels) {
    out += fmt::format("{}MPLS {} class {} ttl {}", out.empty() ? "" : ", ", each.label, each.traffic_class, each.ttl);
  }
  return out;
}

}  // namespace commands
