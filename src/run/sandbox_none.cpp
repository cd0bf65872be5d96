// SPDX-License-Identifier: MIT
// Sanitizers open files, trace the process and start others when it ends.
#include "run/privileges.hpp"

namespace run {

std::vector<std::string> enter_sandbox(const LateNeeds&) { return {"left out: this build has sanitizers"}; }

int landlock_version() { return 0; }
bool filters_system_calls() { return false; }

}  // namespace run
