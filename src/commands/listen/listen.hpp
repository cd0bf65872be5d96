// `udptool listen`: receive on one or more ports, and answer if asked to.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "commands/forward.hpp"
#include "commands/listen/filter.hpp"
#include "commands/receive_options.hpp"
#include "commands/streams/streams.hpp"

namespace commands {

struct ListenOptions : ReceiveOptions {
  std::vector<net::EndpointWord> endpoints;
  std::optional<net::Family> family;
  SenderFilter filter;
  bool echo = false;
  std::optional<std::string> reply;
  bool stamp = false;
  std::optional<std::string> stamp_key;  // its file
  StreamOptions streams;
  ForwardOptions forward;
};

base::ExitStatus listen(const ListenOptions& options);

}  // namespace commands
