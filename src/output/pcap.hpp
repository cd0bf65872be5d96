// SPDX-License-Identifier: MIT
// A capture of what came and what left: classic pcap (draft-ietf-opsawg-pcap), nanoseconds, raw IP. The sockets give
// payloads; the IP and UDP headers are rebuilt from what the kernel told about them.
#pragma once

#include <cstdint>
#include <string>

#include "net/udp_socket.hpp"
#include "output/record_sink.hpp"
#include "output/sink.hpp"

namespace output {

// What stands in the headers of a datagram.
struct Packet {
  net::Endpoint from;
  net::Endpoint to;
  std::uint8_t ttl = 64;
  std::uint8_t traffic_class = 0;
  net::SystemTime time{};
};

// Appends the file's header, and a record with its IPv4 or IPv6 and UDP headers; checksums as RFC 768 and 1071.
void append_pcap_header(std::string& out);
void append_pcap_record(std::string& out, const Packet& packet, std::string_view payload);

// --pcap FILE, or stdout for "-". While it lives, every socket's sent datagrams are in it, too. What does not fit on
// the disk any more ends it with a Failure; the last record in the file is whole. What a reader of it had not taken
// when the process was to end is counted, and told by the destructor; of stdout the sink there tells it.
class PcapWriter final : public RecordSink, public net::SentTap {
 public:
  PcapWriter(const std::string& path, Sink& output);
  ~PcapWriter();
  PcapWriter(const PcapWriter&) = delete;
  PcapWriter& operator=(const PcapWriter&) = delete;

  void write(const net::Received& received, std::uint16_t local_port) override;
  void flush() override;
  void sent(std::string_view payload, const net::SentBy& by) override;
  void sent_all() override { flush(); }

 private:
  void flush_when_full();
  void fail(int error, std::size_t written);
  void give_up(std::size_t written);
  std::size_t end_of_record(std::size_t at) const;
  std::uint64_t left_behind(std::size_t written) const;
  void count_unread(std::uint64_t datagrams);

  Sink& output_;
  std::string name_;
  int descriptor_;
  std::string buffer_;
  bool gave_up_ = false;  // who reads it has gone, or does not read on
  std::uint64_t unread_ = 0;
};

}  // namespace output
