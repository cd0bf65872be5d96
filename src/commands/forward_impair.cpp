// SPDX-License-Identifier: MIT
// --impair: between what is received and what is passed on.
#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <utility>

#include "commands/forward.hpp"

namespace commands {

void Forwarder::impair() {
  if (!options_.impair_forward && !options_.impair_backward) return;
  const auto seed_of = [this](const Impairment& how, const char* direction) {
    const std::uint64_t seed = how.seed.value_or(std::random_device()());
    stage_.report.verbose_notice(fmt::format("impair {}: seed={}", direction, seed));
    return seed;
  };
  if (const auto& how = options_.impair_forward) {
    forward_line_.emplace(stage_.loop, *how, seed_of(*how, "forward"),
                          [this](const std::vector<Parcel>& parcels) { leave_forward(parcels); });
  }
  if (const auto& how = options_.impair_backward) {
    const std::uint64_t seed = seed_of(*how, "backward");
    backward_line_.emplace(stage_.loop, *how, ~seed, &leave_backward);  // not what happens on the way there once more
  }
  stage_.loop.on_stop([this](run::StopReason reason) {
    if (!run::is_interruption(reason)) return;
    if (forward_line_) forward_line_->give_up();
    if (backward_line_) backward_line_->give_up();
  });
}

void Forwarder::take(const net::Received& received, traffic::Transmitter& back) {
  if (!forward_line_) return pass(received, back);
  for (std::size_t i = 0; i < received.count(); ++i) {
    Parcel parcel{std::string(received.payload(i)), *received.sender, received.metadata, {}, &back};
    parcel.metadata.segment_size = 0;
    forward_line_->take(std::move(parcel));
  }
}

void Forwarder::batch_done() {
  if (forward_line_) return forward_line_->release();
  transmit();
}

void Forwarder::leave_forward(const std::vector<Parcel>& parcels) {
  for (const Parcel& parcel : parcels) {
    net::Received received;
    received.bytes = parcel.payload;
    received.sender = &parcel.sender;
    received.metadata = parcel.metadata;
    pass(received, *parcel.by);
  }
  transmit();
}

void Forwarder::leave_backward(const std::vector<Parcel>& parcels) {
  std::vector<traffic::Transmitter*> used;
  for (const Parcel& parcel : parcels) {
    parcel.by->set_route(parcel.route);
    parcel.by->add(parcel.payload);
    if (std::find(used.begin(), used.end(), parcel.by) == used.end()) used.push_back(parcel.by);
  }
  for (traffic::Transmitter* const one : used) one->transmit_or_drop();
}

}  // namespace commands
