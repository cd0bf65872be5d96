// SPDX-License-Identifier: MIT
#include "output/pcap.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "base/bytes.hpp"
#include "base/ending.hpp"
#include "base/file.hpp"
#include "base/text.hpp"
#include "output/json.hpp"
#include "output/report.hpp"
#include "output/sink.hpp"

namespace output {
namespace {

constexpr std::uint8_t udp_protocol = 17;
constexpr std::size_t file_header = 24, record_header = 16;

// Integers as this machine has them: the magic number tells a reader which way that is.
template <class Integer>
void append_native(std::string& out, Integer value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void append16(std::string& out, std::size_t value) {
  out += static_cast<char>(value >> 8 & 255);
  out += static_cast<char>(value & 255);
}

// RFC 1071: the sum of 16-bit words, not folded yet. An odd byte at the end is padded.
std::uint64_t sum_of(std::string_view bytes) {
  std::uint64_t sum = 0;
  const auto at = [&](std::size_t i) { return std::uint64_t{base::byte_at(bytes, i)}; };
  for (std::size_t i = 0; i + 1 < bytes.size(); i += 2) sum += at(i) << 8 | at(i + 1);
  if (bytes.size() % 2 != 0) sum += at(bytes.size() - 1) << 8;
  return sum;
}

std::uint16_t checksum(std::uint64_t sum) {
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

void append_bytes(std::string& out, const net::Address& address) {
  const auto append = [&](const auto& bytes) { out.append(reinterpret_cast<const char*>(bytes.data()), bytes.size()); };
  if (address.is_v4()) {
    append(address.to_v4().to_bytes());
  } else {
    append(address.to_v6().to_bytes());
  }
}

void append_ipv4(std::string& out, const Packet& packet, std::size_t udp_size) {
  const std::size_t start = out.size();
  out += '\x45';
  out += static_cast<char>(packet.traffic_class);
  append16(out, net::ip_header_size(net::Family::ipv4) + udp_size);
  out.append(4, '\0');  // identification, flags, offset: not told
  out += static_cast<char>(packet.ttl);
  out += static_cast<char>(udp_protocol);
  out.append(2, '\0');
  append_bytes(out, packet.from.address());
  append_bytes(out, packet.to.address());
  const std::uint16_t sum = checksum(sum_of(std::string_view(out).substr(start)));
  out[start + 10] = static_cast<char>(sum >> 8);
  out[start + 11] = static_cast<char>(sum & 255);
}

void append_ipv6(std::string& out, const Packet& packet, std::size_t udp_size) {
  out += static_cast<char>(0x60 | packet.traffic_class >> 4);
  out += static_cast<char>(packet.traffic_class << 4 & 0xf0);
  out.append(2, '\0');
  append16(out, udp_size);
  out += static_cast<char>(udp_protocol);
  out += static_cast<char>(packet.ttl);
  append_bytes(out, packet.from.address());
  append_bytes(out, packet.to.address());
}

void append_udp(std::string& out, const Packet& packet, std::string_view payload) {
  const std::size_t addresses = packet.to.address().is_v4() ? 8 : 32;  // they end the IP header
  const std::size_t start = out.size();
  append16(out, packet.from.port());
  append16(out, packet.to.port());
  append16(out, net::udp_header_size + payload.size());
  const std::uint64_t pseudo =
      sum_of(std::string_view(out).substr(start - addresses)) + udp_protocol + (net::udp_header_size + payload.size());
  const std::uint16_t sum = checksum(pseudo + sum_of(payload));
  append16(out, sum == 0 ? 0xffff : sum);  // 0 is for none
  out += payload;
}

net::Address unspecified(const net::Endpoint& like) {
  if (like.address().is_v4()) return net::asio::ip::address_v4::any();
  return net::asio::ip::address_v6::any();
}

}  // namespace

void append_pcap_header(std::string& out) {
  append_native(out, std::uint32_t{0xa1b23c4d});  // nanoseconds
  append_native(out, std::uint16_t{2});
  append_native(out, std::uint16_t{4});
  append_native(out, std::uint64_t{0});        // the zone and accuracy of times, which nobody uses
  append_native(out, std::uint32_t{262'144});  // snap length
  append_native(out, std::uint32_t{101});      // LINKTYPE_RAW
}

void append_pcap_record(std::string& out, const Packet& packet, std::string_view payload) {
  const bool v4 = packet.to.address().is_v4();
  const auto second = std::chrono::floor<std::chrono::seconds>(packet.time);
  const std::size_t udp_size = net::udp_header_size + payload.size();
  const auto size = static_cast<std::uint32_t>(net::ip_header_size(net::family_of(packet.to)) + udp_size);
  append_native(out, static_cast<std::uint32_t>(second.time_since_epoch().count()));
  append_native(out, static_cast<std::uint32_t>((packet.time - second).count()));
  append_native(out, size);
  append_native(out, size);
  v4 ? append_ipv4(out, packet, udp_size) : append_ipv6(out, packet, udp_size);
  append_udp(out, packet, payload);
}

PcapWriter::PcapWriter(const std::string& path, Sink& output)
    : output_(output), name_(path == "-" ? "the output" : base::printable(path)), descriptor_(STDOUT_FILENO) {
  if (path != "-") descriptor_ = base::open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  std::signal(SIGXFSZ, SIG_IGN);  // a limit on files is an error of write(2), like a full disk
  append_pcap_header(buffer_);
  flush();
  net::UdpSocket::tap_sent(this);
}

PcapWriter::~PcapWriter() {
  net::UdpSocket::tap_sent(nullptr);
  if (descriptor_ != STDOUT_FILENO) close(descriptor_);
  if (unread_ > 0) print_error(not_read(name_, unread_, "datagram"));
}

void PcapWriter::write(const net::Received& received, std::uint16_t local_port) {
  const net::Metadata& metadata = received.metadata;
  Packet packet;
  packet.from = *received.sender;
  packet.to = {metadata.destination.value_or(unspecified(*received.sender)), local_port};
  if (metadata.ttl) packet.ttl = *metadata.ttl;
  if (metadata.traffic_class) packet.traffic_class = *metadata.traffic_class;
  packet.time = metadata.time ? *metadata.time : now();
  for (std::size_t i = 0; i < received.count(); ++i) append_pcap_record(buffer_, packet, received.payload(i));
  flush_when_full();
}

void PcapWriter::sent(std::string_view payload, const net::SentBy& by) {
  append_pcap_record(buffer_, {by.from, by.to, by.ttl, by.traffic_class, now()}, payload);
  flush_when_full();
}

void PcapWriter::flush_when_full() {
  constexpr std::size_t enough = 256 * 1'024;
  if (buffer_.size() >= enough) flush();
}

void PcapWriter::flush() {
  if (gave_up_) return give_up(0);
  std::string_view left = buffer_;
  base::Patience patience;
  while (!left.empty()) {
    const ssize_t written = ::write(descriptor_, left.data(), left.size());
    if (written >= 0) {
      patience.progress();
      left.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {
      pollfd wait{descriptor_, POLLOUT, 0};
      poll(&wait, 1, -1);
    } else if (errno != EINTR) {
      fail(errno, buffer_.size() - left.size());
      return;
    }
    if (!left.empty() && patience.is_over()) return give_up(buffer_.size() - left.size());
  }
  buffer_.clear();
}

// Where the record ends that begins there; the file's header is one.
std::size_t PcapWriter::end_of_record(std::size_t at) const {
  std::uint32_t size = 0;
  if (at + record_header <= buffer_.size()) buffer_.copy(reinterpret_cast<char*>(&size), sizeof size, at + 8);
  return at + (size == 0 ? file_header : record_header + size);
}

// How many datagrams are not whole within the first `written` bytes.
std::uint64_t PcapWriter::left_behind(std::size_t written) const {
  std::uint64_t count = 0;
  for (std::size_t at = 0, end = 0; at < buffer_.size(); at = end) {
    end = end_of_record(at);
    if (end > written && end - at > file_header) ++count;
  }
  return count;
}

void PcapWriter::count_unread(std::uint64_t datagrams) {
  if (descriptor_ == STDOUT_FILENO) {
    output_.add_unwritten(datagrams);
  } else {
    unread_ += datagrams;
  }
}

void PcapWriter::give_up(std::size_t written) {
  count_unread(left_behind(written));
  buffer_.clear();
  gave_up_ = true;
}

// Takes the record that was cut off the file's end again.
void PcapWriter::fail(int error, std::size_t written) {
  // Nobody reads stdout any more: the command sees to that.
  if (error == EPIPE && descriptor_ == STDOUT_FILENO) return give_up(written);
  std::size_t whole = 0;
  while (whole < written && end_of_record(whole) <= written) whole = end_of_record(whole);
  const off_t end = lseek(descriptor_, 0, SEEK_CUR);
  // A pipe has no end to cut, and nobody reads it.
  [[maybe_unused]] const int done = end < 0 ? 0 : ftruncate(descriptor_, end - static_cast<off_t>(written - whole));
  const std::uint64_t lost = left_behind(written);
  buffer_.clear();
  throw not_written(error, name_, lost, "datagram");
}

}  // namespace output
