// SPDX-License-Identifier: MIT
// A stranger's bytes at both ends of STAMP, with a key and without one. The first byte chooses; the rest is the packet,
// made authentic when the choice says so, so that what is behind the HMAC is reached.
#include <algorithm>
#include <string>
#include <string_view>

#include "base/hash.hpp"
#include "commands/stamp_packet.hpp"
#include "fuzz.hpp"

namespace stamp = commands::stamp;

namespace {

constexpr std::string_view key = "key";

void make_authentic(std::string& packet) {
  if (packet.size() < 112) packet.resize(112);
  const auto digest = base::Hmac(key).of(std::string_view(packet).substr(0, 96));
  std::copy_n(digest.begin(), 16, packet.begin() + 96);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Feed feed(data, size);
  const std::uint8_t choice = feed.byte();
  const stamp::Packets packets = (choice & 1) != 0 ? stamp::Packets(key) : stamp::Packets();
  std::string packet(feed.rest());
  if ((choice & 2) != 0) make_authentic(packet);

  if (const auto reply = packets.read_reply(packet)) {
    MUST(packet.size() >= 41);
    if (reply->class_of_service) MUST(reply->class_of_service->dscp < 64 && reply->class_of_service->ecn < 4);
  }

  const std::uint64_t foreign = packets.reflected_time(packet);
  const auto request = packets.read_request(packet);
  MUST(!request || packet.size() >= 14);
  if (!request) return 0;
  MUST(packet.size() >= 36 || foreign == 0);
  const std::string before = packet;
  const stamp::Arrival arrival{
      .sequence = 5, .time = 6, .ttl = 7, .traffic_class = 0xff, .may_choose_dscp = (choice & 4) == 0};
  const auto dscp = packets.reflect(packet, arrival);
  MUST(!dscp || *dscp < 64);
  packets.depart(packet, 8, 9);
  MUST(packet.size() == std::max(before.size(), packets.base_size()));
  const auto reply = packets.read_reply(packet);
  MUST(reply);
  MUST(reply->sequence == 5 && reply->received == 6 && reply->request_ttl == 7 && reply->sent == 8);
  MUST(reply->request_sequence == request->sequence && reply->request_time == request->time);
  MUST(reply->ssid == request->ssid && packets.reflected_time(packet) == request->time);
  return 0;
}
