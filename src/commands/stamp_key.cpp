// SPDX-License-Identifier: MIT
#include "commands/stamp_key.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.hpp"
#include "base/text.hpp"

namespace commands {
namespace {

constexpr std::size_t max_key = 4'096;

[[noreturn]] void fail(int error, const std::string& path) {
  throw base::failure(error, "cannot read " + base::escaped(path));
}

std::string bytes_of(int file, const std::string& path) {
  std::string bytes(max_key + 2, '\0');
  std::size_t size = 0;
  while (size < bytes.size()) {
    const ssize_t got = read(file, bytes.data() + size, bytes.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(errno, path);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  bytes.resize(size);
  return bytes;
}

}  // namespace

std::string read_stamp_key(const std::string& path, output::Report& report) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) fail(errno, path);
  struct stat status {};
  const bool exposed = fstat(file, &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & (S_IRGRP | S_IROTH));
  std::string key = bytes_of(file, path);
  close(file);
  if (key.ends_with('\n')) key.pop_back();
  if (key.empty()) throw base::Failure(EINVAL, fmt::format("{} holds no key", base::escaped(path)));
  if (key.size() > max_key)
    throw base::Failure(EINVAL, fmt::format("{} is no key: at most {} bytes", base::escaped(path), max_key));
  if (exposed) report.notice(fmt::format("the key in {} can be read by others: chmod 600", base::escaped(path)));
  return key;
}

}  // namespace commands
