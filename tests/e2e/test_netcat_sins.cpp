// SPDX-License-Identifier: MIT
// What goes wrong with netcat and its kin, by name. None of it may ever happen here.
#include "support/check.hpp"
#include "support/udptool.hpp"

using namespace support;

TEST_CASE("sin: the second sender is not heard, since the listener connected to the first") {
  Listener listener;
  const RawUdp first, second;
  first.send("from the first", listener.port());
  listener.wait_for(Stream::out, "from the first");
  second.send("from the second", listener.port());
  CHECK(listener.wait_for(Stream::out, "second").starts_with(second.endpoint()));
}

TEST_CASE("sin: an empty datagram ends the listener, as if it were the end of a stream") {
  Listener listener;
  const RawUdp sender;
  sender.send("", listener.port());
  CHECK(listener.wait_for(Stream::out, "\t") == sender.endpoint() + "\t0\t");
  sender.send("still there", listener.port());
  listener.wait_for(Stream::out, "still there");
}

TEST_CASE("sin: an empty line or message sends nothing") {
  Listener listener({"-c", "2"});
  const std::string port = std::to_string(listener.port());
  CHECK(run_with_input({"send", "127.0.0.1", port}, "\n").ending == done);
  CHECK(run_udptool({"send", "127.0.0.1", port, ""}).ending == done);
  CHECK(count_of(listener.finish().out, "\t0\t\n") == 2);
}

TEST_CASE("sin: a large datagram is cut, by the sender's or the receiver's buffer") {
  Listener listener({"-r", "-c", "1"});
  std::string large(65'507, ' ');
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>('a' + i % 23);
  CHECK(run_with_input({"send", "--whole", "127.0.0.1", std::to_string(listener.port())}, large).ending == done);
  CHECK(listener.finish().out == large);
}

TEST_CASE("sin: -w is forgotten while listening") {
  const Stopwatch watch;
  CHECK(run_udptool({"listen", "-w", "100ms", "127.0.0.1:0"}).ending == nothing);
  CHECK(watch.elapsed() >= Milliseconds(100));
  CHECK(watch.elapsed() < Milliseconds(5'000));
}

TEST_CASE("sin: two lines become one datagram") {
  Listener listener({"-c", "2"});
  CHECK(run_with_input({"send", "127.0.0.1", std::to_string(listener.port())}, "one\ntwo\n").ending == done);
  const std::string out = listener.finish().out;
  CHECK(contains(out, "\t3\tone\n"));
  CHECK(contains(out, "\t3\ttwo\n"));
}

TEST_CASE("sin: silence is reported as success") {
  const RawUdp silent;
  const Finished result = run_udptool({"send", "-w", "100ms", "127.0.0.1", std::to_string(silent.port()), "anybody?"});
  CHECK(result.ending == nothing);
}

TEST_CASE("sin: a refusal by one datagram's target is the death of the sender's next ones") {
  const std::string port = std::to_string(unused_port());
  Process sender(udptool({"send", "127.0.0.1", port}), {.input = Input::pipe});
  sender.write("to nobody\n");
  sender.wait_for(Stream::err, "port unreachable");
  const RawUdp late("127.0.0.1", static_cast<std::uint16_t>(std::stoul(port)));
  sender.write("to somebody\n");
  CHECK(late.next() == "to somebody");
}

TEST_CASE("sin: the end of input ends it before replies come, or never") {
  const RawUdp peer;
  Process sender(udptool({"send", "-w", "10", "--replies", "1", "127.0.0.1", std::to_string(peer.port())}),
                 {.input = Input::pipe});
  sender.write("question\n");
  sender.close_input();
  const auto got = peer.receive();
  REQUIRE(got);
  peer.reply(*got, "answer");
  CHECK(sender.wait() == done);
  CHECK(contains(sender.out(), "answer"));
}

TEST_CASE("sin: the port stays silent about who sent what") {
  Listener listener({"-c", "2"});
  const RawUdp one, two;
  one.send("same", listener.port());
  two.send("same", listener.port());
  const std::string out = listener.finish().out;
  CHECK(contains(out, one.endpoint() + "\t4\tsame\n"));
  CHECK(contains(out, two.endpoint() + "\t4\tsame\n"));
}

TEST_CASE("sin: a stranger's escape sequence reaches the terminal") {
  Listener listener({"-c", "1"});
  RawUdp().send(
      "\x1b]52;c;cm0gLXJmIC8=\a\x9b"
      "6n\xc2\x9b"
      "6n",
      listener.port());
  for (const char c : listener.finish().out) CHECK((c == '\n' || c == '\t' || (c >= 0x20 && c < 0x7f)));
}

TEST_CASE("sin: output waits in a buffer while the reader waits for it") {
  Listener listener;  // its stdout is a pipe
  RawUdp().send("now", listener.port());
  listener.wait_for(Stream::out, "now");
}

TEST_CASE("sin: an IPv4 sender appears as ::ffff:127.0.0.1") {
  SKIP_UNLESS(has_ipv6(), "no IPv6 here");
  Listener listener({"-c", "1"}, {"0"}, 2);
  RawUdp().send("x", listener.port());
  CHECK(listener.finish().out.starts_with("127.0.0.1:"));
}
