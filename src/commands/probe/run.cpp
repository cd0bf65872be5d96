// SPDX-License-Identifier: MIT
#include "commands/probe/run.hpp"

#include <algorithm>
#include <cerrno>

namespace commands {

bool Engine::take(const net::Received& reply, bool from_target, const Instant& seen) {
  return answer(mode_.match(reply, seen), reply.metadata.time,
                {.reply = &reply, .from_target = from_target, .seen = seen});
}

bool Engine::take(const net::TransportError& error, bool from_target, const Instant& seen) {
  if (error.local()) {
    mode_.local_error(error);
    return false;
  }
  return answer(mode_.match(error, seen), error.time, {.error = &error, .from_target = from_target, .seen = seen});
}

bool Engine::answer(std::optional<std::uint64_t> sequence, const std::optional<net::SystemTime>& arrived,
                    Answer answer) {
  if (!sequence) return false;
  answer.sequence = *sequence;
  answer.rtt = round_trip(log_.departure(*sequence), arrived, answer.seen);
  answer.waiting = log_.is_waiting(*sequence);
  if (mode_.answered(answer)) {
    log_.settle(*sequence);
    waits_.erase(*sequence);
  }
  return true;
}

ProbeTime Engine::end_of_wait(std::uint64_t sequence) const {
  const auto own = waits_.empty() ? waits_.end() : waits_.find(sequence);
  return log_.departure(sequence).steady + (own == waits_.end() ? wait_ : own->second);
}

void Engine::give_up(std::uint64_t sequence, ProbeTime now) {
  log_.settle(sequence);
  waits_.erase(sequence);
  mode_.silent(sequence, now);
}

void Engine::expire(ProbeTime now) {
  while (is_overdue(now)) give_up(log_.oldest_waiting(), now);
}

bool Engine::has_ended_waits(ProbeTime now) const {
  const auto due = mode_.due();
  return is_overdue(now) || (due && *due <= now && mode_.rests_on_answers());
}

std::optional<ProbeTime> Engine::turn(ProbeTime now) {
  expire(now);
  std::optional<ProbeTime> again = send(now);
  if (mode_.done()) return std::nullopt;
  const auto consider = [&](ProbeTime when) { again = again ? std::min(*again, when) : when; };
  if (!log_.is_idle()) consider(end_of_wait(log_.oldest_waiting()));
  if (const auto due = mode_.due(); due && *due > now) consider(*due);  // what was due before has had its turn
  return again;
}

std::optional<ProbeTime> Engine::send(ProbeTime now) {
  constexpr int max_a_turn = 64;
  // A full queue of the interface is not told by the socket.
  constexpr auto pause = std::chrono::milliseconds(1);
  for (int i = 0; i < max_a_turn && !mode_.done(); ++i) {
    if (log_.is_full()) return now + pause;
    const auto ask = mode_.next(now);
    if (!ask) return std::nullopt;
    const auto left = send_one(*ask);
    if (!left) return now + pause;
    now = *left;
  }
  return now;
}

std::optional<ProbeTime> Engine::send_one(const Ask& ask) {
  const std::uint64_t sequence = log_.count();
  const Outlet::Sent sent = outlet_.send(mode_.request(sequence, ask, outlet_.now()), ask);
  if (sent.error == EAGAIN) return std::nullopt;
  if (sent.error != 0) {
    if (!mode_.kept_back(sequence, ask, sent.error)) return sent.at.steady;
    log_.sent(sent.at);
    log_.refused(sequence);
    log_.settle(sequence);
    return sent.at.steady;
  }
  while (ask.alone && !log_.is_idle()) {
    waits_.erase(log_.oldest_waiting());
    log_.settle(log_.oldest_waiting());
  }
  log_.sent(sent.at);
  if (ask.wait) waits_.emplace(sequence, *ask.wait);
  mode_.sent(sequence, ask);
  return sent.at.steady;
}

bool Engine::finish(ProbeTime now) {
  const bool waited = !log_.is_idle();
  while (!log_.is_idle()) give_up(log_.oldest_waiting(), now);
  return waited;
}

}  // namespace commands
