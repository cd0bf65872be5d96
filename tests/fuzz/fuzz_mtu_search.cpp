// SPDX-License-Identifier: MIT
// The MTU search on a path whose routers lie and fall silent: it ends, and names no size but the one that the path
// carries.
#include <algorithm>
#include <optional>

#include "commands/probe/mtu_search.hpp"
#include "fuzz.hpp"

namespace {

struct Path {
  unsigned carries;     // the largest packet
  bool target_answers;  // to what arrives
  bool routers_answer;  // to what is too large
  net::Address router = net::asio::ip::make_address("192.0.2.1");
};

// The fate of the packet of `size` bytes.
void deliver(commands::MtuSearch& search, const Path& path, unsigned size, fuzz::Feed& feed) {
  if (size > path.carries && path.routers_answer) return search.too_big(size, feed.two_bytes(), path.router);
  if (size <= path.carries && path.target_answers) return search.answered(size);
  search.silent(size);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using Proof = commands::MtuResult::Proof;
  constexpr unsigned most_packets = 100'000;
  fuzz::Feed feed(data, size);
  const std::uint8_t kind = feed.byte();
  const bool v4 = (kind & 1) == 0;
  const unsigned floor = v4 ? 68 : 1'280;
  const unsigned link = std::max<unsigned>(feed.two_bytes(), floor);
  Path path{floor + feed.two_bytes() % (link - floor + 1), (kind & 2) == 0, (kind & 4) == 0};
  bool disturbed = false;
  commands::MtuSearch search(v4 ? net::Family::ipv4 : net::Family::ipv6, link);

  unsigned packets = 0;
  while (const std::optional<unsigned> now = search.next()) {
    MUST(++packets <= most_packets);
    MUST(*now >= floor && *now <= link);
    const std::uint8_t event = feed.byte();
    if (event & 1) {  // a forged error comes first; the packet goes its way all the same
      disturbed = true;
      search.too_big(event & 2 ? *now : feed.two_bytes(), feed.two_bytes(), path.router);
    }
    if (event & 4) {  // lost
      disturbed = true;
      search.silent(*now);
    } else {
      deliver(search, path, *now, feed);
    }
  }
  const commands::MtuResult result = search.result();
  if (result.proof == Proof::none) {
    MUST(disturbed || !path.target_answers);
    return 0;
  }
  MUST(result.mtu >= floor && result.mtu <= link);
  MUST(result.payload == result.mtu - (v4 ? 28 : 48));
  if (result.proof == Proof::by_reply) MUST(path.target_answers && result.mtu <= path.carries);
  if (!disturbed) MUST(result.mtu == path.carries);
  return 0;
}
