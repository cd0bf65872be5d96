// SPDX-License-Identifier: MIT
// Whole records through the writer and the sink: what each form shows is read back and must be the datagrams,
// byte for byte, and nothing in it may drive a terminal.
#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/text.hpp"
#include "fuzz.hpp"
#include "json_reader.hpp"
#include "output/records.hpp"
#include "output/sink.hpp"

namespace {

using output::Format;

struct Case {
  output::Options options;
  net::Received received;
  net::Endpoint sender;
};

net::Address address_from(fuzz::Feed& feed) {
  const bool v4 = feed.byte() & 1;
  if (v4) return net::asio::ip::address_v4(feed.four_bytes());
  net::asio::ip::address_v6::bytes_type bytes{};
  for (auto& byte : bytes) byte = feed.byte();
  return net::asio::ip::address_v6(bytes, feed.byte() & 3);
}

// A signed number of seconds and nanoseconds that any clock can show.
net::SystemTime time_from(fuzz::Feed& feed) {
  const auto seconds = static_cast<std::int32_t>(feed.four_bytes());
  return net::SystemTime(std::chrono::seconds(seconds) + std::chrono::nanoseconds(feed.four_bytes() % 1'000'000'000));
}

Case case_from(fuzz::Feed& feed) {
  Case out;
  const std::uint8_t flags = feed.byte();
  const std::uint8_t facts = feed.byte();
  out.options.format = static_cast<Format>(flags % 5);
  out.options.color = output::Color::never;
  out.options.timestamps = flags & 8;
  out.options.verbose = flags & 16;
  if (flags & 32) out.options.delimiter = "\r\n";
  out.sender = net::Endpoint(address_from(feed), feed.two_bytes());
  net::Metadata& metadata = out.received.metadata;
  if (facts & 1) metadata.destination = address_from(feed);
  if (facts & 2) metadata.interface = feed.byte() & 7;
  if (facts & 4) metadata.ttl = feed.byte();
  if (facts & 8) metadata.traffic_class = feed.byte();
  if (facts & 16) metadata.time = time_from(feed);
  if (facts & 32) metadata.segment_size = feed.two_bytes() % 512;
  out.received.bytes = feed.rest();
  return out;
}

std::string written(const Case& one) {
  static const int file = memfd_create("records", MFD_CLOEXEC);
  MUST(file >= 0 && ftruncate(file, 0) == 0 && lseek(file, 0, SEEK_SET) == 0);
  output::Sink sink(file);
  output::RecordWriter writer(one.options, sink);
  net::Received received = one.received;
  received.sender = &one.sender;
  writer.write(received, 4'242);
  sink.flush();
  writer.write(received, 4'242);  // once more, with everything remembered
  sink.flush();
  std::string out(static_cast<std::size_t>(lseek(file, 0, SEEK_CUR)), '\0');
  MUST(pread(file, out.data(), out.size(), 0) == static_cast<ssize_t>(out.size()));
  return out;
}

// Takes the next part up to `end`, which must be there.
std::string_view take(std::string_view& text, char end) {
  const std::size_t at = text.find(end);
  MUST(at != std::string_view::npos);
  const std::string_view part = text.substr(0, at);
  text.remove_prefix(at + 1);
  return part;
}

// [TIME] SENDER SIZE [DETAILS]
void check_head(std::string_view& line, const Case& one, std::string_view payload, bool hex) {
  if (one.options.timestamps) MUST(take(line, '\t').size() == 27);
  MUST(take(line, '\t') == net::to_string(one.sender));
  const bool last = hex && !one.options.verbose;
  MUST((last ? std::exchange(line, {}) : take(line, '\t')) == std::to_string(payload.size()));
  if (!one.options.verbose) return;
  const std::string_view details = hex ? std::exchange(line, {}) : take(line, '\t');
  MUST((details.find("ttl=") != std::string_view::npos) == one.received.metadata.ttl.has_value());
}

void check_text(std::string_view& out, const Case& one, std::string_view payload) {
  std::string_view line = take(out, '\n');
  check_head(line, one, payload, false);
  MUST(line.find('\t') == std::string_view::npos);
  MUST(base::parse_escapes(line) == payload);
}

void check_hex(std::string_view& out, const Case& one, std::string_view payload) {
  std::string_view head = take(out, '\n');
  check_head(head, one, payload, true);
  std::string bytes;
  while (bytes.size() < payload.size()) {
    const std::string_view row = take(out, '\n');
    const std::size_t left = std::min<std::size_t>(payload.size() - bytes.size(), 16);
    MUST(row.size() == 62 + left);
    MUST(std::stoul(std::string(row.substr(0, 8)), nullptr, 16) == bytes.size());
    MUST(row[60] == '|' && row.back() == '|');
    bytes += base::parse_hex(row.substr(8, 52));
  }
  MUST(bytes == payload);
}

void check_json(std::string_view& out, const Case& one, std::string_view payload) {
  fuzz::JsonReader reader(take(out, '\n'));
  const auto fields = reader.object();
  MUST(reader.at_end());
  MUST(fields.at("event") == "message" && fields.at("time").size() == 30);
  MUST(fields.at("address") == net::to_string(one.sender.address()));
  MUST(fields.at("port") == std::to_string(one.sender.port()));
  MUST(fields.at("size") == std::to_string(payload.size()));
  MUST(fields.contains("to") == one.received.metadata.destination.has_value());
  MUST(fields.contains("text") != fields.contains("base64"));
  MUST(fields.contains("text") ? fields.at("text") == payload : fuzz::base64_decoded(fields.at("base64")) == payload);
}

void check_raw(std::string_view& out, const Case& one, std::string_view payload) {
  const std::string wanted = std::string(payload) + one.options.delimiter.value_or("");
  MUST(out.starts_with(wanted));
  out.remove_prefix(wanted.size());
}

void check(std::string_view& out, const Case& one, std::string_view payload) {
  switch (one.options.format) {
    case Format::text:
      return check_text(out, one, payload);
    case Format::json:
      return check_json(out, one, payload);
    case Format::hex:
      return check_hex(out, one, payload);
    case Format::raw:
      return check_raw(out, one, payload);
    case Format::none:
      return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Feed feed(data, size);
  const Case one = case_from(feed);
  const std::string all = written(one);
  if (one.options.format != Format::raw) fuzz::must_be_harmless(all, "\n\t");
  std::string_view out = all;
  std::string together;
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i < one.received.count(); ++i) {
      check(out, one, one.received.payload(i));
      if (round == 0) together += one.received.payload(i);
    }
  }
  MUST(out.empty());
  MUST(together == one.received.bytes);
  return 0;
}
