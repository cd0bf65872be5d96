// SPDX-License-Identifier: MIT
// A trace whose answers come in any order, twice, from anybody and to probes that were never sent: each probe leaves
// once, the hops come in order, and it ends. And MPLS labels out of any bytes.
#include <set>
#include <utility>
#include <vector>

#include "commands/probe/trace_plan.hpp"
#include "fuzz.hpp"

namespace {

using commands::TraceAnswer;
using commands::TraceProbe;

TraceAnswer answer_from(fuzz::Feed& feed, const std::vector<TraceProbe>& sent) {
  const std::uint8_t kind = feed.byte();
  TraceAnswer answer;
  if (kind < 200 && !sent.empty()) {
    answer.probe = sent[feed.byte() % sent.size()];
  } else {
    answer.probe = {feed.byte(), feed.byte() % 8u};
  }
  answer.kind = static_cast<TraceAnswer::Kind>(kind % 3);
  answer.address = net::asio::ip::address_v4(feed.byte());
  return answer;
}

void check_mpls(std::string_view bytes) {
  const std::vector<commands::MplsLabel> labels = commands::parse_mpls(bytes);
  MUST(labels.size() <= 16);
  for (const commands::MplsLabel& one : labels) MUST(one.label < 1u << 20 && one.traffic_class < 8);
  fuzz::must_be_harmless(commands::mpls_text(labels));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  check_mpls({reinterpret_cast<const char*>(data), size});

  fuzz::Feed feed(data, size);
  commands::TraceOptions options;
  options.first_hop = 1 + feed.byte() % 4;
  options.max_hops = options.first_hop + feed.byte() % 32;
  options.tries = 1 + feed.byte() % 4;
  options.window = 1 + feed.byte() % 8;
  commands::TracePlan plan(options);
  std::vector<TraceProbe> sent;
  std::set<std::pair<unsigned, unsigned>> ever;
  unsigned hops = 0;
  bool ended = false;
  const auto take_hops = [&] {
    while (const auto hop = plan.take_hop()) {
      MUST(!ended && hop->ttl == options.first_hop + hops++);
      MUST(hop->ttl <= options.max_hops);
      MUST(hop->answers.size() + hop->silent == options.tries);
      ended = hop->is_last;
    }
  };
  while (!plan.done()) {
    while (const auto probe = plan.next()) {
      MUST(ever.emplace(probe->ttl, probe->attempt).second);
      MUST(probe->ttl >= options.first_hop && probe->ttl <= options.max_hops && probe->attempt < options.tries);
      sent.push_back(*probe);
    }
    if (feed.empty()) {  // nobody answers any more
      for (const TraceProbe& probe : sent) plan.silent(probe);
    } else {
      plan.answered(answer_from(feed, sent));
    }
    take_hops();
  }
  MUST(ended && hops > 0);
  return 0;
}
