// SPDX-License-Identifier: MIT
// `udptool probe` of many at once: flows, the targets of a file, the interfaces of a group; and what a series tells
// meanwhile.
#include <csignal>
#include <map>
#include <set>

#include "support/check.hpp"
#include "support/kernel.hpp"
#include "support/namespace.hpp"
#include "support/slow_reader.hpp"
#include "support/udptool.hpp"

using namespace support;

namespace {

// The ports that probes came from, with how many.
std::map<std::uint16_t, int> sources_at(const RawUdp& server) {
  std::map<std::uint16_t, int> sources;
  while (const auto message = server.receive(Milliseconds(1))) ++sources[message->port];
  return sources;
}

std::string port_word(const RawUdp& server) { return std::to_string(server.port()); }

}  // namespace

TEST_CASE("probe --flows: as many probes of each, from a port of its own") {
  const RawUdp silent;
  run_udptool({"probe", "-c", "3", "--interval", "2ms", "-w", "50ms", "--flows", "4", "127.0.0.1", port_word(silent)});
  const auto sources = sources_at(silent);
  CHECK(sources.size() == 4);
  for (const auto& [port, count] : sources) CHECK(count == 3);
}

TEST_CASE("probe --flows: the ports follow the one that is asked for") {
  const RawUdp silent;
  const unsigned first = 20'000 + unused_port() % 10'000;
  run_udptool(
      {"probe", "-c", "1", "-w", "20ms", "--flows", "3", "-p", std::to_string(first), "127.0.0.1", port_word(silent)});
  const auto sources = sources_at(silent);
  CHECK(sources.size() == 3);
  CHECK(sources.begin()->first == first);
  CHECK(sources.rbegin()->first == first + 2);
}

TEST_CASE("probe --flows: loss and round trips by flow, and which are worse") {
  const Listener echo({"--echo", "-o", "none"});
  const std::string port = std::to_string(echo.port());
  const Finished text = run_udptool({"probe", "-c", "2", "--interval", "5ms", "--flows", "2", "127.0.0.1", port});
  CHECK(text.ending == done);
  CHECK(count_of(text.out, "\tflow 1: token echoed, 16 bytes\n") == 2);
  CHECK(contains(text.out, "none of 2 flows is worse than the others (0.0 % lost)\n"));
  CHECK(contains(text.out, "flow 2: 2 sent, 2 received, 0 lost (0.0 %)"));
  CHECK(is_like(text.out, "[^]*flow 1: RTT min/avg/max/stddev [^]*flow 2: RTT p50[^]*"));
  const Finished events = run_udptool({"probe", "-j", "-c", "1", "--flows", "2", "127.0.0.1", port});
  CHECK(contains(events.out, R"("event":"flows")"));
  CHECK(is_like(events.out, R"x([^]*"event":"summary","time":"[^"]*","flow":2,"state":"open"[^\n]*\n)x"));
}

TEST_CASE("probe --trace --flows: the paths beside each other") {
  const Listener echo({"--echo", "-o", "none"});
  const std::string port = std::to_string(echo.port());
  const Finished text = run_udptool({"probe", "--trace", "--flows", "3", "127.0.0.1", port});
  CHECK(text.ending == done);
  CHECK(is_like(text.out, "hop\tflows 1-3\n1\t127\\.0\\.0\\.1 [0-9.]+ ms, reached\n3 flows take one path\n"));
  const Finished events = run_udptool({"probe", "--trace", "-j", "--flows", "2", "127.0.0.1", port});
  CHECK(is_like(events.out, R"x([^]*"event":"hop","time":"[^"]*","ttl":1,"flow":1[^]*)x"));
  CHECK(is_like(events.out, R"x([^]*"event":"summary","time":"[^"]*","flow":2,[^]*)x"));
  const Finished rounds =
      run_udptool({"probe", "--trace", "-c", "2", "--interval", "5ms", "--flows", "2", "127.0.0.1", port});
  CHECK(is_like(rounds.out,
                "hop\tflow\tloss %[^\n]*\n1\t1\t0\\.0\t2\t[^\n]*\n1\t2\t0\\.0\t2\t[^\n]*\nnone of 2 [^\n]*\n"));
}

TEST_CASE("probe --flows: what nobody answered has no path that is known, and one flow is compared with none") {
  const RawUdp silent;
  const std::string port = port_word(silent);
  const Words trace{"--trace", "-w", "50ms", "--max-hops", "1", "127.0.0.1", port};
  const auto flows = [&](const char* number, const Words& rest) {
    return run_udptool(joined(Words{"probe", "--flows", number}, rest)).out;
  };
  CHECK(flows("2", trace) == "hop\tflows 1, 2\n1\t*\tno answer\nthe paths of 2 flows are not known: nobody answered\n");
  CHECK(flows("1", trace) == "hop\tflow 1\n1\t*\tno answer\n");
  const Listener echo({"--echo", "-o", "none"});
  const std::string open = std::to_string(echo.port());
  CHECK(!contains(flows("1", {"--trace", "-c", "1", "127.0.0.1", open}), "worse"));
  CHECK(!contains(flows("1", {"-c", "1", "127.0.0.1", open}), "worse"));
  CHECK(!contains(flows("1", {"--trace", "-c", "1", "-j", "127.0.0.1", open}), "worse"));
}

TEST_CASE("probe --targets: each is named as it was written, and has its own result") {
  const Listener echo({"--echo", "-o", "none"});
  const std::string open = "127.0.0.1:" + std::to_string(echo.port());
  const std::string closed = "127.0.0.1:" + std::to_string(unused_port());
  const TemporaryFile file("# two\n" + open + "\n" + closed + " # nobody\nnosuch.invalid:7\n");
  const Finished finished = run_udptool({"probe", "--targets", file.path()});
  CHECK(finished.ending == done);
  CHECK(is_like(finished.out, "[^]*" + open + "\t" + open + "\topen\t[^]*"));
  CHECK(is_like(finished.out, "[^]*" + closed + "\t" + closed + "\tclosed\t[^]*"));
  CHECK(contains(finished.out, "nosuch.invalid:7\t-\tunreachable\t-\tcannot resolve 'nosuch.invalid'"));
  const Finished events = run_udptool({"probe", "-j", "--targets", file.path(), "-c", "2", "--interval", "5ms"});
  for (const std::string& each : {open, closed, std::string("nosuch.invalid:7")}) {
    CHECK(is_like(events.out, "[^]*\"event\":\"summary\",[^\n]*\"target\":\"" + each + "\"[^]*"));
  }
  CHECK(count_of(events.out, "\"target\":\"" + closed + "\"") == 3);  // two probes and their summary
  CHECK(contains(events.out, R"("target":"nosuch.invalid:7","code":"ENOTFOUND")"));
}

TEST_CASE("probe --targets: from stdin, of --stamp, and a status that is the best of all") {
  const std::string closed = std::to_string(unused_port());
  const Finished stamp = run_with_input({"probe", "--stamp", "--targets", "-"}, "127.0.0.1:" + closed + "\n");
  CHECK(stamp.ending == refused);
  CHECK(contains(stamp.out, "127.0.0.1:" + closed + "\t127.0.0.1:" + closed + "\tclosed\t"));
  const RawUdp silent;
  CHECK(run_with_input({"probe", "-w", "20ms", "--targets", "-"}, "127.0.0.1:" + port_word(silent) + "\n").ending ==
        nothing);
  CHECK(run_with_input({"probe", "--targets", "-"}, "nosuch.invalid:9\n").ending == failed);
}

TEST_CASE("probe --targets: what is no target is one line with its place") {
  const auto refusal = [](const std::string& text, const Words& more = {}) {
    Words words{"probe", "--targets", "-"};
    words.insert(words.end(), more.begin(), more.end());
    const Finished finished = run_with_input(words, text);
    CHECK(finished.ending == failed);
    CHECK(finished.out.empty());
    return finished.err;
  };
  CHECK(contains(refusal("127.0.0.1:9\n127.0.0.1\n"), "stdin:2: '127.0.0.1' is no target: it has no port"));
  CHECK(contains(refusal("# none\n"), "stdin names no target"));
  CHECK(contains(refusal("127.0.0.1:9\n[::1]:9\n", {"-4"}), "stdin:2: '[::1]:9' is no target: '::1' is not an IPv4"));
  CHECK(contains(refusal("127.0.0.1:9\n", {"127.0.0.1", "9"}), "--targets names the hosts"));
  CHECK(contains(refusal("127.0.0.1:9\n", {"--targets", "-"}), "--targets is given twice"));
  CHECK(contains(refusal("127.0.0.1:9\n", {"--list-payloads"}), "--targets and --list-payloads contradict"));
  CHECK(contains(run_udptool({"probe", "--targets", ""}).err, "--targets: '': it names no file"));
  CHECK(contains(refusal("127.0.0.1:9\n", {"--trace"}), "--trace and --targets contradict"));
  CHECK(contains(refusal("127.0.0.1:9\n", {"--flows", "2", "-c", "1"}), "--flows and --targets contradict"));
  CHECK(contains(run_udptool({"probe", "--flows", "2", "127.0.0.1", "9"}).err, "--flows is for --count and --trace"));
  CHECK(contains(run_udptool({"probe", "--flows", "65", "-c", "1", "127.0.0.1", "9"}).err, "--flows: "));
  CHECK(contains(run_udptool({"probe", "--flows", "2", "-p", "65535", "-c", "1", "127.0.0.1", "9"}).err,
                 "leaves no ports"));
}

TEST_CASE("probe --targets: hundreds, of which half are dead, at once") {
  IN_NAMESPACE("");
  const Listener echo({"--echo", "-o", "none"}, {"0.0.0.0:0"});
  const std::string port = std::to_string(echo.port());
  const RawUdp silent("0.0.0.0");
  std::string lines;
  for (int i = 1; i <= 100; ++i) {
    lines += "127.0.1." + std::to_string(i) + ":" + port + "\n";
    lines += "127.0.2." + std::to_string(i) + ":" + std::to_string(silent.port()) + "\n";
  }
  const TemporaryFile file(lines);
  const Stopwatch watch;
  const Finished finished = run_udptool({"probe", "-w", "1s", "--targets", file.path()});
  CHECK(finished.ending == done);
  CHECK(count_of(finished.out, "\topen\t") == 100);
  CHECK(count_of(finished.out, "\tno answer\t") == 100);
  CHECK(watch.elapsed() < Milliseconds(10'000));
}

TEST_CASE("probe --targets: a socket a family serves them all, and what comes is its target's alone") {
  IN_NAMESPACE("");
  const RawUdp one("127.0.3.1"), other("127.0.3.2"), stranger("127.0.3.3"), unlike("::1");
  const std::string closed = "127.0.3.4:" + std::to_string(unused_port());
  std::string lines = one.endpoint() + "\n" + other.endpoint() + "\n" + closed + "\n" + unlike.endpoint() + "\n";
  for (int i = 1; i <= 200; ++i) lines += "127.0.4." + std::to_string(i) + ":" + std::to_string(one.port()) + "\n";
  const TemporaryFile file(lines);
  Process probe(udptool({"probe", "-w", "2s", "--targets", file.path()}));
  const auto first = one.receive(), second = other.receive(), third = unlike.receive();
  REQUIRE(first);
  REQUIRE(second);
  REQUIRE(third);
  CHECK(first->port == second->port);
  CHECK(descriptors_of(probe.pid()) < 100);  // those that it inherits among them
  stranger.send("x", first->port, "127.0.0.1");
  probe.wait_for(Stream::err, "a datagram came from " + stranger.endpoint() + ", which was not asked");
  other.reply(*second, "no echo");
  unlike.reply(*third, third->payload);
  const Finished finished = probe.finish();
  CHECK(finished.ending == done);
  CHECK(is_like(finished.out, "[^]*" + other.endpoint() + "\topen\t[^]*"));
  CHECK(is_like(finished.out, "[^]*\\[::1\\]:\\d+\topen\t[^]*"));
  CHECK(is_like(finished.out, "[^]*" + closed + "\tclosed\t[^]*"));
  CHECK(count_of(finished.out, "\topen\t") == 2);
  CHECK_FALSE(contains(finished.out, "a reply came from"));
}

TEST_CASE("probe --targets: who has answered is told, while others are waited for") {
  const RawUdp silent, one;
  const TemporaryFile file(silent.endpoint() + "\n" + one.endpoint() + "\n");
  for (const Words& form : {Words{}, {"-j"}}) {
    Words words{"probe", "-w", "30s", "--targets", file.path()};
    words.insert(words.end(), form.begin(), form.end());
    Process probe(udptool(words));
    const auto request = one.receive();
    REQUIRE(request);
    one.reply(*request, request->payload);
    probe.wait_for(Stream::out, form.empty() ? one.endpoint() + "\topen\t" : "\"event\":\"summary\"");
    probe.signal(SIGINT);
    const Finished finished = probe.finish();
    CHECK(finished.ending == done);
    CHECK(contains(finished.out, form.empty() ? silent.endpoint() + "\tno answer\t" : "\"state\":\"no answer\""));
  }
}

TEST_CASE("probe --targets: who cannot be asked is no part of what the others share") {
  IN_NAMESPACE("interface narrow; ip link set narrow mtu 600; ip address add 10.9.1.1/24 dev narrow");
  const RawUdp one("127.0.0.1"), other("127.0.0.2");
  const TemporaryFile file("10.9.1.7:9\n" + one.endpoint() + "\n10.9.1.8:9\n" + other.endpoint() + "\n");
  Process probe(udptool({"probe", "-w", "5s", "--df", "-l", "1000", "--targets", file.path()}));
  for (const RawUdp* each : {&other, &one}) {
    const auto request = each->receive();
    REQUIRE(request);
    each->reply(*request, request->payload);
  }
  const Finished finished = probe.finish();
  CHECK(finished.ending == done);
  for (const RawUdp* each : {&other, &one}) CHECK(contains(finished.out, each->endpoint() + "\topen\t"));
  for (const char* each : {"10.9.1.7:9", "10.9.1.8:9"}) {
    CHECK(contains(finished.out, std::string(each) + "\t-\tunreachable\t-\t1000 bytes do not leave in one piece"));
  }
}

TEST_CASE("probe --targets: a stranger's flood costs little, however many are asked") {
  IN_NAMESPACE("");
  const RawUdp one("127.0.3.1"), stranger("127.0.3.2");
  std::string lines = one.endpoint() + "\n";
  for (int i = 1; i <= 200; ++i) {
    for (const char* net : {"127.0.4.", "127.0.5."}) lines += net + std::to_string(i) + ":" + port_word(one) + "\n";
  }
  const TemporaryFile file(lines);
  Process probe(udptool({"probe", "-c", "0", "-o", "none", "--targets", file.path()}));
  const auto request = one.receive();
  REQUIRE(request);
  for (int i = 0; i < 5'000; ++i) {
    stranger.send("a stranger's words", request->port, "127.0.0.1");
    if (i % 50 == 49) wait_until_taken(request->port);
  }
  CHECK(cpu_of(probe.pid()) < Milliseconds(sanitized() ? 12'000 : 1'200));  // two million looks take 5 s
  probe.signal(SIGINT);
  CHECK(probe.finish().ending.signal == 0);
}

TEST_CASE("probe --targets: one address with several ports is several targets") {
  IN_NAMESPACE("");
  const RawUdp one("127.0.0.1"), other("127.0.0.1"), silent("127.0.0.1");
  const std::string closed = "127.0.0.1:" + std::to_string(unused_port());
  const TemporaryFile file(one.endpoint() + "\n" + other.endpoint() + "\n" + silent.endpoint() + "\n" + closed + "\n");
  Process probe(udptool({"probe", "-w", "1s", "--data", "the same for all", "--targets", file.path()}));
  for (const RawUdp* each : {&other, &one}) {
    const auto request = each->receive();
    REQUIRE(request);
    each->reply(*request, "answer");
  }
  const Finished finished = probe.finish();
  for (const RawUdp* each : {&other, &one}) CHECK(contains(finished.out, each->endpoint() + "\topen\t"));
  CHECK(contains(finished.out, silent.endpoint() + "\tno answer\t"));
  CHECK(contains(finished.out, closed + "\tclosed\t"));
}

TEST_CASE("probe --targets: all of a family are asked from the source port that is given, an address once") {
  IN_NAMESPACE("");
  const RawUdp one("127.0.0.1"), other("127.0.0.2"), six("::1"), again("127.0.0.1");
  const TemporaryFile file(one.endpoint() + "\n" + other.endpoint() + "\n" + six.endpoint() + "\n" + again.endpoint());
  Process probe(udptool({"probe", "-w", "5s", "-p", "40000", "--targets", file.path()}));
  for (const RawUdp* each : {&one, &other, &six}) {
    const auto request = each->receive();
    REQUIRE(request);
    CHECK(request->port == 40'000);
    each->reply(*request, request->payload);
  }
  const Finished finished = probe.finish();
  CHECK(finished.ending == done);
  CHECK(count_of(finished.out, "\topen\t") == 3);
  CHECK(contains(finished.out,
                 again.endpoint() + "\t-\tunreachable\t-\tanother target at 127.0.0.1 is asked from port 40000\n"));
}

TEST_CASE("probe of a group: on every interface, and each answer says by which it came") {
  IN_NAMESPACE(
      "interface eth0; interface eth1; ip address add 10.9.1.1/24 dev eth0; ip address add 10.9.2.1/24 dev eth1");
  const RawUdp group("0.0.0.0", 41'900);
  group.join("239.9.9.9", "eth0");
  group.join("239.9.9.9", "eth1");
  Process probe(udptool({"probe", "-j", "-c", "1", "-w", "300ms", "239.9.9.9", "41900"}));
  std::set<std::string> askers;
  for (int i = 0; i < 2; ++i) {
    const auto message = group.receive();
    REQUIRE(message);
    askers.insert(message->address);
    group.reply(*message, message->payload);
  }
  CHECK(askers == std::set<std::string>{"10.9.1.1", "10.9.2.1"});
  const Finished finished = probe.finish();
  CHECK(finished.ending == done);
  CHECK(count_of(finished.out, "\"state\":\"open\",\"rtt_ms\"") == 2);
  CHECK(count_of(finished.out, "\"interface\":") == 4);
  for (const char* name : {"eth0", "eth1"}) {
    CHECK(is_like(finished.out, "[^]*\"event\":\"summary\",\"time\":\"[^\"]*\",\"interface\":\"" + std::string(name) +
                                    "\",\"state\":\"open\"[^]*"));
  }
  Process text(udptool({"probe", "-c", "1", "-w", "300ms", "239.9.9.9", "41900"}));
  const auto message = group.receive();
  REQUIRE(message);
  group.reply(*message, message->payload);
  const std::string out = text.finish().out;
  for (const char* name : {"eth0", "eth1"}) CHECK(contains(out, "\nby " + std::string(name) + ": 1 sent, "));
}

TEST_CASE("probe -c --stats and SIGUSR1: what is known by then, and what is on its way does not count as lost") {
  const Listener echo({"--echo", "-o", "none"});
  const std::string port = std::to_string(echo.port());
  Process probe(udptool({"probe", "-q", "-c", "0", "--interval", "5ms", "--stats=20ms", "127.0.0.1", port}));
  for (int line = 0; line < 3; ++line) {
    probe.wait_for_match(Stream::err,
                         "[0-9]+ sent, [0-9]+ received, 0 lost \\(0\\.0 %\\), RTT min/avg/max/stddev .* ms");
  }
  CHECK(probe.stop().ending == done);

  Process asked(udptool({"probe", "-j", "-c", "0", "--interval", "5ms", "127.0.0.1", port}));
  asked.wait_for(Stream::out, "\"sequence\":3,");
  asked.signal(SIGUSR1);
  asked.wait_for_match(Stream::out, R"x("event":"stats".*"sent":[0-9]+,"received":[0-9]+,"lost":0,.*"rtt_ms":\{)x");
  CHECK(asked.stop().ending == done);

  Process traced(udptool({"probe", "--trace", "-c", "0", "--interval", "5ms", "--stats=20ms", "127.0.0.1", port}));
  traced.wait_for(Stream::out, "reached");
  traced.signal(SIGUSR1);
  traced.wait_for(Stream::err, "hop\tloss %");
  traced.wait_for(Stream::err, "reached");
  CHECK(traced.stop().ending == done);
}

TEST_CASE("probe -c -W: ends in time though nobody reads, and says how many records are missing") {
  const Listener echo({"--echo", "-o", "none"});
  SlowReader reader;
  reader.make_small();
  const Finished finished = run_udptool(
      {"probe", "-j", "-c", "0", "--interval", "100us", "-W", "500ms", "127.0.0.1", std::to_string(echo.port())},
      {.output_file = reader.path()});
  CHECK(finished.ending == done);
  CHECK(is_like(finished.err, "udptool: the output was not read: [0-9]+ records? could not be written\n"));
  reader.hurry();
  reader.start();
  CHECK(contains(reader.finish(), "\"event\":\"probe\""));
}
