// SPDX-License-Identifier: MIT
// `udptool listen --echo` and `--reply`: what they answer, from where, and what they must never answer.
#include <sys/resource.h>

#include <csignal>
#include <thread>

#include "support/check.hpp"
#include "support/namespace.hpp"
#include "support/spoof.hpp"
#include "support/udptool.hpp"

using namespace support;

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

TEST_CASE("an answer has at most the TTL, and the DSCP, that were asked for") {
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

namespace {

// What the summary of a responder says, and how many datagrams it had.
struct Told {
  explicit Told(const Finished& result) : text(result.err) {
    const std::size_t end = text.find(" datagram");
    const std::size_t start = text.rfind('\n', end) + 1;
    datagrams = std::stoul(text.substr(start, end - start));
  }

  std::string text;
  unsigned long datagrams = 0;
};

}  // namespace

TEST_CASE("two echoes and one forged datagram: each bounce has a TTL less, and they end") {
  IN_NAMESPACE("");
  Listener one({"--echo", "-o", "none"}, {"127.0.0.1:0"}), two({"--echo", "-o", "none"}, {"127.0.0.2:0"});
  // Two that differ: no rule about equal datagrams would see them.
  for (const char* text : {"one", "two"}) RawIp().udp({"127.0.0.2", two.port(), "127.0.0.1", one.port()}, text);
  std::this_thread::sleep_for(Milliseconds(1'000));
  const Told first(one.stop(SIGINT)), second(two.stop(SIGINT));
  // Four times 64 bounces and a new TTL at each end would be more than 100 rounds of a budget allow.
  CHECK(first.datagrams + second.datagrams > 64);
  CHECK(first.datagrams + second.datagrams <= 100 * 2 * 64 + 200);
}

TEST_CASE("an answer has the TTL that came less one; to a TTL of 1 the default one") {
  const Listener listener({"--echo"});
  const std::string port = std::to_string(listener.port());
  const auto answered = [&](const char* ttl) {
    return run_udptool({"send", "-v", "-t", ttl, "-w", "5", "--replies", "1", "127.0.0.1", port, "x"}).out;
  };
  CHECK(contains(answered("9"), " ttl=8 "));
  CHECK(contains(answered("2"), " ttl=1 "));
  CHECK(contains(answered("1"), " ttl=64 "));
}

TEST_CASE("a sender has a budget of 10,000 answers, and is told of when it is empty") {
  Listener listener({"--echo", "-o", "none"});
  const RawUdp sender;
  int answers = 0;
  for (int sent = 0; sent < 20'000; ++sent) {
    sender.send(std::to_string(sent), listener.port());
    if (sender.receive(Milliseconds(sent < 10'000 ? 5'000 : 0))) ++answers;
  }
  while (sender.receive(moment)) ++answers;
  CHECK(answers >= 10'000);
  CHECK(answers < 20'000);
  const Finished result = listener.stop(SIGINT);
  CHECK(contains(result.err,
                 "note: " + sender.endpoint() +
                     " asks more than 1,000 times a second: not always answered; --allow it if it is yours\n"));
  CHECK(contains(result.err, " not answered, "));
}

TEST_CASE("--allow lifts the budget of whom it names") {
  Listener listener({"--echo", "-o", "none", "--allow", "127.0.0.0/8"});
  const RawUdp sender;
  int answers = 0;
  for (int sent = 0; sent < 15'000; ++sent) {
    sender.send("x", listener.port());
    answers += sender.receive().has_value();
  }
  CHECK(answers == 15'000);
  CHECK_FALSE(contains(listener.stop(SIGINT).err, "not answered"));
}

TEST_CASE("a sender of 0.0.0.0 is heard and not answered: the kernel would take it for itself") {
  IN_NAMESPACE("");
  const RawUdp local("127.0.0.1"), everywhere("0.0.0.0");
  Listener listener({"-4", "--echo", "-c", "2"}, {"0"});
  for (const RawUdp* service : {&local, &everywhere}) {
    RawIp().arriving_udp({"0.0.0.0", service->port(), "255.255.255.255", listener.port()}, "x");
  }
  const Finished result = listener.finish();
  CHECK(result.out.starts_with("0.0.0.0:"));
  CHECK(contains(result.err, ", 2 not answered, "));
  CHECK_FALSE(local.receive(moment));
  CHECK_FALSE(everywhere.receive(moment));
}

TEST_CASE("a long --reply where strangers can ask is told, unless --allow names them") {
  const std::string text(65, 'x');
  const auto notice = [&](const Words& options, const std::string& endpoint) {
    Words words = options;
    words.insert(words.end(), {"-W", "0.2"});
    Listener listener(words, {endpoint});
    return contains(listener.finish().err, "note: the reply of 65 bytes ");
  };
  CHECK(notice({"-4", "--reply", text}, "0"));
  CHECK_FALSE(notice({"--reply", text}, "127.0.0.1:0"));
  CHECK_FALSE(notice({"-4", "--reply", text, "--allow", "10.0.0.0/8"}, "0"));
  CHECK_FALSE(notice({"-4", "--reply", text.substr(1)}, "0"));
}

TEST_CASE("itself is not answered, at another of its addresses and without a descriptor to check it with") {
  IN_NAMESPACE("ip addr add 10.9.0.1/24 dev lo; ip addr add 10.9.0.2/24 dev lo");
  for (const rlim_t files : {rlim_t{64}, rlim_t{3}}) {
    CAPTURE(files);
    Listener listener({"-4", "--echo", "-o", "none"}, {"0"});
    const rlimit limit{files, files};
    REQUIRE(prlimit(listener.pid(), RLIMIT_NOFILE, &limit, nullptr) == 0);
    RawIp().udp({"10.9.0.2", listener.port(), "10.9.0.1", listener.port()}, "x");
    const RawUdp sender;
    sender.send("y", listener.port());
    CHECK(sender.next() == "y");
    CHECK(contains(listener.stop().err, "2 datagrams, 2 bytes, 2 senders, 0 dropped, 0 ignored, 1 not answered, "));
  }
}

TEST_CASE("who shares the port's number is answered where any address could be bound (ip_nonlocal_bind)") {
  IN_NAMESPACE("interface one; ip addr add 10.9.0.1/24 dev one; sysctl -q net.ipv4.ip_nonlocal_bind=1");
  Listener listener({"-4", "--echo", "-c", "1"}, {"0"});
  RawIp().udp({"10.9.0.77", listener.port(), "10.9.0.1", listener.port()}, "x");
  CHECK_FALSE(contains(listener.finish().err, "not answered"));
}

TEST_CASE("a datagram from port 0 is heard and not answered") {
  IN_NAMESPACE("");
  Listener listener({"--echo", "-c", "1"});
  RawIp().udp({"127.0.0.1", 0, "127.0.0.1", listener.port()}, "x");
  const Finished result = listener.finish();
  CHECK(result.ending == done);
  CHECK(result.out == "127.0.0.1:0\t1\tx\n");
}
