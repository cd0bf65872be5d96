// SPDX-License-Identifier: MIT
// `listen --exec`: a command of the shell answers each datagram.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "commands/intake.hpp"
#include "commands/listen/listen.hpp"
#include "commands/listen/responder.hpp"
#include "commands/stage.hpp"
#include "run/child.hpp"

namespace commands {

class Exec final : public Responder, private run::Children::Owner {
 public:
  // `intake` is told to go on when there is room again. All of them must outlive this.
  Exec(AnswerGuard& guard, std::optional<int> max_ttl, const ExecOptions& options, Stage& stage, Intake& intake);

  // Begins a job, or lets the datagram wait for one. `out` is kept: the answer leaves by it when the job has ended.
  // The end waits for all jobs, unless a signal or the deadline brings it.
  void answer(const net::Received& received, traffic::Transmitter& out) override;
  std::size_t room() const override { return max_waiting - waiting_.size(); }
  void finish() override;

 private:
  static constexpr std::size_t max_waiting = 1'024;  // datagrams for which there is no job; more are left to the kernel

  // A datagram; its payload is there until its job begins.
  struct Job {
    std::string payload;
    net::Endpoint sender;
    net::Metadata metadata;
    std::size_t size = 0;
    traffic::Transmitter* out = nullptr;
  };

  static std::vector<std::string> environment_of(const Job& job);
  void stopped(run::StopReason reason);
  void begin(Job job);
  void ended(const run::Ended& ended) override;
  void tell(const Job& job, const run::Ended& ended);
  void reply(const Job& job, std::string_view text);
  void done_with_one();

  run::Loop& loop_;
  output::Report& report_;
  Intake& intake_;
  base::Nanoseconds timeout_;
  run::Children children_;
  std::deque<Job> waiting_;
  std::vector<Job> running_;  // by their slot
  std::size_t in_hand_ = 0;   // jobs that hold the loop
  bool over_ = false;         // nothing is begun any more
  int told_error_ = 0;        // errno of jobs that cannot be begun, told once while it stays
};

}  // namespace commands
