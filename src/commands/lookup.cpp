#include "commands/lookup.hpp"

#include <fmt/format.h>

#include <exception>
#include <memory>

#include "base/error.hpp"
#include "base/text.hpp"
#include "net/resolve.hpp"

namespace commands {

std::vector<net::Endpoint> look_up(run::Loop& loop, const std::string& host, std::uint16_t port,
                                   std::optional<net::Family> family) {
  if (net::looks_numeric(host)) return net::resolve(host, port, family);
  struct Lookup {
    std::vector<net::Endpoint> found;
    std::exception_ptr error;
  };
  const auto lookup = std::make_shared<Lookup>();
  const bool finished = loop.in_background([lookup, host, port, family] {
    try {
      lookup->found = net::resolve(host, port, family);
    } catch (...) {
      lookup->error = std::current_exception();
    }
  });
  if (!finished) {
    throw base::Failure(run::Loop::past_deadline() ? ETIMEDOUT : EINTR, fmt::format("cannot resolve '{}': {}", base::escaped(host),
                                    run::Loop::past_deadline() ? "no answer before the deadline" : "interrupted"));
  }
  if (lookup->error) std::rethrow_exception(lookup->error);
  return lookup->found;
}

}  // namespace commands
