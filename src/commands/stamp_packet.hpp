// SPDX-License-Identifier: MIT
// STAMP test packets (RFC 8762) and their TLVs (RFC 8972), plain and authenticated: bytes to values and back, without
// a clock or a socket. TWAMP-Light's packets (RFC 5357, appendix I) have the same fields as far as they go.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/hash.hpp"
#include "base/units.hpp"
#include "net/datagram.hpp"

namespace commands::stamp {

// How a timestamp is written: seconds and fraction since 1900 (RFC 5905), or seconds and nanoseconds since 1970 on the
// scale of TAI (IEEE 1588, "PTPv2 truncated"). An error estimate's Z bit says which.
enum class TimeFormat { ntp, ptp };

std::uint64_t encode_time(net::SystemTime time, TimeFormat format);
// The moment that is nearest to `near` of those that are written so: seconds wrap after 2^32.
net::SystemTime decode_time(std::uint64_t written, TimeFormat format, net::SystemTime near);

// RFC 4656, 4.1.2: S (the clock is synchronised), Z, and an error that is never told as none.
std::uint16_t encode_error(bool synchronised, TimeFormat format, base::Nanoseconds error);
constexpr bool is_synchronised(std::uint16_t error_estimate) { return (error_estimate & 0x8000) != 0; }
constexpr TimeFormat format_of(std::uint16_t error_estimate) {
  return (error_estimate & 0x4000) != 0 ? TimeFormat::ptp : TimeFormat::ntp;
}

// What the Class of Service TLV holds (RFC 8972, 4.4).
struct ClassOfService {
  std::uint8_t wanted_dscp = 0;  // of the reply
  std::uint8_t dscp = 0;         // as the request arrived
  std::uint8_t ecn = 0;          // the same
  bool refused = false;          // the reflector does not send with the wanted one
};

struct Request {
  std::uint32_t sequence = 0;
  std::uint64_t time = 0;  // T1
  std::uint16_t error_estimate = 0;
  std::uint16_t ssid = 0;
  std::optional<std::uint8_t> dscp = {};  // asked about in a Class of Service TLV, if there is room for one
};

// What a reflector knows of a request that it answers, beside its bytes.
struct Arrival {
  std::uint32_t sequence = 0;  // of the reply
  std::uint64_t time = 0;      // T2
  std::uint8_t ttl = 255;      // 255 if it is not known
  std::uint8_t traffic_class = 0;
  bool may_choose_dscp = true;  // the reply leaves with the DSCP that the request wants
};

struct Reply {
  std::uint32_t sequence = 0;
  std::uint64_t sent = 0;  // T3
  std::uint16_t error_estimate = 0;
  std::uint16_t ssid = 0;
  std::uint64_t received = 0;  // T2
  std::uint32_t request_sequence = 0;
  std::uint64_t request_time = 0;  // T1
  std::uint8_t request_ttl = 0;    // as it arrived
  std::optional<ClassOfService> class_of_service;
};

// Where the fields stand, from the packet's beginning.
struct Layout;

// The packets of one end, all of them plain or all authenticated by one key.
class Packets {
 public:
  Packets() = default;
  explicit Packets(std::string_view key) : key_(key) {}

  std::size_t base_size() const;                  // 44 octets, or 112
  std::size_t room_for_class_of_service() const;  // octets that the TLV takes, its protection included

  // The sender's packet of `size` octets, at least base_size(); what nothing else takes is Extra Padding.
  void write(std::string& packet, const Request& request, std::size_t size) const;
  // A reflector's packet; nothing for what is none, or whose HMAC is wrong.
  std::optional<Reply> read_reply(std::string_view packet) const;

  // The fields of a request, those that it is too short for being 0; nothing when it has not even a time and an error
  // estimate (14 octets), or its HMAC is wrong.
  std::optional<Request> read_request(std::string_view packet) const;
  // The same of as much of a request as an ICMP error quotes; nothing when its time is not in it.
  std::optional<Request> read_quoted(std::string_view packet) const;
  // What stands where a reflector tells T1: zeros, or somebody's padding, in a request; 0 in one that is too short.
  std::uint64_t reflected_time(std::string_view packet) const;

  // Turns a request that read_request() has taken into the reply, but for its time. The packet grows to base_size() if
  // it is shorter. Returns the DSCP that the reply is to leave with, if the request says and the arrival lets it.
  std::optional<std::uint8_t> reflect(std::string& packet, const Arrival& arrival) const;
  // The last step: T3, and the HMAC over all of it.
  void depart(std::string& packet, std::uint64_t time, std::uint16_t error_estimate) const;

 private:
  const Layout& layout() const;
  Request fields_of_request(std::string_view packet) const;
  bool is_authentic(std::string_view packet) const;
  void authenticate(std::string& packet) const;

  std::optional<base::Hmac> key_;
};

}  // namespace commands::stamp
