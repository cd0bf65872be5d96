#include "commands/send/input_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.hpp"
#include "base/text.hpp"

namespace commands {

InputFile::InputFile(const std::optional<std::string>& path)
    : name_(path ? base::escaped(*path) : "stdin"),
      descriptor_(path ? open(path->c_str(), O_RDONLY | O_CLOEXEC) : STDIN_FILENO) {
  if (descriptor_ < 0) fail("open");
  struct stat status {};
  if (fstat(descriptor_, &status) != 0) fail("read");
  if (S_ISDIR(status.st_mode)) {
    errno = EISDIR;
    fail("read");
  }
  if (S_ISREG(status.st_mode)) size_ = static_cast<std::uint64_t>(status.st_size);
}

InputFile::~InputFile() {
  if (descriptor_ != STDIN_FILENO) close(descriptor_);
}

void InputFile::fail(std::string_view verb) const {
  throw base::failure(errno, fmt::format("cannot {} {}", verb, name_));
}

}  // namespace commands
