// SPDX-License-Identifier: MIT
#include "commands/streams/counted.hpp"

#include <cmath>

#include "base/bytes.hpp"

namespace commands {

std::optional<CountedDatagram> parse_iperf(std::string_view payload) {
  base::ByteReader reader(payload);
  const auto id = static_cast<std::int32_t>(reader.u32());
  const std::uint32_t seconds = reader.u32();
  const std::uint32_t microseconds = reader.u32();
  if (!reader.ok() || microseconds >= 1'000'000 || id == INT32_MIN) return std::nullopt;
  const auto sent = net::SystemTime(std::chrono::seconds(seconds) + std::chrono::microseconds(microseconds));
  return CountedDatagram{static_cast<std::uint64_t>(id < 0 ? -id : id), id < 0, sent};
}

std::optional<CountedDatagram> parse_field(std::string_view payload, const SequenceField& field) {
  base::ByteReader reader(payload);
  reader.skip(field.offset);
  const std::uint64_t number = reader.number(field.bytes);
  if (!reader.ok()) return std::nullopt;
  return CountedDatagram{number, false, {}};
}

void CountedStream::add(const CountedDatagram& datagram, net::SystemTime arrival, std::chrono::nanoseconds to_wall) {
  if (ended_ && datagram.last) return;  // the end is said again, by higher numbers, until it is answered
  ended_ = false;
  const Step step = take(datagram.number, arrival);
  if (datagram.sent && step != Step::duplicate) {
    const std::chrono::nanoseconds transit = arrival - *datagram.sent;
    if (transit_) {
      const double difference = std::fabs(std::chrono::duration<double, std::milli>(transit - *transit_).count());
      jitter_ms_ += (difference - jitter_ms_) / 16;
    }
    transit_ = transit;
    delays_ms_ += std::chrono::duration<double, std::milli>(transit + to_wall).count();
    ++timed_;
  }
  if (!datagram.last) return;
  ended_ = true;
  finish();
  transit_.reset();
}

std::optional<double> CountedStream::jitter_ms() const {
  return timed_ > 0 ? std::optional<double>(jitter_ms_) : std::nullopt;
}

std::optional<double> CountedStream::delay_ms() const {
  return timed_ > 0 ? std::optional<double>(delays_ms_ / static_cast<double>(timed_)) : std::nullopt;
}

}  // namespace commands
