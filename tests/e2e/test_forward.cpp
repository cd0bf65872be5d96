// SPDX-License-Identifier: MIT
// `--forward`: what goes on, what comes back, what ends, and what is counted.
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <deque>
#include <filesystem>
#include <fstream>
#include <string>

#include "support/check.hpp"
#include "support/kernel.hpp"
#include "support/namespace.hpp"
#include "support/raw_udp.hpp"
#include "support/udptool.hpp"

using namespace support;

namespace {

rlim_t highest_descriptor(pid_t process) {
  rlim_t highest = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(process) + "/fd")) {
    highest = std::max<rlim_t>(highest, std::stoul(entry.path().filename()));
  }
  return highest;
}

}  // namespace

TEST_CASE("forward: to one target and back, every size as it was, from the address that was asked") {
  const RawUdp target, sender, other;
  Listener relay(forwarding_to({target.endpoint()}), {"127.0.0.1:0"});
  for (const std::size_t size : {0, 1, 100, 1'472, 1'473, 9'000, 65'507}) {
    CAPTURE(size);
    const std::string payload(size, 'p');
    sender.send(payload, relay.port());
    const auto asked = target.receive();
    REQUIRE(asked);
    CHECK(asked->payload == payload);
    target.reply(*asked, payload + (size < 65'507 ? "!" : ""));
    const auto answer = sender.receive();
    REQUIRE(answer);
    CHECK(answer->payload.size() == (size < 65'507 ? size + 1 : size));
    CHECK(answer->port == relay.port());
  }
  other.send("from another", relay.port());
  const auto second = target.receive();
  REQUIRE(second);
  target.reply(*second, "to another");
  CHECK(other.next() == "to another");
  CHECK_FALSE(sender.receive(moment));
  CHECK(contains(relay.stop().err, "forwarded 8 to " + target.endpoint() + ", 0 refused, 2 sessions\n"));
}

TEST_CASE("forward: records are shown as without it, and what comes back is none") {
  const RawUdp target, sender;
  Listener relay({"--forward", target.endpoint(), "-c", "1"}, {"127.0.0.1:0"});
  sender.send("x", relay.port());
  CHECK(target.next() == "x");
  CHECK(relay.finish().out == sender.endpoint() + "\t1\tx\n");
}

TEST_CASE("forward: a session goes on at another port of the target's host, as TFTP has it") {
  const RawUdp target, transfer, sender;
  const Listener relay(forwarding_to({target.endpoint()}), {"127.0.0.1:0"});
  sender.send("read", relay.port());
  const auto asked = target.receive();
  REQUIRE(asked);
  transfer.reply(*asked, "block 1");
  CHECK(sender.next() == "block 1");
  sender.send("acknowledged", relay.port());
  CHECK(transfer.next() == "acknowledged");
}

TEST_CASE("forward: between IPv4 and IPv6") {
  SKIP_UNLESS(has_ipv6(), "no IPv6 here");
  const RawUdp target("::1"), sender;
  const Listener relay(forwarding_to({target.endpoint()}), {"127.0.0.1:0"});
  sender.send("four", relay.port());
  const auto asked = target.receive();
  REQUIRE(asked);
  CHECK(asked->payload == "four");
  target.reply(*asked, "six");
  CHECK(sender.next() == "six");
}

TEST_CASE("forward: a name is looked up anew for each session, and whoever waits for it keeps nobody else waiting") {
  IN_NAMESPACE(R"sh(
hosts_file "127.0.0.1 target.test"
echo "hosts: files dns" >/mnt/nsswitch.conf
echo "nameserver 127.0.0.53" >/mnt/resolv.conf
mount --bind /mnt/nsswitch.conf /etc/nsswitch.conf
mount --bind /mnt/resolv.conf /etc/resolv.conf
)sh");
  const auto name_is_at = [](const std::string& line) { std::ofstream("/mnt/hosts") << line << '\n'; };
  const RawUdp one("127.0.0.1"), two("127.0.0.2", one.port()), resolver("127.0.0.53", 53);
  const RawUdp first, second, third;
  const Listener relay(forwarding_to({"target.test:" + std::to_string(one.port())}), {"127.0.0.1:0"});
  first.send("to one", relay.port());
  CHECK(one.next() == "to one");
  name_is_at("127.0.0.2 target.test");
  second.send("to two", relay.port());
  CHECK(two.next() == "to two");
  name_is_at("# nowhere");
  third.send("to where it was at first", relay.port());
  const auto question = resolver.receive();
  REQUIRE(question);
  first.send("meanwhile", relay.port());
  CHECK(one.next() == "meanwhile");
  CHECK_FALSE(one.receive(moment));
  for (auto asked = question; asked; asked = resolver.receive(moment)) {
    std::string none = asked->payload;
    none.replace(2, 2, "\x81\x83");  // no such name (RFC 1035, 4.1.1)
    resolver.reply(*asked, none);
  }
  CHECK(one.next() == "to where it was at first");
}

TEST_CASE("forward: what there is no room for is dropped, counted and in nobody's way") {
  const ProcessOptions full{.environment = {std::string("LD_PRELOAD=") + FAIL_SEND_PATH,
                                            "ASAN_OPTIONS=verify_asan_link_order=0", "FAIL_SEND_MARK=big",
                                            "FAIL_SEND_ERRNO=" + std::to_string(EAGAIN), "FAIL_SEND_TIMES=3"}};
  const RawUdp target, sender;
  Listener relay(forwarding_to({target.endpoint()}), {"127.0.0.1:0"}, 1, full);
  for (const char* payload : {"small", "big", "big", "big", "big", "small"}) {
    sender.send(payload, relay.port());
    wait_until_taken(relay.port());
  }
  for (const char* payload : {"small", "big", "small"}) CHECK(target.next() == payload);
  CHECK(contains(relay.stop().err, "forwarded 3 to " + target.endpoint() + ", 0 refused, 3 dropped, 1 session\n"));
}

TEST_CASE("forward: a session ends without traffic, and the next datagram makes a new one") {
  const RawUdp target, sender;
  Listener relay(forwarding_to({target.endpoint()}, {"--session-timeout", "200ms"}), {"127.0.0.1:0"});
  sender.send("one", relay.port());
  const auto first = target.receive();
  REQUIRE(first);
  std::optional<Message> later = first;
  for (int tries = 0; tries < 50 && later && later->port == first->port; ++tries) {
    std::this_thread::sleep_for(Milliseconds(400));
    sender.send("two", relay.port());
    later = target.receive();
  }
  REQUIRE(later);
  CHECK(later->port != first->port);
  CHECK_FALSE(contains(relay.stop().err, " 1 session"));
}

TEST_CASE("forward: more senders than open files end the oldest sessions, not the relay") {
  const RawUdp target;
  Listener relay(forwarding_to({target.endpoint()}), {"127.0.0.1:0"});
  const rlim_t files = highest_descriptor(relay.pid()) + 16;  // some may be inherited from what runs the tests
  const rlimit limit{files, files};
  REQUIRE(prlimit(relay.pid(), RLIMIT_NOFILE, &limit, nullptr) == 0);
  std::deque<RawUdp> senders;  // all at once: a port that is used again would be the same sender
  for (int i = 0; i < 100; ++i) {
    const RawUdp& sender = senders.emplace_back();
    sender.send(std::to_string(i), relay.port());
    const auto asked = target.receive();
    REQUIRE(asked);
    CHECK(asked->payload == std::to_string(i));
    target.reply(*asked, "back");
    CHECK(sender.next() == "back");
  }
  const Finished result = relay.stop();
  CHECK(result.ending == done);
  CHECK(contains(result.err, "forwarded 100 to " + target.endpoint() + ", 0 refused, 100 sessions\n"));
}

TEST_CASE("forward: a target that refuses is told, ends the session, and all that came is accounted for") {
  const RawUdp sender;
  Listener relay(forwarding_to({"127.0.0.1:" + std::to_string(unused_port())}), {"127.0.0.1:0"});
  sender.send("x", relay.port());
  relay.wait_for(Stream::err, " refuses: ");
  const std::string err = relay.stop().err;
  CHECK(contains(err, "forwarded 0 to "));
  CHECK(contains(err, ", 1 refused, 1 session\n"));
}

TEST_CASE("forward: what this host does not let out is told once, with its cure") {
  const RawUdp other, sender;
  for (const Words& targets : {Words{"127.255.255.255:9"}, Words{"127.255.255.255:9", other.endpoint()}}) {
    Listener relay(forwarding_to(targets), {"127.0.0.1:0"});
    for (const char* each : {"a", "b"}) sender.send(each, relay.port());
    relay.wait_for(Stream::err,
                   "note: cannot pass on to 127.255.255.255:9: Permission denied (add --broadcast); going on");
    wait_until_taken(relay.port());
    const std::string err = relay.stop().err;
    CHECK(count_of(err, "Permission denied") == 1);
    CHECK(contains(err, "forwarded 0 to 127.255.255.255:9, 2 refused"));
  }
}

TEST_CASE("forward: of two targets a dead one costs the living one nothing") {
  const RawUdp target, sender;
  Listener relay(forwarding_to({"127.0.0.1:" + std::to_string(unused_port()), target.endpoint()}), {"127.0.0.1:0"});
  constexpr int count = 2'000;
  for (int i = 0; i < count; ++i) {
    sender.send(std::to_string(i), relay.port());
    REQUIRE(target.next() == std::to_string(i));
  }
  const std::string err = relay.stop().err;
  CHECK(contains(err, "forwarded 2000 to " + target.endpoint() + ", 0 refused\n"));
  CHECK(count_of(err, " refuses: ") == 1);
}

TEST_CASE("forward: several targets are one way") {
  const RawUdp one, two, sender;
  const Listener relay(forwarding_to({one.endpoint(), two.endpoint()}), {"127.0.0.1:0"});
  sender.send("x", relay.port());
  const auto asked = one.receive();
  REQUIRE(asked);
  CHECK(two.next() == "x");
  one.reply(*asked, "back");
  CHECK_FALSE(sender.receive(moment));
}

TEST_CASE("forward: the TTL is one less, and a TTL of 1 goes no further") {
  Listener target({"-v", "-4"}, {"0"});
  Listener relay(forwarding_to({"127.0.0.1:" + std::to_string(target.port())}), {"127.0.0.1:0"});
  const std::string port = std::to_string(relay.port());
  for (const char* ttl : {"9", "1"}) CHECK(run_udptool({"send", "-t", ttl, "127.0.0.1", port, ttl}).ending == done);
  target.wait_for(Stream::out, " ttl=8 dscp=0 ecn=0\t9");
  const std::string err = relay.stop().err;
  CHECK(contains(err, "forwarded 1 to "));
  CHECK(contains(err, ", 0 refused, 1 dropped, 1 of them for a TTL of 1, "));
}

TEST_CASE("forward: a ring of two relays ends") {
  const std::uint16_t free_port = unused_port();
  const std::string second_endpoint = "127.0.0.1:" + std::to_string(free_port);
  Listener first(forwarding_to({second_endpoint}), {"127.0.0.1:0"});
  Listener second(forwarding_to({"127.0.0.1:" + std::to_string(first.port())}), {second_endpoint});
  const RawUdp sender;
  sender.send("round and round", first.port());
  std::this_thread::sleep_for(Milliseconds(500));
  CHECK(contains(first.stop().err, "for a TTL of 1") != contains(second.stop().err, "for a TTL of 1"));
}

TEST_CASE("forward: of `join`, too") {
  IN_NAMESPACE("interface one; ip addr add 10.0.0.1/24 dev one; ip route add 224.0.0.0/4 dev one");
  const RawUdp target;
  Process join(
      udptool({"join", "-o", "none", "-c", "1", "-i", "one", "--forward", target.endpoint(), "239.1.1.1:5000"}));
  join.wait_for(Stream::err, "joined 239.1.1.1:5000 on one");
  CHECK(run_udptool({"send", "-i", "one", "239.1.1.1", "5000", "hello"}).ending == done);
  CHECK(target.next() == "hello");
  join.wait();
  CHECK(contains(join.err(), "forwarded 1 to " + target.endpoint() + ", 0 refused, 1 session\n"));
}

TEST_CASE("forward: words that cannot be are refused in one line") {
  const std::string own = std::to_string(unused_port());
  for (const Words& words : std::vector<Words>{{"--forward", "127.0.0.1", "0"},
                                               {"--forward", "127.0.0.1:0", "0"},
                                               {"--forward", ":5", "0"},
                                               {"--forward", "127.0.0.1:" + own, own},
                                               {"--forward", "127.0.0.1:" + own, "127.0.0.1:" + own},
                                               {"--forward", "no-such-name.invalid:5", "0"},
                                               {"--forward", "127.0.0.1:5", "--session-timeout", "0", "0"},
                                               {"--forward", "127.0.0.1:5", "--echo", "0"}}) {
    Words all{"listen"};
    all.insert(all.end(), words.begin(), words.end());
    const Finished result = run_udptool(all);
    CAPTURE(words);
    CHECK(result.ending == failed);
    CHECK(count_of(result.err, "udptool: ") == 1);
  }
}
