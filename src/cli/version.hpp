// SPDX-License-Identifier: MIT
// What --version says.
#pragma once

#include <string>

namespace cli {

// The version, then what somebody who reads a report of a fault wants to know: the commit, the compiler, and what this
// build and this machine have or lack of that which is not always there. Lines of NAME: VALUE behind the first.
std::string version_text();

}  // namespace cli
