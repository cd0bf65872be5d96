// SPDX-License-Identifier: MIT
#include "commands/send/source.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"
#include "commands/send/numbered.hpp"
#include "commands/send/payload.hpp"

namespace commands {
namespace {

using base::UsageError;

// Messages from the command line.
class Messages : public PayloadSource {
 public:
  Messages(const SourceOptions& options, const PayloadLimit& limit) : PayloadSource(options.rounds) {
    std::size_t number = 0;
    for (const std::string& word : options.messages) {
      const std::string what = options.messages.size() == 1 ? "MESSAGE" : fmt::format("MESSAGE {}", ++number);
      std::string bytes;
      try {
        bytes = decoded(word, options.encoding);
      } catch (const UsageError& error) {
        throw UsageError(fmt::format("{}: '{}': {}", what, base::printable(word), error.what()));
      }
      payloads_.emplace_back(part_of(bytes, options, what)).append(options.append);
      check_fits(payloads_.back().size(), limit, what);
    }
  }

  const Piece* next() override {
    if (ended()) return nullptr;
    const std::string& payload = payloads_[at_];
    if (++at_ == payloads_.size()) {
      at_ = 0;
      end_round();
    }
    return give(payload);
  }
  std::optional<double> progress() const override {
    if (rounds() == for_ever) return std::nullopt;
    const double of_round = static_cast<double>(at_) / static_cast<double>(payloads_.size());
    return (static_cast<double>(rounds() - rounds_left()) + of_round) / static_cast<double>(rounds());
  }

 private:
  std::vector<std::string> payloads_;
  std::size_t at_ = 0;
};

// Datagrams of a pattern. Copies of it stand one behind the other, so that a run of datagrams is one piece of memory.
class Generator : public PayloadSource {
 public:
  Generator(std::size_t size, std::uint64_t rounds)
      : PayloadSource(rounds), size_(size), copies_(size == 0 ? 1 : std::max<std::size_t>(1, 65'536 / size)) {
    for (std::size_t i = 0; i < copies_; ++i) {
      for (std::size_t j = 0; j < size; ++j) pattern_ += static_cast<char>('a' + j % 26);
    }
  }

  const Piece* next() override {
    if (ended()) return nullptr;
    end_round();
    if (at_ == copies_) at_ = 0;
    return give({pattern_.data() + size_ * at_++, size_});
  }

 private:
  std::size_t size_;
  std::size_t copies_;
  std::size_t at_ = 0;
  std::string pattern_;
};

}  // namespace

std::unique_ptr<PayloadSource> make_source(const SourceOptions& options, const PayloadLimit& limit) {
  if (options.size) {
    check_fits(*options.size, limit, "--size");
    if (options.numbered) return make_numbered(*options.size, options.rounds);
    return std::make_unique<Generator>(*options.size, options.rounds);
  }
  if (!options.messages.empty()) return std::make_unique<Messages>(options, limit);
  return options.cut.at == CutAt::end ? make_whole(options, limit) : make_pieces(options, limit);
}

}  // namespace commands
