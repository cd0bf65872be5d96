// SPDX-License-Identifier: MIT
// What --explain looks at.
#pragma once

#include <vector>

#include "commands/join/explain/findings.hpp"
#include "commands/join/join.hpp"
#include "commands/join/memberships.hpp"

namespace commands {

// The groups on the interfaces as they were named, whether or not they can be joined on.
std::vector<ExplainTarget> targets_of(const JoinOptions& options);
std::vector<ExplainTarget> targets_of(const Memberships& memberships);

}  // namespace commands
