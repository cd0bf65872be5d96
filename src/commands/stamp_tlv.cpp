// SPDX-License-Identifier: MIT
#include "commands/stamp_tlv.hpp"

#include <algorithm>

#include "base/bytes.hpp"

namespace commands::stamp {
namespace {

constexpr std::uint8_t unrecognised = 0x80;
constexpr std::uint8_t malformed = 0x40;
constexpr std::uint8_t not_authentic = 0x20;
constexpr std::uint8_t reserved_flags = 0x1f;

constexpr std::uint8_t extra_padding = 1;
constexpr std::uint8_t class_of_service = 4;
constexpr std::uint8_t hmac = 8;
constexpr std::uint8_t last_assigned = 15;  // those above are for experiments, or nobody's

constexpr std::size_t header_size = 4;

struct Tlv {
  std::size_t at = 0;  // of its header, in the packet
  std::uint8_t flags = 0;
  std::uint8_t type = 0;
  std::size_t length = 0;  // of its value, as it says
  bool fits = false;       // in the packet, and in what its type takes

  std::size_t value() const { return at + header_size; }
  std::size_t end() const { return value() + length; }
};

bool length_is_right(std::uint8_t type, std::size_t length) {
  if (type == class_of_service) return length == class_of_service_size - header_size;
  if (type == hmac) return length == sizeof(Mac);
  return true;
}

// The one that begins at `at`, or nothing where there is no room for a header.
std::optional<Tlv> tlv_at(std::string_view packet, std::size_t at) {
  if (packet.size() < at + header_size) return {};
  base::ByteReader reader(packet.substr(at));
  Tlv tlv;
  tlv.at = at;
  tlv.flags = reader.u8();
  tlv.type = reader.u8();
  tlv.length = reader.u16();
  tlv.fits = tlv.length <= reader.left() && length_is_right(tlv.type, tlv.length);
  return tlv;
}

// Whether TLVs follow the base. A sender of them sets U in each; one that does not may be meant well if its type and
// length make sense. Zeros are padding, and so are nearly all random octets.
bool has_tlvs(std::string_view packet, std::size_t base) {
  const std::optional<Tlv> first = tlv_at(packet, base);
  if (!first || first->type == 0 || (first->flags & reserved_flags) != 0) return false;
  return first->flags == unrecognised || (first->fits && first->type <= last_assigned);
}

// The TLV behind `tlv`, or the first behind the base; nothing at the end and behind a malformed one.
std::optional<Tlv> next_tlv(std::string_view packet, std::size_t base, const std::optional<Tlv>& tlv) {
  if (!tlv) return has_tlvs(packet, base) ? tlv_at(packet, base) : std::nullopt;
  return tlv->fits ? tlv_at(packet, tlv->end()) : std::nullopt;
}

void set_flags(std::string& packet, const Tlv& tlv, std::uint8_t flags) { packet[tlv.at] = static_cast<char>(flags); }

// Over the sequence number and the TLVs before it.
Mac mac_of(std::string_view sequence, std::string_view packet, std::size_t base, std::size_t end,
           const base::Hmac& key) {
  return truncated(key.of(sequence, packet.substr(base, end - base)));
}

void append_header(std::string& packet, std::size_t at, std::uint8_t type, std::size_t length) {
  packet[at] = static_cast<char>(unrecognised);
  packet[at + 1] = static_cast<char>(type);
  base::store_number(packet.data() + at + 2, length, 2);
}

// The HMAC TLV is the last, but for Extra Padding, and covers those before it. One that is not is no better than none.
bool tlvs_are_authentic(std::string_view sequence, std::string_view packet, std::size_t base, const base::Hmac& key) {
  bool protects = false;
  bool any = false;
  for (auto tlv = next_tlv(packet, base, {}); tlv; tlv = next_tlv(packet, base, tlv)) {
    if (tlv->type == extra_padding) continue;
    if (protects) return false;  // this one is not covered
    any = true;
    if (tlv->type != hmac || !tlv->fits) continue;
    const Mac mac = mac_of(sequence, packet, base, tlv->at, key);
    if (!base::same_in_constant_time(packet.substr(tlv->value(), mac.size()), {mac.data(), mac.size()})) return false;
    protects = true;
  }
  return protects || !any;
}

ClassOfService read_class_of_service(std::string_view packet, const Tlv& tlv) {
  const std::uint16_t bits = base::ByteReader(packet.substr(tlv.value())).u16();
  ClassOfService read;
  read.wanted_dscp = static_cast<std::uint8_t>(bits >> 10);
  read.dscp = static_cast<std::uint8_t>(bits >> 4 & 0x3f);
  read.ecn = static_cast<std::uint8_t>(bits >> 2 & 3);
  read.refused = (bits & 3) != 0;
  return read;
}

void write_class_of_service(std::string& packet, const Tlv& tlv, const ClassOfService& written) {
  const unsigned bits = static_cast<unsigned>(written.wanted_dscp) << 10 | static_cast<unsigned>(written.dscp) << 4 |
                        static_cast<unsigned>(written.ecn) << 2 | (written.refused ? 1u : 0u);
  base::store_number(packet.data() + tlv.value(), bits, 2);
}

ClassOfService answer_class_of_service(std::string& packet, const Tlv& tlv, const Arrival& arrival) {
  ClassOfService answer = read_class_of_service(packet, tlv);
  answer.dscp = static_cast<std::uint8_t>(arrival.traffic_class >> 2);
  answer.ecn = arrival.traffic_class & 3;
  answer.refused = !arrival.may_choose_dscp;
  write_class_of_service(packet, tlv, answer);
  return answer;
}

void mark_as_not_authentic(std::string& packet, std::size_t base) {
  for (auto tlv = next_tlv(packet, base, {}); tlv; tlv = next_tlv(packet, base, tlv)) {
    set_flags(packet, *tlv, static_cast<std::uint8_t>(tlv->flags | not_authentic));
  }
}

}  // namespace

Mac truncated(const base::Sha256::Digest& digest) {
  Mac mac;
  std::copy_n(digest.begin(), mac.size(), mac.begin());
  return mac;
}

void write_tlvs(std::string& packet, std::size_t base, const std::optional<std::uint8_t>& dscp, const base::Hmac* key) {
  std::size_t at = base;
  const std::size_t wanted = class_of_service_size + (key != nullptr ? hmac_tlv_size : 0);
  if (dscp && packet.size() >= base + wanted) {
    append_header(packet, at, class_of_service, class_of_service_size - header_size);
    write_class_of_service(packet, {.at = at}, {.wanted_dscp = *dscp});
    at += class_of_service_size;
    if (key != nullptr) {
      append_header(packet, at, hmac, sizeof(Mac));
      const Mac mac = mac_of(std::string_view(packet).substr(0, 4), packet, base, at, *key);
      std::copy(mac.begin(), mac.end(), packet.begin() + static_cast<std::ptrdiff_t>(at + header_size));
      at += hmac_tlv_size;
    }
  }
  if (packet.size() >= at + header_size) {
    append_header(packet, at, extra_padding, packet.size() - at - header_size);
  }
}

std::optional<ClassOfService> find_class_of_service(std::string_view packet, std::size_t base, const base::Hmac* key) {
  if (key != nullptr && !tlvs_are_authentic(packet.substr(0, 4), packet, base, *key)) return {};
  for (auto tlv = next_tlv(packet, base, {}); tlv; tlv = next_tlv(packet, base, tlv)) {
    if (tlv->type == class_of_service && tlv->fits && tlv->flags == 0) return read_class_of_service(packet, *tlv);
  }
  return {};
}

std::optional<ClassOfService> reflect_tlvs(std::string& packet, std::size_t base, std::uint32_t sequence,
                                           const Arrival& arrival, const base::Hmac* key) {
  std::array<char, 4> asked_as;
  base::store_number(asked_as.data(), sequence, asked_as.size());
  if (key != nullptr && !tlvs_are_authentic({asked_as.data(), asked_as.size()}, packet, base, *key)) {
    mark_as_not_authentic(packet, base);
    return {};
  }
  std::optional<ClassOfService> asked;
  for (auto tlv = next_tlv(packet, base, {}); tlv; tlv = next_tlv(packet, base, tlv)) {
    const bool understood =
        tlv->type == extra_padding || tlv->type == class_of_service || (tlv->type == hmac && key != nullptr);
    std::uint8_t flags = understood ? 0 : unrecognised;
    if (!tlv->fits) flags = malformed;
    set_flags(packet, *tlv, flags);
    if (!tlv->fits || !understood) continue;
    if (tlv->type == class_of_service) asked = answer_class_of_service(packet, *tlv, arrival);
    if (tlv->type == hmac) {
      const Mac mac = mac_of(std::string_view(packet).substr(0, 4), packet, base, tlv->at, *key);
      std::copy(mac.begin(), mac.end(), packet.begin() + static_cast<std::ptrdiff_t>(tlv->value()));
    }
  }
  return asked;
}

}  // namespace commands::stamp
