// SPDX-License-Identifier: MIT
#include "commands/listen/exec.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "base/error.hpp"
#include "net/interfaces.hpp"

namespace commands {
namespace {

std::size_t jobs_of(const ExecOptions& options) {
  return options.jobs != 0 ? options.jobs : std::max(1u, std::thread::hardware_concurrency());
}

}  // namespace

Exec::Exec(AnswerGuard& guard, std::optional<int> max_ttl, const ExecOptions& options, Stage& stage, Intake& intake)
    : Responder(guard, max_ttl),
      loop_(stage.loop),
      report_(stage.report),
      intake_(intake),
      timeout_(options.timeout),
      children_(stage.loop, *this, *options.command, jobs_of(options), options.timeout),
      running_(jobs_of(options)) {
  loop_.on_stop([this](run::StopReason reason) { stopped(reason); });
}

// What a signal or the deadline ends waits for no job.
void Exec::stopped(run::StopReason reason) {
  if (!run::is_interruption(reason)) return;
  over_ = true;
  while (in_hand_ > 0) done_with_one();
}

void Exec::done_with_one() {
  if (in_hand_ == 0) return;
  --in_hand_;
  loop_.release();
}

void Exec::finish() {
  over_ = true;
  children_.end_all();
}

void Exec::answer(const net::Received& received, traffic::Transmitter& out) {
  if (over_) return guard().refuse();
  for (std::size_t i = 0; i < received.count(); ++i) {
    const std::string_view payload = received.payload(i);
    Job job{std::string(payload), *received.sender, received.metadata, payload.size(), &out};
    loop_.hold();
    ++in_hand_;
    if (children_.full()) {
      waiting_.push_back(std::move(job));
    } else {
      begin(std::move(job));
    }
  }
}

std::vector<std::string> Exec::environment_of(const Job& job) {
  const net::Metadata& metadata = job.metadata;
  std::vector<std::string> variables{
      "UDPTOOL_ADDRESS=" + net::to_string(job.sender.address()), fmt::format("UDPTOOL_PORT={}", job.sender.port()),
      fmt::format("UDPTOOL_LOCAL_PORT={}", job.out->local_port()), fmt::format("UDPTOOL_SIZE={}", job.size)};
  if (metadata.destination) variables.push_back("UDPTOOL_LOCAL_ADDRESS=" + net::to_string(*metadata.destination));
  if (metadata.interface)
    variables.push_back(fmt::format("UDPTOOL_INTERFACE={}", net::interface_name(*metadata.interface)));
  return variables;
}

void Exec::begin(Job job) {
  try {
    const std::size_t slot = children_.start(environment_of(job), job.payload);
    job.payload = {};
    running_[slot] = std::move(job);
    told_error_ = 0;
  } catch (const base::Failure& error) {
    guard().refuse();
    done_with_one();
    if (std::exchange(told_error_, error.code) == error.code) return;
    report_.notice(fmt::format("no command for {}: {}", net::to_string(job.sender), error.what()));
  }
}

void Exec::ended(const run::Ended& ended) {
  const Job job = std::move(running_[ended.slot]);
  tell(job, ended);
  if (!ended.timed_out) reply(job, ended.output);
  while (!waiting_.empty() && !children_.full()) {
    Job next = std::move(waiting_.front());
    waiting_.pop_front();
    begin(std::move(next));
  }
  done_with_one();
  if (!loop_.stopping()) intake_.resume();
}

void Exec::tell(const Job& job, const run::Ended& ended) {
  const std::string sender = net::to_string(job.sender);
  if (ended.timed_out) {
    report_.notice(
        fmt::format("the command for {} took longer than {} s: ended", sender, base::seconds_text(timeout_)));
  } else if (ended.signal != 0) {
    report_.verbose_notice(fmt::format("the command for {} was ended by signal {}", sender, ended.signal));
  } else if (ended.status != 0) {
    report_.verbose_notice(fmt::format("the command for {} ended with status {}", sender, ended.status));
  }
}

void Exec::reply(const Job& job, std::string_view text) {
  if (text.empty()) return;
  if (text.size() > net::max_payload(net::family_of(job.sender)) || text.size() == run::Children::max_output) {
    report_.notice(fmt::format("what the command for {} wrote is more than a datagram holds: not sent",
                               net::to_string(job.sender)));
    return guard().refuse();
  }
  net::Received asked;
  asked.sender = &job.sender;
  asked.metadata = job.metadata;
  if (!guard().allows(asked, job.size, text.size())) return;
  job.out->set_route(route_to_sender(asked));
  job.out->add(text);
  job.out->transmit_or_drop();
}

}  // namespace commands
