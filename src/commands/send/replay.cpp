// SPDX-License-Identifier: MIT
#include "commands/send/replay.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <vector>

#include "base/error.hpp"
#include "commands/send/capture_file.hpp"
#include "commands/send/input_file.hpp"
#include "commands/send/message_event.hpp"

namespace commands {
namespace {

using base::Nanoseconds;
using base::UsageError;

// On an absolute schedule from the first of a round; a step back in time is no wait.
class Schedule {
 public:
  explicit Schedule(double speed) : speed_(speed) {}

  std::optional<Nanoseconds> due(std::optional<Nanoseconds> time) {
    if (speed_ == 0 || !time) return std::nullopt;
    if (!first_) first_ = *time;
    const double since = static_cast<double>((*time - *first_).count()) / speed_;
    last_ = std::max(last_, begun_ + Nanoseconds(static_cast<std::int64_t>(std::clamp(since, 0.0, 9e18))));
    return last_;
  }
  void begin_round() {
    first_.reset();
    begun_ = last_;
  }

 private:
  double speed_;
  std::optional<Nanoseconds> first_;
  Nanoseconds begun_{};
  Nanoseconds last_{};
};

class Replay : public PayloadSource {
 public:
  Replay(const ReplayOptions& options, std::uint64_t rounds, const PayloadLimit& limit)
      : PayloadSource(rounds),
        options_(options),
        limit_(limit),
        schedule_(options.speed),
        file_(options.file == "-" ? std::nullopt : std::optional(options.file)) {
    if (rounds > 1 && !file_.is_regular())
      throw UsageError(fmt::format("--count: {} can be read once only", file_.name()));
  }

  const Piece* next() override {
    if (at_ < pieces_.size()) {
      const Entry& one = pieces_[at_++];
      ++given_;
      return give(std::string_view(bytes_).substr(one.from, one.size), one.due,
                  options_.keep_ports ? one.port : std::uint16_t{0});
    }
    if (failure_) std::rethrow_exception(failure_);
    if (end_of_file_) next_round();
    return nullptr;
  }
  int descriptor() const override { return file_.descriptor(); }
  bool is_always_ready() const override { return at_ < pieces_.size() || reads_at_once(); }
  std::optional<double> progress() const override { return std::nullopt; }
  std::size_t incomplete() const override { return unread_.find('\n') == std::string::npos ? unread_.size() : 0; }

  void refill() override {
    pieces_.clear();
    at_ = 0;
    bytes_.clear();
    if (!begun_ && !begin()) return;
    try {
      capture_ ? read_packets() : read_lines();
    } catch (const base::Error&) {
      failure_ = std::current_exception();  // what came before it is sent first
    }
  }

  std::vector<std::string> remarks() const override;

 private:
  struct Entry {
    std::size_t from, size;
    std::optional<Nanoseconds> due;
    std::uint16_t port;
  };
  static constexpr std::size_t block = 256 * 1024;
  static constexpr std::size_t max_line = 1024 * 1024;  // six times what escapes make of the longest datagram

  bool reads_at_once() const { return file_.is_regular() || (capture_ && capture_->has_more_at_once()); }
  bool begin();
  bool read_block();
  void read_packets();
  void read_lines();
  void take_line(std::string_view line);
  void add(std::string_view payload, std::optional<Nanoseconds> time, std::uint16_t port);
  void next_round();

  ReplayOptions options_;
  PayloadLimit limit_;
  Schedule schedule_;
  InputFile file_;
  std::string what_ = "a payload of " + file_.name();  // made once, and not for each packet
  bool begun_ = false;
  bool end_of_file_ = false;
  std::vector<char> block_;
  std::string unread_;  // of a file of lines
  std::uint64_t line_ = 0;
  std::unique_ptr<CaptureFile> capture_;
  std::optional<CaptureDecoder> decoder_;
  std::string bytes_;  // of the pieces
  std::vector<Entry> pieces_;
  std::size_t at_ = 0;
  std::uint64_t given_ = 0;
  std::uint64_t packets_ = 0;
  std::uint64_t without_port_ = 0;
  std::exception_ptr failure_;
};

// What it is, its first byte tells. False when nothing is there yet.
bool Replay::begin() {
  if (!read_block()) return end_of_file_;
  begun_ = true;
  if (unread_.empty()) return true;
  if (unread_.front() == '{') {
    if (options_.filter.empty()) return true;
    throw UsageError(fmt::format("--filter is for captures, and {} is what -j printed", file_.name()));
  }
  capture_ = std::make_unique<CaptureFile>(file_.descriptor(), file_.is_regular(), std::move(unread_), file_.name(),
                                           options_.filter);
  unread_.clear();
  decoder_.emplace(capture_->link());
  return true;
}

// Adds to what is unread; false when nothing came.
bool Replay::read_block() {
  block_.resize(block);
  const auto got = file_.read(file_.descriptor(), block_.data(), block);
  end_of_file_ = got == 0u;
  unread_.append(block_.data(), got.value_or(0));
  return got.value_or(0) > 0;
}

void Replay::read_packets() {
  do {
    const auto packet = capture_->next();
    if (!packet) {
      end_of_file_ = true;
      return;
    }
    ++packets_;
    const auto datagram = decoder_->take(*packet);
    if (datagram) add(datagram->payload, packet->time, datagram->port);
  } while (bytes_.size() < block && reads_at_once());  // what is there leaves before more is waited for
}

void Replay::read_lines() {
  // What is there leaves before more is waited for.
  if (!end_of_file_ && unread_.find('\n') == std::string::npos) read_block();
  std::string_view left = unread_;
  while (bytes_.size() < block) {
    const std::size_t end = left.find('\n');
    if (end == std::string_view::npos) break;
    take_line(left.substr(0, end));
    left.remove_prefix(end + 1);
  }
  if (left.find('\n') == std::string_view::npos) {
    if (left.size() > max_line)
      throw UsageError(fmt::format("{}, line {}: more than {} bytes", file_.name(), line_ + 1, max_line));
    if (end_of_file_ && !left.empty()) {
      take_line(left);
      left = {};
    }
  }
  unread_.erase(0, unread_.size() - left.size());
}

void Replay::take_line(std::string_view line) {
  ++line_;
  if (line.find_first_not_of(" \t\r") == std::string_view::npos) return;
  try {
    const auto message = parse_message_event(line);
    if (!message) return;
    if (options_.keep_ports && !message->port) throw UsageError("a message without `to_port`, and --keep-ports");
    add(message->payload, message->time, message->port.value_or(0));
  } catch (const UsageError& error) {
    throw UsageError(fmt::format("{}, line {}: {}", file_.name(), line_, error.what()));
  }
}

void Replay::add(std::string_view payload, std::optional<Nanoseconds> time, std::uint16_t port) {
  check_fits(payload.size(), limit_, what_);
  if (options_.keep_ports && port == 0) {
    ++without_port_;
    return;
  }
  pieces_.push_back({bytes_.size(), payload.size(), schedule_.due(time), port});
  bytes_ += payload;
}

void Replay::next_round() {
  if (!unread_.empty()) return;
  end_round();
  if (given_ == 0) end();  // another look would find nothing either
  if (ended()) return;
  capture_.reset();
  if (lseek(file_.descriptor(), 0, SEEK_SET) < 0) file_.fail("read again");
  begun_ = end_of_file_ = false;
  line_ = 0;
  schedule_.begin_round();
}

std::vector<std::string> Replay::remarks() const {
  std::vector<std::string> remarks;
  if (decoder_) {
    const SkippedPackets skipped = decoder_->skipped();
    const auto tell = [&](std::uint64_t count, std::string_view what, std::string_view why) {
      if (count > 0)
        remarks.push_back(fmt::format("{}: {} {}{} {}", file_.name(), count, what, count == 1 ? "" : "s", why));
    };
    tell(skipped.snapped, "packet", "skipped: the capture kept only a part (tcpdump -s 0 keeps all)");
    tell(skipped.incomplete, "datagram", "skipped: not all fragments are there");
    tell(skipped.malformed, "packet", "skipped: lengths that contradict each other");
    tell(decoder_->oversized(), "datagram",
         "larger than Ethernet's 1,500 bytes carry: captured before segmentation, or jumbo frames");
  }
  if (without_port_ > 0) remarks.push_back(fmt::format("{}: {} sent to port 0 skipped", file_.name(), without_port_));
  if (given_ == 0 && end_of_file_) {
    const std::string_view filtered = options_.filter.empty() ? "" : " that the filter lets pass";
    remarks.push_back(packets_ == 0 ? fmt::format("{} has no {}{}: nothing was sent", file_.name(),
                                                  decoder_ ? "packet" : "message", filtered)
                                    : fmt::format("{} has no UDP payload{}: nothing was sent", file_.name(), filtered));
  }
  return remarks;
}

}  // namespace

std::unique_ptr<PayloadSource> make_replay(const ReplayOptions& options, std::uint64_t rounds,
                                           const PayloadLimit& limit) {
  return std::make_unique<Replay>(options, rounds, limit);
}

}  // namespace commands
