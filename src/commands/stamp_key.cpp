// SPDX-License-Identifier: MIT
#include "commands/stamp_key.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/text.hpp"

namespace commands {
namespace {

constexpr std::size_t max_key = 4'096;

}  // namespace

std::string read_stamp_key(const std::string& path, output::Report& report) {
  const base::Descriptor file(base::open_file(path, O_RDONLY));
  struct stat status {};
  const bool exposed =
      fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & (S_IRGRP | S_IROTH));
  std::string key = base::read_all(file.get(), base::printable(path), max_key + 2);
  if (key.ends_with('\n')) key.pop_back();
  if (key.empty()) throw base::Failure(EINVAL, fmt::format("{} holds no key", base::printable(path)));
  if (key.size() > max_key)
    throw base::Failure(EINVAL, fmt::format("{} is no key: at most {} bytes", base::printable(path), max_key));
  if (exposed) report.notice(fmt::format("the key in {} can be read by others: chmod 600", base::printable(path)));
  return key;
}

}  // namespace commands
