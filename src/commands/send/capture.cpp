// SPDX-License-Identifier: MIT
#include "commands/send/capture.hpp"

#include <algorithm>
#include <array>

#include "base/bytes.hpp"

namespace commands {
namespace {

// DLT_ values (pcap-linktype(7)).
constexpr int dlt_null = 0, dlt_ethernet = 1, dlt_raw = 12, dlt_raw_openbsd = 14, dlt_raw_linktype = 101,
              dlt_loop = 108, dlt_sll = 113, dlt_ipv4 = 228, dlt_ipv6 = 229, dlt_sll2 = 276;
constexpr int supported[] = {dlt_null, dlt_ethernet, dlt_raw,  dlt_raw_openbsd, dlt_raw_linktype,
                             dlt_loop, dlt_sll,      dlt_ipv4, dlt_ipv6,        dlt_sll2};

constexpr std::uint16_t ethertype_ipv4 = 0x0800, ethertype_ipv6 = 0x86dd;
constexpr std::uint8_t protocol_udp = 17;

bool is_ip(std::uint16_t ethertype) { return ethertype == ethertype_ipv4 || ethertype == ethertype_ipv6; }
bool is_vlan_tag(std::uint16_t ethertype) { return ethertype == 0x8100 || ethertype == 0x88a8 || ethertype == 0x9100; }

// Headers between the link's own and IP's are few; a packet of nothing but tags is no packet.
bool skip_tags(base::ByteReader& in, std::uint16_t ethertype) {
  for (int tags = 0; is_vlan_tag(ethertype) && tags < 4; ++tags) {
    in.skip(2);
    ethertype = in.u16();
  }
  return in.ok() && is_ip(ethertype);
}

// AF_ values differ by system, and the byte order is the capturing host's.
bool is_ip_family(std::uint32_t family) {
  constexpr std::array<std::uint32_t, 5> families{2, 10, 24, 28, 30};
  const std::uint32_t swapped = (family & 0xff) << 24 | (family & 0xff00) << 8 | (family >> 8 & 0xff00) | family >> 24;
  return std::find(families.begin(), families.end(), std::min(family, swapped)) != families.end();
}

// Takes the link's header away; false when what follows is not IP.
bool skip_link(int link, base::ByteReader& in) {
  switch (link) {
    case dlt_ethernet:
      in.skip(12);
      return skip_tags(in, in.u16());
    case dlt_null:
    case dlt_loop:
      return is_ip_family(in.u32());
    case dlt_sll:
      in.skip(14);
      return skip_tags(in, in.u16());
    case dlt_sll2: {
      const std::uint16_t ethertype = in.u16();
      in.skip(18);
      return skip_tags(in, ethertype);
    }
    default:
      return true;
  }
}

bool is_all_zero(std::string_view bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char byte) { return byte == 0; });
}

// Where the upper layer of an IPv6 packet begins, and whether it is a fragment.
struct Ipv6Upper {
  std::uint8_t protocol = 0;
  bool is_fragment = false;
  std::size_t offset = 0;
  bool more = false;
  std::string_view identification;
};

// Extension headers in whatever order they come (RFC 8200 4.1); false when one is cut.
bool skip_extensions(base::ByteReader& in, Ipv6Upper& upper) {
  constexpr std::uint8_t hop_by_hop = 0, routing = 43, fragment = 44, authentication = 51, destination = 60,
                         mobility = 135;
  while (in.ok()) {
    switch (upper.protocol) {
      case hop_by_hop:
      case routing:
      case destination:
      case mobility:
        upper.protocol = in.u8();
        in.skip(in.u8() * 8u + 6);
        break;
      case authentication:
        upper.protocol = in.u8();
        in.skip(in.u8() * 4u + 6);
        break;
      case fragment: {
        upper.protocol = in.u8();
        in.skip(1);
        const std::uint16_t where = in.u16();
        upper.identification = in.take(4);
        upper.offset = where & 0xfff8;
        upper.more = (where & 1) != 0;
        upper.is_fragment = upper.offset != 0 || upper.more;
        if (upper.offset != 0) return in.ok();  // what follows is the middle of something
        break;
      }
      default:
        return true;
    }
  }
  return false;
}

}  // namespace

Reassembly::Datagram& Reassembly::find(std::string_view key, base::Nanoseconds time) {
  std::erase_if(waiting_, [&](const Datagram& one) {
    const bool old = time - one.begun > max_age;
    if (old) ++given_up_;
    return old;
  });
  const auto known =
      std::find_if(waiting_.begin(), waiting_.end(), [&](const Datagram& one) { return one.key == key; });
  if (known != waiting_.end()) return *known;
  if (waiting_.size() == max_datagrams) {
    waiting_.erase(waiting_.begin());
    ++given_up_;
  }
  return waiting_.emplace_back(Datagram{std::string(key), time, {}, {}, {}});
}

void Reassembly::add(Datagram& datagram, std::size_t from, std::size_t to) {
  auto& have = datagram.have;
  auto at = std::find_if(have.begin(), have.end(), [&](const auto& piece) { return piece.second >= from; });
  while (at != have.end() && at->first <= to) {
    from = std::min(from, at->first);
    to = std::max(to, at->second);
    at = have.erase(at);
  }
  have.insert(at, {from, to});
}

std::optional<std::string_view> Reassembly::take(const Fragment& fragment, base::Nanoseconds time) {
  constexpr std::size_t max_size = 65'535;
  const std::size_t end = fragment.offset + fragment.bytes.size();
  if (end > max_size || (fragment.more && fragment.bytes.size() % 8 != 0)) return std::nullopt;
  Datagram& datagram = find(fragment.key, time);
  if (!fragment.more) datagram.size = end;
  if (datagram.bytes.size() < end) datagram.bytes.resize(end);
  std::copy(fragment.bytes.begin(), fragment.bytes.end(), datagram.bytes.begin() + static_cast<long>(fragment.offset));
  add(datagram, fragment.offset, end);
  const bool whole = datagram.size && datagram.have.size() == 1 && datagram.have.front().first == 0 &&
                     datagram.have.front().second == *datagram.size;
  if (!whole) return std::nullopt;
  whole_ = std::move(datagram.bytes);
  waiting_.erase(waiting_.begin() + (&datagram - waiting_.data()));
  return whole_;
}

bool CaptureDecoder::is_supported(int link) {
  return std::find(std::begin(supported), std::end(supported), link) != std::end(supported);
}

SkippedPackets CaptureDecoder::skipped() const {
  SkippedPackets skipped = skipped_;
  skipped.incomplete += fragments_.given_up() + fragments_.waiting();
  return skipped;
}

std::optional<CapturedDatagram> CaptureDecoder::take(const CapturedPacket& packet) {
  base::ByteReader in(packet.bytes);
  if (!skip_link(link_, in) || !in.ok()) return std::nullopt;
  // The loopback looks like an Ethernet, but for its addresses, and carries any size.
  ethernet_ = link_ == dlt_ethernet && !is_all_zero(packet.bytes.substr(0, 12));
  const std::size_t header = packet.bytes.size() - in.left();
  return ip(packet.bytes.substr(header), std::max(packet.wire_size, packet.bytes.size()) - header, packet.time);
}

std::optional<CapturedDatagram> CaptureDecoder::ip(std::string_view bytes, std::size_t wire_size,
                                                   base::Nanoseconds time) {
  if (bytes.empty()) return std::nullopt;
  const int version = static_cast<std::uint8_t>(bytes.front()) >> 4;
  if (version == 4) return ipv4(bytes, wire_size, time);
  if (version == 6) return ipv6(bytes, wire_size, time);
  return std::nullopt;
}

std::optional<CapturedDatagram> CaptureDecoder::ipv4(std::string_view bytes, std::size_t wire_size,
                                                     base::Nanoseconds time) {
  base::ByteReader in(bytes);
  const std::size_t header = (in.u8() & 15u) * 4;
  in.skip(1);
  std::size_t total = in.u16();
  const std::string_view identification = in.take(2);
  const std::uint16_t where = in.u16();
  in.skip(1);
  const std::uint8_t protocol = in.u8();
  in.skip(2);
  const std::string_view addresses = in.take(8);
  if (!in.ok() || protocol != protocol_udp) return std::nullopt;
  if (total == 0) total = wire_size;  // captured before segmentation, larger than the field can say
  if (header < 20 || total < header || total > wire_size) {
    ++skipped_.malformed;
    return std::nullopt;
  }
  const std::string_view upper = bytes.substr(std::min(header, bytes.size()), total - header);
  const std::size_t offset = (where & 0x1fffu) * 8;
  const bool more = (where & 0x2000) != 0;
  if (offset == 0 && !more) {
    if (ethernet_ && total > 1'500) ++oversized_;
    return udp(upper, total - header);
  }
  const std::string key = "4" + std::string(addresses) + std::string(identification);
  return fragment({key, offset, more, upper}, total - header, time);
}

std::optional<CapturedDatagram> CaptureDecoder::ipv6(std::string_view bytes, std::size_t wire_size,
                                                     base::Nanoseconds time) {
  constexpr std::size_t header = 40;
  base::ByteReader in(bytes);
  in.skip(4);
  std::size_t size = in.u16();
  Ipv6Upper upper;
  upper.protocol = in.u8();
  in.skip(1);
  const std::string_view addresses = in.take(32);
  if (!in.ok()) return std::nullopt;
  if (size == 0) size = wire_size - header;
  if (size > wire_size - header) {
    ++skipped_.malformed;
    return std::nullopt;
  }
  base::ByteReader rest(bytes.substr(header, size));
  const std::size_t kept = rest.left();
  if (!skip_extensions(rest, upper)) {
    ++skipped_.snapped;
    return std::nullopt;
  }
  const std::size_t extensions = kept - rest.left();
  const std::string_view payload = rest.rest();
  if (upper.is_fragment) {
    if (upper.offset == 0 && upper.protocol != protocol_udp) return std::nullopt;
    const std::string key = "6" + std::string(addresses) + std::string(upper.identification);
    return fragment({key, upper.offset, upper.more, payload}, size - extensions, time);
  }
  if (upper.protocol != protocol_udp) return std::nullopt;
  if (ethernet_ && size + header > 1'500) ++oversized_;
  return udp(payload, size - extensions);
}

std::optional<CapturedDatagram> CaptureDecoder::fragment(const Reassembly::Fragment& fragment, std::size_t size,
                                                         base::Nanoseconds time) {
  if (fragment.bytes.size() < size) {
    ++skipped_.snapped;
    return std::nullopt;
  }
  const auto whole = fragments_.take(fragment, time);
  return whole ? udp(*whole, whole->size()) : std::nullopt;
}

// `size` is what IP says that there was; the UDP header has the last word (RFC 768): the rest is padding.
std::optional<CapturedDatagram> CaptureDecoder::udp(std::string_view bytes, std::size_t size) {
  constexpr std::size_t header = 8;
  base::ByteReader in(bytes);
  in.skip(2);
  const std::uint16_t port = in.u16();
  std::size_t length = in.u16();
  if (!in.ok()) {
    ++skipped_.snapped;
    return std::nullopt;
  }
  if (length == 0) length = size;  // a jumbogram, RFC 2675
  if (length < header || length > size) {
    ++skipped_.malformed;
    return std::nullopt;
  }
  if (bytes.size() < length) {
    ++skipped_.snapped;
    return std::nullopt;
  }
  return CapturedDatagram{bytes.substr(header, length - header), port};
}

}  // namespace commands
