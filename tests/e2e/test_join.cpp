// SPDX-License-Identifier: MIT
// Which memberships `udptool join` makes, and that nothing but theirs is shown.
#include "support/joiner.hpp"

using namespace support;

TEST_CASE("join: a host with only the loopback joins and hears there") {
  IN_NAMESPACE(":");
  Joiner joiner({"-c", "1", "239.1.1.1"});
  CHECK(joiner.joined() == Words{"joined 239.1.1.1:41234 on lo"});
  send({"-i", "lo", "239.1.1.1", "41234", "hello"});
  const Finished result = joiner.finish();
  CHECK(result.ending == done);
  CHECK(payloads_of(result.out) == Words{"hello"});
}

TEST_CASE("join: without -i every valid interface is joined and left, with a notice each") {
  IN_NAMESPACE(two_networks + "ip link add idle type veth peer name idle_end");
  Joiner joiner({"239.1.1.1:5000"}, 3);
  CHECK(joiner.joined() ==
        Words{"joined 239.1.1.1:5000 on lo", "joined 239.1.1.1:5000 on one", "joined 239.1.1.1:5000 on two"});
  for (const char* interface : {"lo", "one", "two"}) CHECK(is_member("239.1.1.1", interface));
  CHECK_FALSE(is_member("239.1.1.1", "idle"));
  for (const char* interface : {"lo", "one", "two"}) send({"-i", interface, "239.1.1.1", "5000", interface});
  joiner.wait_for(Stream::out, "two");
  const Finished result = joiner.stop();
  CHECK(result.ending == done);
  CHECK(payloads_of(result.out) == Words{"lo", "one", "two"});
  CHECK(count_of(result.err, "joined ") == 3);
  for (const std::string interface : {"lo", "one", "two"}) {
    CHECK(contains(result.err, "left 239.1.1.1:5000 on " + interface + "\n"));
    CHECK(contains(result.err, "239.1.1.1:5000 on " + interface + ": 1 datagram, "));
  }
}

TEST_CASE("join: -i takes names and indices, may be repeated, and narrows to those interfaces") {
  IN_NAMESPACE(two_networks + "export index=$(ip -o link show two | cut -d: -f1)");
  const std::string index = std::getenv("index");
  CHECK(Joiner({"-i", "one", "239.1.1.1"}).stop().ending == done);
  CHECK(Joiner({"-i", index, "239.1.1.1"}).joined() == Words{"joined 239.1.1.1:41234 on two"});
  Joiner joiner({"-i", "one", "-i", "lo", "-c", "1", "239.1.1.1"}, 2);
  CHECK_FALSE(is_member("239.1.1.1", "two"));
  send({"-i", "two", "239.1.1.1", "41234", "elsewhere"});
  send({"-i", "one", "239.1.1.1", "41234", "here"});
  CHECK(payloads_of(joiner.finish().out) == Words{"here"});
}

TEST_CASE("join: the same group, interface or source twice is one") {
  IN_NAMESPACE(two_networks);
  Joiner joiner({"-i", "one", "-i", "one", "-c", "3", "239.1.1.1", "239.1.1.1:41234", "10.9.1.1,232.1.1.1",
                 "10.9.1.1,232.1.1.1", "ff15::7", "ff15::7%one"},
                3);
  send({"-i", "one", "239.1.1.1", "41234", "a"});
  send({"-i", "one", "232.1.1.1", "41234", "b"});
  send({"-i", "one", "ff15::7", "41234", "c"});
  const Finished result = joiner.finish();
  CHECK(payloads_of(result.out) == Words{"a", "b", "c"});
  CHECK(count_of(result.err, "joined ") == 3);
}

TEST_CASE("join: a group of another process on the port is not shown, nor is unicast to the port") {
  IN_NAMESPACE(two_networks);
  Joiner ours({"-i", "one", "-c", "1", "239.1.1.1:5000"});
  Joiner theirs({"-i", "one", "-c", "1", "239.1.1.2:5000"});
  send({"-i", "one", "239.1.1.2", "5000", "theirs"});
  CHECK(payloads_of(theirs.finish().out) == Words{"theirs"});
  CHECK(run_udptool({"send", "-w", "5", "10.9.1.1", "5000", "unicast"}).ending == refused);
  CHECK(run_udptool({"send", "-w", "5", "127.0.0.1", "5000", "unicast"}).ending == refused);
  send({"-i", "one", "239.1.1.1", "5000", "ours"});
  const Finished result = ours.finish();
  CHECK(payloads_of(result.out) == Words{"ours"});
  CHECK(contains(result.err, "1 datagram, 4 bytes, 1 sender, 0 dropped, 0 ignored"));
}

TEST_CASE("join: a membership of another process on another interface brings nothing") {
  IN_NAMESPACE(two_networks);
  Joiner ours({"-i", "one", "-c", "1", "239.1.1.1"});
  Joiner theirs({"-i", "two", "-c", "1", "239.1.1.1"});
  send({"-i", "two", "239.1.1.1", "41234", "theirs"});
  send({"-i", "one", "239.1.1.1", "41234", "ours"});
  CHECK(payloads_of(ours.finish().out) == Words{"ours"});
  CHECK(payloads_of(theirs.finish().out) == Words{"theirs"});
}

TEST_CASE("join: two of them on one port both get everything") {
  IN_NAMESPACE(two_networks);
  Joiner first({"-i", "one", "-c", "50", "239.1.1.1"});
  Joiner second({"-i", "one", "-c", "50", "239.1.1.1"});
  send({"-i", "one", "-c", "50", "--interval", "1ms", "239.1.1.1", "41234", "x"});
  CHECK(payloads_of(first.finish().out) == Words(50, "x"));
  CHECK(payloads_of(second.finish().out) == Words(50, "x"));
}

TEST_CASE("join: a source-specific membership shows that source only, on every interface") {
  IN_NAMESPACE(two_networks + "ip addr add 10.9.1.2/24 dev one");
  Joiner joiner({"-c", "2", "10.9.1.2,232.1.1.1:5000"}, 3);
  CHECK(joiner.joined()[1] == "joined 10.9.1.2,232.1.1.1:5000 on one");
  send({"-i", "one", "-s", "10.9.1.1", "232.1.1.1", "5000", "not this"});
  send({"-i", "two", "-s", "10.9.2.1", "232.1.1.1", "5000", "nor this"});
  send({"-i", "one", "-s", "10.9.1.2", "232.1.1.1", "5000", "by one"});
  send({"-i", "two", "-s", "10.9.1.2", "232.1.1.1", "5000", "by two"});
  const Finished result = joiner.finish();
  CHECK(payloads_of(result.out) == Words{"by one", "by two"});
  CHECK(contains(result.err, "left 10.9.1.2,232.1.1.1:5000 on two\n"));
  CHECK_FALSE(contains(result.err, "note: "));
}

TEST_CASE("join: another process's any-source membership does not widen a source filter") {
  IN_NAMESPACE(two_networks + "ip addr add 10.9.1.2/24 dev one");
  Joiner filtered({"-i", "one", "-c", "1", "10.9.1.2,239.1.1.1"});
  Joiner open({"-i", "one", "-c", "2", "239.1.1.1"});
  send({"-i", "one", "-s", "10.9.1.1", "239.1.1.1", "41234", "other"});
  send({"-i", "one", "-s", "10.9.1.2", "239.1.1.1", "41234", "source"});
  CHECK(payloads_of(filtered.finish().out) == Words{"source"});
  CHECK(payloads_of(open.finish().out) == Words{"other", "source"});
}

TEST_CASE("join: a range joins as many groups in a row, on each interface") {
  IN_NAMESPACE(two_networks);
  Joiner joiner({"-i", "one", "-c", "2", "239.1.1.255+3:5000"}, 3);
  CHECK(joiner.joined() ==
        Words{"joined 239.1.1.255:5000 on one", "joined 239.1.2.0:5000 on one", "joined 239.1.2.1:5000 on one"});
  for (const char* group : {"239.1.1.254", "239.1.2.2", "239.1.1.255", "239.1.2.1"}) {
    send({"-i", "one", group, "5000", group});
  }
  CHECK(payloads_of(joiner.finish().out) == Words{"239.1.1.255", "239.1.2.1"});
}

TEST_CASE("join: 500 groups, far beyond what one socket may have") {
  IN_NAMESPACE(two_networks);
  Joiner joiner({"-i", "one", "-c", "2", "239.1.1.1+500"}, 500);
  send({"-i", "one", "239.1.1.1", "41234", "first"});
  send({"-i", "one", "239.1.2.244", "41234", "last"});
  const Finished result = joiner.finish();
  CHECK(result.ending == done);
  Words got = payloads_of(result.out);
  std::sort(got.begin(), got.end());
  CHECK(got == Words{"first", "last"});
  CHECK(count_of(result.err, "left ") == 500);
}

TEST_CASE("join: more sources of one group than one socket may have, each shown once") {
  IN_NAMESPACE(two_networks + "for i in $(seq 10 25); do ip addr add 10.9.1.$i/24 dev one; done");
  Words words{"-i", "one", "-c", "15"};
  Words expected;
  for (int i = 10; i < 25; ++i) {
    words.push_back("10.9.1." + std::to_string(i) + ",232.1.1.1");
    expected.push_back(std::to_string(i));
  }
  Joiner joiner(words, 15);
  send({"-i", "one", "-s", "10.9.1.25", "232.1.1.1", "41234", "stranger"});
  for (const std::string& i : expected) send({"-i", "one", "-s", "10.9.1." + i, "232.1.1.1", "41234", i});
  Words got = payloads_of(joiner.finish().out);
  std::sort(got.begin(), got.end());
  CHECK(got == expected);
}

TEST_CASE("join: limits of a socket are made up for by more sockets, and nothing is shown twice") {
  IN_NAMESPACE(two_networks +
               "ip addr add 10.9.1.2/24 dev one\n"
               "set_kernel here net/ipv4/igmp_max_memberships 1; set_kernel here net/ipv4/igmp_max_msf 1");
  Joiner joiner({"-c", "5", "239.1.1.1", "10.9.1.1,232.1.1.1", "10.9.1.2,232.1.1.1"}, 9);
  for (const char* interface : {"lo", "one", "two"}) send({"-i", interface, "239.1.1.1", "41234", interface});
  for (const char* source : {"10.9.1.1", "10.9.1.2"}) {
    send({"-i", "one", "-s", source, "232.1.1.1", "41234", source});
  }
  Words got = payloads_of(joiner.finish().out);
  std::sort(got.begin(), got.end());
  CHECK(got == Words{"10.9.1.1", "10.9.1.2", "lo", "one", "two"});
}

TEST_CASE("join: a limit of the system is exit 2 and one line with its cure") {
  IN_NAMESPACE(two_networks + "set_kernel here net/ipv4/igmp_max_memberships 0");
  for (const Words& words : {Words{"239.1.1.1"}, Words{"-i", "one", "239.1.1.1+30"}}) {
    const Finished result = run(join_words(words));
    CHECK(result.ending == failed);
    CHECK(contains(result.err, "raise net.ipv4.igmp_max_memberships"));
    CHECK(count_of(result.err, "\n") == 1);
  }
}

TEST_CASE("join: more groups than the process may have files is exit 2 and one line with the cure") {
  SKIP_UNLESS(!sanitized(), "the sanitizer takes a file of its own to look at an exception, and there is none left");
  IN_NAMESPACE(two_networks);
  const Finished files = run({"sh", "-c", "ulimit -n 40; exec \"$@\"", "sh", udptool({})[0], "join", "ff15::1+99"});
  CHECK(files.ending == failed);
  CHECK(contains(files.err, "ulimit -n"));
  CHECK(contains(files.err, "Too many open files"));
  CHECK(count_of(files.err, "\n") == 1);
  CHECK_FALSE(contains(files.err, "joined"));
}
