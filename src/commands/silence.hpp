// SPDX-License-Identifier: MIT
// When nothing came: what this host's kernel dropped meanwhile, for whomever it was.
#pragma once

#include <string>
#include <vector>

#include "net/kernel_drops.hpp"

namespace commands {

// A notice a cause, each with its count and its cure. None where nothing was dropped.
std::vector<std::string> causes_of_silence(const net::KernelDrops& drops);

}  // namespace commands
