// SPDX-License-Identifier: MIT
#include "output/sink.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

#include "base/ending.hpp"
#include "base/error.hpp"
#include "base/units.hpp"

namespace output {

base::Failure not_written(int error, std::string_view name, std::uint64_t lost, std::string_view unit) {
  const std::string cost = lost == 0 ? "" : fmt::format(", {} not written", base::counted(lost, unit));
  return {error, fmt::format("cannot write to {}: {}{}", name, std::strerror(error), cost)};
}

std::string not_read(std::string_view name, std::uint64_t lost, std::string_view unit) {
  return fmt::format("{} was not read: {} could not be written", name, base::counted(lost, unit));
}

void Sink::flush() {
  // Forgotten even when writing fails, so that nothing is written twice. The memory is kept.
  struct Forget {
    Sink& sink;
    ~Forget() {
      sink.buffer_.clear();
      sink.views_.clear();
      sink.marks_.clear();
      sink.view_bytes_ = 0;
    }
  } const forget{*this};
  const std::lock_guard lock(place_->mutex);
  if (place_->state == State::open) return write_all();
  count_unwritten(0);
  if (place_->state == State::gave_up) write_last_words();
}

void Sink::write_all() {
  const std::size_t total = buffer_.size() + view_bytes_;
  pieces_.clear();
  if (!buffer_.empty()) pieces_.push_back({buffer_.data(), buffer_.size()});
  pieces_.insert(pieces_.end(), views_.begin(), views_.end());
  base::Patience patience;
  std::size_t written = 0;
  for (std::size_t first = 0; written < total;) {
    const int count = static_cast<int>(std::min<std::size_t>(pieces_.size() - first, IOV_MAX));
    const ssize_t some = writev(place_->descriptor, &pieces_[first], count);
    const int error = some < 0 ? errno : 0;
    if (some > 0) {
      patience.progress();
      written += static_cast<std::size_t>(some);
      std::size_t left = static_cast<std::size_t>(some);
      while (first < pieces_.size() && left >= pieces_[first].iov_len) left -= pieces_[first++].iov_len;
      if (left > 0)
        pieces_[first] = {static_cast<char*>(pieces_[first].iov_base) + left, pieces_[first].iov_len - left};
      continue;
    }
    if (error == EPIPE) {
      count_unwritten(written);
      return reader_has_gone();
    }
    if (error == EAGAIN || error == EWOULDBLOCK) {  // somebody else made the shared descriptor non-blocking
      pollfd wait{place_->descriptor, POLLOUT, 0};
      poll(&wait, 1, -1);
    } else if (error != EINTR) {
      fail(error, written);
    }
    if (patience.is_over()) return give_up(written);
  }
}

void Sink::give_up(std::size_t written) {
  place_->state = State::gave_up;
  count_unwritten(written);
  // The record that was cut is completed if there is ever room for it.
  const bool at_start =
      written == 0 || std::any_of(marks_.begin(), marks_.end(), [&](const Mark& mark) { return mark.end == written; });
  if (!at_start) place_->rest = text_between(written, end_of_record(written));
}

// What is said beside the records, as long as it does not block.
void Sink::write_last_words() {
  const std::size_t begin = marks_.empty() ? 0 : marks_.back().end;
  place_->rest += text_between(begin, buffer_.size() + view_bytes_);
  pollfd room{place_->descriptor, POLLOUT, 0};
  while (!place_->rest.empty() && poll(&room, 1, 0) == 1 && (room.revents & POLLOUT) != 0) {
    const ssize_t some =
        write(place_->descriptor, place_->rest.data(), std::min<std::size_t>(place_->rest.size(), PIPE_BUF));
    if (some <= 0) return;
    place_->rest.erase(0, static_cast<std::size_t>(some));
  }
}

void Sink::fail(int error, std::size_t written) {
  struct stat status {};
  if (fstat(place_->descriptor, &status) == 0 && S_ISREG(status.st_mode)) {
    std::size_t whole = 0;
    for (const Mark& mark : marks_) {
      if (mark.end <= written) whole = mark.end;
    }
    const off_t at = lseek(place_->descriptor, 0, SEEK_CUR);
    if (at >= 0 && written > whole) {
      [[maybe_unused]] const int cut = ftruncate(place_->descriptor, at - static_cast<off_t>(written - whole));
    }
  }
  place_->state = State::closed;
  count_unwritten(written);
  throw not_written(error, "the output", place_->unwritten, "record");
}

void Sink::close_reader() {
  const std::lock_guard lock(place_->mutex);
  reader_has_gone();
}

void Sink::reader_has_gone() {
  if (std::exchange(place_->state, State::closed) == State::open && reader_gone_) reader_gone_();
}

void Sink::add_unwritten(std::uint64_t records) {
  const std::lock_guard lock(place_->mutex);
  place_->unwritten += records;
}

std::uint64_t Sink::unwritten() const {
  const std::lock_guard lock(place_->mutex);
  return place_->unwritten;
}

void Sink::count_unwritten(std::size_t written) {
  for (const Mark& mark : marks_) {
    if (mark.end > written) place_->unwritten += mark.records;
  }
}

std::size_t Sink::end_of_record(std::size_t offset) const {
  const auto found = std::find_if(marks_.begin(), marks_.end(), [&](const Mark& mark) { return mark.end > offset; });
  return found != marks_.end() ? found->end : buffer_.size() + view_bytes_;
}

std::string Sink::text_between(std::size_t begin, std::size_t end) const {
  std::string all = buffer_;
  for (const iovec& view : views_) all.append(static_cast<const char*>(view.iov_base), view.iov_len);
  return all.substr(begin, end - begin);
}

}  // namespace output
