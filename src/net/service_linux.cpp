// SPDX-License-Identifier: MIT
#include "net/service.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/error.hpp"
#include "base/lines.hpp"
#include "base/text.hpp"

namespace net {
namespace {

constexpr int first_descriptor = 3;  // SD_LISTEN_FDS_START
constexpr std::string_view prefix = "fd:";

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

// A number of decimal digits alone, or -1.
int decimal(std::string_view word) { return std::max(base::number_of<int>(word).value_or(-1), -1); }

int count_handed_over() {
  if (decimal(variable("LISTEN_PID")) != getpid()) return 0;  // for another process
  const long max = sysconf(_SC_OPEN_MAX) - first_descriptor;  // more cannot be open
  return static_cast<int>(std::clamp(long{decimal(variable("LISTEN_FDS"))}, 0L, std::max(max, 0L)));
}

}  // namespace

std::vector<std::string> handed_over() {
  std::vector<std::string> words(static_cast<std::size_t>(count_handed_over()));
  int fd = first_descriptor;
  for (std::string& word : words) word = fmt::format("{}{}", prefix, fd++);
  return words;
}

std::vector<int> descriptors_of(std::string_view word) {
  const std::string_view name = word.substr(prefix.size());
  if (const int fd = decimal(name); fd >= 0) return {fd};
  std::vector<int> all;
  std::string_view names = variable("LISTEN_FDNAMES");
  for (int i = 0; i < count_handed_over(); ++i) {
    const std::size_t colon = names.find(':');
    if (!name.empty() && names.substr(0, colon) == name) all.push_back(first_descriptor + i);
    names.remove_prefix(colon == names.npos ? names.size() : colon + 1);
  }
  if (all.empty()) {
    throw base::UsageError(
        fmt::format("'{}': no socket of that name was handed over (LISTEN_FDNAMES)", base::printable(word)));
  }
  return all;
}

ServiceManager::ServiceManager() {
  const std::string_view name = variable("NOTIFY_SOCKET");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (name.size() < 2 || name.size() > sizeof address.sun_path) return;
  std::memcpy(address.sun_path, name.data(), name.size());
  if (name[0] == '@') address.sun_path[0] = '\0';  // abstract: unix(7)
  base::Descriptor fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0) fd_ = std::move(fd);
}

void ServiceManager::tell(const std::string& state) const {
  if (fd_.is_open()) static_cast<void>(send(fd_.get(), state.data(), state.size(), MSG_NOSIGNAL));
}

}  // namespace net
