// SPDX-License-Identifier: MIT
// The plan of `probe --trace`: which probe leaves next, and which hops are known well enough to be printed.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/address.hpp"

namespace commands {

struct TraceOptions {
  unsigned first_hop = 1;  // 1 to max_hops
  unsigned max_hops = 30;  // at most 255
  unsigned tries = 3;      // probes for each TTL, at least 1
  // How many TTLs, from the first hop that was not yet taken, may have probes in flight. As wide as the whole
  // path, the hops that are silent cost one timeout together. The sender's pace keeps it from shooting far past a
  // near target: a few milliseconds between probes.
  unsigned window = 30;
};

struct TraceProbe {
  unsigned ttl = 0;
  unsigned attempt = 0;  // from 0
  friend bool operator==(const TraceProbe&, const TraceProbe&) = default;
};

struct TraceAnswer {
  enum class Kind {
    passed,   // TTL exceeded: a router on the way
    reached,  // a reply, or port unreachable from the target itself
    refused,  // any other ICMP error: the path ends here
  };
  TraceProbe probe;
  Kind kind = Kind::passed;
  net::Address address;  // who answered
  std::chrono::nanoseconds rtt{};
  std::string remark{};               // why it was refused, MPLS labels, ...
  std::optional<std::uint8_t> ttl{};  // of the answer as it arrived
};

// What is known about one TTL.
struct TraceHop {
  unsigned ttl = 0;
  std::vector<TraceAnswer> answers;  // in the order of their attempts
  unsigned silent = 0;               // probes without an answer
  bool is_last = false;

  // Who answered, each once, in the order of `answers`: several where a load balancer has several paths.
  std::vector<net::Address> addresses() const;
};

// Every probe that next() returns is to be sent, and then either answered or, after its wait, silent. The path ends at
// the lowest TTL that reached the target or was refused; nothing is sent past it, and what is still in flight
// past it no longer matters.
class TracePlan {
 public:
  enum class End { open, reached, refused };

  explicit TracePlan(const TraceOptions& options);

  // The next probe to send: by TTL, all tries of one before the next, so that a target that limits its ICMP answers
  // still gives them to the lowest TTL. Nothing: wait for answers and silences.
  std::optional<TraceProbe> next();

  // What became of a probe. The first answer counts, also after silent(), until its hop has been handed out;
  // anything else is ignored.
  void answered(const TraceAnswer& answer);
  void silent(const TraceProbe& probe);

  // Nothing more leaves, not even `unsent`, which next() gave last: the hops that were asked are those that there are.
  void halt(const std::optional<TraceProbe>& unsent);

  // The next hop, in order, once all its probes are answered or silent. Nothing: not yet, or done().
  std::optional<TraceHop> take_hop();

  bool done() const { return next_hop_ > last_; }  // every hop has been handed out
  End end() const { return end_; }                 // final when done()

 private:
  struct Try {
    bool sent = false;
    bool silent = false;
    std::optional<TraceAnswer> answer;
  };
  Try* find(const TraceProbe& probe);
  std::vector<Try>& tries(unsigned ttl) { return hops_[ttl - options_.first_hop]; }
  void find_end();

  TraceOptions options_;
  std::vector<std::vector<Try>> hops_;  // by TTL, from first_hop on
  TraceProbe cursor_;                   // the next to send
  unsigned next_hop_;                   // the next to hand out
  unsigned last_;                       // where the path is known to end, else max_hops
  End end_ = End::open;
  bool halted_ = false;
};

// How many hops an answer has come back over, guessed from its TTL as it arrived: systems begin with 64, 128 or 255.
unsigned return_hops(std::uint8_t ttl);

// The return path's length where the guess differs from the way out of `hop` hops; nothing where both agree.
std::optional<unsigned> asymmetric_return(unsigned hop, std::uint8_t ttl);

// One entry of an MPLS label stack (RFC 3032, 2.1).
struct MplsLabel {
  std::uint32_t label;         // 20 bits
  std::uint8_t traffic_class;  // 3 bits (RFC 5462)
  bool bottom;
  std::uint8_t ttl;
};

// The label stack in an ICMP extension structure (RFC 4884, 7; RFC 4950, 3), top first, at most 16; empty when there is
// none or when version, checksum or lengths are wrong.
std::vector<MplsLabel> parse_mpls(std::string_view extension);

// "MPLS 24001 class 0 ttl 1" for each label, with commas between; "" for none.
std::string mpls_text(const std::vector<MplsLabel>& labels);

}  // namespace commands
