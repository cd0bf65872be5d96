// SPDX-License-Identifier: MIT
// The capture's bytes against RFC 791, 8200, 768 and 1071.
#include <cstring>
#include <string>

#include "output/pcap.hpp"
#include "support/check.hpp"

namespace {

std::uint32_t native(const std::string& bytes, std::size_t at) {
  std::uint32_t value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

std::uint16_t u16_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>(static_cast<std::uint8_t>(bytes[at]) << 8 |
                                    static_cast<std::uint8_t>(bytes[at + 1]));
}

// One's complement sum; of bytes with a right checksum in them, 0xffff.
std::uint32_t folded(std::string_view bytes, std::uint32_t sum = 0) {
  std::string padded(bytes);
  if (padded.size() % 2 != 0) padded += '\0';
  for (std::size_t i = 0; i < padded.size(); i += 2) sum += u16_at(padded, i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

output::Packet packet(const char* from, const char* to) {
  output::Packet packet;
  packet.from = {*net::parse_address(from), 40'000};
  packet.to = {*net::parse_address(to), 53};
  packet.ttl = 7;
  packet.traffic_class = 0xb9;
  packet.time = net::SystemTime(std::chrono::nanoseconds(1'767'323'045'123'456'789));
  return packet;
}

}  // namespace

TEST_CASE("pcap: the file's header is of nanoseconds and raw IP") {
  std::string out;
  output::append_pcap_header(out);
  CHECK(out.size() == 24);
  CHECK(native(out, 0) == 0xa1b23c4d);
  CHECK(native(out, 16) == 262'144);
  CHECK(native(out, 20) == 101);
}

TEST_CASE("pcap: IPv4 and IPv6 headers with right checksums, of payloads of every kind of size") {
  for (const std::size_t size : {0, 1, 2, 11, 1'400, 65'507}) {
    CAPTURE(size);
    const std::string payload(size, '\xa5');
    for (const bool v4 : {true, false}) {
      std::string out;
      output::append_pcap_record(out, v4 ? packet("10.0.0.7", "239.1.1.1") : packet("2001:db8::7", "ff15::7"), payload);
      const std::size_t head = v4 ? 20 : 40;
      REQUIRE(out.size() == 16 + head + 8 + size);
      CHECK(native(out, 0) == 1'767'323'045);
      CHECK(native(out, 4) == 123'456'789);
      CHECK(native(out, 8) == head + 8 + size);
      CHECK(native(out, 12) == head + 8 + size);
      const std::string_view ip = std::string_view(out).substr(16);
      const std::string_view udp = ip.substr(head);
      const std::string_view addresses = ip.substr(v4 ? 12 : 8, v4 ? 8 : 32);
      if (v4) CHECK(folded(ip.substr(0, head)) == 0xffff);
      CHECK(u16_at(ip, v4 ? 2 : 4) == (v4 ? head : 0) + 8 + size);
      CHECK(static_cast<int>(ip[v4 ? 8 : 7]) == 7);
      CHECK(u16_at(udp, 2) == 53);
      CHECK(u16_at(udp, 4) == 8 + size);
      CHECK(u16_at(udp, 6) != 0);
      CHECK(folded(udp, folded(addresses) + 17 + static_cast<std::uint32_t>(8 + size)) == 0xffff);
    }
  }
}
