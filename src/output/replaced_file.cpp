// SPDX-License-Identifier: MIT
#include "output/replaced_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/error.hpp"
#include "base/text.hpp"

namespace output {
namespace {

// Returns an errno value, 0 when all is written.
int write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

}  // namespace

ReplacedFile::ReplacedFile(const std::string& path) : path_(path) {
  const std::size_t slash = path.rfind('/');
  name_ = slash == std::string::npos ? path : path.substr(slash + 1);
  temporary_ = fmt::format(".{}.{}.tmp", name_, getpid());
  const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const std::string what = fmt::format("cannot write {}", base::printable(path_));
  if (name_.empty()) throw base::failure(EISDIR, what);
  directory_ = base::Descriptor(open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory_.is_open()) throw base::failure(errno, what);
  struct stat there {};
  if (fstatat(directory_.get(), name_.c_str(), &there, AT_SYMLINK_NOFOLLOW) != 0 || S_ISREG(there.st_mode)) return;
  throw base::Failure(EINVAL, what + ": it is no regular file");
}

void ReplacedFile::replace(std::string_view content) {
  constexpr mode_t readable_by_all = 0644;
  const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC;
  const int fd = openat(directory_.get(), temporary_.c_str(), flags, readable_by_all);
  int error = fd < 0 ? errno : 0;
  if (fd >= 0) {
    fchmod(fd, readable_by_all);
    error = write_all(fd, content);
    if (close(fd) != 0 && error == 0) error = errno;
    if (error == 0 && renameat(directory_.get(), temporary_.c_str(), directory_.get(), name_.c_str()) != 0)
      error = errno;
    if (error != 0) unlinkat(directory_.get(), temporary_.c_str(), 0);
  }
  if (error != 0) throw base::failure(error, fmt::format("cannot write {}", base::printable(path_)));
}

}  // namespace output
