// SPDX-License-Identifier: MIT
// How `udptool join` ends, and that it leaves its groups on every way out; words that it refuses.
#include <csignal>

#include "support/joiner.hpp"

using namespace support;

namespace {

const char* const any_group = "239.1.1.1";

void say(const std::string& text, const std::string& to = any_group) { send({"-i", "one", to, "41234", text}); }

void check_left(const Finished& result) {
  CAPTURE(result.err);
  CHECK(count_of(result.err, "left 239.1.1.1:41234 on one\n") == 1);
  CHECK_FALSE(is_member(any_group, "one"));
}

void check_join_refused(const std::vector<Refused>& rows) {
  for (const Refused& row : rows) {
    CAPTURE(row.words);
    const std::string err = refusal(joined(Words{"join"}, row.words));
    CAPTURE(err);
    CHECK(contains(err, row.part));
    CHECK(contains(err, "see 'udptool join --help'"));
  }
}

}  // namespace

TEST_CASE("join: SIGINT and SIGTERM leave the group and are status 0, with -c not reached 1") {
  IN_NAMESPACE(one_network);
  for (const int number : {SIGINT, SIGTERM}) {
    Joiner joiner({"-i", "one", any_group});
    CHECK(is_member(any_group, "one"));
    const Finished result = joiner.stop(number);
    CHECK(result.ending == done);
    check_left(result);
    Joiner counting({"-i", "one", "-c", "2", any_group});
    say("one of two");
    counting.wait_for(Stream::out, "one of two");
    const Finished counted = counting.stop(number);
    CHECK(counted.ending == nothing);
    check_left(counted);
  }
}

TEST_CASE("join: -c ends it with status 0 and shows no more than so many") {
  IN_NAMESPACE(one_network);
  Joiner joiner({"-i", "one", "-c", "2", any_group});
  for (const char* text : {"a", "b", "c"}) say(text);
  const Finished result = joiner.finish();
  CHECK(result.ending == done);
  CHECK(payloads_of(result.out) == Words{"a", "b"});
  check_left(result);
}

TEST_CASE("join: -w and -W without a datagram are status 1, with one 0, with fewer than -c 1") {
  IN_NAMESPACE(one_network);
  const auto end_of = [](Words words, bool speak) {
    words.insert(words.end(), {"-i", "one", any_group});
    Joiner joiner(words);
    if (speak) say("x");
    const Finished result = joiner.finish();
    check_left(result);
    return result.ending;
  };
  CHECK(end_of({"-w", "50ms"}, false) == nothing);
  CHECK(end_of({"-W", "50ms"}, false) == nothing);
  CHECK(end_of({"-w", "1s"}, true) == done);
  CHECK(end_of({"-W", "1s"}, true) == done);
  CHECK(end_of({"-w", "1s", "-c", "2"}, true) == nothing);
  CHECK(end_of({"-W", "1s", "-c", "2"}, true) == nothing);
}

TEST_CASE("join: a closed stdout ends it quietly with status 0, and the group is left") {
  IN_NAMESPACE(one_network);
  Process pipeline(
      {"sh", "-c", "{ \"$1\" join -i one 239.1.1.1; echo status $? >&2; } | head -1", "sh", udptool({})[0]});
  pipeline.wait_for(Stream::err, "joined");
  say("first");
  say("second");
  CHECK(pipeline.wait_for(Stream::err, "status") == "status 0");
  CHECK(pipeline.wait() == done);
  CHECK(payloads_of(pipeline.out()) == Words{"first"});
  CHECK_FALSE(contains(pipeline.err(), "udptool: "));
  CHECK_FALSE(is_member(any_group, "one"));
}

TEST_CASE("join: killed, it leaves too") {
  IN_NAMESPACE(one_network);
  Joiner joiner({"-i", "one", any_group});
  CHECK(joiner.stop(SIGKILL).ending == Ending{-1, SIGKILL});
  CHECK_FALSE(is_member(any_group, "one"));
}

TEST_CASE("join: what waits when it is told to end is shown") {
  IN_NAMESPACE(one_network);
  Joiner joiner({"-i", "one", any_group});
  joiner.signal(SIGSTOP);
  for (const char* text : {"a", "b", "c"}) say(text);
  joiner.signal(SIGINT);
  joiner.signal(SIGCONT);
  const Finished result = joiner.finish();
  CHECK(result.ending == done);
  CHECK(payloads_of(result.out) == Words{"a", "b", "c"});
}

TEST_CASE("join --leave-after: the groups are left, nothing more is shown, the statistics go on") {
  IN_NAMESPACE(one_network);
  Joiner joiner({"-i", "one", "--leave-after", "1500ms", "--stats=100ms", any_group, "ff15::7"}, 2);
  say("before");
  joiner.wait_for(Stream::out, "before");
  joiner.wait_for(Stream::err, "left 239.1.1.1:41234 on one");
  joiner.wait_for(Stream::err, "left [ff15::7]:41234 on one");
  CHECK_FALSE(is_member(any_group, "one"));
  CHECK_FALSE(is_member("ff15::7", "one"));
  Joiner other({"-i", "one", "-c", "1", any_group});  // so that the kernel takes the group in once more
  say("after");
  CHECK(payloads_of(other.finish().out) == Words{"after"});
  for (int i = 0; i < 2; ++i) {
    CHECK(joiner
              .wait_for_match(Stream::err,
                              "^one after leaving: [0-9]+ packets/s(, of them [0-9]+ multicast; [0-9]+ multicast in "
                              "all|; its driver does not count multicast)$")
              .size() == 2);
  }
  const Finished result = joiner.stop();
  CHECK(result.ending == done);
  CHECK(payloads_of(result.out) == Words{"before"});
  check_left(result);
}

TEST_CASE("join --leave-after: what the network goes on delivering is counted by the interface") {
  IN_NAMESPACE(two_networks);
  Joiner joiner({"-j", "-i", "one", "--leave-after", "50ms", "--stats=200ms", any_group});
  joiner.wait_for(Stream::out, "\"event\":\"left\"");
  CHECK(
      run(in_world(udptool({"send", "-i", "one", "-c", "300", "--interval", "2ms", any_group, "41234", "x"}))).ending ==
      done);
  joiner.wait_for_match(Stream::out,
                        R"x("event":"stats","time":"[^"]*","interface":"one","packets_per_second":[1-9][0-9.]*,)x"
                        R"x("multicast_packets_per_second":[0-9.]*,"multicast_packets":[0-9]*)x");
  const Finished result = joiner.stop();
  CHECK(contains(result.out, "\"event\":\"close\""));
  CHECK(contains(result.out, "\"datagrams\":0,\"bytes\":0"));
}

TEST_CASE("join: words that are no group, each exit 2 and one line that names the word") {
  check_join_refused({{{}, "no GROUP given"},
                      {{"10.0.0.1"}, "'10.0.0.1' is not a multicast address"},
                      {{"fe80::1"}, "'fe80::1' is not a multicast address"},
                      {{"255.255.255.255"}, "'255.255.255.255' is not a multicast"},
                      {{"239.1.1"}, "'239.1.1' is not an address"},
                      {{"239.1.1.01"}, "239.1.1.01"},
                      {{"banana"}, "'banana'"},
                      {{""}, "''"},
                      {{"239.1.1.1+0"}, "'239.1.1.1+0': '0'"},
                      {{"239.1.1.1+"}, "'239.1.1.1+'"},
                      {{"239.1.1.1+x"}, "'x'"},
                      {{"239.1.1.1+-1"}, "'-1'"},
                      {{"239.255.255.255+2"}, "'239.255.255.255+2' reaches beyond the multicast addresses"},
                      {{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff+2"}, "reaches beyond the multicast addresses"},
                      {{"239.1.1.1:0"}, "'239.1.1.1:0': '0'"},
                      {{"239.1.1.1:65536"}, "'65536'"},
                      {{"239.1.1.1:"}, "'239.1.1.1:'"},
                      {{"239.1.1.1:no-such-service"}, "no-such-service"},
                      {{"[ff15::7"}, "'[ff15::7'"},
                      {{"[ff15::7]5000"}, "'[ff15::7]5000'"},
                      {{"ff02::1%no-such-zone"}, "no-such-zone"},
                      {{"239.1.1.1", "10.0.0.1"}, "10.0.0.1"}});
}

TEST_CASE("join: sources that cannot be, each exit 2 and one line that names the word") {
  check_join_refused({{{"fe80::1,239.1.1.1"}, "the source fe80::1 is IPv6 but the group 239.1.1.1 is IPv4"},
                      {{"10.0.0.1,ff35::1"}, "the source 10.0.0.1 is IPv4 but the group ff35::1 is IPv6"},
                      {{",232.1.1.1"}, "',232.1.1.1'"},
                      {{"0.0.0.0,232.1.1.1"}, "'0.0.0.0' is not a unicast address"},
                      {{"239.1.1.2,232.1.1.1"}, "'239.1.1.2' is not a unicast address"},
                      {{"10.0.0.1,"}, "'10.0.0.1,'"},
                      {{"a,b,239.1.1.1"}, "a,b,239.1.1.1"}});
}

TEST_CASE("join: options that cannot be, each exit 2 and one line that names the word") {
  check_join_refused({{{"-i", "no-such", "239.1.1.1"}, "no interface 'no-such'; known are lo"},
                      {{"-4", "ff15::7"}, "ff15::7 is not IPv4"},
                      {{"-6", "239.1.1.1"}, "239.1.1.1 is not IPv6"},
                      {{"-4", "-6", "239.1.1.1"}, "-4 and -6 contradict each other"},
                      {{"-c", "0", "239.1.1.1"}, "'0'"},
                      {{"--ttl", "256", "239.1.1.1"}, "0 to 255"},
                      {{"--clock-rate", "0", "239.1.1.1"}, "--clock-rate: '0'"},
                      {{"--leave-after", "soon", "239.1.1.1"}, "--leave-after: 'soon'"},
                      {{"--stats=0", "239.1.1.1"}, "--stats"},
                      {{"--explane", "239.1.1.1"}, "did you mean '--explain'?"},
                      {{"-o", "xml", "239.1.1.1"}, "'xml'"}});
}

TEST_CASE("join: a group both from any source and from one, or a zone against -i, is exit 2") {
  IN_NAMESPACE(two_networks);
  check_join_refused(
      {{{"-i", "one", "239.1.1.1", "10.0.0.9,239.1.1.1"}, "joined both from any source and from 10.0.0.9"},
       {{"10.0.0.9,239.1.1.1", "239.1.1.1"}, "239.1.1.1 is joined both from any source and from 10.0.0.9"},
       {{"ff15::7", "2001:db8::9,ff15::7"}, "joined both from any source and from 2001:db8::9"},
       {{"239.1.1.0+5", "10.0.0.9,239.1.1.3"}, "239.1.1.3 is joined both"},
       {{"-i", "one", "ff02::1234%two"}, "the zone of ff02::1234%two contradicts -i one"},
       {{"-i", "one", "-i", "two", "ff02::1234%two"}, "contradicts -i one"}});
  // On another port it is another membership.
  CHECK(Joiner({"-i", "one", "239.1.1.1:5000", "10.0.0.9,239.1.1.1:5001"}, 2).stop().ending == done);
}
