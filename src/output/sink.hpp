// Where records go: a buffer, and one write for all that a wake-up brought.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/uio.h>

namespace output {

// Nobody reads the output any more: the reason to end quietly. Not an error.
struct Closed {};

class Sink {
 public:
  // `give_up` tells, after a signal interrupted a blocked write, whether to stop writing at the end of the record.
  Sink(int descriptor, std::function<bool()> give_up) : descriptor_(descriptor), give_up_(std::move(give_up)) {}

  // Records are appended here; flush() writes them out.
  std::string& buffer() { return buffer_; }

  // Bytes to be written from where they are, after what is in the buffer. They must stay until flush().
  void add_view(std::string_view bytes) { views_.push_back({const_cast<char*>(bytes.data()), bytes.size()}); }

  // True when enough has gathered that waiting for more would gain nothing.
  bool is_full() const { return buffer_.size() >= flush_size; }
  bool has_views() const { return !views_.empty(); }

  // Writes everything. Throws Closed when the reader has gone, and Failure when it cannot be written.
  void flush();

  // True once records were left unwritten, as `give_up` asked. Nothing is written from then on.
  bool gave_up() const { return gave_up_; }

 private:
  static constexpr std::size_t flush_size = 64 * 1024;  // what a pipe holds

  void write_all(std::string_view bytes);
  void write_views();
  void check(int error) const;

  int descriptor_;
  std::function<bool()> give_up_;
  std::string buffer_;
  std::vector<iovec> views_;
  bool gave_up_ = false;
};

}  // namespace output
