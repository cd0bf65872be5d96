// SPDX-License-Identifier: MIT
#include "base/file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/ending.hpp"
#include "base/error.hpp"
#include "base/text.hpp"

namespace base {
namespace {

// SIGUSR1 interrupts, too, and ends nothing.
bool is_passing(int error) { return error == EINTR && end_ticks == 0; }

[[noreturn]] void fail(int error, const std::string& what, const char* missing) {
  if (error == EINTR) throw Ended(what + ": " + missing);
  throw failure(error, what);
}

}  // namespace

Descriptor::~Descriptor() {
  if (fd_ >= 0) close(fd_);
}

int open_file(const std::string& path, int flags, mode_t mode) {
  int descriptor = -1;
  do descriptor = open(path.c_str(), flags | O_CLOEXEC, mode);
  while (descriptor < 0 && is_passing(errno));
  if (descriptor < 0) fail(errno, "cannot open " + printable(path), "nobody has opened its other end");
  return descriptor;
}

ssize_t read_on(int descriptor, char* to, std::size_t size) {
  ssize_t got = -1;
  do got = read(descriptor, to, size);
  while (got < 0 && is_passing(errno));
  return got;
}

std::string read_all(int descriptor, const std::string& name, std::size_t max) {
  constexpr std::size_t block = 16'384;
  std::string bytes;
  std::size_t size = 0;
  while (size < max) {
    bytes.resize(std::min(size + block, max));
    const ssize_t got = read_on(descriptor, bytes.data() + size, bytes.size() - size);
    if (got < 0) fail(errno, "cannot read " + name, "its end has not come");
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  bytes.resize(size);
  return bytes;
}

}  // namespace base
