// SPDX-License-Identifier: MIT
// Private network namespaces (unshare(1), without root where the host allows it) for what loopback cannot
// show.
#pragma once

#include <string>

#include "support/process.hpp"

namespace support {

// Why this host does not let us make namespaces; empty where it does.
std::string why_no_namespaces();

// Runs a bash script in a namespace of its own, where lo is up and the functions of netns/lab.sh are there. `$1`, `$2`,
// ... are the words. Whatever the script leaves running ends with it.
Finished run_in_namespace(const std::string& script, const Words& words = {}, Milliseconds timeout = patience);

// True in a test process that runs within a namespace.
bool inside_namespace();

// Runs the current case once more in a namespace that `script` has set up, and passes its failures on. True
// within that namespace: go on with the body. False outside: the case has run, or was skipped; return.
bool enter_namespace(const std::string& script);

}  // namespace support

#define IN_NAMESPACE(script)                       \
  do {                                             \
    if (!support::enter_namespace(script)) return; \
  } while (false)
