// SPDX-License-Identifier: MIT
#include "run/privileges.hpp"

namespace run {

std::string filter_system_calls(const LateNeeds&) { return "this build lacks libseccomp"; }

bool filters_system_calls() { return false; }

}  // namespace run
