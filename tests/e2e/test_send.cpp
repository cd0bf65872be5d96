// SPDX-License-Identifier: MIT
// `udptool send`: messages, where they go and how, replies and exit status. Input is in test_send_input.cpp.
#include <array>
#include <csignal>

#include "support/check.hpp"
#include "support/namespace.hpp"
#include "support/udptool.hpp"

using namespace support;

namespace {

// Runs `udptool send` with a message or more to a socket of the test.
Finished send_to(const RawUdp& peer, const Words& options, const Words& messages) {
  Words words{"send"};
  words.insert(words.end(), options.begin(), options.end());
  words.insert(words.end(), {"127.0.0.1", std::to_string(peer.port())});
  words.insert(words.end(), messages.begin(), messages.end());
  return run_udptool(words);
}

}  // namespace

TEST_CASE("send: each message is a datagram, an empty one too, and nothing is printed") {
  const RawUdp peer;
  const Finished result = send_to(peer, {}, {"one", "", "two words", "gr\xc3\xbc\xc3\x9f"});
  CHECK(result.ending == done);
  CHECK(result.out.empty());
  CHECK(result.err.empty());
  for (const char* text : {"one", "", "two words", "gr\xc3\xbc\xc3\x9f"}) CHECK(peer.next() == text);
}

TEST_CASE("send: names are resolved, and IPv6 works by literal and by -6") {
  const RawUdp peer;
  CHECK(run_udptool({"send", "-4", "localhost", std::to_string(peer.port()), "x"}).ending == done);
  CHECK(peer.next() == "x");
  SKIP_UNLESS(has_ipv6(), "no IPv6 here");
  const RawUdp six("::1");
  CHECK(run_udptool({"send", "::1", std::to_string(six.port()), "y"}).ending == done);
  CHECK(six.next() == "y");
}

TEST_CASE("send: of a name with several addresses the first is taken, and its refusal hints at the other family") {
  SKIP_UNLESS(has_ipv6(), "no IPv6 here");
  IN_NAMESPACE("hosts_file '::1 both.test' '127.0.0.1 both.test' '127.0.0.1 four.test'");
  const std::string port = std::to_string(unused_port());
  const Finished result = run_udptool({"send", "-w", "5", "both.test", port, "x"});
  CHECK(result.ending == refused);
  CHECK(contains(result.err, "[::1]:" + port));
  CHECK(contains(result.err, "-4"));
  CHECK(contains(run_udptool({"send", "-4", "-w", "5", "both.test", port, "x"}).err, "127.0.0.1:" + port));
  CHECK(run_udptool({"send", "-6", "four.test", port, "x"}).ending == failed);
}

TEST_CASE("send: without IPv6 here, a name's IPv4 address is taken") {
  IN_NAMESPACE("hosts_file '::1 both.test' '127.0.0.1 both.test'; set_kernel here net/ipv6/conf/lo/disable_ipv6 1");
  SKIP_UNLESS(!has_ipv6(), "IPv6 cannot be turned off here");
  const RawUdp peer;
  CHECK(run_udptool({"send", "both.test", std::to_string(peer.port()), "x"}).ending == done);
  CHECK(peer.next() == "x");
}

TEST_CASE("send: a service name is its port") {
  IN_NAMESPACE("");
  const RawUdp dns("127.0.0.1", 53);
  CHECK(run_udptool({"send", "127.0.0.1", "domain", "x"}).ending == done);
  CHECK(dns.next() == "x");
}

TEST_CASE("send -s and -p: the datagram leaves from that address and port") {
  const RawUdp peer;
  const std::uint16_t port = unused_port();
  CHECK(send_to(peer, {"-s", "127.0.0.5", "-p", std::to_string(port)}, {"x"}).ending == done);
  const auto got = peer.receive();
  REQUIRE(got);
  CHECK(got->address == "127.0.0.5");
  CHECK(got->port == port);
  const RawUdp taken;
  CHECK(send_to(peer, {"-s", "127.0.0.1", "-p", std::to_string(taken.port())}, {"x"}).ending == failed);
  CHECK(send_to(peer, {"-s", "192.0.2.1"}, {"x"}).ending == failed);
}

TEST_CASE("send -t and --dscp: they arrive") {
  struct Row {
    Words options;
    const char* details;
  };
  for (const Row& row : std::vector<Row>{{{"-t", "1"}, "ttl=1 dscp=0"},
                                         {{"-t", "255"}, "ttl=255 dscp=0"},
                                         {{"--dscp", "ef"}, "ttl=64 dscp=46"},
                                         {{"--dscp", "cs5"}, "ttl=64 dscp=40"},
                                         {{"--dscp", "63"}, "ttl=64 dscp=63"}}) {
    Listener listener({"-v", "-c", "1"});
    Words words{"send", "127.0.0.1", std::to_string(listener.port()), "x"};
    words.insert(words.end(), row.options.begin(), row.options.end());
    CHECK(run_udptool(words).ending == done);
    CHECK(contains(listener.finish().out, row.details));
  }
}

TEST_CASE("send -w: a reply is printed as a record, and exit is 0") {
  const RawUdp peer;
  Process sender(udptool({"send", "-w", "10", "--replies", "1", "127.0.0.1", std::to_string(peer.port()), "ping"}));
  const auto got = peer.receive();
  REQUIRE(got);
  peer.reply(*got, "pong");
  CHECK(sender.wait() == done);
  CHECK(sender.out() == peer.endpoint() + "\t4\tpong\n");
}

TEST_CASE("send -w: silence is exit 1, and it waits so long") {
  const RawUdp peer;
  const Stopwatch watch;
  CHECK(send_to(peer, {"-w", "200ms"}, {"x"}).ending == nothing);
  CHECK(watch.elapsed() >= Milliseconds(200));
}

TEST_CASE("send -w: a refusal is exit 3, says who refused, and ends the wait at once") {
  const std::string port = std::to_string(unused_port());
  const Stopwatch watch;
  const Finished result = run_udptool({"send", "-w", "30", "127.0.0.1", port, "x"});
  CHECK(result.ending == refused);
  CHECK(contains(result.err, "port unreachable from 127.0.0.1"));
  CHECK(watch.elapsed() < patience);
}

TEST_CASE("send -w: a reply beats a refusal that comes with it") {
  const RawUdp peer;
  Process sender(udptool({"send", "-w", "10", "--replies", "1", "127.0.0.1", std::to_string(peer.port()), "a", "b"}));
  const auto got = peer.receive();
  REQUIRE(got);
  peer.reply(*got, "reply");
  CHECK(sender.wait() == done);
}

TEST_CASE("send --replies: the wait ends after so many replies, each a record") {
  const RawUdp peer;
  Process sender(udptool({"send", "-w", "30", "--replies", "2", "127.0.0.1", std::to_string(peer.port()), "x"}));
  const auto got = peer.receive();
  REQUIRE(got);
  peer.reply(*got, "first");
  sender.wait_for(Stream::out, "first");
  peer.reply(*got, "");
  CHECK(sender.wait() == done);
  CHECK(count_of(sender.out(), "\n") == 2);
}

TEST_CASE("send -w: replies from another port are heard too") {
  const RawUdp peer, other;
  Process sender(udptool({"send", "-w", "10", "--replies", "1", "127.0.0.1", std::to_string(peer.port()), "x"}));
  const auto got = peer.receive();
  REQUIRE(got);
  other.reply(*got, "from elsewhere");
  CHECK(sender.wait() == done);
  CHECK(sender.out() == other.endpoint() + "\t14\tfrom elsewhere\n");
}

TEST_CASE("send -j: replies and refusals are events") {
  const RawUdp peer;
  Process sender(udptool({"send", "-j", "-w", "10", "--replies", "1", "127.0.0.1", std::to_string(peer.port()), "x"}));
  const auto got = peer.receive();
  REQUIRE(got);
  peer.reply(*got, "pong");
  CHECK(sender.wait() == done);
  CHECK(contains(sender.out(), "\"event\":\"message\""));
  CHECK(contains(sender.out(), "\"text\":\"pong\""));
  CHECK(contains(sender.out(), "\"sent\":1,\"sent_bytes\":1,\"refused\":0,\"datagrams\":1,\"bytes\":4"));
  const std::string port = std::to_string(unused_port());
  const Finished result = run_udptool({"send", "-j", "-w", "10", "127.0.0.1", port, "x"});
  CHECK(result.ending == refused);
  CHECK(contains(result.out, "\"code\":\"ECONNREFUSED\""));
  CHECK(contains(result.out, "\"address\":\"127.0.0.1\",\"port\":" + port + ",\"from\":\"127.0.0.1\""));
}

TEST_CASE("send -c: all messages so many times, in rounds") {
  const RawUdp peer;
  CHECK(send_to(peer, {"-c", "2"}, {"a", "b"}).ending == done);
  for (const char* text : {"a", "b", "a", "b"}) CHECK(peer.next() == text);
  CHECK_FALSE(peer.receive(Milliseconds(30)));
}

TEST_CASE("send -c 0: for ever, until the deadline or SIGINT, and that is 0") {
  const RawUdp peer;
  CHECK(send_to(peer, {"-c", "0", "--interval", "20ms", "-W", "200ms"}, {"x"}).ending == done);
  Process sender(udptool({"send", "-c", "0", "--interval", "20ms", "127.0.0.1", std::to_string(peer.port()), "y"}));
  while (peer.next() != "y") continue;
  sender.signal(SIGINT);
  CHECK(sender.wait() == done);
  CHECK(contains(sender.err(), "0 dropped"));  // the summary of a send that was interrupted
}

TEST_CASE("send --interval, --rate and --bitrate: datagrams leave on schedule") {
  struct Row {
    Words options;
    Words messages;
  };
  for (const Row& row : std::vector<Row>{{{"--interval", "50ms"}, {"1", "2", "3", "4", "5"}},
                                         {{"--rate", "20"}, {"1", "2", "3", "4", "5"}},
                                         {{"--bitrate", "16k", "-l", "100", "-c", "5"}, {}}}) {
    const RawUdp peer;
    const Stopwatch watch;
    CHECK(send_to(peer, row.options, row.messages).ending == done);
    CHECK(watch.elapsed() >= Milliseconds(195));  // four gaps of 50 ms
    for (int i = 0; i < 5; ++i) CHECK(peer.receive());
  }
}

TEST_CASE("send -l and --empty: no input is read") {
  const RawUdp peer;
  CHECK(send_to(peer, {"-l", "1K"}, {}).ending == done);
  CHECK(peer.next().size() == 1024);
  CHECK(send_to(peer, {"--empty", "-c", "2"}, {}).ending == done);
  CHECK(peer.next().empty());
  CHECK(peer.next().empty());
  CHECK(send_to(peer, {"-l", "65507"}, {}).ending == done);
  CHECK(peer.next().size() == 65'507);
}

TEST_CASE("send: a message longer than a datagram can be is exit 2 with the limit, before anything is sent") {
  const RawUdp peer;
  for (const auto& [options, messages] : std::vector<std::pair<Words, Words>>{
           {{}, {"sent?", std::string(65'508, 'x')}}, {{"-l", "65508"}, {}}, {{"-l", "64K"}, {}}}) {
    const Finished result = send_to(peer, options, messages);
    CHECK(result.ending == failed);
    CHECK(contains(result.err, "65507"));
    CHECK(count_of(result.err, "\n") == 1);
  }
  CHECK_FALSE(peer.receive(Milliseconds(30)));
  CHECK(send_to(peer, {}, {std::string(65'507, 'x')}).ending == done);
  CHECK(peer.next().size() == 65'507);
}

TEST_CASE("send --offset and --length: only that part of a message, and beyond it is exit 2") {
  const RawUdp peer;
  CHECK(send_to(peer, {"--offset", "2", "--length", "3"}, {"abcdefg"}).ending == done);
  CHECK(peer.next() == "cde");
  CHECK(send_to(peer, {"--offset", "7"}, {"abcdefg"}).ending == done);
  CHECK(peer.next() == "");
  CHECK(send_to(peer, {"-x", "--offset", "1"}, {"410a42"}).ending == done);
  CHECK(peer.next() == "\nB");
  for (const Words& options :
       {Words{"--offset", "8"}, Words{"--length", "8"}, Words{"--offset", "5", "--length", "3"}}) {
    CHECK(send_to(peer, options, {"abcdefg"}).ending == failed);
  }
  CHECK_FALSE(peer.receive(Milliseconds(30)));
}

TEST_CASE("send -x and -e: messages are decoded, and bad ones are exit 2 with nothing sent") {
  const RawUdp peer;
  CHECK(send_to(peer, {"-x"}, {"de:ad be,ef", "0x41 0x42"}).ending == done);
  CHECK(peer.next() == "\xde\xad\xbe\xef");
  CHECK(peer.next() == "AB");
  CHECK(send_to(peer, {"-e"}, {R"(\x41\n\\)"}).ending == done);
  CHECK(peer.next() == "A\n\\");
  for (const auto& [option, message, part] :
       std::vector<std::array<const char*, 3>>{{"-x", "0g", "'g'"}, {"-x", "abc", "odd"}, {"-e", "\\q", "\\q"}}) {
    const Finished result = send_to(peer, {option}, {"41", message});
    CHECK(result.ending == failed);
    CHECK(contains(result.err, part));
  }
  CHECK_FALSE(peer.receive(Milliseconds(30)));
}

TEST_CASE("send: multicast leaves by -i, and --no-loopback keeps it from this host") {
  IN_NAMESPACE(
      "for i in one two; do interface $i; done; ip addr add 10.0.1.1/24 dev one; ip addr add 10.0.2.1/24 dev "
      "two");
  const RawUdp peer("0.0.0.0");
  peer.join("239.1.1.1", "two");
  const std::string port = std::to_string(peer.port());
  CHECK(run_udptool({"send", "-i", "one", "239.1.1.1", port, "by one"}).ending == done);
  CHECK(run_udptool({"send", "-i", "two", "--no-loopback", "239.1.1.1", port, "not here"}).ending == done);
  CHECK(run_udptool({"send", "-i", "two", "-t", "0", "239.1.1.1", port, "by two"}).ending == done);
  const auto got = peer.receive();
  REQUIRE(got);
  CHECK(got->payload == "by two");
  CHECK(got->address == "10.0.2.1");
}

TEST_CASE("send: a broadcast address without -b is exit 2 with the hint, with it the datagram arrives") {
  IN_NAMESPACE("interface one; ip addr add 10.0.0.1/24 brd + dev one; ip route add default dev one");
  const RawUdp peer("0.0.0.0");
  const std::string port = std::to_string(peer.port());
  for (const char* host : {"10.0.0.255", "255.255.255.255"}) {
    const Finished without = run_udptool({"send", host, port, "x"});
    CHECK(without.ending == failed);
    CHECK(contains(without.err, "--broadcast"));
    CHECK(run_udptool({"send", "--broadcast", host, port, host}).ending == done);
    CHECK(peer.next() == host);
  }
}

TEST_CASE("send: no route to the target is exit 2") {
  IN_NAMESPACE("");
  const Finished result = run_udptool({"send", "192.0.2.1", "9", "x"});
  CHECK(result.ending == failed);
  CHECK(contains(result.err, "192.0.2.1"));
  CHECK(contains(result.err, "Network is unreachable"));
}

TEST_CASE("send: a link-local address without zone takes the only interface, with a notice") {
  IN_NAMESPACE("interface one");
  const Finished result = run_udptool({"send", "fe80::99", "9", "x"});
  CHECK(result.ending == done);
  CHECK(contains(result.err, "one"));
}

TEST_CASE("send: a link-local address without zone is exit 2 and lists the candidates when there are several") {
  IN_NAMESPACE("interface one; interface two");
  const Finished result = run_udptool({"send", "fe80::99", "9", "x"});
  CHECK(result.ending == failed);
  CHECK(contains(result.err, "one, two"));
  CHECK(run_udptool({"send", "-i", "two", "fe80::99", "9", "x"}).ending == done);
  CHECK(run_udptool({"send", "fe80::99%two", "9", "x"}).ending == done);
  CHECK(run_udptool({"send", "fe80::99%three", "9", "x"}).ending == failed);
}

TEST_CASE("send: larger than the route's MTU is a notice, and with --df exit 2") {
  IN_NAMESPACE("interface one; ip addr add 10.0.0.1/24 dev one; ip link set one mtu 1400");
  const Finished noted = run_udptool({"send", "-l", "1373", "10.0.0.2", "9"});
  CHECK(noted.ending == done);
  CHECK(contains(noted.err, "1400"));
  CHECK(run_udptool({"send", "-l", "1372", "10.0.0.2", "9"}).err.empty());
  const Finished kept = run_udptool({"send", "--df", "-l", "1373", "10.0.0.2", "9"});
  CHECK(kept.ending == failed);
  CHECK(contains(kept.err, "1372"));
  CHECK(run_udptool({"send", "--df", "-l", "1372", "10.0.0.2", "9"}).ending == done);
}

TEST_CASE("send --sndbuf and --rcvbuf: what was granted is told with -v") {
  const RawUdp peer;
  const Finished result = send_to(peer, {"-v", "--sndbuf", "32K", "--rcvbuf", "64K"}, {"x"});
  CHECK(contains(result.err, "32768"));
  CHECK(contains(result.err, "65536"));
}

TEST_CASE("send --progress: a progress line on stderr") {
  const RawUdp peer;
  const TemporaryFile file("a\nb\nc\nd\ne\nf\n");
  const Finished result = send_to(peer, {"--progress", "--rate", "10", "-f", file.path()}, {});
  CHECK(result.ending == done);
  CHECK(contains(result.err, "%"));
  const Finished messages = send_to(peer, {"--progress", "-c", "3"}, {"x", "y"});
  CHECK(contains(messages.err, "100 %  6 datagrams"));
  for (const Words& unknown :
       {Words{"--progress", "-c", "0", "-W", "50ms", "--rate", "100", "-l", "3"}, Words{"--progress"}}) {
    CHECK(contains(send_to(peer, unknown, {}).err, "note: no progress: the size of it all is unknown\n"));
  }
}

TEST_CASE("send: nobody there is not noticed without -w, or told as exit 3, but never exit 1") {
  const Ending ending = run_udptool({"send", "127.0.0.1", std::to_string(unused_port()), "x"}).ending;
  CHECK((ending == done || ending == refused));
}

TEST_CASE("send: ten thousand datagrams to a closed port are all sent") {
  const Finished result = run_udptool({"send", "-j", "-c", "10000", "127.0.0.1", std::to_string(unused_port()), "x"});
  CHECK(contains(result.out, "\"sent\":10000,\"sent_bytes\":10000"));
}
