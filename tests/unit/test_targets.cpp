// SPDX-License-Identifier: MIT
// The file of --targets: what it may say, and how what is wrong in it is told.
#include "commands/probe/targets.hpp"

#include "base/error.hpp"
#include "support/check.hpp"

using commands::parse_targets;

namespace {

std::vector<std::string> parsed(std::string_view text, std::uint16_t default_port = 0) {
  std::vector<std::string> out;
  for (const auto& each : parse_targets(text, "file", default_port)) {
    out.push_back(each.written + "=" + each.host + "|" + std::to_string(each.port));
  }
  return out;
}

using List = std::vector<std::string>;

}  // namespace

TEST_CASE("targets: a host and a port a line, comments and blanks apart") {
  CHECK(parsed("10.0.0.1:53\nexample.net:7\n[2001:db8::1]:9") ==
        List{"10.0.0.1:53=10.0.0.1|53", "example.net:7=example.net|7", "[2001:db8::1]:9=2001:db8::1|9"});
  CHECK(parsed("# all\n\n  a:1 \t\n\tb:2 # the second\r\n#c:3\n") == List{"a:1=a|1", "b:2=b|2"});
  CHECK(parsed("a:domain\n") == List{"a:domain=a|53"});
  CHECK(parsed("").empty());
  CHECK(parsed("\n\n#\n \n").empty());
}

TEST_CASE("targets: without a port where the mode has one of its own") {
  CHECK(parsed("10.0.0.1\n::1\n[::1]\na:5\n", 862) ==
        List{"10.0.0.1=10.0.0.1|862", "::1=::1|862", "[::1]=::1|862", "a:5=a|5"});
}

TEST_CASE("targets: the same twice is one") {
  CHECK(parsed("a:1\nb:1\na:1 # again\na:2\n") == List{"a:1=a|1", "b:1=b|1", "a:2=a|2"});
}

TEST_CASE("targets: what is wrong is told with its line and its word") {
  const struct {
    const char* text;
    const char* told;
  } cases[] = {
      {"a:1\nb\n", "file:2: 'b' is no target: it has no port: write HOST:PORT"},
      {"\n::1\n", "file:2: '::1' is no target: it has no port: write [ADDRESS]:PORT"},
      {"a 53\n", "file:1: 'a 53' is no target: write HOST:PORT, one a line"},
      {":53", "file:1: ':53' is no target: it names no host"},
      {"a:0", "file:1: "},
      {"a:65536", "file:1: "},
      {"a:", "file:1: "},
      {"[::1:53", "file:1: '[::1:53' has unbalanced brackets"},
      {"udp://127.0.0.1:5", "file:1: 'udp://127.0.0.1:5' is no target: write HOST:PORT, without a scheme"},
      {"[fe80::1%nope]:5", "file:1: '[fe80::1%nope]:5' is no target: no interface 'nope'; "},
      {"a:99999", "file:1: 'a:99999' is no target: '99999' is not a port "},
      {"1.2.3:53", "file:1: '1.2.3:53' is no target: that is no address"},
      {"\x1b[31m:x", "file:1: "},
  };
  for (const auto& [text, told] : cases) {
    try {
      parsed(text);
      CHECK_MESSAGE(false, text);
    } catch (const base::UsageError& error) {
      CHECK_MESSAGE(std::string_view(error.what()).starts_with(told), error.what());
      CHECK(std::string_view(error.what()).find('\x1b') == std::string_view::npos);
    }
  }
}
