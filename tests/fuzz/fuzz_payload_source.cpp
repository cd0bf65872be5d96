// SPDX-License-Identifier: MIT
// What `send` makes of an input that comes in blocks of any sizes, in each encoding and cut in each way: the payloads
// of the whole input, until refill() where they were, and an error at the piece that deserves it.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/text.hpp"
#include "commands/send/source.hpp"
#include "fuzz.hpp"

namespace {

using commands::CutAt;
using commands::Encoding;

std::string path_of(int descriptor) { return "/proc/self/fd/" + std::to_string(descriptor); }

// Payloads until the end, or until one that is no good.
struct Outcome {
  std::vector<std::string> payloads;
  bool failed = false;
};

// With nothing clever: the whole input at once.
Outcome reference(std::string_view input, const commands::SourceOptions& options, std::size_t most) {
  Outcome out;
  const bool whole = options.cut.at == CutAt::end;
  for (std::uint64_t round = 0; round < options.rounds; ++round) {
    commands::Splitter splitter(options.cut);
    std::string_view left = input;
    while (const auto piece = splitter.take(left, true)) {
      if (options.skip_empty && piece->empty()) continue;
      try {
        std::string payload = options.encoding == Encoding::hexadecimal ? base::parse_hex(*piece)
                              : options.encoding == Encoding::escapes   ? base::parse_escapes(*piece)
                                                                        : std::string(*piece);
        if (whole) {
          const std::uint64_t end = options.offset + options.length.value_or(payload.size() - options.offset);
          out.failed = options.offset > payload.size() || end > payload.size();
          if (!out.failed) payload = payload.substr(options.offset, end - options.offset);
        }
        if (!out.failed && options.truncate) {
          payload.resize(std::min<std::size_t>({payload.size(), *options.truncate, most - options.append.size()}));
        }
        payload += options.append;
        out.failed = out.failed || payload.size() > most;
        if (!out.failed) out.payloads.push_back(payload);
      } catch (const base::UsageError&) {
        out.failed = true;
      }
      if (out.failed) return out;
    }
  }
  return out;
}

// Gives what next() gives between two refills, and looks at the views only then.
bool take_block(commands::PayloadSource& source, Outcome& out) {
  std::vector<std::string_view> views;
  try {
    while (const auto payload = source.next()) views.push_back(payload->payload);
  } catch (const base::UsageError&) {
    out.failed = true;
  }
  for (const std::string_view view : views) out.payloads.emplace_back(view);
  return !out.failed && !source.ended();
}

// Through a pipe, block by block.
Outcome from_pipe(std::string_view input, std::string_view sizes, commands::SourceOptions options, std::size_t most) {
  std::array<int, 2> ends{};
  MUST(pipe(ends.data()) == 0);
  options.file = path_of(ends[0]);
  Outcome out;
  const auto source = commands::make_source(options, {net::Family::ipv4, most});
  bool open = true;
  for (std::size_t i = 0; take_block(*source, out); ++i) {
    const std::string_view block = input.substr(0, 1 + static_cast<std::uint8_t>(sizes[i % sizes.size()]) % 64);
    input.remove_prefix(block.size());
    if (!block.empty()) MUST(write(ends[1], block.data(), block.size()) == static_cast<ssize_t>(block.size()));
    if (block.empty() && open) open = close(ends[1]) != 0;
    try {
      source->refill();
    } catch (const base::UsageError&) {
      out.failed = true;
      break;
    }
  }
  if (open) close(ends[1]);
  close(ends[0]);
  return out;
}

// From a regular file, in rounds.
Outcome from_file(std::string_view input, commands::SourceOptions options, std::size_t most) {
  const int file = memfd_create("input", MFD_CLOEXEC);
  MUST(file >= 0 && write(file, input.data(), input.size()) == static_cast<ssize_t>(input.size()));
  options.file = path_of(file);
  Outcome out;
  const auto source = commands::make_source(options, {net::Family::ipv4, most});
  MUST(source->is_always_ready());
  try {
    while (take_block(*source, out)) source->refill();
  } catch (const base::UsageError&) {
    out.failed = true;
  }
  close(file);
  return out;
}

void must_agree(const Outcome& found, const Outcome& expected, bool may_fail_early) {
  if (may_fail_early && found.failed) {
    MUST(found.payloads.size() <= expected.payloads.size());
    MUST(std::equal(found.payloads.begin(), found.payloads.end(), expected.payloads.begin()));
    return;
  }
  MUST(found.payloads == expected.payloads);
  MUST(found.failed == expected.failed);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t most = 48;  // bytes in a datagram, few so that too many are likely
  fuzz::Feed feed(data, size);
  const std::uint8_t kind = feed.byte();
  commands::SourceOptions options;
  options.encoding = static_cast<Encoding>(kind % 3);
  options.cut.at = static_cast<CutAt>(kind / 3 % 3);
  const std::uint8_t size_and_more = feed.byte();
  options.cut.size = 1 + size_and_more % most;
  const unsigned more = size_and_more / most;  // 0 to 5
  if (more == 1 || more >= 4) options.append = "!\n";
  options.skip_empty = more == 2 || more == 4;
  if (more >= 3) options.truncate = more;
  if (options.cut.at == CutAt::end) {
    options.offset = feed.byte() % 8;
    if (kind & 128) options.length = feed.byte() % 16;
  }
  const std::string sizes(feed.bytes(4));
  const std::string input(feed.rest().substr(0, 32'768));

  // A piece that is not whole yet is given up early when its text is far longer than a datagram is.
  const bool plain = options.encoding == Encoding::plain;
  const bool long_piece = input.size() > most * (plain ? 1 : 8);
  // Where only the beginning is wanted, no more of the text may have been looked at than makes that.
  const std::uint64_t wanted = options.length.value_or(options.truncate.value_or(most));
  const std::size_t max_beginning = 8 * (options.cut.at == CutAt::end ? options.offset + wanted : most);
  if (!plain && (options.truncate || options.length) && input.size() > max_beginning) return 0;
  if (!sizes.empty()) {
    must_agree(from_pipe(input, sizes, options, most), reference(input, options, most), long_piece);
  }
  options.rounds = 1 + (kind & 1);
  must_agree(from_file(input, options, most), reference(input, options, most), long_piece);
  return 0;
}
