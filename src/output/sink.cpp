#include "output/sink.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>

#include "base/error.hpp"

namespace output {

void Sink::check(int error) const {
  if (error == EPIPE) throw Closed{};
  if (error == EINTR) return;
  if (error == EAGAIN || error == EWOULDBLOCK) {  // somebody else made the shared descriptor non-blocking
    pollfd wait{descriptor_, POLLOUT, 0};
    poll(&wait, 1, -1);
    return;
  }
  throw base::failure(error, "cannot write to the output");
}

void Sink::write_all(std::string_view bytes) {
  bool giving_up = false;
  while (!bytes.empty()) {
    const ssize_t written = write(descriptor_, bytes.data(), bytes.size());
    if (written < 0) check(errno);
    if (written > 0) bytes.remove_prefix(static_cast<std::size_t>(written));
    if (!giving_up && !bytes.empty() && give_up_()) {
      // Whole records only: what is left of the one that was cut is its line's end.
      giving_up = gave_up_ = true;
      bytes = bytes.substr(0, std::min(bytes.find('\n'), bytes.size() - 1) + 1);
    } else if (giving_up && written < 0) {
      return;  // not even that: the reader does not read
    }
  }
}

void Sink::write_views() {
  std::size_t first = 0;
  while (first < views_.size()) {
    const int count = static_cast<int>(std::min<std::size_t>(views_.size() - first, IOV_MAX));
    const ssize_t written = writev(descriptor_, &views_[first], count);
    if (written < 0) {
      check(errno);
      gave_up_ = give_up_();
      if (gave_up_) break;
      continue;
    }
    std::size_t left = static_cast<std::size_t>(written);
    while (first < views_.size() && left >= views_[first].iov_len) left -= views_[first++].iov_len;
    if (left > 0) {
      views_[first].iov_base = static_cast<char*>(views_[first].iov_base) + left;
      views_[first].iov_len -= left;
    }
  }
}

void Sink::flush() {
  if (gave_up_) {  // no record after a gap, and no more waiting
    buffer_.clear();
    views_.clear();
    return;
  }
  if (!buffer_.empty()) {
    // Forgotten even when writing fails, so that nothing is written twice.
    std::string bytes;
    bytes.swap(buffer_);
    write_all(bytes);
    bytes.clear();
    buffer_.swap(bytes);  // keep the memory
  }
  if (!views_.empty()) {
    write_views();
    views_.clear();
  }
}

}  // namespace output
