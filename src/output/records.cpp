// SPDX-License-Identifier: MIT
#include "output/records.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <ctime>

#include "base/text.hpp"
#include "net/interfaces.hpp"
#include "output/hexdump.hpp"
#include "output/json.hpp"
#include "output/terminal.hpp"
#include "output/timestamp.hpp"

namespace output {
namespace {

bool same_details(const net::Metadata& a, const net::Metadata& b) {
  return a.destination == b.destination && a.interface == b.interface && a.ttl == b.ttl &&
         a.traffic_class == b.traffic_class;
}

// `to=239.1.1.1:41234 if=eth0 ttl=4 dscp=0 ecn=0` and a tab.
void append_text_details(std::string& out, const net::Metadata& metadata, std::uint16_t local_port) {
  const std::size_t start = out.size();
  const auto key = [&](std::string_view name) {
    if (out.size() > start) out += ' ';
    out += name;
  };
  if (metadata.destination) {
    key("to=");
    net::append_endpoint(out, net::Endpoint(*metadata.destination, local_port));
  }
  if (metadata.interface) {
    key("if=");
    base::append_escaped(out, net::interface_name(*metadata.interface));
  }
  const auto number = [&](std::string_view name, unsigned value) {
    key(name);
    base::append_number(out, value);
  };
  if (metadata.ttl) number("ttl=", *metadata.ttl);
  if (metadata.traffic_class) {
    number("dscp=", *metadata.traffic_class >> 2);
    number("ecn=", *metadata.traffic_class & 3);
  }
  out += '\t';
}

// `,"to":"239.1.1.1","to_port":41234,"interface":"eth0","ttl":4,"dscp":0,"ecn":0`
void append_json_details(std::string& out, const net::Metadata& metadata, std::uint16_t local_port) {
  const auto number = [&](std::string_view key, unsigned value) {
    out += key;
    base::append_number(out, value);
  };
  if (metadata.destination) {
    out += ",\"to\":";
    append_json_string(out, net::unescaped(*metadata.destination));
    number(",\"to_port\":", local_port);
  }
  if (metadata.interface) {
    out += ",\"interface\":";
    append_json_string(out, net::interface_name(*metadata.interface));
  }
  if (metadata.ttl) number(",\"ttl\":", *metadata.ttl);
  if (metadata.traffic_class) {
    number(",\"dscp\":", *metadata.traffic_class >> 2);
    number(",\"ecn\":", *metadata.traffic_class & 3);
  }
}

// The kernel's time. Reading the clock costs as much as a record does: only where the kernel gave none.
net::SystemTime time_of(const net::Received& received) {
  return received.metadata.time ? *received.metadata.time : now();
}

// A colour that is read on light and dark ground alike, the same each time for one sender. Red is left for what failed.
std::string_view color_of(std::string_view sender) {
  static constexpr std::array<std::string_view, 8> colors{"\x1b[38;5;31m",  "\x1b[38;5;35m",  "\x1b[38;5;99m",
                                                          "\x1b[38;5;133m", "\x1b[38;5;166m", "\x1b[38;5;64m",
                                                          "\x1b[38;5;30m",  "\x1b[38;5;168m"};
  std::uint32_t hash = 2'166'136'261;  // FNV-1a
  for (const char c : sender) hash = (hash ^ static_cast<unsigned char>(c)) * 16'777'619;
  return colors[(hash ^ hash >> 16) % colors.size()];
}

}  // namespace

net::WantedMetadata wanted_metadata(const Options& options) {
  const bool json = options.format == Format::json;
  const bool lines = options.format == Format::text || options.format == Format::hex;
  net::WantedMetadata wanted;
  wanted.time = json || options.pcap || (lines && options.timestamps);
  wanted.details = json || options.pcap || (lines && options.verbose);
  wanted.coalesced = !wanted.time;  // a run has one time for all its datagrams
  return wanted;
}

RecordWriter::RecordWriter(const Options& options, Sink& sink)
    : options_(options), sink_(sink), colored_(wants_color(options.color, STDOUT_FILENO)) {
  static constexpr std::array<Append, 5> forms{&RecordWriter::append_text, &RecordWriter::append_json,
                                               &RecordWriter::append_hex, &RecordWriter::append_raw, nullptr};
  append_ = forms[static_cast<std::size_t>(options.format)];
}

void RecordWriter::write(const net::Received& received, std::uint16_t local_port) {
  if (append_ == nullptr) return;
  if (options_.format == Format::raw && !options_.delimiter) {
    // Small ones are gathered: many of them in one write save more than it costs to copy them.
    constexpr std::size_t small = 1'024;
    if (received.bytes.size() < small && !sink_.has_views()) {
      sink_.buffer() += received.bytes;
    } else {
      sink_.add_view(received.bytes);
    }
    sink_.mark(received.count());
    return;
  }
  if (options_.format != Format::raw) {
    forget_old_names(*received.sender);
    if (sender_text_.empty() || !net::identical(*received.sender, sender_)) remember_sender(*received.sender);
    const bool details = options_.format == Format::json || options_.verbose;
    if (details) remember_details(received.metadata, local_port);
  }
  const std::size_t count = received.count();
  for (std::size_t i = 0; i < count; ++i) {
    (this->*append_)(received.payload(i), received);
    sink_.mark(1);
  }
}

// What names an interface is made anew each second: it may have been renamed.
void RecordWriter::forget_old_names(const net::Endpoint& sender) {
  const bool names_one =
      options_.format == Format::json || options_.verbose || net::family_of(sender) == net::Family::ipv6;
  if (!names_one) return;
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  if (now.tv_sec == named_at_) return;
  named_at_ = now.tv_sec;
  sender_text_.clear();
  details_.clear();
}

void RecordWriter::remember_sender(const net::Endpoint& sender) {
  sender_ = sender;
  sender_text_.clear();
  head_.clear();
  if (options_.format == Format::json) {
    sender_text_ = net::family_of(sender) == net::Family::ipv4 ? "\",\"family\":\"IPv4\",\"address\":"
                                                               : "\",\"family\":\"IPv6\",\"address\":";
    append_json_string(sender_text_, net::unescaped(sender.address()));
    sender_text_ += ",\"port\":";
    base::append_number(sender_text_, sender.port());
    sender_text_ += ",\"size\":";
    return;
  }
  net::append_endpoint(sender_text_, sender);
  if (colored_) sender_text_ = fmt::format("{}{}\x1b[0m", color_of(sender_text_), sender_text_);
  sender_text_ += '\t';
}

void RecordWriter::remember_details(const net::Metadata& metadata, std::uint16_t local_port) {
  if (!details_.empty() && local_port == details_port_ && same_details(metadata, details_of_)) return;
  details_of_ = metadata;
  details_port_ = local_port;
  details_.clear();
  if (options_.format == Format::json) {
    append_json_details(details_, metadata, local_port);
  } else {
    append_text_details(details_, metadata, local_port);
  }
}

void RecordWriter::remember_size(std::size_t size) {
  if (size == size_ && !head_.empty()) return;
  size_ = size;
  head_ = sender_text_;
  base::append_number(head_, size);
  if (options_.format != Format::json) head_ += '\t';
}

// [TIME] SENDER SIZE [DETAILS], each with its tab.
void RecordWriter::append_line_head(std::size_t size, const net::Received& received) {
  std::string& out = sink_.buffer();
  if (options_.timestamps) {
    append_time(out, time_of(received), 6);
    out += '\t';
  }
  remember_size(size);
  out += head_;
  if (options_.verbose) out += details_;
}

void RecordWriter::append_text(std::string_view payload, const net::Received& received) {
  append_line_head(payload.size() + received.cut, received);
  std::string& out = sink_.buffer();
  base::append_escaped(out, payload);
  out += '\n';
}

void RecordWriter::append_hex(std::string_view payload, const net::Received& received) {
  append_line_head(payload.size() + received.cut, received);
  std::string& out = sink_.buffer();
  out.back() = '\n';  // the line ends where text has its payload
  append_hexdump(out, payload);
}

void RecordWriter::append_json(std::string_view payload, const net::Received& received) {
  std::string& out = sink_.buffer();
  out += "{\"event\":\"message\",\"time\":\"";
  append_time(out, time_of(received), 9);
  remember_size(payload.size() + received.cut);
  out += head_;
  out += details_;
  if (base::plain_run(payload) == payload.size()) {  // most are, and need no second look
    out += ",\"text\":\"";
    out += payload;
    out += '"';
  } else if (base::is_utf8(payload)) {
    out += ",\"text\":";
    append_json_string(out, payload);
  } else {
    out += ",\"base64\":\"";
    base::append_base64(out, payload);
    out += '"';
  }
  out += "}\n";
}

void RecordWriter::append_raw(std::string_view payload, const net::Received&) {
  std::string& out = sink_.buffer();
  out += payload;
  out += *options_.delimiter;
}

}  // namespace output
