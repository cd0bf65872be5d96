// SPDX-License-Identifier: MIT
#include "commands/send/input_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.hpp"
#include "base/text.hpp"

namespace commands {
namespace {

// At once, also a FIFO that nobody writes to yet: its first writer is waited for as all input is, so that a signal or
// deadline ends that. What it is read by blocks, as an inherited stdin does.
int open_at_once(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor >= 0) fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) & ~O_NONBLOCK);
  return descriptor;
}

}  // namespace

InputFile::InputFile(const std::optional<std::string>& path)
    : name_(path ? base::printable(*path) : "stdin"), opened_(path ? open_at_once(*path) : -1) {
  if (path && !opened_.is_open()) fail("open");
  struct stat status {};
  if (fstat(descriptor(), &status) != 0) fail("read");
  if (S_ISDIR(status.st_mode)) {
    errno = EISDIR;
    fail("read");
  }
  if (S_ISREG(status.st_mode)) size_ = static_cast<std::uint64_t>(status.st_size);
}

std::optional<std::size_t> InputFile::read(int descriptor, char* to, std::size_t size) const {
  const ssize_t got = ::read(descriptor, to, size);
  if (got >= 0) return static_cast<std::size_t>(got);
  if (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK) return std::nullopt;
  fail("read");
}

void InputFile::fail(std::string_view verb) const {
  throw base::failure(errno, fmt::format("cannot {} {}", verb, name_));
}

}  // namespace commands
