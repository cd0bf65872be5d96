// SPDX-License-Identifier: MIT
// The file of --targets: what is accepted has a host and a port, stands in the text as it is told, and is read the same
// again; what is not leaves by one line that can be printed.
#include <set>

#include "base/error.hpp"
#include "commands/probe/targets.hpp"
#include "fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Feed feed(data, size);
  const std::uint16_t default_port = feed.byte() % 2 == 0 ? std::uint16_t{0} : std::uint16_t{862};
  const std::string_view text = feed.rest();
  try {
    std::set<std::string> seen;
    std::string again;
    const auto targets = commands::parse_targets(text, "file", default_port);
    for (const commands::TargetLine& each : targets) {
      MUST(!each.host.empty() && each.port != 0);
      MUST(text.find(each.written) != std::string_view::npos);
      MUST(each.written.find_first_of(" \t\n\r#") == std::string::npos);
      MUST(seen.insert(each.written).second);
      again += each.written + "\n";
    }
    MUST(commands::parse_targets(again, "file", default_port).size() == targets.size());
  } catch (const base::UsageError& error) {
    fuzz::must_be_harmless(error.what());
  }
  return 0;
}
