// SPDX-License-Identifier: MIT
// Replies of strangers to every checker: the first byte picks the payload, the second one the port, the rest is the
// reply. Holes for the id are filled from the request, so that the fuzzer gets past the first comparison.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "commands/probe/payloads/payloads.hpp"
#include "commands/probe/trace_plan.hpp"

namespace {

// Each checker's fact holds at most one text of 60 bytes and some words.
constexpr std::size_t longest_fact = 120;

void check(const commands::Payload& payload, const std::string& request, std::string_view reply) {
  using namespace std::chrono_literals;
  const net::SystemTime sent{1'700'000'000s};
  const auto fact = commands::check_reply(payload, request, reply, {sent, sent + 20ms});
  if (fact && (fact->size() > longest_fact || !fact->starts_with(payload.name))) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  commands::RandomBits random;
  for (std::size_t i = 0; i < random.size(); ++i) random[i] = static_cast<std::uint8_t>(0xa0 + 7 * i);
  const auto all = commands::payloads();
  const commands::Payload& payload = all[data[0] % all.size()];
  const std::string request = commands::build_request(payload, random, payload.ports[data[1] % 2]);
  const std::string reply(reinterpret_cast<const char*>(data) + 2, size - 2);
  check(payload, request, reply);
  // The same with the beginning of the request laid over it, and behind it.
  std::string ours = reply;
  std::copy_n(request.begin(), std::min({request.size(), ours.size(), std::size_t{data[1]} / 2}), ours.begin());
  check(payload, request, ours);
  check(payload, request, reply + request);
  (void)commands::mpls_text(commands::parse_mpls(reply));
  return 0;
}
