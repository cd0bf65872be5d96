// SPDX-License-Identifier: MIT
// JSON strings of any bytes are read back: the same text when it was UTF-8, U+FFFD for each byte that was
// not.
#include <string>
#include <string_view>

#include "base/text.hpp"
#include "fuzz.hpp"
#include "json_reader.hpp"
#include "output/json.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::string out;
  output::append_json_string(out, bytes);
  fuzz::JsonReader reader(out);
  const std::string back = reader.string();
  MUST(reader.at_end());
  if (base::is_utf8(bytes)) {
    MUST(back == bytes);
  } else {
    MUST(back.find("\xef\xbf\xbd") != std::string::npos);
  }

  std::string line;
  output::JsonEvent(line, "error").text("message", bytes).number("n", size).null("none").boolean("b", true);
  MUST(line.back() == '\n');
  fuzz::must_be_harmless(line, "\n");
  line.pop_back();
  fuzz::JsonReader event(line);
  auto fields = event.object();
  MUST(event.at_end());
  MUST(fields["event"] == "error" && fields["message"] == back && fields["n"] == std::to_string(size));
  return 0;
}
