#include "commands/send/source.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <deque>

#include "base/error.hpp"
#include "base/text.hpp"
#include "commands/send/input_file.hpp"

namespace commands {
namespace {

using base::UsageError;

std::string decoded(std::string_view text, Encoding encoding) {
  switch (encoding) {
    case Encoding::hexadecimal:
      return base::parse_hex(text);
    case Encoding::escapes:
      return base::parse_escapes(text);
    case Encoding::plain:
      break;
  }
  return std::string(text);
}

std::string_view slice(std::string_view payload, const SourceOptions& options, std::string_view what) {
  const std::uint64_t length = options.length.value_or(payload.size() - std::min(options.offset, payload.size()));
  if (options.offset > payload.size() || length > payload.size() - options.offset) {
    throw UsageError(fmt::format("--offset {} and --length {} reach beyond {}, which has {} bytes", options.offset,
                                 length, what, payload.size()));
  }
  return payload.substr(options.offset, length);
}

// Messages from the command line.
class Messages : public PayloadSource {
 public:
  Messages(const SourceOptions& options, std::size_t max_payload) : rounds_(options.rounds) {
    std::size_t number = 0;
    for (const std::string& word : options.messages) {
      const std::string what = options.messages.size() == 1 ? "MESSAGE" : fmt::format("MESSAGE {}", ++number);
      std::string bytes;
      try {
        bytes = decoded(word, options.encoding);
      } catch (const UsageError& error) {
        throw UsageError(fmt::format("{}: '{}': {}", what, base::escaped(word), error.what()));
      }
      payloads_.emplace_back(slice(bytes, options, what));
      check_fits(payloads_.back().size(), max_payload, what);
    }
  }

  std::optional<Piece> next() override {
    if (ended()) return std::nullopt;
    const std::string& payload = payloads_[at_];
    if (++at_ == payloads_.size()) {
      at_ = 0;
      if (rounds_ != for_ever) --rounds_;
    }
    return Piece{payload};
  }
  bool ended() const override { return rounds_ == 0; }

 private:
  std::vector<std::string> payloads_;
  std::uint64_t rounds_;
  std::size_t at_ = 0;
};

// Datagrams of a pattern. Copies of it stand one behind the other, so that a run of datagrams is one piece of memory.
class Generator : public PayloadSource {
 public:
  Generator(std::size_t size, std::uint64_t rounds)
      : size_(size), copies_(size == 0 ? 1 : std::max<std::size_t>(1, 65'536 / size)), total_(rounds), left_(rounds) {
    for (std::size_t i = 0; i < copies_; ++i) {
      for (std::size_t j = 0; j < size; ++j) pattern_ += static_cast<char>('a' + j % 26);
    }
  }

  std::optional<Piece> next() override {
    if (left_ == 0) return std::nullopt;
    if (left_ != for_ever) --left_;
    if (at_ == copies_) at_ = 0;
    return Piece{{pattern_.data() + size_ * at_++, size_}};
  }
  bool ended() const override { return left_ == 0; }
  std::optional<double> progress() const override {
    if (total_ == for_ever) return std::nullopt;
    return 1.0 - static_cast<double>(left_) / static_cast<double>(total_);
  }

 private:
  std::size_t size_;
  std::size_t copies_;
  std::uint64_t total_;
  std::uint64_t left_;
  std::size_t at_ = 0;
  std::string pattern_;
};

// A file, or stdin, cut into pieces.
class Input : public PayloadSource {
 public:
  Input(const SourceOptions& options, std::size_t max_payload)
      : options_(options), most_(max_payload), splitter_(options.cut), rounds_(options.rounds), file_(options.file) {
    if (rounds_ > 1 && lseek(file_.descriptor(), 0, SEEK_CUR) < 0) {
      spool_ = std::tmpfile();
      if (spool_ == nullptr) file_.fail("keep a copy of");
    }
    start_ = spool_ != nullptr ? 0 : std::max<off_t>(lseek(file_.descriptor(), 0, SEEK_CUR), 0);
  }
  ~Input() override {
    if (spool_ != nullptr) std::fclose(spool_);
  }

  std::optional<Piece> next() override {
    const auto piece = splitter_.take(unread_, end_of_input_);
    if (!piece) {
      if (end_of_input_) next_round();
      return std::nullopt;
    }
    ++piece_;
    const bool whole = options_.cut.at == CutAt::end;
    if (options_.encoding == Encoding::plain)
      return Piece{whole ? checked(slice(*piece, options_, file_.name())) : closed_up(checked(*piece))};
    try {
      decoded_.push_back(decoded(*piece, options_.encoding));
    } catch (const UsageError& error) {
      throw UsageError(fmt::format("{}: {}", place(piece_), error.what()));
    }
    return Piece{checked(whole ? slice(decoded_.back(), options_, file_.name()) : std::string_view(decoded_.back()))};
  }

  bool ended() const override { return rounds_ == 0; }
  int descriptor() const override { return source(); }
  bool is_regular_file() const override { return file_.is_regular() || round_ > 0; }

  void refill() override {
    decoded_.clear();
    const std::size_t left = unread_.size();
    // What is left is the beginning of a piece. As text it may be several times as long as the datagram it makes.
    const std::size_t longest = most_ * (options_.encoding == Encoding::plain ? 1 : 8) + options_.cut.delimiter.size();
    if (left > longest) {
      throw UsageError(fmt::format("{} has more than {} bytes; a datagram holds at most {} over {}", place(piece_ + 1),
                                   longest, most_, most_ == 65'507 ? "IPv4" : "IPv6"));
    }
    if (left > 0) std::memmove(buffer_.data(), unread_.data(), left);
    if (buffer_.size() < left + block) buffer_.resize(left + block);
    unread_ = {buffer_.data(), left};
    taken_ = 0;
    // Read, not mapped, although that would be faster: a mapped file that shrinks ends the program (SIGBUS).
    const ssize_t got = read(source(), buffer_.data() + left, block);
    if (got < 0) {
      if (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK) return;
      file_.fail("read");
    }
    end_of_input_ = got == 0;
    unread_ = {buffer_.data(), left + static_cast<std::size_t>(got)};
    read_ += static_cast<std::uint64_t>(got);
    if (spool_ != nullptr && round_ == 0) keep({buffer_.data() + left, static_cast<std::size_t>(got)});
  }

  std::optional<double> progress() const override {
    if (file_.size() == 0 || rounds_ == for_ever) return std::nullopt;
    return static_cast<double>(read_) / (static_cast<double>(file_.size()) * static_cast<double>(options_.rounds));
  }

 private:
  static constexpr std::size_t block = 256 * 1024;

  int source() const { return round_ > 0 && spool_ != nullptr ? fileno(spool_) : file_.descriptor(); }

  // Where in the input piece `number` is, the first being 1.
  std::string place(std::uint64_t number) const {
    if (options_.cut.at == CutAt::end) return file_.name();
    return fmt::format("{}, {} {}", file_.name(), options_.cut.at == CutAt::size ? "chunk" : "line", number);
  }
  std::string_view checked(std::string_view payload) const {
    if (payload.size() > most_) check_fits(payload.size(), most_, place(piece_));
    return payload;
  }
  // A small piece moves up to the one before, over the delimiter: the kernel takes a run of datagrams that is one piece
  // of memory in half the time.
  std::string_view closed_up(std::string_view piece) {
    constexpr std::size_t small = 512;  // to move more would cost more than it saves
    char* const to = buffer_.data() + taken_;
    if (taken_ == 0 || piece.size() > small) {
      taken_ = static_cast<std::size_t>(piece.data() + piece.size() - buffer_.data());
      return piece;
    }
    if (to != piece.data()) std::memmove(to, piece.data(), piece.size());
    taken_ += piece.size();
    return {to, piece.size()};
  }
  void keep(std::string_view bytes) {
    if (std::fwrite(bytes.data(), 1, bytes.size(), spool_) != bytes.size()) file_.fail("keep a copy of");
  }
  void next_round() {
    if (rounds_ != for_ever) --rounds_;
    if (rounds_ == 0) return;
    if (spool_ != nullptr && std::fflush(spool_) != 0) file_.fail("keep a copy of");
    ++round_;
    if (lseek(source(), start_, SEEK_SET) < 0) file_.fail("read again");
    end_of_input_ = false;
    splitter_ = Splitter(options_.cut);
    piece_ = 0;
  }

  SourceOptions options_;
  std::size_t most_;
  Splitter splitter_;
  std::uint64_t rounds_;  // still to do
  std::uint64_t round_ = 0;
  InputFile file_;
  std::uint64_t read_ = 0;
  std::uint64_t piece_ = 0;
  off_t start_ = 0;
  std::FILE* spool_ = nullptr;  // a copy of what cannot be read twice
  std::vector<char> buffer_;
  std::string_view unread_;
  std::size_t taken_ = 0;  // where in the buffer the last piece ends
  std::deque<std::string> decoded_;
  bool end_of_input_ = false;
};

}  // namespace

void check_fits(std::size_t size, std::size_t max_payload, std::string_view what) {
  if (size <= max_payload) return;
  throw UsageError(fmt::format("{} has {} bytes; a datagram holds at most {} over {}", what, size, max_payload,
                               max_payload == 65'507 ? "IPv4" : "IPv6"));
}

std::unique_ptr<PayloadSource> make_source(const SourceOptions& options, std::size_t max_payload) {
  if (options.size) {
    check_fits(*options.size, max_payload, "--size");
    return std::make_unique<Generator>(*options.size, options.rounds);
  }
  if (!options.messages.empty()) return std::make_unique<Messages>(options, max_payload);
  if (options.cut.at == CutAt::size) check_fits(options.cut.size, max_payload, "--chunk");
  return std::make_unique<Input>(options, max_payload);
}

}  // namespace commands
