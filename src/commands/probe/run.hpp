// SPDX-License-Identifier: MIT
// The engine of probe: it sends, matches, times and expires. A mode says what is next and what an answer means; it
// cannot send, and so is never called out of its own calls.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/units.hpp"
#include "commands/probe/log.hpp"
#include "net/icmp.hpp"

namespace commands {

using ProbeTime = std::chrono::steady_clock::time_point;

// A probe to send.
struct Ask {
  std::size_t size = 0;                        // of the payload; 0: the request as it is
  int ttl = 0;                                 // 0: the socket's own
  std::uint16_t port = 0;                      // 0: the target's
  std::optional<base::Nanoseconds> wait = {};  // for an answer, if not the usual time
  bool alone = false;                          // what is still waited for is given up
};

struct Answer {
  std::uint64_t sequence = 0;
  base::Nanoseconds rtt{};
  const net::Received* reply = nullptr;        // or
  const net::TransportError* error = nullptr;  // from the network
  bool from_target = false;
  bool waiting = false;  // its probe was still waited for
  Instant seen;
};

class Mode {
 public:
  virtual ~Mode() = default;

  // What a probe says; made at the last moment, so that it may tell the time.
  virtual std::string request(std::uint64_t sequence, const Ask& ask, const Instant& now) = 0;
  // The probe that it answers, if any.
  virtual std::optional<std::uint64_t> match(const net::Received& reply, const Instant& seen) = 0;
  virtual std::optional<std::uint64_t> match(const net::TransportError& error, const Instant& seen) = 0;

  // What to send now, the same until sent() says that it left. Nothing: wait for answers, or until due().
  virtual std::optional<Ask> next(ProbeTime now) = 0;
  virtual std::optional<ProbeTime> due() const { return {}; }
  // Whether what has come may change what is due: then it is looked for first.
  virtual bool rests_on_answers() const { return true; }
  virtual void sent(std::uint64_t /*sequence*/, const Ask&) {}
  // This host refused to send it, with that errno. True: it counts as a probe all the same.
  virtual bool kept_back(std::uint64_t sequence, const Ask& ask, int error) = 0;

  // Matched and timed. True: that is what became of the probe; false: it is waited for as before.
  virtual bool answered(const Answer& answer) = 0;
  // Its wait is over; what came in time was taken first.
  virtual void silent(std::uint64_t sequence, ProbeTime now) = 0;
  // What this host says of a datagram, as its size.
  virtual void local_error(const net::TransportError&) {}
  // A datagram of the target that answers no probe; one of another address. False: to be told for it, if it answers
  // one.
  virtual void strange() {}
  virtual bool elsewhere(const net::Received&, const Instant& /*seen*/) { return false; }

  virtual bool done() const = 0;
  // Whether it is told as soon as it is done: then what is waited for is given up before over().
  virtual bool is_told_at_once() const { return false; }
  virtual void over() {}
};

// The way to a target.
class Outlet {
 public:
  struct Sent {
    int error = 0;  // errno; EAGAIN: no room now
    Instant at;
  };

  virtual ~Outlet() = default;
  virtual Sent send(std::string_view payload, const Ask& ask) = 0;
  virtual Instant now() const = 0;
};

class Engine {
 public:
  // `wait`: for each answer.
  Engine(Mode& mode, ProbeLog& log, Outlet& outlet, base::Nanoseconds wait)
      : mode_(mode), log_(log), outlet_(outlet), wait_(wait) {}

  // What arrived, to be told before turn(). False: it answers no probe.
  bool take(const net::Received& reply, bool from_target, const Instant& seen);
  bool take(const net::TransportError& error, bool from_target, const Instant& seen);

  // True when turn() would end a wait, or the mode something of its own: what arrived in time is to be told before.
  bool has_ended_waits(ProbeTime now) const;
  // Ends waits that are over, and sends what is due. Returns when to be called again; nothing: when something arrives.
  std::optional<ProbeTime> turn(ProbeTime now);
  // Ends all waits. True when there were some.
  bool finish(ProbeTime now);

  Mode& mode() { return mode_; }
  bool done() const { return mode_.done(); }

 private:
  ProbeTime end_of_wait(std::uint64_t sequence) const;
  bool is_overdue(ProbeTime now) const { return !log_.is_idle() && end_of_wait(log_.oldest_waiting()) <= now; }
  // Of the probe, if there is one; `arrived`: by the kernel's clock, if it has told.
  bool answer(std::optional<std::uint64_t> sequence, const std::optional<net::SystemTime>& arrived, Answer answer);
  void give_up(std::uint64_t sequence, ProbeTime now);
  void expire(ProbeTime now);
  std::optional<ProbeTime> send(ProbeTime now);
  // When it left, or nothing: no room now.
  std::optional<ProbeTime> send_one(const Ask& ask);

  Mode& mode_;
  ProbeLog& log_;
  Outlet& outlet_;
  base::Nanoseconds wait_;
  std::map<std::uint64_t, base::Nanoseconds> waits_;  // that are not the usual
};

}  // namespace commands
