// SPDX-License-Identifier: MIT
// What a service manager hands over and wants to be told, without its library: sd_listen_fds(3), sd_notify(3).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/file.hpp"

namespace net {

// The descriptors that LISTEN_FDS hands over to this very process, as `fd:N`.
std::vector<std::string> handed_over();

// The descriptors that `fd:N` or `fd:NAME` (of LISTEN_FDNAMES, which may name several) stands for. Throws UsageError
// for a name that nothing has.
std::vector<int> descriptors_of(std::string_view word);

// Who started this process and waits to hear of it (NOTIFY_SOCKET); without one, nothing is told.
class ServiceManager {
 public:
  ServiceManager();  // connects: a sandbox later lets no socket be made

  // One `VARIABLE=VALUE`; never waits.
  void tell(const std::string& state) const;

 private:
  base::Descriptor fd_;
};

}  // namespace net
