// SPDX-License-Identifier: MIT
#include "traffic/transmitter.hpp"

#include <cerrno>

namespace traffic {

// Errno of the first datagram that waits, or 0 when all have left.
int Transmitter::hand_over() {
  const net::SendResult result = socket_.send(batch_);
  sent_ += result.datagrams;
  sent_bytes_ += result.bytes;
  if (result.datagrams > 0) full_queues_ = 0;
  return result.error;
}

void Transmitter::fail_first(int error) {
  batch_.drop_first();
  ++failed_;
  if (failures_[error]++ == 0) news_.push_back(error);
}

Transmitter::Need Transmitter::transmit() {
  constexpr int max_full_queues = 100;  // a queue of this host that stays full is a failure
  while (!batch_.empty()) {
    const int error = hand_over();
    if (error == 0) break;
    if (error == EAGAIN) return Need::writable;
    if (error == ENOBUFS && full_queues_++ < max_full_queues) return Need::time;
    fail_first(error);
  }
  if (batch_.empty()) batch_.clear();
  return Need::nothing;
}

void Transmitter::transmit_or_drop() {
  while (!batch_.empty()) {
    const int error = hand_over();
    if (error == EAGAIN) give_up_waiting(error);
    if (error != 0 && !batch_.empty()) fail_first(error);
  }
  batch_.reset();
}

int Transmitter::transmit_one(std::string_view payload, const net::Route& route) {
  batch_.reset();
  set_route(route);
  add(payload);
  const int error = hand_over();
  if (is_want_of_room(error)) {
    --asked_;
  } else if (error != 0) {
    ++failed_;
    ++failures_[error];
  }
  batch_.reset();
  return error == ENOBUFS ? EAGAIN : error;
}

void Transmitter::give_up_waiting(int error) {
  while (!batch_.empty()) fail_first(error);
}

std::optional<int> Transmitter::news() {
  if (news_.empty()) return std::nullopt;
  const int error = news_.back();
  news_.pop_back();
  return error;
}

}  // namespace traffic
