// SPDX-License-Identifier: MIT
// Bytes as text and back: C escapes, hexadecimal, base64.
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/text.hpp"
#include "fuzz.hpp"

namespace {

template <class Call>
void attempt(Call&& call) {
  try {
    call();
  } catch (const base::UsageError& error) {
    fuzz::must_be_harmless(error.what());
  }
}

void check_hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdefABCDEF";
  constexpr std::string_view separators = " :,\t\n\r";
  std::string text;
  std::size_t i = 0;
  for (const char c : bytes) {
    const auto byte = static_cast<std::uint8_t>(c);
    if (byte & 1) text += separators[i % separators.size()];
    if (byte & 2) text += "0x";
    text += digits[byte >> 4];
    const std::size_t low = byte & 15;
    text += digits[low >= 10 && (i & 1) ? low + 6 : low];
    ++i;
  }
  MUST(base::parse_hex(text) == bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string shown = base::escaped(bytes);
  fuzz::must_be_harmless(shown);
  MUST(base::parse_escapes(shown) == bytes);
  MUST(base::escaped(base::parse_escapes(shown)) == shown);

  attempt([&] { MUST(base::parse_escapes(bytes).size() <= size); });
  attempt([&] { MUST(base::parse_hex(bytes).size() <= size / 2); });
  check_hex(bytes);

  std::string base64 = "before";
  base::append_base64(base64, bytes);
  MUST(base64.size() == 6 + (size + 2) / 3 * 4);
  MUST(fuzz::base64_decoded(std::string_view(base64).substr(6)) == bytes);

  if (base::is_utf8(bytes)) {
    fuzz::code_points(bytes);
  } else {
    MUST(shown.find("\\x") != std::string::npos);
  }
  const std::size_t run = base::plain_run(bytes);
  MUST(run <= size);
  if (run < size) MUST(bytes[run] < 0x20 || bytes[run] == 0x7f || bytes[run] == '\\' || bytes[run] == '"');
  const std::string_view half = bytes.substr(0, std::min<std::size_t>(size / 2, 16));
  const std::string_view other = bytes.substr(size / 2, 16);
  const std::size_t distance = base::edit_distance(half, other);
  MUST(distance == base::edit_distance(other, half));
  MUST(distance <= std::max(half.size(), other.size()));
  MUST((distance == 0) == (half == other));
  return 0;
}
