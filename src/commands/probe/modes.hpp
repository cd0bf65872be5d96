// SPDX-License-Identifier: MIT
// The modes of probe, each in its own file; they take over once options are known to agree.
#pragma once

#include <utility>

#include "base/error.hpp"
#include "commands/probe/prober.hpp"
#include "commands/probe/run.hpp"

namespace commands {

// What the modes share that send the request of a protocol, or one by hand.
class RequestMode : public Mode {
 public:
  RequestMode(const ProbeOptions& options, Prober& prober, ProbeLog& log, RequestChoice choice)
      : options_(options),
        prober_(prober),
        log_(log),
        requests_(std::move(choice), options.target.port, Requests::random_seed()),
        matcher_(requests_, log) {}

  std::string request(std::uint64_t sequence, const Ask& ask, const Instant&) override {
    return ask.size == 0 ? requests_.make(sequence) : requests_.make_sized(sequence, ask.size);
  }
  std::optional<std::uint64_t> match(const net::Received& reply, const Instant& seen) override {
    return matcher_.answered_by(reply.bytes, seen);
  }
  std::optional<std::uint64_t> match(const net::TransportError& error, const Instant& seen) override {
    return matcher_.quoted_by(error.quoted, seen);
  }

  const Requests& requests() const { return requests_; }

 protected:
  const ProbeOptions& options_;
  Prober& prober_;
  ProbeLog& log_;
  Requests requests_;
  Matcher matcher_;
};

base::ExitStatus probe_series(const ProbeOptions& options);  // the state of a port, or --stamp
base::ExitStatus probe_trace(const ProbeOptions& options);
base::ExitStatus probe_rounds(const ProbeOptions& options);
base::ExitStatus probe_mtu(const ProbeOptions& options);

}  // namespace commands
