// SPDX-License-Identifier: MIT
// Errors as events: with -j each has the code of that very failure, and stands on stderr as a line too.
#include <string>

#include "support/check.hpp"
#include "support/udptool.hpp"

using namespace support;

namespace {

void check_error(const Words& words, const std::string& code) {
  CAPTURE(words);
  const Finished result = run_udptool(words);
  CHECK(result.ending == failed);
  CHECK(count_of(result.out, "\n") == 1);
  CHECK(result.out.starts_with(R"({"event":"error","time":")"));
  CHECK(contains(result.out, "\"code\":\"" + code + "\",\"message\":\""));
  CHECK(count_of(result.err, "\n") == 1);
  CHECK(result.err.starts_with("udptool: "));
}

}  // namespace

TEST_CASE("errors: with -j the code is the errno of that very failure") {
  check_error({"send", "-j", "no-such-name.invalid", "9", "x"}, "ENOTFOUND");
  check_error({"probe", "-j", "no-such-name.invalid", "9"}, "ENOTFOUND");
  check_error({"send", "-j", "-f", "/no/such/file", "127.0.0.1", "9"}, "ENOENT");
  check_error({"listen", "-j", "192.0.2.1:0"}, "EADDRNOTAVAIL");
  check_error({"send", "-j", "--df", "255.255.255.255", "9", "x"}, "EACCES");
  check_error({"send", "-j", "-l", "70000", "127.0.0.1", "9"}, "EINVAL");
}

TEST_CASE("errors: a wrong word is an event too, also where the parser refuses it") {
  check_error({"listen", "-j", "127.0.0.1"}, "EINVAL");
  check_error({"listen", "-qj", "--no-such-option", "0"}, "EINVAL");
  check_error({"listen", "--output", "json", "-c", "none", "0"}, "EINVAL");
  check_error({"join", "--json", "10.0.0.1"}, "EINVAL");
  check_error({"nonsense", "-j"}, "EINVAL");
  check_error({"-j", "listen", "0"}, "EINVAL");
  const Finished plain = run_udptool({"send", "127.0.0.1", "9x", "--", "-j"});
  CHECK(plain.ending == failed);
  CHECK(plain.out.empty());
}

TEST_CASE("errors: a hint is for the cause at hand") {
  const Finished absent = run_udptool({"listen", "192.0.2.1:0"});
  CHECK(absent.err ==
        "udptool: cannot bind 192.0.2.1:0: Cannot assign requested address (no interface here has this address)\n");
  const Finished broadcast = run_udptool({"send", "255.255.255.255", "9", "x"});
  CHECK(broadcast.err.ends_with(": Permission denied (add --broadcast)\n"));
  const Listener listener({"-q"});
  const Finished taken = run_udptool({"listen", "127.0.0.1:" + std::to_string(listener.port())});
  CHECK(taken.err.ends_with(": Address already in use (port in use)\n"));
}
