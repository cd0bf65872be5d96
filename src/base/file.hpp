// SPDX-License-Identifier: MIT
// Descriptors; and files of which the opening and reading may block, as those of a FIFO do: a signal or the deadline
// ends that.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <utility>

namespace base {

// A descriptor, or -1, that is closed with this.
class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept : fd_(other.release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }

  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

// As open(2), close-on-exec. Throws Failure, "cannot open PATH: No such file or directory", and Ended where the process
// is to end before anybody has opened the other end of a FIFO.
int open_file(const std::string& path, int flags, mode_t mode = 0);

// As read(2), and goes on after a signal that is not to end the process.
ssize_t read_on(int descriptor, char* to, std::size_t size);

// What it holds up to its end, or `max` bytes. Throws Failure that calls it `name`, and Ended.
std::string read_all(int descriptor, const std::string& name, std::size_t max);

}  // namespace base
