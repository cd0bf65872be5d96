#include "commands/probe/requests.hpp"

#include <algorithm>
#include <utility>

namespace commands {
namespace {

// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators): a good hash of a counter.
std::uint64_t mixed(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

}  // namespace

Requests::Requests(RequestChoice choice, std::uint16_t port, std::uint64_t seed)
    : choice_(std::move(choice)),
      payload_(choice_.data || choice_.size ? nullptr
               : choice_.payload            ? choice_.payload
                                            : &payload_for_port(port)),
      port_(port),
      seed_(seed),
      // Six bytes hold the counter and four more that another program's datagrams will not have.
      distinct_(choice_.size ? *choice_.size >= 6 : !choice_.data && make(0) != make(1)) {}

// The first two bytes count, from a random start: ids of 16 bits stay distinct through 65,536 probes.
RandomBits Requests::random(std::uint64_t sequence) const {
  RandomBits out;
  const std::uint64_t halves[] = {mixed(seed_ ^ mixed(sequence)), mixed(~seed_ ^ mixed(sequence))};
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::uint8_t>(halves[i / 8] >> (i % 8 * 8));
  const std::uint64_t count = mixed(seed_) + sequence;
  out[0] = static_cast<std::uint8_t>(count);
  out[1] = static_cast<std::uint8_t>(count >> 8);
  return out;
}

std::string Requests::make(std::uint64_t sequence) const {
  if (choice_.data) return *choice_.data;
  if (payload_ != nullptr) return build_request(*payload_, random(sequence), port_);
  const RandomBits token = random(sequence);
  std::string out(*choice_.size, '\0');
  std::copy_n(token.begin(), std::min(token.size(), out.size()), out.begin());
  for (std::size_t i = token.size(); i < out.size(); ++i) out[i] = static_cast<char>(i);
  return out;
}

std::string Requests::make_sized(std::uint64_t sequence, std::size_t size) const {
  std::string out = make(sequence);
  out.resize(size);
  return out;
}

bool Requests::distinct_within(std::size_t size) const {
  return distinct_ && make(0).substr(0, size) != make(1).substr(0, size);
}

bool Requests::answers(std::uint64_t sequence, std::string_view reply) const {
  const std::string request = make(sequence);
  if (matches_by_id()) return payload_->check_fact(request, reply, {}).has_value();
  return distinct_ && is_echo(request, reply);
}

std::string Requests::detail(std::uint64_t sequence, std::string_view reply, const ReplyContext& context) const {
  const std::string request = make(sequence);
  if (payload_ == nullptr) return std::string(name()) + (is_echo(request, reply) ? " echoed" : " reply");
  return check_reply(*payload_, request, reply, context).value_or(std::string(name()) + " reply");
}

}  // namespace commands
