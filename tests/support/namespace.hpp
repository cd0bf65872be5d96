// Private network namespaces (unshare(1), without root where the host allows it) for what loopback cannot
// show.
#pragma once

#include <string>

#include "support/process.hpp"

namespace support {

// Whether this host lets us make namespaces and has ip(8).
bool can_make_namespaces();

// Runs a shell script in a namespace of its own, where lo is up. `$1`, `$2`, ... are the words. Functions
// help:
//   interface NAME           an interface that is up, with nobody behind it
//   new_host NAME            another namespace, joined to none yet
//   on NAME WORDS...         runs a command there; `here` is this one
//   link A B                 a pair of interfaces, named to_B in A and to_A in B
//   hosts_file LINE...       what names resolve to (hosts(5))
//   set_kernel NAME KEY N    a setting under /proc/sys there
// Whatever the script leaves running ends with it.
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
