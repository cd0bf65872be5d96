// SPDX-License-Identifier: MIT
#include "commands/streams/streams.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/mix.hpp"
#include "traffic/counts.hpp"

namespace commands {

bool StreamKey::operator==(const StreamKey& other) const {
  return ssrc == other.ssrc && kind == other.kind && place == other.place && interface == other.interface &&
         net::identical(sender, other.sender);
}

std::size_t Streams::Hash::operator()(const StreamKey& key) const {
  const std::uint64_t stream = std::uint64_t{key.ssrc} << 8 | static_cast<std::uint64_t>(key.kind);
  const std::uint64_t hash = base::mixed(traffic::hash_of(key.sender) ^ stream);
  return static_cast<std::size_t>(base::mixed(hash ^ (key.place << 20 | key.interface)));
}

// Setting the wall clock must not look like jitter. An age that cannot be: it was set just then.
Arrival ArrivalClock::of(const net::Received& received) {
  using std::chrono::nanoseconds;
  if (!now_) {
    const nanoseconds steady = std::chrono::steady_clock::now().time_since_epoch();
    now_ = {net::SystemTime(steady), std::chrono::system_clock::now().time_since_epoch() - steady};
  }
  const nanoseconds age =
      received.metadata.time ? now_->time + now_->to_wall - *received.metadata.time : nanoseconds(0);
  const bool credible = age > nanoseconds(0) && age < std::chrono::minutes(1);
  return {credible ? now_->time - age : now_->time, now_->to_wall};
}

void Streams::add(std::size_t place, const net::Received& received, const Arrival& arrival) {
  const unsigned interface = received.metadata.interface.value_or(options_.sole_interface);
  StreamKey key{place, interface, *received.sender, StreamKind::rtp, 0};
  for (std::size_t i = 0; i < received.count(); ++i) {
    const std::string_view payload = received.payload(i);
    if (options_.rtp) {
      const RtpPacket packet = parse_rtp(payload);
      if (packet.kind == RtpKind::rtp) add_rtp(key, packet, arrival.time);
      add_ts(key, payload, packet, arrival.time);
    }
    if (options_.sequence) add_counted(key, payload, arrival);
  }
}

void Streams::add_rtp(StreamKey& key, const RtpPacket& packet, net::SystemTime arrival) {
  key.kind = StreamKind::rtp;
  key.ssrc = packet.ssrc;
  if (Stream* stream = find_or_make(key, arrival)) {
    std::get<RtpStream>(stream->content).add(packet, options_.clock_rates, arrival);
  }
}

void Streams::add_ts(StreamKey& key, std::string_view payload, const RtpPacket& packet, net::SystemTime arrival) {
  const std::string_view packets = ts_packets_of(payload, packet);
  const bool perhaps =
      packet.kind == RtpKind::other && payload.size() >= ts_packet_size && payload.size() % ts_packet_size == 0;
  if (packets.empty() && !perhaps) return;
  key.kind = StreamKind::ts;
  key.ssrc = 0;
  if (packets.empty()) {
    if (Stream* stream = find(key)) std::get<TsStream>(stream->content).add_out_of_sync();
  } else if (Stream* stream = find_or_make(key, arrival)) {
    std::get<TsStream>(stream->content).add(packets, arrival);
  }
}

void Streams::add_counted(StreamKey& key, std::string_view payload, const Arrival& arrival) {
  const auto counted = options_.field ? parse_field(payload, *options_.field) : parse_iperf(payload);
  if (!counted) return;
  key.kind = StreamKind::counted;
  key.ssrc = 0;
  if (Stream* stream = find_or_make(key, arrival.time)) {
    std::get<CountedStream>(stream->content).add(*counted, arrival.time, arrival.to_wall);
  }
}

Stream* Streams::find(const StreamKey& key) {
  const auto found = index_.find(key);
  return found == index_.end() ? nullptr : &*found->second;
}

Stream* Streams::find_or_make(const StreamKey& key, net::SystemTime arrival) {
  Stream*& recent = recent_[static_cast<std::size_t>(key.kind)];
  if (recent == nullptr || !(recent->key == key)) {
    const auto found = index_.find(key);
    Stream* stream = found != index_.end() ? &*found->second : make(key, arrival);
    if (stream == nullptr) return nullptr;
    recent = stream;
  }
  if (++recent->datagrams == 2) prove(index_.find(key)->second);
  recent->last = arrival;
  return recent;
}

Stream* Streams::make(const StreamKey& key, net::SystemTime now) {
  if (index_.size() >= max_ && !make_room(now)) {
    ++unlisted_;
    return nullptr;
  }
  constexpr unsigned iperf_bits = 31;
  Stream& made = fresh_.emplace_back();
  made.key = key;
  if (key.kind == StreamKind::ts) made.content.emplace<TsStream>();
  if (key.kind == StreamKind::counted) {
    made.content.emplace<CountedStream>(options_.field ? 8 * options_.field->bytes : iperf_bits);
  }
  index_.emplace(key, std::prev(fresh_.end()));
  return &made;
}

void Streams::prove(List::iterator stream) {
  proven_.splice(proven_.end(), fresh_, stream);
  const auto [known, first] = senders_.try_emplace(stream->key.place, Sender{stream->key.sender, false});
  Sender& sender = known->second;
  if (first || sender.told || net::identical(sender.first, stream->key.sender)) return;
  sender.told = true;
  two_senders_ = {stream->key.place, sender.first, stream->key.sender};
}

bool Streams::make_room(net::SystemTime now) {
  if (!fresh_.empty()) {
    forget(fresh_, fresh_.begin());
    return true;
  }
  constexpr std::chrono::seconds silent{60};
  if (now - looked_ < std::chrono::seconds(1)) return false;
  looked_ = now;
  const auto oldest = std::min_element(proven_.begin(), proven_.end(),
                                       [](const Stream& a, const Stream& b) { return a.last < b.last; });
  if (oldest == proven_.end() || now - oldest->last < silent) return false;
  forget(proven_, oldest);
  return true;
}

void Streams::forget(List& list, List::iterator stream) {
  ++forgotten_;
  add_to(gone_[stream->key.place], *stream);
  std::replace(recent_.begin(), recent_.end(), &*stream, static_cast<Stream*>(nullptr));
  index_.erase(stream->key);
  list.erase(stream);
}

void Streams::begin_interval() {
  for (const auto& [key, stream] : index_) {
    if (auto* rtp = std::get_if<RtpStream>(&stream->content)) rtp->begin_interval();
    if (auto* counted = std::get_if<CountedStream>(&stream->content)) counted->begin_interval();
  }
}

std::vector<const Stream*> Streams::of(std::size_t place) const {
  std::vector<const Stream*> all;
  for (const auto& [key, stream] : index_) {
    if (key.place == place) all.push_back(&*stream);
  }
  std::sort(all.begin(), all.end(), [](const Stream* a, const Stream* b) {
    return std::tie(a->key.kind, a->key.ssrc, a->key.sender, a->key.interface) <
           std::tie(b->key.kind, b->key.ssrc, b->key.sender, b->key.interface);
  });
  return all;
}

void Streams::add_to(Sums& sums, const Stream& stream) {
  if (const auto* rtp = std::get_if<RtpStream>(&stream.content)) sums.rtp_lost += rtp->sequence().lost();
  if (const auto* ts = std::get_if<TsStream>(&stream.content)) sums.continuity_errors += ts->errors();
  if (const auto* one = std::get_if<CountedStream>(&stream.content)) sums.sequence_lost += one->sequence().lost();
}

Streams::Sums Streams::sums(std::size_t place) const {
  const auto gone = gone_.find(place);
  Sums sums = gone == gone_.end() ? Sums() : gone->second;
  for (const auto& [key, stream] : index_) {
    if (key.place == place) add_to(sums, *stream);
  }
  return sums;
}

net::WantedMetadata Streams::needs(const StreamOptions& options) {
  net::WantedMetadata wanted;
  wanted.destination = options.sole_interface == 0;
  wanted.time = true;
  wanted.coalesced = false;
  return wanted;
}

std::optional<Streams::TwoSenders> Streams::take_two_senders() { return std::exchange(two_senders_, std::nullopt); }

}  // namespace commands
