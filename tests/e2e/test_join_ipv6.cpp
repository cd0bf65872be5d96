// SPDX-License-Identifier: MIT
// `udptool join` over IPv6, and on interfaces that cannot be joined on.
#include "support/joiner.hpp"

using namespace support;

TEST_CASE("listen, send: a link-local address of this host's own is on the interface that has it") {
  IN_NAMESPACE(two_networks + "ip -6 address add fe80::77/64 dev two nodad");
  const Listener listener({}, {"[fe80::77]:0"});
  CHECK(contains(listener.err(), "took fe80::77%two"));
  const std::string port = std::to_string(listener.port());
  CHECK(contains(run_udptool({"send", "-v", "fe80::77", port, "x"}).err, "took fe80::77%two"));
  const Finished foreign = run_udptool({"listen", "[fe80::78]:0"});
  CHECK(foreign.ending == failed);
  CHECK(foreign.err == "udptool: no interface has fe80::78\n");
}

TEST_CASE("join: IPv6 groups and ranges of them, on every valid interface") {
  IN_NAMESPACE(two_networks);
  Joiner joiner({"-c", "4", "[ff15::ffff]+2:5000"}, 6);
  CHECK(joiner.joined()[0] == "joined [ff15::ffff]:5000 on lo");
  CHECK(joiner.joined()[5] == "joined [ff15::1:0]:5000 on two");
  for (const char* interface : {"one", "two"}) {
    send({"-i", interface, "ff15::1:1", "5000", "beyond"});
    send({"-i", interface, "ff15::1:0", "5000", "last"});
    send({"-i", interface, "ff15::ffff", "5000", "first"});
  }
  Words got = payloads_of(joiner.finish().out);
  std::sort(got.begin(), got.end());
  CHECK(got == Words{"first", "first", "last", "last"});
}

TEST_CASE("join: a link-local group without a zone is joined on every valid interface") {
  IN_NAMESPACE(two_networks);
  Joiner joiner({"-v", "-c", "2", "ff02::1234"}, 3);
  CHECK(joiner.joined() == Words{"joined [ff02::1234]:41234 on lo", "joined [ff02::1234]:41234 on one",
                                 "joined [ff02::1234]:41234 on two"});
  send({"ff02::1234%one", "41234", "by one"});
  send({"-i", "two", "ff02::1234", "41234", "by two"});
  const Finished result = joiner.finish();
  CHECK(is_like(result.out,
                "\\[fe80::[^\t]*%one\\]:[0-9]+\t6\tto=\\[ff02::1234%one\\]:41234 if=one ttl=1 dscp=0 ecn=0\tby one\n"
                "\\[fe80::[^\t]*%two\\]:[0-9]+\t6\tto=\\[ff02::1234%two\\]:41234 if=two ttl=1 dscp=0 ecn=0\tby two\n"));
}

TEST_CASE("join: a zone, or -i, names the interface of a link-local group") {
  IN_NAMESPACE(two_networks);
  for (const Words& words :
       {Words{"ff02::1234%one"}, Words{"-i", "one", "ff02::1234"}, Words{"-i", "one", "[ff02::1234%one]:41234"}}) {
    CAPTURE(words);
    Words all{"-c", "1"};
    all.insert(all.end(), words.begin(), words.end());
    Joiner joiner(all);
    CHECK(joiner.joined() == Words{"joined [ff02::1234]:41234 on one"});
    send({"-i", "two", "ff02::1234", "41234", "elsewhere"});
    send({"-i", "one", "ff02::1234", "41234", "here"});
    const Finished result = joiner.finish();
    CHECK(payloads_of(result.out) == Words{"here"});
    CHECK(count_of(result.err, "joined ") == 1);
  }
}

TEST_CASE("join: IPv6 source-specific membership shows that source only") {
  IN_NAMESPACE(two_networks + "ip addr add 2001:db8::1/64 dev one nodad; ip addr add 2001:db8::2/64 dev one nodad");
  Joiner joiner({"-j", "-c", "1", "2001:db8::2,[ff35::1]:5000"}, 3);
  send({"-i", "one", "-s", "2001:db8::1", "ff35::1", "5000", "not this"});
  send({"-i", "one", "-s", "2001:db8::2", "ff35::1", "5000", "this"});
  const Finished result = joiner.finish();
  CHECK(count_of(result.out, "\"event\":\"message\"") == 1);
  CHECK(contains(result.out, "\"address\":\"2001:db8::2\""));
  CHECK(contains(result.out, "\"group\":\"ff35::1\",\"port\":5000,\"interface\":\"one\",\"source\":\"2001:db8::2\"}"));
}

TEST_CASE("join: a link-local source keeps to its zone or none") {
  IN_NAMESPACE(two_networks + "ip addr add fe80::77/64 dev one nodad; ip addr add fe80::78/64 dev one nodad");
  Joiner joiner({"-i", "one", "-c", "1", "fe80::77,ff32::1"});
  send({"-i", "one", "-s", "fe80::78%one", "ff32::1", "41234", "not this"});
  send({"-i", "one", "-s", "fe80::77%one", "ff32::1", "41234", "this"});
  CHECK(payloads_of(joiner.finish().out) == Words{"this"});
}

TEST_CASE(
    "join: an interface without the family is passed over, and with -i joined where the kernel does, with a notice") {
  IN_NAMESPACE(two_networks + "set_kernel here net/ipv6/conf/two/disable_ipv6 1; ip addr flush dev one scope global");
  CHECK(Joiner({"ff15::7"}, 2).joined()[1] == "joined [ff15::7]:41234 on one");
  CHECK(Joiner({"239.1.1.1"}, 2).joined()[1] == "joined 239.1.1.1:41234 on two");
  Joiner bare({"-i", "one", "-c", "1", "239.1.1.1"});
  CHECK(bare.joined() == Words{"joined 239.1.1.1:41234 on one"});
  run({"sh", "-c", "echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter; echo 0 >/proc/sys/net/ipv4/conf/one/rp_filter"});
  CHECK(run(in_world(udptool({"send", "-i", "one", "239.1.1.1", "41234", "heard"}))).ending == done);
  const Finished four = bare.finish();
  CHECK(payloads_of(four.out) == Words{"heard"});
  CHECK(contains(four.err, "note: joining on one although it has no IPv4 address\n"));
}

TEST_CASE("join: an interface that is down or cannot multicast is passed over; with -i only the first is exit 2") {
  IN_NAMESPACE(two_networks + "ip link set one down; ip link set two multicast off");
  Joiner alone({"-c", "1", "239.1.1.1"});
  CHECK(alone.joined() == Words{"joined 239.1.1.1:41234 on lo"});
  alone.wait_for(Stream::err, "only the loopback is joined");
  const Finished down = run(join_words({"-i", "one", "239.1.1.1"}));
  CHECK(down.ending == failed);
  CHECK(contains(down.err, "interface one is down"));
  Joiner flag({"-i", "two", "-c", "1", "239.1.1.1"});
  CHECK(run(in_world(udptool({"send", "-i", "two", "239.1.1.1", "41234", "heard"}))).ending == done);
  const Finished heard = flag.finish();
  CHECK(payloads_of(heard.out) == Words{"heard"});
  CHECK(contains(heard.err, "note: joining on two although it lacks the MULTICAST flag\n"));
}

TEST_CASE("join: no interface at all is exit 2") {
  IN_NAMESPACE("ip link set lo down");
  const Finished result = run(join_words({"239.1.1.1"}));
  CHECK(result.ending == failed);
  CHECK(contains(result.err, "cannot join 239.1.1.1: no interface is up and able to multicast over IPv4"));
}

TEST_CASE("join: an interface that goes away is no reason to end, nor to fail in the end") {
  IN_NAMESPACE(two_networks);
  Joiner joiner({"239.1.1.1", "ff02::1234", "10.9.1.1,232.1.1.1"}, 9);
  CHECK(run({"ip", "link", "del", "one"}).ending == done);
  send({"-i", "two", "239.1.1.1", "41234", "still here"});
  CHECK(contains(joiner.wait_for(Stream::out, "still"), "still here"));
  const Finished result = joiner.stop();
  CHECK(result.ending == done);
  CHECK(contains(result.err, "left 239.1.1.1:41234 on one\n"));
  CHECK(contains(result.err, "left 239.1.1.1:41234 on two\n"));
}
