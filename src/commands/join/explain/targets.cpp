// SPDX-License-Identifier: MIT
#include "commands/join/explain/targets.hpp"

namespace commands {

std::vector<ExplainTarget> targets_of(const JoinOptions& options) {
  std::vector<ExplainTarget> targets;
  for (const net::GroupWord& word : options.groups) {
    for (std::uint32_t i = 0; i < word.count; ++i) {
      targets.push_back({net::advanced(word.first, i), word.source, word.port,
                         options.interfaces.empty() ? net::interfaces() : options.interfaces});
    }
  }
  return targets;
}

std::vector<ExplainTarget> targets_of(const Memberships& memberships) {
  std::vector<ExplainTarget> targets;
  for (const auto& one : memberships.all()) targets.push_back({one->group, one->source, one->port, {one->interface}});
  return targets;
}

}  // namespace commands
