// SPDX-License-Identifier: MIT
#include "commands/stamp_packet.hpp"

#include <algorithm>

#include "base/bytes.hpp"
#include "commands/stamp_tlv.hpp"

namespace commands::stamp {

using std::chrono::nanoseconds;
using std::chrono::seconds;

struct Layout {
  std::size_t size;
  std::size_t time;  // T1, or T3 in a reply
  std::size_t error;
  std::size_t ssid;
  std::size_t received;  // from here on only a reply has fields
  std::size_t request_sequence;
  std::size_t request_time;
  std::size_t request_error;
  std::size_t request_ttl;
};

namespace {

constexpr Layout plain{44, 4, 12, 14, 16, 24, 28, 36, 40};
constexpr Layout authenticated{112, 16, 24, 26, 32, 48, 64, 72, 80};
constexpr std::size_t authenticated_octets = 96;  // what the HMAC behind them covers
constexpr std::size_t shortest_request = 14;      // TWAMP-Light's
constexpr std::size_t shortest_reply = 41;        // the same

constexpr std::int64_t seconds_from_1900_to_1970 = 2'208'988'800;
constexpr std::int64_t tai_ahead_of_utc = 37;  // since 2017, and no more leap seconds are planned
constexpr std::uint64_t billion = 1'000'000'000;

std::uint64_t field(std::string_view packet, std::size_t at, std::size_t size) {
  return packet.size() < at + size ? 0 : base::ByteReader(packet.substr(at)).number(size);
}

void set_field(std::string& packet, std::size_t at, std::uint64_t value, std::size_t size) {
  base::store_number(packet.data() + at, value, size);
}

}  // namespace

std::uint64_t encode_time(net::SystemTime time, TimeFormat format) {
  const auto whole = std::chrono::floor<seconds>(time);
  const auto rest = static_cast<std::uint64_t>((time - whole).count());
  const std::int64_t since_1970 = whole.time_since_epoch().count();
  if (format == TimeFormat::ptp) return static_cast<std::uint64_t>(since_1970 + tai_ahead_of_utc) << 32 | rest;
  const std::uint64_t fraction = (rest << 32) / billion;
  return static_cast<std::uint64_t>(since_1970 + seconds_from_1900_to_1970) << 32 | fraction;
}

net::SystemTime decode_time(std::uint64_t written, TimeFormat format, net::SystemTime near) {
  const bool ptp = format == TimeFormat::ptp;
  const std::uint64_t low = written & 0xffff'ffff;
  // Rounded up as it was rounded down when it was written: what is encoded comes back to the nanosecond.
  const std::uint64_t rest = ptp ? low : (low * billion + 0xffff'ffff) >> 32;
  const std::int64_t epoch = ptp ? -tai_ahead_of_utc : -seconds_from_1900_to_1970;
  const std::int64_t near_seconds = std::chrono::floor<seconds>(near).time_since_epoch().count();
  const auto wrapped = static_cast<std::uint32_t>(static_cast<std::uint64_t>(written >> 32) +
                                                  static_cast<std::uint64_t>(epoch - near_seconds));
  const std::int64_t distance = static_cast<std::int32_t>(wrapped);
  return net::SystemTime(seconds(near_seconds + distance)) + nanoseconds(rest);
}

std::uint16_t encode_error(bool synchronised, TimeFormat format, base::Nanoseconds error) {
  // multiplier * 2^scale / 2^32 seconds, rounded up.
  const auto largest = std::chrono::hours(24 * 365);
  const auto ns = static_cast<std::uint64_t>(std::clamp<base::Nanoseconds>(error, nanoseconds(1), largest).count());
  const std::uint64_t whole = ns / billion;
  const std::uint64_t part = ns % billion;
  std::uint64_t multiplier = (whole << 32) + ((part << 32) + billion - 1) / billion;
  unsigned scale = 0;
  for (; multiplier > 255; ++scale) multiplier = (multiplier + 1) / 2;
  return static_cast<std::uint16_t>((synchronised ? 0x8000u : 0u) | (format == TimeFormat::ptp ? 0x4000u : 0u) |
                                    scale << 8 | multiplier);
}

const Layout& Packets::layout() const { return key_ ? authenticated : plain; }
std::size_t Packets::base_size() const { return layout().size; }

std::size_t Packets::room_for_class_of_service() const { return class_of_service_size + (key_ ? hmac_tlv_size : 0); }

bool Packets::is_authentic(std::string_view packet) const {
  if (!key_) return true;
  if (packet.size() < authenticated.size) return false;
  const Mac mac = truncated(key_->of(packet.substr(0, authenticated_octets)));
  return base::same_in_constant_time(packet.substr(authenticated_octets, mac.size()), {mac.data(), mac.size()});
}

void Packets::authenticate(std::string& packet) const {
  if (!key_) return;
  const Mac mac = truncated(key_->of(std::string_view(packet).substr(0, authenticated_octets)));
  std::copy(mac.begin(), mac.end(), packet.begin() + authenticated_octets);
}

void Packets::write(std::string& packet, const Request& request, std::size_t size) const {
  const Layout& at = layout();
  packet.assign(std::max(size, at.size), '\0');
  set_field(packet, 0, request.sequence, 4);
  set_field(packet, at.time, request.time, 8);
  set_field(packet, at.error, request.error_estimate, 2);
  set_field(packet, at.ssid, request.ssid, 2);
  authenticate(packet);
  write_tlvs(packet, at.size, request.dscp, key_ ? &*key_ : nullptr);
}

std::optional<Reply> Packets::read_reply(std::string_view packet) const {
  const Layout& at = layout();
  if (packet.size() < (key_ ? at.size : shortest_reply) || !is_authentic(packet)) return {};
  Reply reply;
  reply.sequence = static_cast<std::uint32_t>(field(packet, 0, 4));
  reply.sent = field(packet, at.time, 8);
  reply.error_estimate = static_cast<std::uint16_t>(field(packet, at.error, 2));
  reply.ssid = static_cast<std::uint16_t>(field(packet, at.ssid, 2));
  reply.received = field(packet, at.received, 8);
  reply.request_sequence = static_cast<std::uint32_t>(field(packet, at.request_sequence, 4));
  reply.request_time = field(packet, at.request_time, 8);
  reply.request_ttl = static_cast<std::uint8_t>(field(packet, at.request_ttl, 1));
  reply.class_of_service = find_class_of_service(packet, at.size, key_ ? &*key_ : nullptr);
  return reply;
}

std::optional<Request> Packets::read_request(std::string_view packet) const {
  if (packet.size() < shortest_request || !is_authentic(packet)) return {};
  return fields_of_request(packet);
}

std::optional<Request> Packets::read_quoted(std::string_view packet) const {
  if (packet.size() < layout().time + 8) return {};
  return fields_of_request(packet);
}

Request Packets::fields_of_request(std::string_view packet) const {
  const Layout& at = layout();
  Request request;
  request.sequence = static_cast<std::uint32_t>(field(packet, 0, 4));
  request.time = field(packet, at.time, 8);
  request.error_estimate = static_cast<std::uint16_t>(field(packet, at.error, 2));
  request.ssid = static_cast<std::uint16_t>(field(packet, at.ssid, 2));
  return request;
}

std::uint64_t Packets::reflected_time(std::string_view packet) const { return field(packet, layout().request_time, 8); }

std::optional<std::uint8_t> Packets::reflect(std::string& packet, const Arrival& arrival) const {
  const Layout& at = layout();
  const std::optional<Request> request = read_request(packet);
  if (packet.size() < at.size) packet.resize(at.size);
  std::fill_n(packet.begin(), at.size, '\0');
  set_field(packet, at.ssid, request->ssid, 2);
  set_field(packet, 0, arrival.sequence, 4);
  set_field(packet, at.received, arrival.time, 8);
  set_field(packet, at.request_sequence, request->sequence, 4);
  set_field(packet, at.request_time, request->time, 8);
  set_field(packet, at.request_error, request->error_estimate, 2);
  set_field(packet, at.request_ttl, arrival.ttl, 1);
  const std::optional<ClassOfService> asked =
      reflect_tlvs(packet, at.size, request->sequence, arrival, key_ ? &*key_ : nullptr);
  if (!asked || asked->refused) return {};
  return asked->wanted_dscp;
}

void Packets::depart(std::string& packet, std::uint64_t time, std::uint16_t error_estimate) const {
  const Layout& at = layout();
  set_field(packet, at.time, time, 8);
  set_field(packet, at.error, error_estimate, 2);
  authenticate(packet);
}

}  // namespace commands::stamp
