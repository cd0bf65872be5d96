// SPDX-License-Identifier: MIT
#include "commands/listen/stamp.hpp"

#include <algorithm>
#include <bit>

#include "output/json.hpp"
#include "run/clock.hpp"
#include "traffic/counts.hpp"

namespace commands {
namespace {

using stamp::TimeFormat;

constexpr auto max_idle = std::chrono::minutes(15);
constexpr std::size_t whole_reply = 44;
// From this size on a packet holds what tells our own answer that comes back (see stamp::Packets::reflected_time).
constexpr std::size_t known_again = 36;
constexpr int full_ttl = 255;

std::uint64_t key_of(const net::Received& received, std::uint16_t ssid) {
  const net::Endpoint asked(received.metadata.destination.value_or(net::Address()), ssid);
  const std::uint64_t key = traffic::hash_of(*received.sender) ^ std::rotl(traffic::hash_of(asked), 32);
  return std::max<std::uint64_t>(key, 1);  // 0 is none
}

bool is_before(std::uint64_t a, std::uint64_t b) { return static_cast<std::int64_t>(a - b) < 0; }

}  // namespace

void StampReflector::Session::left_at(std::uint64_t t3) {
  if (first_t3 == 0 || is_before(t3, first_t3)) first_t3 = t3;
  if (last_t3 == 0 || is_before(last_t3, t3)) last_t3 = t3;
}

StampReflector::StampReflector(AnswerGuard& guard, Settings settings)
    : Responder(guard, settings.ttl),
      settings_(std::move(settings)),
      packets_(settings_.key ? stamp::Packets(*settings_.key) : stamp::Packets()) {}

net::WantedMetadata StampReflector::needs() const {
  net::WantedMetadata needs = Responder::needs();
  needs.details = needs.time = true;
  return needs;
}

StampReflector::Session* StampReflector::find(std::uint64_t key) {
  if (auto* const known = sessions_.find(key)) return &known->value;
  auto* const fresh = new_sessions_.find(key);
  return fresh != nullptr ? &fresh->value : nullptr;
}

StampReflector::Session& StampReflector::session_of(std::uint64_t key) {
  if (sessions_.find(key) != nullptr) {
    const auto known = sessions_.touch(key, now_);
    if (now_ - *known.before > max_idle) known.value = {};
    return known.value;
  }
  const auto fresh = new_sessions_.touch(key, now_);
  if (!fresh.before) return fresh.value;
  if (now_ - *fresh.before > max_idle) return fresh.value = {};
  return sessions_.touch(key, now_).value = fresh.value;
}

void StampReflector::answer(const net::Received& received, traffic::Transmitter& out) {
  if (used_ == 0) now_ = run::Clock::now();
  for (std::size_t i = 0; i < received.count(); ++i) reflect(received, received.payload(i), out);
}

void StampReflector::reflect(const net::Received& received, std::string_view bytes, traffic::Transmitter& out) {
  const std::optional<stamp::Request> request = packets_.read_request(bytes);
  if (!request) return guard().refuse();
  const std::uint64_t key = key_of(received, request->ssid);
  Session& session = session_of(key);
  // Our own answer that another reflector has answered: where a sender has zeros stands a T3 of this session.
  if (session.sent_at(packets_.reflected_time(bytes))) return guard().refuse();
  // A short request gets no more than it held, but for a sender that --allow names (RFC 8762, 4.6).
  const std::size_t size = settings_.lengthens ? std::max(bytes.size(), whole_reply) : bytes.size();
  if (!guard().allows(received, bytes.size(), size)) return;

  Reply& reply = next_reply();
  reply.packet.assign(bytes);
  reply.session = key;
  stamp::Arrival arrival;
  arrival.sequence = session.replies++;
  arrival.time = stamp::encode_time(received.metadata.time.value_or(output::now()), TimeFormat::ntp);
  arrival.ttl = received.metadata.ttl.value_or(full_ttl);
  arrival.traffic_class = received.metadata.traffic_class.value_or(0);
  arrival.may_choose_dscp = !settings_.own_dscp;
  const std::optional<std::uint8_t> dscp = packets_.reflect(reply.packet, arrival);
  net::Route route = route_of(received, size);
  if (dscp) route.traffic_class = *dscp << 2;
  out.set_route(route);
  out.add(std::string_view(reply.packet).substr(0, size));
}

// The TTL tells a sender how many hops there were. Packets that are too short to be known again end by theirs.
net::Route StampReflector::route_of(const net::Received& received, std::size_t reply_size) const {
  net::Route route = route_to_sender(received);
  if (reply_size >= known_again) route.ttl = settings_.ttl.value_or(full_ttl);
  return route;
}

StampReflector::Reply& StampReflector::next_reply() {
  if (used_ == replies_.size()) replies_.emplace_back();
  return replies_[used_++];
}

std::uint16_t StampReflector::error_estimate() {
  if (error_estimate_ == 0 || now_ - asked_clock_ > std::chrono::seconds(1)) {
    asked_clock_ = now_;
    const run::ClockState clock = run::clock_state();
    error_estimate_ = stamp::encode_error(clock.synchronised, TimeFormat::ntp, clock.max_error);
  }
  return error_estimate_;
}

void StampReflector::depart() {
  if (used_ == 0) return;
  const std::uint16_t error = error_estimate();
  const std::uint64_t t3 = stamp::encode_time(output::now(), TimeFormat::ntp);
  for (; used_ > 0; --used_) {
    Reply& reply = replies_[used_ - 1];
    packets_.depart(reply.packet, t3, error);
    if (Session* const session = find(reply.session)) session->left_at(t3);
  }
}

}  // namespace commands
