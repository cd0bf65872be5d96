// SPDX-License-Identifier: MIT
// Where the payloads of `send` come from: messages, an input that is cut, or a generator.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/units.hpp"
#include "commands/send/splitter.hpp"
#include "net/datagram.hpp"

namespace commands {

enum class Encoding : std::uint8_t { plain, hexadecimal, escapes };

constexpr std::uint64_t for_ever = std::numeric_limits<std::uint64_t>::max();

struct SourceOptions {
  std::vector<std::string> messages;
  std::optional<std::string> file;    // none: stdin
  std::optional<std::uint64_t> size;  // datagrams of a pattern instead
  bool numbered = false;              // these begin with a number and the time
  std::uint64_t rounds = 1;           // or for_ever
  Encoding encoding = Encoding::plain;
  Cut cut;
  std::uint64_t offset = 0;  // of each message, or of the whole input
  std::optional<std::uint64_t> length;
  std::string append;                     // ends each message
  bool skip_empty = false;                // no datagram for an empty piece of the input
  std::optional<std::uint64_t> truncate;  // what is longer, or longer than a datagram can be, is cut to that
};

// One datagram to be.
struct Piece {
  std::string_view payload;
  std::optional<base::Nanoseconds> due = {};  // since the first of them; nothing: as the pacer says
  std::uint16_t port = 0;                     // to send it to; 0: the target's
};

// All of it once a round; what a round is, the source itself knows.
class PayloadSource {
 public:
  explicit PayloadSource(std::uint64_t rounds) : rounds_(rounds), left_(rounds) {}
  virtual ~PayloadSource() = default;
  PayloadSource(const PayloadSource&) = delete;
  PayloadSource& operator=(const PayloadSource&) = delete;

  // The next payload, or nothing: the source has ended, or refill() must be called first. It stays where it is until
  // refill(), and what points to it until the next call. Throws UsageError for a piece that is malformed or longer than
  // a datagram can be; those given before stay good.
  virtual const Piece* next() = 0;
  bool ended() const { return left_ == 0; }

  // The descriptor to wait for before refill(); -1: never any need.
  virtual int descriptor() const { return -1; }
  virtual bool is_always_ready() const { return false; }  // there is a piece, or refill() never waits
  // Reads what is there, once. Payloads given before are gone.
  virtual void refill() {}
  // How much has been given, from 0 to 1, when that is known.
  virtual std::optional<double> progress() const {
    if (rounds_ == for_ever) return std::nullopt;
    return 1.0 - static_cast<double>(left_) / static_cast<double>(rounds_);
  }
  // Bytes that were read and are no whole piece yet, or were the last that has no end and was not given.
  virtual std::size_t incomplete() const { return 0; }
  // What tells the receiver that no more follow, where that is told and the end has not been reached. There may be none
  // that waits to be sent.
  virtual std::optional<Piece> farewell() { return std::nullopt; }
  // What is to be told at the end, a line each.
  virtual std::vector<std::string> remarks() const { return {}; }

 protected:
  std::uint64_t rounds() const { return rounds_; }     // in all; for_ever
  std::uint64_t rounds_left() const { return left_; }  // of them; for_ever
  void end_round() {
    if (left_ != for_ever) --left_;
  }
  void end() { left_ = 0; }

  // By reference: to copy a piece whose parts were just stored costs 6 ns, an eighth of all that a line takes.
  const Piece* give(std::string_view payload, std::optional<base::Nanoseconds> due = {}, std::uint16_t port = 0) {
    current_.payload = payload;
    current_.due = due;
    current_.port = port;
    return &current_;
  }

 private:
  std::uint64_t rounds_;
  std::uint64_t left_;
  Piece current_;
};

// The largest payload that a datagram holds, and over what.
struct PayloadLimit {
  explicit PayloadLimit(net::Family over) : PayloadLimit(over, net::max_payload(over)) {}
  PayloadLimit(net::Family over, std::size_t holds) : family(over), bytes(holds) {}

  net::Family family;
  std::size_t bytes;
};

// Throws UsageError that names `what` when a payload of `size` bytes is longer than that.
void check_fits(std::size_t size, const PayloadLimit& limit, std::string_view what);

// Throws UsageError when a message is malformed or too long, Failure when the file cannot be read.
std::unique_ptr<PayloadSource> make_source(const SourceOptions& options, const PayloadLimit& limit);

// Those of a file, or stdin: cut at a delimiter or every so many bytes.
std::unique_ptr<PayloadSource> make_pieces(const SourceOptions& options, const PayloadLimit& limit);
// All of it, or --offset's and --length's part, as one.
std::unique_ptr<PayloadSource> make_whole(const SourceOptions& options, const PayloadLimit& limit);

}  // namespace commands
