// `udptool listen --echo` and `--reply`: what they answer, from where, and what they must never answer.
#include <csignal>

#include "support/check.hpp"
#include "support/namespace.hpp"
#include "support/spoof.hpp"
#include "support/udptool.hpp"

using namespace support;

namespace {

constexpr Milliseconds moment{150};  // for an answer that must not come

}  // namespace

TEST_CASE("--echo: each datagram goes back to its sender as it was, empty and large ones too") {
  const Listener listener({"--echo"});
  const RawUdp one, two;
  for (const std::string& text :
       {std::string("hello"), std::string(), std::string(65'507, 'x'), std::string("\0\n", 2)}) {
    one.send(text, listener.port());
    CHECK(one.next() == text);
  }
  one.send("from one", listener.port());
  two.send("from two", listener.port());
  CHECK(two.next() == "from two");
  CHECK(one.next() == "from one");
}

TEST_CASE("--echo: records are shown as without it") {
  Listener listener({"--echo", "-c", "1"});
  const RawUdp sender;
  sender.send("x", listener.port());
  CHECK(sender.next() == "x");
  CHECK(listener.finish().out == sender.endpoint() + "\t1\tx\n");
}

TEST_CASE("--echo: IPv6 too") {
  SKIP_UNLESS(has_ipv6(), "no IPv6 here");
  const Listener listener({"--echo"}, {"0"}, 2);
  const RawUdp six("::1"), four;
  six.send("six", listener.port());
  CHECK(six.next() == "six");
  four.send("four", listener.port());
  CHECK(four.next() == "four");
}

TEST_CASE("--reply: each datagram is answered with the text, escapes and all") {
  const Listener listener({"--reply", "pong\\n\\x00"});
  const RawUdp sender;
  for (const char* text : {"ping", "", "a longer question than the answer"}) {
    sender.send(text, listener.port());
    CHECK(sender.next() == std::string("pong\n\0", 6));
  }
  CHECK(run_udptool({"listen", "--reply", "\\q", "0"}).ending == failed);
}

TEST_CASE("--reply: an answer to a reader that uses -c is sent before the end") {
  Listener listener({"--reply", "bye", "-c", "1"});
  const RawUdp sender;
  sender.send("x", listener.port());
  CHECK(listener.finish().ending == done);
  CHECK(sender.next() == "bye");
}

TEST_CASE("--echo and --reply together are bad usage") {
  CHECK(run_udptool({"listen", "--echo", "--reply", "x", "0"}).ending == failed);
}

TEST_CASE("an answer leaves from the address that was asked, on a host with several") {
  const Listener listener({"-4", "--echo"}, {"0"});
  const RawUdp sender;
  for (const char* asked : {"127.0.0.1", "127.0.0.9", "127.1.2.3"}) {
    sender.send("x", listener.port(), asked);
    const auto answer = sender.receive();
    REQUIRE(answer);
    CHECK(answer->address == asked);
    CHECK(answer->port == listener.port());
  }
}

TEST_CASE("an answer has the TTL and the DSCP that were asked for") {
  const Listener listener({"--echo", "-t", "9", "--dscp", "af41"});
  const Finished result =
      run_udptool({"send", "-v", "-w", "5", "--replies", "1", "127.0.0.1", std::to_string(listener.port()), "x"});
  CHECK(result.ending == done);
  CHECK(contains(result.out, " ttl=9 dscp=34 ecn=0\tx\n"));
}

TEST_CASE("a sender that is denied gets no answer") {
  const Listener listener({"--echo", "--deny", "127.0.0.2"});
  const RawUdp denied("127.0.0.2"), allowed("127.0.0.1");
  denied.send("x", listener.port(), "127.0.0.1");
  allowed.send("y", listener.port());
  CHECK(allowed.next() == "y");
  CHECK_FALSE(denied.receive(moment));
}

TEST_CASE("the ports of services that answer anything are heard and never answered") {
  IN_NAMESPACE("");
  for (const Words& responder : {Words{"--echo"}, Words{"--reply", "x"}}) {
    Listener listener(responder);
    constexpr std::uint16_t ports[] = {7, 13, 17, 19, 37, 53, 69, 123, 161, 389, 1900, 5353, 11211};
    for (const std::uint16_t port : ports) {
      CAPTURE(port);
      const RawUdp service("127.0.0.1", port);
      service.send("x", listener.port());
      listener.wait_for(Stream::out, "127.0.0.1:" + std::to_string(port));
      CHECK_FALSE(service.receive(Milliseconds(20)));
    }
    const RawUdp usual;
    usual.send("x", listener.port());
    CHECK(usual.next() == "x");
  }
}

TEST_CASE("a datagram to a broadcast address is never answered with more bytes than it held") {
  IN_NAMESPACE("interface one; ip addr add 10.0.0.1/24 brd + dev one");
  const auto ask = [](const Listener& listener) {
    return run_udptool(
        {"send", "-b", "-w", "300ms", "--replies", "1", "10.0.0.255", std::to_string(listener.port()), "ab"});
  };
  CHECK(ask(Listener({"-4", "--reply", "abc"}, {"0"})).ending == nothing);
  for (const Words& responder : {Words{"--reply", "xy"}, Words{"--echo"}}) {
    Words options{"-4"};
    options.insert(options.end(), responder.begin(), responder.end());
    const Finished result = ask(Listener(options, {"0"}));
    CHECK(result.ending == done);
    CHECK(result.out.starts_with("10.0.0.1:"));  // the interface's own address
  }
}

TEST_CASE("a sender whose datagrams each equal the answer before is not answered after 1,000 of them") {
  const Listener listener({"--echo", "-o", "none"});
  const RawUdp sender;
  int answers = 0;
  for (; answers < 1'200; ++answers) {
    sender.send("ball", listener.port());
    if (!sender.receive(moment)) break;
  }
  CHECK(answers >= 1'000);
  CHECK(answers <= 1'002);
  sender.send("another", listener.port());
  CHECK(sender.next() == "another");
}

TEST_CASE("a datagram from port 0 is heard and not answered") {
  IN_NAMESPACE("");
  Listener listener({"--echo", "-c", "1"});
  RawIp().udp({"127.0.0.1", 0, "127.0.0.1", listener.port()}, "x");
  const Finished result = listener.finish();
  CHECK(result.ending == done);
  CHECK(result.out == "127.0.0.1:0\t1\tx\n");
}
