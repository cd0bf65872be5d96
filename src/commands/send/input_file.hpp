// SPDX-License-Identifier: MIT
// The file, or stdin, that `send` reads.
#pragma once

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/file.hpp"

namespace commands {

class InputFile {
 public:
  // Nothing: stdin. Never waits. Throws base::Failure when it cannot be opened, and for a directory.
  explicit InputFile(const std::optional<std::string>& path);

  int descriptor() const { return opened_.is_open() ? opened_.get() : STDIN_FILENO; }
  const std::string& name() const { return name_; }  // for messages: escaped, or "stdin"
  bool is_regular() const { return size_.has_value(); }
  std::uint64_t size() const { return size_.value_or(0); }  // in bytes, of a regular file

  // read(2) of that descriptor, which holds what is in the file: how many bytes, 0 at its end; nothing when it was
  // interrupted. Throws base::Failure.
  std::optional<std::size_t> read(int descriptor, char* to, std::size_t size) const;

  // Throws base::Failure "cannot VERB NAME" with errno's reason.
  [[noreturn]] void fail(std::string_view verb) const;

 private:
  std::string name_;
  base::Descriptor opened_;  // closed: stdin
  std::optional<std::uint64_t> size_;
};

}  // namespace commands
