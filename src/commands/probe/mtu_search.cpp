// SPDX-License-Identifier: MIT
#include "commands/probe/mtu_search.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <vector>

#include "net/datagram.hpp"

namespace commands {
namespace {

// RFC 1191, 7.1: where a router that tells no MTU may draw the line.
constexpr std::array<unsigned, 11> plateaus{65535, 32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68};

// MTUs that tunnels and links have: likelier than what lies between.
constexpr std::array<unsigned, 24> common{576,  1006, 1280, 1300, 1340, 1358, 1360, 1380, 1400, 1406, 1420, 1428,
                                          1430, 1438, 1440, 1450, 1460, 1472, 1476, 1480, 1492, 1500, 4352, 9000};

bool is_common(unsigned size) { return std::find(common.begin(), common.end(), size) != common.end(); }

unsigned plateau_below(unsigned size) {
  for (const unsigned plateau : plateaus) {
    if (plateau < size) return plateau;
  }
  return 0;
}

}  // namespace

MtuSearch::MtuSearch(net::Family family, unsigned link_mtu)
    : family_(family),
      floor_(family == net::Family::ipv4 ? 68 : 1280),
      link_(std::max(link_mtu, floor_)),
      high_(link_ + 1),
      current_(link_) {}

std::optional<unsigned> MtuSearch::next() const {
  if (done_) return std::nullopt;
  return current_;
}

void MtuSearch::answered(unsigned size) {
  const unsigned proven = target_ == Target::answers ? low_ : 0;
  if (done_ || size > link_ || size < proven || (size == proven && size != current_)) return;
  const bool loss = size == current_ && silences_ > 0;
  const bool first_loss = loss && !lossy_;
  lossy_ = lossy_ || loss;
  const std::optional<unsigned> suspect = suspect_;
  const bool is_control = suspect && size == current_;
  target_ = Target::answers;
  low_ = size;
  if (size >= high_) {  // what failed before was loss, or a claim that is not true
    high_ = link_ + 1;
    refused_ = false;
    claim_ = 0;
    ++restarts_;
  }
  if (is_control && first_loss) return restart(*suspect);  // it had too few tries for such a path
  if (is_control) {
    refused_ = refused_ && high_ == *suspect;
    high_ = *suspect;
  }
  choose();
}

void MtuSearch::too_big(unsigned size, unsigned mtu, const std::optional<net::Address>& from) {
  if (done_) return;
  const bool plausible = mtu >= floor_ && mtu < size;
  const unsigned claim = plausible ? mtu : std::max(plateau_below(size), floor_);
  if (!from) return narrow_link(claim < low_ ? size - 1 : claim);
  const bool passed = target_ == Target::answers && size <= low_;
  if (size > high_ || size <= floor_ || passed) return;
  if (refused_ && size == high_ && size != current_) return;
  if (size <= low_) {  // it was only silent
    low_ = floor_;
    ++restarts_;
  }
  // Who claims what it then refuses, again and again, is not asked any more: halving is faster.
  constexpr unsigned max_false_claims = 3;
  if (size == claim_) ++false_claims_;
  high_ = size;
  refused_ = true;
  claim_ = false_claims_ < max_false_claims ? claim : 0;
  claimed_by_ = from;
  if (current_ >= high_ || (suspect_ && *suspect_ >= high_)) choose();
}

// This host itself carries no more.
void MtuSearch::narrow_link(unsigned mtu) {
  if (mtu >= link_ || mtu < low_ || mtu < floor_) return;
  link_ = mtu;
  if (high_ > link_) {
    high_ = link_ + 1;
    refused_ = false;
  }
  if (current_ > link_ || (suspect_ && *suspect_ > link_)) choose();
}

void MtuSearch::silent(unsigned size) {
  if (done_ || size != current_) return;
  if (++silences_ >= (lossy_ ? lossy_tries : tries)) give_up_size();
}

// All tries of the current size were silent.
void MtuSearch::give_up_size() {
  if (target_ == Target::never_answers) {  // then silence is all there is: no router refused it
    low_ = current_;
    return choose();
  }
  if (suspect_ && target_ == Target::answers) {  // even a size that passes is lost
    lossy_ = true;
    ++restarts_;
    return restart(*suspect_);
  }
  if (suspect_) return no_answer_at_all(*suspect_);
  if (current_ == floor_) return no_answer_at_all(floor_);
  suspect_ = current_;
  current_ = target_ == Target::answers ? low_ : floor_;
  silences_ = 0;
}

// Not even the smallest packet is answered: only routers can tell where the limit is, if one has spoken.
void MtuSearch::no_answer_at_all(unsigned tested) {
  if (!refused_) {
    done_ = failed_ = true;
    return;
  }
  target_ = Target::never_answers;
  low_ = tested < high_ ? tested : floor_;
  choose();
}

void MtuSearch::restart(unsigned size) {
  current_ = size;
  silences_ = 0;
  suspect_.reset();
  if (restarts_ > max_restarts) done_ = failed_ = true;
}

// Picks the next size, or ends the search.
void MtuSearch::choose() {
  if (low_ == 0) return restart(!refused_ ? link_ : claim_ != 0 ? claim_ : std::max(floor_, high_ / 2));
  if (high_ - low_ > 1) return restart(between());
  const bool told = refused_ && (claim_ == low_ || target_ == Target::never_answers);
  done_ = high_ > link_ || told || confirmed_ == high_;
  if (done_) return;
  confirmed_ = high_;
  restart(high_);
}

// A size above low_ and below high_: what a router claimed, the one above a likely limit, a common one, the middle.
unsigned MtuSearch::between() const {
  if (claim_ > low_ && claim_ < high_) return claim_;
  if (low_ == claim_ || is_common(low_)) return low_ + 1;
  std::vector<unsigned> likely;
  std::copy_if(common.begin(), common.end(), std::back_inserter(likely),
               [&](unsigned size) { return size > low_ && size < high_; });
  if (!likely.empty()) return likely[likely.size() / 2];
  return low_ + (high_ - low_) / 2;
}

MtuResult MtuSearch::result() const {
  MtuResult out;
  out.lossy = lossy_;
  if (!done_ || failed_ || low_ == 0) return out;
  if (target_ == Target::never_answers && !refused_) return out;
  out.proof = target_ == Target::answers ? MtuResult::Proof::by_reply : MtuResult::Proof::by_icmp;
  out.mtu = low_;
  out.payload = low_ - net::headers_size(family_);
  if (refused_ || claim_ == low_) out.narrowed_by = claimed_by_;
  out.black_hole = is_silent_limit() && !out.narrowed_by;
  return out;
}

}  // namespace commands
