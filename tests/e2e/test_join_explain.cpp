// SPDX-License-Identifier: MIT
// `udptool join --explain`, and `udptool send` to groups.
#include <fstream>

#include "support/joiner.hpp"

using namespace support;

namespace {

// What --explain says of these words, as Ctrl-C ends it.
Finished explained(Words words, std::size_t memberships) {
  words.insert(words.begin(), "--explain");
  return Joiner(words, memberships).stop();
}

// Whether a datagram for that group and port gets to a membership in the world.
bool gets_to_world(const Words& options, const std::string& text) {
  const Words words{"-i", "one", "-c", "1", "-W", "10", "239.1.1.1"};
  Joiner far(in_world(join_words(words)), words, 1);
  Words all(options);
  all.insert(all.end(), {"239.1.1.1", "41234", text});
  send(all);
  send({"-i", "one", "-t", "1", "239.1.1.1", "41234", "marker"});
  return payloads_of(far.finish().out) == Words{text};
}

}  // namespace

TEST_CASE("explain: findings with a cure each and the kernel's table, before it goes on") {
  IN_NAMESPACE(two_networks +
               "ip link add idle type veth peer name idle_end; set_kernel here net/ipv4/conf/one/rp_filter 1\n"
               "set_kernel here net/ipv4/conf/two/force_igmp_version 2");
  Joiner member({"-i", "one", "239.1.1.1:6000"});
  const Finished result = explained({"239.1.1.1", "224.0.0.251", "232.1.1.1"}, 9);
  CHECK(result.ending == done);
  CHECK(result.out.empty());
  for (const char* line :
       {"explain: idle is down: ip link set idle up, or choose another with -i\n",
        "explain: IGMP is forced to version 2 on two, so that routers never hear of sources: sysctl -w",
        "explain: 239.1.1.1 and 2 more: no route to it", "ip route add 224.0.0.0/4 dev one\n",
        "explain: rp_filter is strict on one", "net.ipv4.conf.one.rp_filter=0, or ip route add SENDER dev one\n",
        "explain: 224.0.0.251: of link scope, which no router forwards: ",
        "explain: 232.1.1.1: for source-specific multicast, and no source is given: ",
        "explain: before joining: 239.1.1.1 on one: 1 member, IGMPv3\n",
        "explain: after joining: 239.1.1.1 on one: 2 members, IGMPv3\n",
        "explain: after joining: 239.1.1.1 on two: 1 member, IGMPv2\n"}) {
    CAPTURE(line);
    CAPTURE(result.err);
    CHECK(contains(result.err, line));
  }
  CHECK(result.err.find("explain: idle") < result.err.find("\njoined "));
  CHECK_FALSE(contains(result.err, "lacks"));
}

TEST_CASE("explain: limits, and a host that has no network") {
  IN_NAMESPACE("set_kernel here net/ipv4/igmp_max_msf 1");
  const Finished result = explained({"10.0.0.1,232.1.1.1", "10.0.0.2,232.1.1.1"}, 2);
  CHECK(contains(result.err, "explain: only the loopback is joined, so that nothing from the network arrives: "));
  CHECK(contains(result.err, "net.ipv4.igmp_max_msf=2"));
  CHECK(contains(result.err, "explain: before joining: nobody on this host is a member of these groups\n"));
  CHECK(contains(result.err, "explain: after joining: 232.1.1.1 on lo: 2 members, IGMPv3, from 10.0.0.1, 10.0.0.2\n"));
}

TEST_CASE("explain -j: finding and membership events, and stderr stays empty") {
  IN_NAMESPACE(two_networks + "ip link set two down");
  const Finished result = explained({"-j", "-i", "one", "239.1.1.1"}, 1);
  CHECK(result.err.empty());
  CHECK(is_like(result.out, R"(\{"event":"finding","time":"[^"]*","code":"[a-z_]+",[^]*)"));
  CHECK(contains(result.out, "\"code\":\"no_route\",\"message\":\"239.1.1.1: no route to it"));
  CHECK(contains(result.out, "\"advice\":\"name it (udptool send -i one), or ip route add"));
  CHECK(is_like(result.out, R"([^]*\{"event":"membership","time":"[^"]*","when":"after","group":"239.1.1.1",)"
                            R"("interface":"one","members":1,"igmp_version":3,"included":\[\],"excluded":\[\]\}[^]*)"));
  CHECK_FALSE(contains(result.out, "\"interface\":\"two\""));
}

TEST_CASE("explain: what makes the join fail is told before the error") {
  IN_NAMESPACE(two_networks + "ip link set one down");
  const Finished result = run(join_words({"--explain", "-i", "one", "239.1.1.1"}));
  CHECK(result.ending == failed);
  CHECK(contains(result.err, "explain: one is down: ip link set one up"));
  CHECK(contains(result.err, "udptool: interface one is down"));
}

TEST_CASE("send: to a group by the interface of -i or of the route, which -v names") {
  IN_NAMESPACE(two_networks + "ip route add 239.1.0.0/16 dev two");
  Joiner joiner({"-v", "-c", "2", "239.1.1.1"}, 3);
  const auto notice = [](const Words& options) {
    Words words{"send", "-v"};
    words.insert(words.end(), options.begin(), options.end());
    words.insert(words.end(), {"239.1.1.1", "41234", "x"});
    return run_udptool(words).err;
  };
  CHECK(contains(notice({"-i", "one"}), "note: multicast leaves by one\n"));
  CHECK(contains(notice({}), "note: multicast leaves by two\n"));
  const std::string out = joiner.finish().out;
  CHECK(is_like(out, "10\\.9\\.1\\.1:[^\n]* if=one ttl=1 [^\n]*\n10\\.9\\.2\\.1:[^\n]* if=two ttl=1 [^\n]*\n"));
}

TEST_CASE("interfaces: one whose address has a label is called by its own name") {
  IN_NAMESPACE("interface one; ip address add 10.9.1.1/24 dev one label one:x");
  const Finished sent = run_udptool({"send", "-v", "-s", "10.9.1.1", "239.1.1.1", "9", "x"});
  CHECK(contains(sent.err, "multicast leaves by one\n"));
  CHECK(run_udptool({"listen", "-i", "one", "-W", "20ms", "0"}).ending == nothing);
}

TEST_CASE("send: a group without a route is exit 2 and names the interfaces to choose from") {
  IN_NAMESPACE(two_networks);
  const Finished result = run_udptool({"send", "239.1.1.1", "41234", "x"});
  CHECK(result.ending == failed);
  CHECK(result.err ==
        "udptool: cannot reach 239.1.1.1:41234 by any route, add -i one (or two): Network is unreachable\n");
}

TEST_CASE("send: where only the loopback could send, that is said, and no cure that sends nothing") {
  IN_NAMESPACE("new_host world\ninterface bare");
  for (const Words& words : {Words{"239.1.1.1", "9", "x"}, Words{"-b", "255.255.255.255", "9", "x"}}) {
    Words all{"send"};
    all.insert(all.end(), words.begin(), words.end());
    const Finished result = run_udptool(all);
    CHECK(result.ending == failed);
    CHECK(contains(result.err,
                   " by any route, no interface but lo is up and has an IPv4 address (with -i lo it stays on "
                   "this host): Network is unreachable\n"));
  }
}

TEST_CASE("join: what no interface would let it do is one line") {
  IN_NAMESPACE(two_networks);
  Words words{"setpriv", "--bounding-set", "-all", "--inh-caps", "-all"};
  SKIP_UNLESS(have("setpriv"), "no setpriv");
  const Words command = join_words({"239.1.1.1:1023"});
  words.insert(words.end(), command.begin(), command.end());
  const Finished result = run(words);
  CHECK(result.ending == failed);
  CHECK(
      result.err ==
      "udptool: cannot bind 239.1.1.1:1023: Permission denied (ports below 1024 take root or CAP_NET_BIND_SERVICE)\n");
}

TEST_CASE("send --ttl: 0 stays on this host, 1 to 255 leave it and arrive as given") {
  IN_NAMESPACE(two_networks);
  Joiner near({"-v", "-i", "one", "239.1.1.1"});
  CHECK_FALSE(gets_to_world({"-i", "one", "-t", "0"}, "stays"));
  CHECK(gets_to_world({"-i", "one", "--ttl", "255"}, "leaves"));
  near.wait_for(Stream::out, "ttl=0 dscp=0 ecn=0\tstays");
  near.wait_for(Stream::out, "ttl=255 dscp=0 ecn=0\tleaves");
  CHECK(near.stop().ending == done);
  for (const char* ttl : {"256", "-1"}) {
    const Finished result = run_udptool({"send", "-i", "one", "--ttl", ttl, "239.1.1.1", "41234", "x"});
    CHECK(result.ending == failed);
    CHECK(contains(result.err, "--ttl: '" + std::string(ttl) + "'"));
  }
}

TEST_CASE("send --no-loopback: other hosts get it, this one does not") {
  IN_NAMESPACE(two_networks);
  Joiner near({"-i", "one", "-c", "1", "239.1.1.1"});
  CHECK(gets_to_world({"-i", "one", "--no-loopback"}, "only far"));
  CHECK(payloads_of(near.finish().out) == Words{"marker"});
}

TEST_CASE("send: a link-local group takes its zone, -i, or the only interface with a notice") {
  IN_NAMESPACE(two_networks);
  Joiner joiner({"-c", "2", "ff02::1234"}, 3);
  CHECK(contains(run_udptool({"send", "-v", "ff02::1234%two", "41234", "zone"}).err, "multicast leaves by two\n"));
  CHECK(contains(run_udptool({"send", "-v", "-i", "one", "ff02::1234", "41234", "option"}).err, "leaves by one\n"));
  CHECK(joiner.finish().ending == done);
  const Finished both = run_udptool({"send", "-i", "one", "ff02::1234%two", "41234", "x"});
  CHECK(both.ending == failed);
  CHECK(contains(both.err, "the zone of ff02::1234%two contradicts -i one"));
  const Finished neither = run_udptool({"send", "ff02::1234", "41234", "x"});
  CHECK(neither.ending == failed);
  CHECK(contains(neither.err, "candidates are one, two"));
  CHECK(run({"ip", "link", "set", "two", "down"}).ending == done);
  Joiner alone({"-c", "1", "ff02::1234%one"});
  const Finished only = run_udptool({"send", "ff02::1234", "41234", "x"});
  CHECK(only.ending == done);
  CHECK(contains(only.err, "note: took ff02::1234%one"));
  CHECK(alone.finish().ending == done);
}

TEST_CASE("explain: loose rp_filter without a route to the sender, with advice that helps") {
  IN_NAMESPACE(two_networks +
               "on world ip addr add 10.7.7.7/32 dev one; set_kernel here net/ipv4/conf/one/rp_filter 2\n"
               "set_kernel here net/ipv4/conf/all/rp_filter 0");
  const Words from_afar{"send", "-i", "one", "-s", "10.7.7.7", "239.1.1.1", "41234", "x"};
  const auto words = [](const char* wait) {
    return Words{"--explain", "-c", "1", "-w", wait, "-i", "one", "239.1.1.1"};
  };
  Joiner deaf(words("500ms"));
  run(in_world(udptool(from_afar)));
  const Finished before = deaf.finish();
  CHECK(before.ending == nothing);
  CHECK(contains(before.err, "explain: rp_filter is loose on one and there is no default route"));
  const std::string cure = "sysctl -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.one.rp_filter=0";
  CHECK(contains(before.err, cure));
  std::ofstream("/proc/sys/net/ipv4/conf/one/rp_filter") << 0;
  Joiner hears(words("10s"));
  run(in_world(udptool(from_afar)));
  const Finished after = hears.finish();
  CHECK(after.ending == done);
  CHECK_FALSE(contains(after.err, "rp_filter"));
}

TEST_CASE("explain: a port of a bridge, with the bridge to join by") {
  IN_NAMESPACE(two_networks +
               "ip link add br0 type bridge 2>/dev/null || exit 77\n"
               "ip link set br0 up; ip addr add 10.9.9.1/24 dev br0; ip link set one master br0");
  const Finished result = explained({"-i", "one", "239.1.1.1"}, 1);
  CHECK(contains(result.err,
                 "explain: one is a bridge port of br0, which takes what arrives by it: join by br0 (-i br0)"));
  CHECK_FALSE(contains(explained({"-i", "br0", "239.1.1.1"}, 1).err, "port of"));
}
