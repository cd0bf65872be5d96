// SPDX-License-Identifier: MIT
// One datagram in each form, from tables.
#include <string>
#include <vector>

#include "base/units.hpp"
#include "net/datagram.hpp"
#include "output/json.hpp"
#include "output/records.hpp"
#include "support/check.hpp"

namespace {

struct Case {
  const char* what;
  output::Options options;
  std::string payload;
  std::string record;
};

output::Options form(output::Format format) {
  output::Options options;
  options.format = format;
  return options;
}

output::Options detailed(output::Format format) {
  output::Options options = form(format);
  options.timestamps = options.verbose = true;
  return options;
}

output::Options delimited(const std::string& delimiter) {
  output::Options options = form(output::Format::raw);
  options.delimiter = delimiter;
  return options;
}

std::string record_of(const Case& one) {
  const net::Endpoint sender(*net::parse_address("10.0.0.7"), 40'000);
  net::Metadata metadata;
  metadata.destination = net::parse_address("239.1.1.1");
  metadata.ttl = 4;
  metadata.traffic_class = 46 << 2 | 1;
  metadata.time = net::SystemTime(std::chrono::nanoseconds(1'767'323'045'123'456'789));
  output::Sink sink(1, [] { return true; });
  output::RecordWriter writer(one.options, sink);
  writer.write({one.payload, 0, &sender, metadata}, 41'234);
  return sink.buffer();
}

}  // namespace

TEST_CASE("forms: a datagram as a record") {
  using output::Format;
  const std::string json =
      R"({"event":"message","time":"2026-01-02T03:04:05.123456789Z","family":"IPv4","address":"10.0.0.7","port":40000,)";
  const std::string details = R"("to":"239.1.1.1","to_port":41234,"ttl":4,"dscp":46,"ecn":1,)";
  const std::vector<Case> cases{
      {"text", form(Format::text), "hello world", "10.0.0.7:40000\t11\thello world\n"},
      {"nothing is a record", form(Format::text), "", "10.0.0.7:40000\t0\t\n"},
      {"bytes", form(Format::text), std::string("\x00\x01\n\\\xff", 5), "10.0.0.7:40000\t5\t\\x00\\x01\\n\\\\\\xff\n"},
      {"time and details", detailed(Format::text), "x",
       "2026-01-02T03:04:05.123456Z\t10.0.0.7:40000\t1\tto=239.1.1.1:41234 ttl=4 dscp=46 ecn=1\tx\n"},
      {"hex", form(Format::hex), "AB",
       "10.0.0.7:40000\t2\n00000000  41 42                                             |AB|\n"},
      {"raw", form(Format::raw), "AB", "AB"},
      {"raw, delimited", delimited("\r\n"), "AB", "AB\r\n"},
      {"none", form(Format::none), "AB", ""},
      {"json", form(Format::json), "AB", json + "\"size\":2," + details + "\"text\":\"AB\"}\n"},
      {"json of bytes", form(Format::json), "\xff\x01", json + "\"size\":2," + details + "\"base64\":\"/wE=\"}\n"},
  };
  for (const Case& one : cases) {
    CAPTURE(one.what);
    CHECK(record_of(one) == one.record);
  }
}

TEST_CASE("forms: what is invisible is escaped, what belongs to a script's spelling stays") {
  struct Invisible {
    const char* bytes;
    const char* text;
    const char* json;
  };
  const std::vector<Invisible> table{{"\xc2\xad", "\\xc2\\xad", "\\u00ad"},
                                     {"\xcd\x8f", "\\xcd\\x8f", "\\u034f"},
                                     {"\xe1\x85\x9f", "\\xe1\\x85\\x9f", "\\u115f"},
                                     {"\xe1\x85\xa0", "\\xe1\\x85\\xa0", "\\u1160"},
                                     {"\xe1\xa0\x8e", "\\xe1\\xa0\\x8e", "\\u180e"},
                                     {"\xe2\x80\x8b", "\\xe2\\x80\\x8b", "\\u200b"},
                                     {"\xe2\x81\xa0", "\\xe2\\x81\\xa0", "\\u2060"},
                                     {"\xe2\x81\xaf", "\\xe2\\x81\\xaf", "\\u206f"},
                                     {"\xe3\x85\xa4", "\\xe3\\x85\\xa4", "\\u3164"},
                                     {"\xef\xbb\xbf", "\\xef\\xbb\\xbf", "\\ufeff"},
                                     {"\xef\xbe\xa0", "\\xef\\xbe\\xa0", "\\uffa0"},
                                     {"\xef\xbf\xbb", "\\xef\\xbf\\xbb", "\\ufffb"},
                                     {"\xf3\xa0\x80\x81", "\\xf3\\xa0\\x80\\x81", "\\udb40\\udc01"},
                                     {"\xe2\x80\x8c", "\xe2\x80\x8c", "\xe2\x80\x8c"},
                                     {"\xe2\x80\x8d", "\xe2\x80\x8d", "\xe2\x80\x8d"},
                                     {"\xef\xb8\x8f", "\xef\xb8\x8f", "\xef\xb8\x8f"},
                                     {"\xf3\xa0\x84\x80", "\xf3\xa0\x84\x80", "\xf3\xa0\x84\x80"},
                                     {"\xef\xbf\xbc", "\xef\xbf\xbc", "\xef\xbf\xbc"}};
  for (const Invisible& one : table) {
    CAPTURE(one.json);
    const std::string text = record_of({"", form(output::Format::text), one.bytes, ""});
    CHECK(text == "10.0.0.7:40000\t" + std::to_string(std::string(one.bytes).size()) + "\t" + one.text + "\n");
    std::string json;
    output::append_json_string(json, one.bytes);
    CHECK(json == "\"" + std::string(one.json) + "\"");
  }
}

TEST_CASE("forms: one is one") {
  CHECK(base::counted(1, "datagram") == "1 datagram");
  CHECK(base::counted(0, "byte") == "0 bytes");
  CHECK(base::counted(2, "sender") == "2 senders");
  CHECK(base::counted(1, "sender", true) == "1+ senders");
}
