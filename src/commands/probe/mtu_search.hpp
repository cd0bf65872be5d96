// SPDX-License-Identifier: MIT
// The search of `probe --mtu`: the largest datagram that a path carries, from ICMP errors where routers send them
// (RFC 1191, RFC 8201) and from replies alone where they do not (RFC 8899).
#pragma once

#include <cstdint>
#include <optional>

#include "net/address.hpp"

namespace commands {

// Sizes are of whole IP packets in bytes, headers included, as an MTU is.
struct MtuResult {
  enum class Proof {
    none,      // nothing proves a figure
    by_reply,  // a datagram of that size was answered
    by_icmp,   // the target never answers; one byte more was refused by a router, that size was not
  };
  Proof proof = Proof::none;
  unsigned mtu = 0;
  unsigned payload = 0;                     // of UDP: the MTU less 28 (IPv4) or 48 (IPv6)
  std::optional<net::Address> narrowed_by;  // who refused a larger one; empty: the link itself, or nobody said
  bool black_hole = false;                  // larger ones vanish without an ICMP error
  bool lossy = false;                       // sizes that pass were lost at times as well
};

// One probe at a time: send a packet of next() bytes with DF set, and report what became of it. A size fails
// when a router refuses it, or when all tries stay silent while a smaller size, asked again right after, is answered:
// otherwise the path is lossy or down, and the silence proves nothing. What a router claims is only the next size to
// try, and a limit that no claim agrees with is tried once more at the end. Report replies to earlier sizes as
// well: one takes back what an ICMP error or a silence has said about its size.
class MtuSearch {
 public:
  static constexpr unsigned tries = 3;        // RFC 8899, 5.1.2: MAX_PROBES
  static constexpr unsigned lossy_tries = 6;  // once loss was seen that is not due to size
  static constexpr unsigned max_restarts = 5;

  // `link_mtu`: of the interface that the packets leave by; at least 68 (IPv4) or 1280 (IPv6).
  MtuSearch(net::Family family, unsigned link_mtu);

  // The size to send now, until one of the calls below changes it. Nothing: the search is over.
  std::optional<unsigned> next() const;

  // A packet of `size` bytes arrived: the target replied, or its port is unreachable.
  void answered(unsigned size);

  // "Fragmentation needed" or "packet too big", which quotes a packet of `size` bytes; `mtu` is 0 when it was not
  // told. `from` is empty when this host said so.
  void too_big(unsigned size, unsigned mtu, const std::optional<net::Address>& from);

  // The wait for an answer to a packet of `size` bytes is over.
  void silent(unsigned size);

  MtuResult result() const;  // once next() returns nothing

 private:
  enum class Target { unknown, answers, never_answers };

  void choose();
  unsigned between() const;
  void give_up_size();
  void no_answer_at_all(unsigned tested);
  void restart(unsigned size);
  void narrow_link(unsigned mtu);
  bool is_silent_limit() const { return high_ <= link_ && !refused_; }

  net::Family family_;
  unsigned floor_;  // what every link carries: RFC 791, RFC 8200
  unsigned link_;
  Target target_ = Target::unknown;
  unsigned low_ = 0;           // the largest size that passed; 0: none yet
  unsigned high_;              // the smallest that failed; link_ + 1: none yet
  bool refused_ = false;       // high_ failed by ICMP
  unsigned claim_ = 0;         // the MTU that the last router told, 0: none
  unsigned false_claims_ = 0;  // that were refused in their turn
  std::optional<net::Address> claimed_by_;
  unsigned current_;                 // the size to send
  unsigned silences_ = 0;            // tries of it without an answer
  std::optional<unsigned> suspect_;  // silent; `current_` is a smaller size that shows whether that is due to size
  unsigned confirmed_ = 0;           // the limit that was tried once more
  unsigned restarts_ = 0;            // contradictions so far
  bool lossy_ = false;
  bool done_ = false;
  bool failed_ = false;  // over without a figure
};

}  // namespace commands
