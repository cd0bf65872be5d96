// SPDX-License-Identifier: MIT
// By which interface something leaves: zones and -i, wherever an address may stand.
#include "support/joiner.hpp"

using namespace support;

namespace {

// Groups leave by `one`, unless something says otherwise.
const std::string by_one = two_networks +
                           "ip -6 address add fe80::77/64 dev two nodad\nip route add 239.0.0.0/8 dev one\n"
                           "ip -6 route add multicast ff15::/16 dev one table local metric 1\n";

// Who hears the group behind an interface.
class Hearer : public Joiner {
 public:
  Hearer(const std::string& interface, const std::string& group)
      : Hearer({"join", "-c", "1", "-i", interface, group}) {}

 private:
  explicit Hearer(const Words& words) : Joiner(in_world(udptool(words)), words, 1) {}
};

void check_heard(Hearer& hearer, const std::string& payload) {
  CHECK(payloads_of(hearer.finish().out) == Words{payload});
}

}  // namespace

TEST_CASE("zones: of any group, send, probe and chat leave by the one that is named") {
  IN_NAMESPACE(by_one);
  Hearer one("one", "[ff15::9]:5009"), two("two", "[ff15::9]:5009");
  CHECK(contains(run_udptool({"send", "-v", "ff15::9%two", "5009", "by two"}).err, "multicast leaves by two\n"));
  check_heard(two, "by two");
  send({"ff15::9%one", "5009", "by one"});
  check_heard(one, "by one");
  Hearer asked("two", "[ff15::9]:5009");
  CHECK(run_udptool({"probe", "-w", "20ms", "--data", "asked", "ff15::9%two", "5009"}).ending == nothing);
  check_heard(asked, "asked");
  Hearer told("two", "[ff15::9]:5009");
  Process chat(udptool({"listen", "--chat", "0"}), {.input = Input::pipe});
  chat.write("/to [ff15::9%two]:5009\ntold\n");
  check_heard(told, "told");
}

TEST_CASE("zones: a relay's groups leave by TARGET's zone, else by -i, of listen and of join") {
  IN_NAMESPACE(by_one);
  struct Row {
    Words relay;
    std::string group;
  };
  for (const Row& row :
       {Row{{"listen", "--forward", "[ff15::9%two]:5009", "127.0.0.1:7000"}, "[ff15::9]:5009"},
        Row{{"join", "-i", "two", "--forward", "239.1.1.2:5009", "239.1.1.1:7000"}, "239.1.1.2:5009"},
        Row{{"join", "-i", "two", "--forward", "[ff15::9]:5009", "239.1.1.1:7000"}, "[ff15::9]:5009"},
        Row{{"join", "-i", "one", "--forward", "[ff15::9%two]:5009", "239.1.1.1:7000"}, "[ff15::9]:5009"}}) {
    CAPTURE(row.relay);
    Hearer hearer("two", row.group);
    Process relay(udptool(row.relay));
    relay.wait_for(Stream::err, row.relay[0] == "join" ? "joined " : "listening ");
    if (row.relay[0] == "join") {
      CHECK(run(in_world(udptool({"send", "-i", row.relay[2], "-t", "9", "239.1.1.1", "7000", "on"}))).ending == done);
    } else {
      send({"-t", "9", "127.0.0.1", "7000", "on"});
    }
    check_heard(hearer, "on");
    CHECK(relay.stop().ending == done);
  }
}

TEST_CASE("zones: a link-local address without one takes the only interface, with a notice, or lists them") {
  IN_NAMESPACE(by_one);
  const std::string candidates = "needs an interface: write fe80::9%one or add -i; candidates are one, two";
  CHECK(run_udptool({"send", "-q", "-s", "fe80::77", "fe80::9%two", "5009", "x"}).ending == done);
  CHECK(contains(run_udptool({"send", "-s", "fe80::77", "ff15::9", "5009", "x"}).err, "note: took fe80::77%two\n"));
  CHECK(run_udptool({"probe", "-w", "20ms", "-s", "fe80::77", "fe80::9%two", "5009"}).ending == nothing);
  const Finished away = run_udptool({"send", "-s", "fe80::77", "fe80::9%one", "5009", "x"});
  CHECK(away.ending == failed);
  CHECK(contains(away.err, "cannot bind [fe80::77%one]:0: "));

  CHECK(contains(run_udptool({"listen", "-W", "10ms", "--forward", "[fe80::9]:5009", "0"}).err, candidates));
  for (const Words& relay : {Words{"listen", "-i", "two", "-W", "10ms", "--forward", "[fe80::9]:5009", "0"},
                             Words{"join", "-i", "two", "-W", "10ms", "--forward", "[fe80::9]:5009", "239.1.1.1"}}) {
    CHECK(run_udptool(relay).ending == nothing);
  }
  Process chat(udptool({"listen", "--chat", "0"}), {.input = Input::pipe});
  chat.wait_for(Stream::err, "listening on [::]");
  chat.write("/to [fe80::9]:5009\n");
  chat.wait_for(Stream::err, candidates);
  chat.write("/to [fe80::9%two]:5009\n");
  chat.wait_for(Stream::err, "lines go to [fe80::9%two]:5009");
}

TEST_CASE("zones: what contradicts another or -i is refused") {
  IN_NAMESPACE(by_one);
  const auto refuse = [](const Words& words, const std::string& why) {
    CAPTURE(words);
    const Finished result = run_udptool(words);
    CHECK(result.ending == failed);
    CHECK(contains(result.err, why));
    CHECK(count_of(result.err, "\n") == 1);
  };
  refuse({"join", "-i", "one", "fe80::1%two,ff32::7"}, "the zone of fe80::1%two contradicts -i one");
  refuse({"join", "fe80::1%two,ff32::7%one"}, "the zones of fe80::1%two and ff32::7%one contradict each other");
  refuse({"listen", "-i", "one", "[fe80::77%two]:0"}, "the zone of fe80::77%two contradicts -i one");
  CHECK(Joiner({"fe80::1%two,ff32::7"}).joined() == Words{"joined fe80::1%two,[ff32::7]:41234 on two"});
}
