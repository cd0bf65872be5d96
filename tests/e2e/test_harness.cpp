// SPDX-License-Identifier: MIT
// The harness itself: a test tool that misses a failure is worse than none.
#include <csignal>
#include <stdexcept>

#include "support/check.hpp"
#include "support/namespace.hpp"
#include "support/udptool.hpp"

using namespace support;

TEST_CASE("harness: output, exit status and signals of a program are seen") {
  const Finished result = run({"sh", "-c", "echo out; echo err >&2; exit 7"});
  CHECK(result.ending == Ending{7, 0});
  CHECK(result.out == "out\n");
  CHECK(result.err == "err\n");
  Process sleeper({"sleep", "60"});
  sleeper.signal(SIGTERM);
  CHECK(sleeper.wait() == Ending{-1, SIGTERM});
  CHECK(run({"no-such-program-here"}).ending == Ending{127, 0});
}

TEST_CASE("harness: lines are waited for in order, and what does not come is an exception that shows what did") {
  Process cat({"cat"}, {.input = Input::pipe});
  cat.write("one\ntwo 2\nthree\n");
  CHECK(cat.wait_for(Stream::out, "tw") == "two 2");
  cat.write("one\n");
  CHECK(cat.wait_for(Stream::out, "one") == "one");  // the second one
  CHECK_THROWS_AS(cat.wait_for(Stream::out, "four", Milliseconds(20)), std::runtime_error);
  cat.close_input();
  CHECK(cat.wait() == done);
  CHECK(cat.out() == "one\ntwo 2\nthree\none\n");
}

TEST_CASE("harness: stdin can be closed, empty or a file") {
  CHECK(run({"cat"}, {.input = Input::null}).ending == done);
  CHECK(run({"cat"}, {.input = Input::closed}).ending.status == 1);
  const TemporaryFile file("content");
  CHECK(run({"cat"}, {.input = Input::file, .input_file = file.path()}).out == "content");
}

TEST_CASE("harness: a program that does not end is given up and killed") {
  Process sleeper({"sleep", "60"});
  CHECK_THROWS_AS(sleeper.wait(Milliseconds(20)), std::runtime_error);
}

TEST_CASE("harness: a script runs in a network of its own") {
  SKIP_UNLESS(why_no_namespaces().empty(), why_no_namespaces());
  const Finished result = run_in_namespace("interface one; ip -o link | grep -c 'lo:\\|one@'; echo $1", {"word"});
  CHECK(result.ending == done);
  CHECK(result.out == "2\nword\n");
}
