// SPDX-License-Identifier: MIT
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <deque>
#include <vector>

#include "base/error.hpp"
#include "base/text.hpp"
#include "commands/send/input_file.hpp"
#include "commands/send/payload.hpp"
#include "commands/send/source.hpp"

namespace commands {
namespace {

using base::UsageError;

class Pieces final : public PayloadSource {
 public:
  Pieces(const SourceOptions& options, const PayloadLimit& limit)
      : PayloadSource(options.rounds),
        options_(options),
        limit_(limit),
        // What is longer than this cannot be a piece that fits.
        max_text_(limit.bytes * max_expansion(options.encoding) + options.cut.delimiter.size()),
        splitter_(options.cut),
        file_(options.file) {
    if (rounds() > 1 && lseek(file_.descriptor(), 0, SEEK_CUR) < 0) {
      spool_ = std::tmpfile();
      if (spool_ == nullptr) file_.fail("keep a copy of");
    }
    start_ = spool_ != nullptr ? 0 : std::max<off_t>(lseek(file_.descriptor(), 0, SEEK_CUR), 0);
  }
  ~Pieces() override {
    if (spool_ != nullptr) std::fclose(spool_);
  }

  const Piece* next() override {
    if (is_past_what_was_cut()) {
      while (const auto piece = splitter_.take(unread_, end_of_input_)) {
        ++piece_;
        if (piece->empty() && options_.skip_empty) continue;
        ++given_;
        return give(payload_of(*piece));
      }
      if (unread_.size() > max_text_ && options_.truncate) return give(head_of_piece());
    }
    if (end_of_input_) next_round();
    return nullptr;
  }

  int descriptor() const override { return source(); }
  bool is_always_ready() const override { return file_.is_regular() || round_ > 0; }

  void refill() override {
    decoded_.clear();
    const std::size_t left = unread_.size();  // the beginning of a piece
    if (left > max_text_) {
      throw UsageError(fmt::format("{} is longer than a datagram, which holds at most {} bytes over {}",
                                   place(piece_ + 1), limit_.bytes, net::name_of(limit_.family)));
    }
    if (left > 0) std::memmove(buffer_.data(), unread_.data(), left);
    if (buffer_.size() < left + block) buffer_.resize(left + block);
    unread_ = {buffer_.data(), left};
    taken_ = 0;
    // Read, not mapped, although that would be faster: a mapped file that shrinks ends the program (SIGBUS).
    const auto got = file_.read(source(), buffer_.data() + left, block);
    if (!got) return;
    end_of_input_ = *got == 0;
    unread_ = {buffer_.data(), left + *got};
    read_ += *got;
    look_for_binary(*got);
    if (spool_ != nullptr && round_ == 0) keep({buffer_.data() + left, *got});
  }

  std::optional<double> progress() const override {
    const auto start = static_cast<std::uint64_t>(start_);
    if (file_.size() <= start || rounds_left() == for_ever) return std::nullopt;
    const std::uint64_t all = (file_.size() - start) * rounds();
    return static_cast<double>(read_ - unread_.size()) / static_cast<double>(all);
  }

  std::size_t incomplete() const override {
    std::string_view left = unread_;
    return cut_the_last_ || Splitter(options_.cut).take(left, false) ? 0 : unread_.size();
  }

  std::vector<std::string> remarks() const override {
    std::vector<std::string> remarks;
    if (is_binary_ && is_cut_) {
      remarks.push_back(file_.name() + " is no text, and was cut at newlines: --whole sends it as one");
    }
    if (truncated_ > 0) remarks.push_back(truncated_text(truncated_, file_.name()));
    return remarks;
  }

 private:
  static constexpr std::size_t block = 256 * 1024;

  int source() const { return round_ > 0 && spool_ != nullptr ? fileno(spool_) : file_.descriptor(); }

  // Where in the input piece `number` is, the first being 1.
  std::string place(std::uint64_t number) const {
    return fmt::format("{}, {} {}", file_.name(), options_.cut.at == CutAt::size ? "chunk" : "line", number);
  }
  std::string_view checked(std::string_view payload) const {
    if (payload.size() > limit_.bytes) check_fits(payload.size(), limit_, place(piece_));
    return payload;
  }

  std::string_view payload_of(std::string_view piece) {
    if (options_.encoding != Encoding::plain) piece = decoded_.emplace_back(decoded_piece(piece, &decoded));
    if (options_.truncate) piece = truncated(piece, false);
    if (!options_.append.empty()) return checked(decoded_.emplace_back(piece) += options_.append);
    return options_.encoding == Encoding::plain ? closed_up(checked(piece)) : checked(piece);
  }

  std::string decoded_piece(std::string_view piece, std::string (*decode)(std::string_view, Encoding)) const {
    try {
      return decode(piece, options_.encoding);
    } catch (const UsageError& error) {
      throw UsageError(fmt::format("{}: {}", place(piece_), error.what()));
    }
  }

  std::string_view truncated(std::string_view piece, bool is_head) {
    const std::size_t size = truncated_size(options_, limit_);
    if (round_ == 0 && (is_head || piece.size() > size)) ++truncated_;
    return piece.substr(0, size);
  }

  // The beginning of a piece that is too long: its end may be far away.
  std::string_view head_of_piece() {
    ++piece_;
    ++given_;
    const std::string_view head = unread_.substr(0, max_text_);
    cut_the_last_ = true;
    left_of_chunk_ = options_.cut.size;
    pass_over();
    std::string& payload = decoded_.emplace_back(decoded_piece(head, &decoded_head));
    payload.resize(truncated(payload, true).size());
    return checked(payload += options_.append);
  }

  // Passes over the rest of a piece of which the beginning was sent; false when its end has not come yet.
  bool is_past_what_was_cut() {
    if (!cut_the_last_) return true;
    const bool is_chunk = options_.cut.at == CutAt::size;
    if (is_chunk ? left_of_chunk_ == 0 || end_of_input_ : splitter_.take(unread_, end_of_input_).has_value()) {
      cut_the_last_ = false;
    } else {
      pass_over();
    }
    return !cut_the_last_;
  }
  // What is there of a chunk; of a line all but what may be the beginning of a delimiter.
  void pass_over() {
    if (options_.cut.at == CutAt::size) {
      const std::size_t here = std::min(left_of_chunk_, unread_.size());
      unread_.remove_prefix(here);
      left_of_chunk_ -= here;
      return;
    }
    const std::size_t max = std::max<std::size_t>(options_.cut.delimiter.size(), 1) - 1;
    unread_.remove_prefix(unread_.size() - std::min(unread_.size(), max));
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

  // Lines are taken for text: no NUL, and, as far as the first block tells, UTF-8. `added` bytes are new.
  void look_for_binary(std::size_t added) {
    const bool are_lines = options_.cut.at == CutAt::delimiter && options_.cut.delimiter == "\n";
    if (!are_lines || options_.encoding != Encoding::plain) return;
    const std::string_view fresh = unread_.substr(unread_.size() - added);
    is_cut_ = is_cut_ || fresh.find('\n') != std::string_view::npos;
    if (is_binary_) return;
    is_binary_ = fresh.find('\0') != std::string_view::npos;
    const std::string_view lines = unread_.substr(0, end_of_input_ ? unread_.size() : unread_.rfind('\n') + 1);
    if (read_ <= block) is_binary_ = is_binary_ || !base::is_utf8(lines);
  }

  void keep(std::string_view bytes) {
    if (std::fwrite(bytes.data(), 1, bytes.size(), spool_) != bytes.size()) file_.fail("keep a copy of");
  }
  void next_round() {
    end_round();
    if (given_ == 0) end();  // another look would find nothing either
    if (ended()) return;
    if (spool_ != nullptr && std::fflush(spool_) != 0) file_.fail("keep a copy of");
    ++round_;
    if (lseek(source(), start_, SEEK_SET) < 0) file_.fail("read again");
    end_of_input_ = cut_the_last_ = false;
    splitter_ = Splitter(options_.cut);
    piece_ = 0;
  }

  SourceOptions options_;
  PayloadLimit limit_;
  std::size_t max_text_;
  Splitter splitter_;
  std::uint64_t round_ = 0;
  std::size_t left_of_chunk_ = 0;  // of which the beginning was sent
  InputFile file_;
  std::uint64_t read_ = 0;
  std::uint64_t piece_ = 0;  // of this round
  std::uint64_t given_ = 0;  // of all rounds, without those that were skipped
  off_t start_ = 0;
  std::FILE* spool_ = nullptr;  // a copy of what cannot be read twice
  std::vector<char> buffer_;
  std::string_view unread_;
  std::size_t taken_ = 0;            // where in the buffer the last piece ends
  std::deque<std::string> decoded_;  // payloads that are not in the buffer
  std::uint64_t truncated_ = 0;
  bool cut_the_last_ = false;  // its end is still to come
  bool is_binary_ = false;
  bool is_cut_ = false;  // at a newline
  bool end_of_input_ = false;
};

}  // namespace

std::unique_ptr<PayloadSource> make_pieces(const SourceOptions& options, const PayloadLimit& limit) {
  return std::make_unique<Pieces>(options, limit);
}

}  // namespace commands
