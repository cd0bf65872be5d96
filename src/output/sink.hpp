// SPDX-License-Identifier: MIT
// Where records go: a buffer, and one write for all that a wake-up brought.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <sys/uio.h>

#include "base/error.hpp"

namespace output {

// "cannot write to NAME: No space left on device, 3 records not written"
base::Failure not_written(int error, std::string_view name, std::uint64_t lost, std::string_view unit);
// "NAME was not read: 3 records could not be written"
std::string not_read(std::string_view name, std::uint64_t lost, std::string_view unit);

class Sink {
 public:
  // `reader_gone` is called once, when nobody reads the other end any more. From then on nothing is written.
  explicit Sink(int descriptor, std::function<void()> reader_gone = {})
      : place_(std::make_shared<Place>(descriptor)), reader_gone_(std::move(reader_gone)) {}
  // Another thread's, to the same place: what either flushes stays together.
  Sink(const Sink& other, std::function<void()> reader_gone)
      : place_(other.place_), reader_gone_(std::move(reader_gone)) {}

  // Records are appended here; flush() writes them out.
  std::string& buffer() { return buffer_; }

  // Bytes to be written from where they are, after what is in the buffer. They must stay until flush().
  void add_view(std::string_view bytes) {
    views_.push_back({const_cast<char*>(bytes.data()), bytes.size()});
    view_bytes_ += bytes.size();
  }

  // So many records end here: where writing may stop, and what is counted when it does.
  void mark(std::size_t records) { marks_.push_back({buffer_.size() + view_bytes_, records}); }

  // True when enough has gathered that waiting for more would gain nothing.
  bool is_full() const { return buffer_.size() >= flush_size; }
  bool has_views() const { return !views_.empty(); }

  // Writes everything, or gives up when the process is to end and nobody reads. Throws Failure when it cannot be
  // written; a regular file then ends with a whole record.
  void flush();

  // The reader is known to have gone.
  void close_reader();

  // Records that were not written there, by whomever, for want of a reader. Who writes there past this adds his own.
  std::uint64_t unwritten() const;
  void add_unwritten(std::uint64_t records);

 private:
  static constexpr std::size_t flush_size = 64 * 1024;  // what a pipe holds

  enum class State { open, gave_up, closed };
  struct Mark {
    std::size_t end;
    std::size_t records;
  };

  // Where it goes, and what became of it there: common to all who write there.
  struct Place {
    explicit Place(int its_descriptor) : descriptor(its_descriptor) {}

    std::mutex mutex;  // taken once a flush
    int descriptor;
    std::string rest;  // of a record that was cut
    std::uint64_t unwritten = 0;
    State state = State::open;
  };

  void write_all();
  void reader_has_gone();
  void write_last_words();
  void give_up(std::size_t written);
  [[noreturn]] void fail(int error, std::size_t written);
  void count_unwritten(std::size_t written);
  std::size_t end_of_record(std::size_t offset) const;
  std::string text_between(std::size_t begin, std::size_t end) const;

  std::shared_ptr<Place> place_;
  std::function<void()> reader_gone_;
  std::string buffer_;
  std::vector<iovec> views_;
  std::size_t view_bytes_ = 0;
  std::vector<Mark> marks_;
  std::vector<iovec> pieces_;
};

}  // namespace output
