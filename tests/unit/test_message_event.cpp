// SPDX-License-Identifier: MIT
// What -j printed, as input again.
#include <doctest/doctest.h>

#include "base/error.hpp"
#include "commands/send/message_event.hpp"

namespace {

using namespace std::chrono_literals;
using commands::parse_message_event;

}  // namespace

TEST_CASE("message events: text and base64 are payloads, with their time and port") {
  const auto text = parse_message_event(
      R"({"event":"message","time":"1970-01-02T00:00:01.000000005Z","to_port":5000,"text":"a\u0000\u202e\"b"})");
  REQUIRE(text);
  CHECK(text->payload == std::string("a\0\xe2\x80\xae\"b", 7));
  CHECK(text->time == 24h + 1s + 5ns);
  CHECK(text->port == 5'000);
  const auto binary = parse_message_event(R"({"event":"message","base64":"/wD+"})");
  REQUIRE(binary);
  CHECK(binary->payload == std::string("\xff\0\xfe", 3));
  CHECK_FALSE(binary->time);
  CHECK_FALSE(binary->port);
  CHECK(parse_message_event(R"({"event":"message","text":""})")->payload.empty());
  CHECK(parse_message_event(R"({"event":"message","base64":"YQ=="})")->payload == "a");
  CHECK(parse_message_event(R"({"event":"message","base64":"YWI="})")->payload == "ab");
  CHECK(parse_message_event(R"({"event":"message","time":"2026-01-02T03:04:05Z","text":"x"})")->time);
}

TEST_CASE("message events: other events of -j are passed over") {
  CHECK_FALSE(parse_message_event(R"({"event":"listening","time":"x","port":5})"));
  CHECK_FALSE(parse_message_event(R"({"event":"close"})"));
}

TEST_CASE("message events: what is none is refused") {
  for (const char* line :
       {"", "hello", "[]", "{}", "17", R"({"event":5})", R"({"event":"message"})", R"({"event":"message","text":5})",
        R"({"event":"message","base64":"a"})", R"({"event":"message","base64":"a b="})",
        R"({"event":"message","text":"x","time":"now"})",
        R"({"event":"message","text":"x","time":"2026-13-02T03:04:05Z"})",
        R"({"event":"message","text":"x","time":"2026-01-02T03:04:05+01:00"})", R"({"event":"message","text":"x"}})"}) {
    CAPTURE(line);
    CHECK_THROWS_AS(parse_message_event(line), base::UsageError);
  }
}
