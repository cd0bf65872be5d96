// SPDX-License-Identifier: MIT
#include "commands/send/message_event.hpp"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/error.hpp"

namespace commands {
namespace {

using base::UsageError;
using Json = nlohmann::json;

// RFC 4648 with padding, as -j writes it; nothing for anything else.
std::optional<std::string> decode_base64(std::string_view text) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && !text.empty() && text.back() == '=') {
    text.remove_suffix(1);
    ++padding;
  }
  std::string bytes;
  std::uint32_t bits = 0;
  unsigned have = 0;
  for (const char digit : text) {
    const std::size_t value = digits.find(digit);
    if (value == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    have += 6;
    if (have < 8) continue;
    have -= 8;
    bytes += static_cast<char>(bits >> have & 0xff);
  }
  return bytes;
}

// RFC 3339 UTC with up to nine decimals: `2026-01-02T03:04:05.123456789Z`.
std::optional<base::Nanoseconds> parse_time(const std::string& text) {
  int year = 0;
  unsigned month = 0, day = 0, hour = 0, minute = 0, second = 0;
  int used = 0;
  const int fields =
      std::sscanf(text.c_str(), "%4d-%2u-%2uT%2u:%2u:%2u%n", &year, &month, &day, &hour, &minute, &second, &used);
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)};
  if (fields != 6 || !date.ok() || year < 1970 || year > 2200 || hour > 23 || minute > 59 || second > 60) {
    return std::nullopt;
  }
  std::string_view rest = std::string_view(text).substr(static_cast<std::size_t>(used));
  std::int64_t fraction = 0;
  if (!rest.empty() && rest.front() == '.') {
    rest.remove_prefix(1);
    std::int64_t unit = 100'000'000;
    for (; !rest.empty() && rest.front() >= '0' && rest.front() <= '9'; rest.remove_prefix(1), unit /= 10) {
      fraction += unit * (rest.front() - '0');
    }
  }
  if (rest != "Z") return std::nullopt;
  const auto whole = std::chrono::sys_days(date).time_since_epoch() + std::chrono::hours(hour) +
                     std::chrono::minutes(minute) + std::chrono::seconds(second);
  return base::Nanoseconds(whole) + base::Nanoseconds(fraction);
}

const std::string* text_of(const Json& event, const char* key) {
  const auto found = event.find(key);
  return found != event.end() && found->is_string() ? found->get_ptr<const std::string*>() : nullptr;
}

std::string payload_of(const Json& event) {
  if (const std::string* text = text_of(event, "text")) return *text;
  const std::string* base64 = text_of(event, "base64");
  if (base64 == nullptr) throw UsageError("it has neither `text` nor `base64`");
  auto bytes = decode_base64(*base64);
  if (!bytes) throw UsageError("its `base64` is malformed");
  return std::move(*bytes);
}

}  // namespace

std::optional<MessageEvent> parse_message_event(std::string_view line) {
  const Json event = Json::parse(line.begin(), line.end(), nullptr, /*allow_exceptions=*/false);
  const std::string* name = event.is_object() ? text_of(event, "event") : nullptr;
  if (name == nullptr) throw UsageError("no event that -j prints");
  if (*name != "message") return std::nullopt;
  MessageEvent message;
  message.payload = payload_of(event);
  if (const std::string* time = text_of(event, "time")) {
    message.time = parse_time(*time);
    if (!message.time) throw UsageError("its `time` is no time of RFC 3339 in UTC");
  }
  const auto port = event.find("to_port");
  if (port != event.end() && port->is_number_unsigned() && port->get<std::uint64_t>() <= 65'535) {
    message.port = port->get<std::uint16_t>();
  }
  return message;
}

}  // namespace commands
