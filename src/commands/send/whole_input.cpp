// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "commands/send/input_file.hpp"
#include "commands/send/payload.hpp"
#include "commands/send/source.hpp"

namespace commands {
namespace {

// Keeps no more of the input than may be sent, and reads no more than tells that.
class WholeInput final : public PayloadSource {
 public:
  WholeInput(const SourceOptions& options, const PayloadLimit& limit)
      : PayloadSource(options.rounds), options_(options), limit_(limit), file_(options.file) {
    if (options.length) check_fits(*options.length + options.append.size(), limit, "--length");
    const std::size_t max = options.length.value_or(options.truncate ? truncated_size(options, limit) : limit.bytes);
    const std::uint64_t reach = std::min<std::uint64_t>(options.offset, max_offset) + max;
    max_kept_ = is_plain() ? max : reach * max_expansion(options.encoding);
  }

  const Piece* next() override {
    if (!complete_ || ended()) return nullptr;
    end_round();
    given_ = true;
    return give(payload_);
  }
  int descriptor() const override { return file_.descriptor(); }
  bool is_always_ready() const override { return file_.is_regular() || complete_; }

  void refill() override {
    block_.resize(block);
    const auto got = file_.read(file_.descriptor(), block_.data(), block);
    if (!got) return;
    take({block_.data(), *got});
    if (*got == 0 || text_.size() > max_kept_ || has_its_part()) finish();
  }

  std::size_t incomplete() const override { return given_ ? 0 : read_; }
  std::vector<std::string> remarks() const override {
    return truncated_ ? std::vector{truncated_text(1, file_.name())} : std::vector<std::string>();
  }

 private:
  static constexpr std::size_t block = 256 * 1024;
  static constexpr std::uint64_t max_offset = 1u << 30;  // in text, which has to be kept to be decoded

  bool is_plain() const { return options_.encoding == Encoding::plain; }
  // Where bytes stand for themselves, what lies behind the part need not be read.
  bool has_its_part() const {
    return is_plain() && options_.length && read_ >= options_.offset && read_ - options_.offset >= *options_.length;
  }

  void take(std::string_view bytes) {
    if (is_plain()) {  // what lies before the part is passed over
      const std::uint64_t before = options_.offset - std::min<std::uint64_t>(options_.offset, read_);
      read_ += bytes.size();
      bytes.remove_prefix(std::min<std::uint64_t>(before, bytes.size()));
      if (options_.length) bytes = bytes.substr(0, *options_.length - text_.size());
    } else {
      read_ += bytes.size();
    }
    text_ += bytes.substr(0, max_kept_ + 1 - text_.size());  // one more shows that it is longer
  }

  void finish() {
    complete_ = true;
    if (read_ == 0 && options_.skip_empty) {
      end();
      return;
    }
    const bool longer = text_.size() > max_kept_;
    if (longer && !options_.truncate && !options_.length) {
      throw base::UsageError(fmt::format("{} has more than {} bytes; a datagram holds at most {} over {}", file_.name(),
                                         max_kept_, limit_.bytes, net::name_of(limit_.family)));
    }
    if (is_plain()) {
      if (!longer) check_part(read_, options_, file_.name());
      payload_ = std::move(text_);
    } else {
      payload_ = part_of(decoded(longer), options_, file_.name());
    }
    const std::size_t size = truncated_size(options_, limit_);
    truncated_ = options_.truncate && payload_.size() > size;
    if (truncated_) payload_.resize(size);
    payload_ += options_.append;
    check_fits(payload_.size(), limit_, file_.name());
  }

  std::string decoded(bool is_head) const {
    try {
      return is_head ? decoded_head(text_, options_.encoding) : commands::decoded(text_, options_.encoding);
    } catch (const base::UsageError& error) {
      throw base::UsageError(fmt::format("{}: {}", file_.name(), error.what()));
    }
  }

  SourceOptions options_;
  PayloadLimit limit_;
  InputFile file_;
  std::size_t max_kept_;
  std::vector<char> block_;
  std::uint64_t read_ = 0;
  std::string text_;
  std::string payload_;
  bool truncated_ = false;
  bool complete_ = false;
  bool given_ = false;
};

}  // namespace

std::unique_ptr<PayloadSource> make_whole(const SourceOptions& options, const PayloadLimit& limit) {
  return std::make_unique<WholeInput>(options, limit);
}

}  // namespace commands
