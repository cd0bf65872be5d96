// SPDX-License-Identifier: MIT
// Datagrams as records: text, hex, raw or JSON.
#pragma once

#include <cstdint>
#include <ctime>
#include <string>

#include "net/datagram.hpp"
#include "output/options.hpp"
#include "output/record_sink.hpp"
#include "output/sink.hpp"

namespace output {

// What the socket must be asked for, so that a record can say all that it should.
net::WantedMetadata wanted_metadata(const Options& options);

// Writes records to a sink. What stays the same from one datagram to the next (sender, destination, second) is
// formatted once.
class RecordWriter final : public RecordSink {
 public:
  RecordWriter(const Options& options, Sink& sink);

  // Appends a record for each datagram of what was received on `local_port`. The raw form may leave views in the
  // sink, to be flushed before the batch is used again.
  void write(const net::Received& received, std::uint16_t local_port) override;

 private:
  using Append = void (RecordWriter::*)(std::string_view payload, const net::Received& received);

  void append_text(std::string_view payload, const net::Received& received);
  void append_hex(std::string_view payload, const net::Received& received);
  void append_json(std::string_view payload, const net::Received& received);
  void append_raw(std::string_view payload, const net::Received& received);
  void append_line_head(std::size_t size, const net::Received& received);
  void remember_size(std::size_t size);

  void forget_old_names(const net::Endpoint& sender);
  void remember_sender(const net::Endpoint& sender);
  void remember_details(const net::Metadata& metadata, std::uint16_t local_port);

  Options options_;
  Sink& sink_;
  Append append_;
  bool colored_;
  net::Endpoint sender_;  // whose text is in sender_text_
  std::string sender_text_;
  std::size_t size_ = 0;      // that ends head_
  std::string head_;          // sender_text_, the size, and what separates it from what follows
  net::Metadata details_of_;  // whose text is in details_
  std::uint16_t details_port_ = 0;
  std::string details_;
  std::time_t named_at_ = 0;  // second in which the names of interfaces in them were asked for
};

}  // namespace output
