// SPDX-License-Identifier: MIT
// One capture that several threads write.
#pragma once

#include <mutex>
#include <string>

#include "net/udp_socket.hpp"
#include "output/pcap.hpp"
#include "output/record_sink.hpp"

namespace commands {

class SharedPcap final : public output::RecordSink, public net::SentTap {
 public:
  // As output::PcapWriter.
  SharedPcap(const std::string& path, output::Sink& output) : pcap_(path, output) { net::UdpSocket::tap_sent(this); }

  void write(const net::Received& received, std::uint16_t local_port) override {
    const std::lock_guard lock(mutex_);
    pcap_.write(received, local_port);
  }
  void flush() override {
    const std::lock_guard lock(mutex_);
    pcap_.flush();
  }
  void sent(std::string_view payload, const net::SentBy& by) override {
    const std::lock_guard lock(mutex_);
    pcap_.sent(payload, by);
  }
  void sent_all() override { flush(); }

 private:
  std::mutex mutex_;
  output::PcapWriter pcap_;
};

}  // namespace commands
