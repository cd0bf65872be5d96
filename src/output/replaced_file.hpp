// SPDX-License-Identifier: MIT
// A file that is replaced as a whole: a reader sees all of one state or all of the next, never a part.
#pragma once

#include <string>
#include <string_view>

#include "base/file.hpp"

namespace output {

class ReplacedFile {
 public:
  // Opens the directory of `path`, whose content is not touched yet. Throws base::Failure: no such directory, or what
  // is there is no regular file (a device or a FIFO must not be replaced).
  explicit ReplacedFile(const std::string& path);

  // The directory, as O_PATH: where a file is made, renamed and removed later.
  int directory() const { return directory_.get(); }

  // Mode 0644, whatever the umask. Throws base::Failure; the file is then as it was.
  void replace(std::string_view content);

 private:
  std::string path_;  // as it was given, for messages
  std::string name_;
  std::string temporary_;  // .NAME.PID.tmp: no name that a collector of *.prom reads
  base::Descriptor directory_;
};

}  // namespace output
