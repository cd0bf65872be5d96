// SPDX-License-Identifier: MIT
// `udptool probe` on the loopback: what it says of a port, with which status, and what it refuses to do.
#include <csignal>
#include <functional>
#include <thread>

#include "support/check.hpp"
#include "support/namespace.hpp"
#include "support/udptool.hpp"

using namespace support;

namespace {

// Answers each datagram as `answer` says, until it goes. An answer of "-" is none.
class Server {
 public:
  using Answer = std::function<std::vector<std::string>(const std::string& request)>;

  explicit Server(Answer answer, const std::string& address = "127.0.0.1")
      : socket_(address), thread_([this, answer = std::move(answer)] {
          while (!over_) {
            const auto message = socket_.receive(Milliseconds(20));
            if (!message) continue;
            for (const std::string& each : answer(message->payload)) socket_.reply(*message, each);
          }
        }) {}
  ~Server() {
    over_ = true;
    thread_.join();
  }
  std::string port() const { return std::to_string(socket_.port()); }

 private:
  RawUdp socket_;
  std::atomic<bool> over_ = false;
  std::thread thread_;
};

std::vector<std::string> silence(const std::string&) { return {}; }
std::vector<std::string> echo(const std::string& request) { return {request}; }

Finished probe(const Words& rest) {
  Words words{"probe"};
  words.insert(words.end(), rest.begin(), rest.end());
  return run_udptool(words);
}

std::string closed_port() { return std::to_string(unused_port()); }

std::string probe_refusal(const Words& rest) { return refusal(joined(Words{"probe"}, rest)); }

}  // namespace

TEST_CASE("probe -j: the address that a STUN server saw has fields of its own") {
  const RawUdp server;
  Process probe(udptool({"probe", "-j", "--payload", "stun", "127.0.0.1", std::to_string(server.port())}));
  const auto request = server.receive();
  REQUIRE(request);
  REQUIRE(request->payload.size() == 20);
  // MAPPED-ADDRESS (RFC 8489, 14.1): 192.0.2.1, port 80.
  std::string reply = std::string("\x01\x01\x00\x0c", 4) + request->payload.substr(4) +
                      std::string("\x00\x01\x00\x08\x00\x01\x00\x50\xc0\x00\x02\x01", 12);
  server.reply(*request, reply);
  const Finished finished = probe.finish();
  CHECK(finished.ending == done);
  CHECK(contains(finished.out, "\"mapped_address\":\"192.0.2.1\",\"mapped_port\":80"));
}

TEST_CASE("probe: what asks itself is refused, and no open port") {
  const std::string port = std::to_string(unused_port());
  for (const Words& words : {Words{"-p", port}, {"-c", "1", "-p", port}, {"-s", "127.0.0.1", "-p", port}}) {
    Words all{"probe"};
    all.insert(all.end(), words.begin(), words.end());
    all.insert(all.end(), {"127.0.0.1", port});
    const Finished finished = run_udptool(all);
    CHECK(finished.ending == failed);
    CHECK(contains(finished.err, "--source-port " + port + ": it is the port that is asked"));
  }
  const RawUdp asked;  // another address of this host is another
  const Finished other = run_udptool({"probe", "-w", "50ms", "-s", "127.0.0.2", "-p", std::to_string(asked.port()),
                                      "127.0.0.1", std::to_string(asked.port())});
  CHECK(other.ending == nothing);
}

TEST_CASE("probe: a reply makes a port open") {
  const Server server(echo);
  const Finished finished = probe({"127.0.0.1", server.port()});
  CHECK(finished.ending == done);
  CHECK(is_like(finished.out,
                "127\\.0\\.0\\.1:" + server.port() + "\topen\t[0-9]+\\.[0-9]{3} ms\ttoken echoed, 16 bytes\n"));
  CHECK(finished.err.empty());
}

TEST_CASE("probe: port unreachable from the target makes a port closed") {
  const Finished finished = probe({"127.0.0.1", closed_port()});
  CHECK(finished.ending == refused);
  CHECK(is_like(finished.out,
                "127\\.0\\.0\\.1:[0-9]+\tclosed\t[0-9]+\\.[0-9]{3} ms\tport unreachable from 127\\.0\\.0\\.1\n"));
}

TEST_CASE("probe: silence is no answer, after three probes") {
  std::atomic<int> heard = 0;
  const Server server([&](const std::string&) -> std::vector<std::string> {
    ++heard;
    return {};
  });
  const Stopwatch watch;
  const Finished finished = probe({"-w", "100ms", "127.0.0.1", server.port()});
  CHECK(finished.ending == nothing);
  CHECK(finished.out == "127.0.0.1:" + server.port() + "\tno answer\t300 ms\topen or filtered: 3 probes, no reply\n");
  CHECK(heard == 3);
  CHECK(watch.elapsed() >= Milliseconds(300));
}

TEST_CASE("probe: a later try that is answered counts") {
  std::atomic<int> heard = 0;
  const Server server([&](const std::string& request) {
    return ++heard < 3 ? std::vector<std::string>{} : std::vector<std::string>{request};
  });
  const Finished finished = probe({"-j", "-w", "100ms", "127.0.0.1", server.port()});
  CHECK(finished.ending == done);
  CHECK(count_of(finished.out, "\"event\":\"probe\"") == 3);
  CHECK(count_of(finished.out, "\"state\":\"no answer\"") == 2);
  CHECK(is_like(finished.out,
                R"x([^]*"sequence":2,"state":"open","rtt_ms":[0-9.]+,"size":16,"detail":"token echoed"[^]*)x"));
}

TEST_CASE("probe: the unspecified address is this host") {
  const Server server(echo);
  CHECK(probe({"0.0.0.0", server.port()}).out.starts_with("127.0.0.1:" + server.port() + "\topen\t"));
}

TEST_CASE("probe: IPv6 too, open and closed") {
  SKIP_UNLESS(has_ipv6(), "no IPv6 here");
  const Server server(echo, "::1");
  CHECK(probe({"::1", server.port()}).out.starts_with("[::1]:" + server.port() + "\topen\t"));
  const Finished finished = probe({"-6", "::1", closed_port()});
  CHECK(finished.ending == refused);
  CHECK(contains(finished.out, "port unreachable from ::1"));
}

TEST_CASE("probe: what carries another id is no answer, and a port that sends it is not called open") {
  const Server server([](const std::string& request) {
    std::string reply = request;
    reply[0] = static_cast<char>(reply[0] ^ 1);
    reply[2] = '\x81';
    return std::vector<std::string>{reply, "", "nonsense", reply.substr(0, 3)};
  });
  const Finished finished = probe({"--payload", "dns", "-w", "50ms", "127.0.0.1", server.port()});
  CHECK(finished.ending == nothing);
  CHECK(contains(finished.out, "\tno answer\t150 ms\t3 probes, 12 datagrams that are no answer to them\n"));
}

TEST_CASE("probe: the answer of the protocol is told, and a forged one before it is passed over") {
  const Server server([](const std::string& request) {
    std::string reply = request;
    reply[2] = '\x81';
    reply[3] = '\x85';  // REFUSED
    return std::vector<std::string>{"forged", reply};
  });
  const Finished finished = probe({"--payload", "dns", "127.0.0.1", server.port()});
  CHECK(finished.ending == done);
  CHECK(contains(finished.out, "\topen\t"));
  CHECK(contains(finished.out, "\tdns REFUSED, 17 bytes\n"));
}

TEST_CASE("probe: the payload goes by the port, and what is given by hand is sent as it is") {
  const RawUdp server;
  const auto heard = [&](Words words) {
    words.insert(words.begin(), {"-w", "10ms"});
    words.insert(words.end(), {"127.0.0.1", std::to_string(server.port())});
    CHECK(probe(words).ending == nothing);
    const std::string first = server.next();
    while (server.receive(Milliseconds(1))) continue;
    return first;
  };
  CHECK(heard({}).size() == 16);
  CHECK(heard({"--payload", "natpmp"}) == std::string(2, '\0'));
  CHECK(heard({"--payload", "empty"}).empty());
  CHECK(heard({"--payload", "quic"}).size() == 1'200);
  CHECK(heard({"--data", "a\\nb"}) == "a\\nb");
  CHECK(heard({"--data", "a\\nb", "-e"}) == "a\nb");
  CHECK(heard({"--data", "de ad be ef", "-x"}) == "\xde\xad\xbe\xef");
  CHECK(heard({"-l", "1K"}).size() == 1'024);
  CHECK(heard({"-l", "0"}).empty());
}

TEST_CASE("probe: a stranger's text reaches the terminal escaped") {
  const Server server([](const std::string& request) {
    const std::string branch = request.substr(request.find("branch="), 30);
    return std::vector<std::string>{"SIP/2.0 200 \x1b[31mred\r\n" + branch};
  });
  CHECK(contains(probe({"--payload", "sip", "127.0.0.1", server.port()}).out, "sip 200 \\x1b[31mred, "));
  CHECK(contains(probe({"-j", "--payload", "sip", "127.0.0.1", server.port()}).out, "sip 200 \\u001b[31mred"));
}

TEST_CASE("probe -c: a line each, then the statistics") {
  const Server server(echo);
  const Finished finished = probe({"-c", "5", "--interval", "2ms", "127.0.0.1", server.port()});
  CHECK(finished.ending == done);
  CHECK(count_of(finished.out, "\topen\t") == 5);
  CHECK(is_like(finished.out,
                "[^]*\n5 sent, 5 received, 0 lost \\(0\\.0 %\\), 0 duplicate, 0 reordered, 0 late\n"
                "RTT min/avg/max/stddev [0-9.]+/[0-9.]+/[0-9.]+/[0-9.]+ ms\n"
                "RTT p50/p90/p99/p99\\.9 [0-9.]+/[0-9.]+/[0-9.]+/[0-9.]+ ms, jitter [0-9.]+ ms\n"));
}

TEST_CASE("probe -c: lost, duplicate and reordered ones are counted as they were") {
  // Of ten: 2 and 7 are lost, 4 comes twice, 5 after 6.
  int number = 0;
  std::string held;
  const Server server([&](const std::string& request) -> std::vector<std::string> {
    switch (number++) {
      case 2:
      case 7:
        return {};
      case 4:
        return {request, request};
      case 5:
        held = request;
        return {};
      case 6:
        return {request, held};
      default:
        return {request};
    }
  });
  const Finished finished = probe({"-j", "-c", "10", "--interval", "1ms", "-w", "300ms", "127.0.0.1", server.port()});
  CHECK(finished.ending == done);
  CHECK(count_of(finished.out, "\"event\":\"probe\"") == 10);
  CHECK(count_of(finished.out, "\"event\":\"duplicate\"") == 1);
  CHECK(contains(finished.out, R"("event":"duplicate")"));
  CHECK(contains(finished.out,
                 R"("sent":10,"received":8,"lost":2,"lost_percent":20.000,"duplicate":1,"reordered":1,"late":0)"));
}

TEST_CASE("probe -c: a late reply is credited to its own probe") {
  int number = 0;
  std::string first;
  const Server server([&](const std::string& request) -> std::vector<std::string> {
    if (number++ == 0) {
      first = request;
      return {};
    }
    return {request, number == 4 ? first : request.substr(0, 0)};
  });
  const Finished finished = probe({"-c", "4", "--interval", "60ms", "-w", "50ms", "127.0.0.1", server.port()});
  CHECK(finished.ending == done);
  CHECK(contains(finished.out, "\tno answer\t50 ms\tno reply\n"));
  CHECK(is_like(finished.out, "[^]*\tlate\t1[0-9]{2}\\.[0-9]{3} ms\tprobe 0: token echoed, 16 bytes\n[^]*"));
  CHECK(contains(finished.out, "\n4 sent, 4 received, 0 lost (0.0 %)"));
  CHECK(contains(finished.out, ", 1 late\n"));
}

TEST_CASE("probe -c: refused ones are lost, and the status says so") {
  const Finished finished = probe({"-c", "3", "--interval", "1ms", "127.0.0.1", closed_port()});
  CHECK(finished.ending == refused);
  CHECK(count_of(finished.out, "\tclosed\t") == 3);
  CHECK(contains(finished.out, "3 sent, 0 received, 3 lost (100.0 %), 0 duplicate, 0 reordered, 0 late, 3 refused\n"));
  CHECK(!contains(finished.out, "RTT"));
}

TEST_CASE("probe -c: Ctrl-C ends it with the statistics") {
  const Server server(echo);
  Process process(udptool({"probe", "-c", "1000", "--interval", "20ms", "127.0.0.1", server.port()}));
  process.wait_for(Stream::out, "\topen\t");
  process.signal(SIGINT);
  CHECK(process.wait() == done);
  CHECK(contains(process.out(), " received, 0 lost"));
}

TEST_CASE("probe: Ctrl-C and the deadline end a silent one, with its line") {
  const RawUdp server;
  const std::string port = std::to_string(server.port());
  const Finished late = probe({"-W", "150ms", "127.0.0.1", port});
  CHECK(late.ending == nothing);
  CHECK(is_like(late.out, "127\\.0\\.0\\.1:" + port +
                              "\tno answer\t1[0-9]{2}(\\.[0-9]{3})? ms\topen or filtered: 1 probe, no reply\n"));
  REQUIRE(server.receive());
  Process process(udptool({"probe", "-w", "1m", "127.0.0.1", port}));
  REQUIRE(server.receive());
  process.signal(SIGINT);
  CHECK(process.wait() == nothing);
  CHECK(contains(process.out(), "\tno answer\t"));
}

TEST_CASE("probe -c --histogram: bars of the round trips") {
  const Server server(echo);
  const Finished finished = probe({"-c", "20", "--interval", "1ms", "--histogram", "127.0.0.1", server.port()});
  CHECK(is_like(finished.out, "[^]*\n *[0-9.]+ - *[0-9.]* ms +[0-9]+  #+\n"));
}

TEST_CASE("probe: events") {
  const Server server(echo);
  const Finished finished = probe({"-j", "127.0.0.1", server.port()});
  CHECK(is_like(
      finished.out,
      R"x(\{"event":"probe","time":"[0-9TZ:.-]+","family":"IPv4","address":"127\.0\.0\.1","port":)x" + server.port() +
          R"x(,"sequence":0,"state":"open","rtt_ms":[0-9]+\.[0-9]{3},"size":16,"detail":"token echoed"\})x"
          "\n" +
          R"x(\{"event":"summary","time":"[0-9TZ:.-]+","state":"open","sent":1,"received":1,"lost":0,"lost_percent":0\.000,)x"
          R"x("duplicate":0,"reordered":0,"late":0,"refused":0,"rtt_ms":\{"min":[^}]*"p99":[0-9.]+,"p999":[0-9.]+\},)x"
          R"x("jitter_ms":0\.000\})x"
          "\n"));
  const Finished closed = probe({"-j", "127.0.0.1", closed_port()});
  CHECK(closed.ending == refused);
  CHECK(contains(closed.out, R"("state":"closed","rtt_ms":)"));
  CHECK(contains(closed.out, R"("detail":"port unreachable from 127.0.0.1","from":"127.0.0.1"})"));
}

TEST_CASE("probe: other forms of output") {
  const Server server(echo);
  const Words words{"--data", "hi", "127.0.0.1", server.port()};
  const auto with = [&](Words rest) {
    rest.insert(rest.end(), words.begin(), words.end());
    return probe(rest);
  };
  CHECK(with({"-r"}).out == "hi");
  CHECK(with({"-o", "none"}).out.empty());
  CHECK(contains(with({"-o", "hex"}).out, "data echoed, 2 bytes\n00000000  68 69 "));
  CHECK(is_like(with({"-T"}).out, "20[0-9-]+T[0-9:.]+Z\t127\\.0\\.0\\.1:[^]*"));
}

TEST_CASE("probe --trace: the loopback is one hop away") {
  const Finished finished = probe({"--trace", "127.0.0.1"});
  CHECK(finished.ending == done);
  CHECK(is_like(finished.out, "1\t127\\.0\\.0\\.1\t[0-9]+\\.[0-9]{3} [0-9.]+ [0-9.]+ ms\treached\n"));
  const Finished events = probe({"--trace", "-j", "--tries", "1", "127.0.0.1", closed_port()});
  CHECK(is_like(
      events.out,
      R"x(\{"event":"hop","time":"[^"]*","ttl":1,"address":"127\.0\.0\.1","rtt_ms":\[[0-9.]+\],"detail":"reached"\})x"
      "\n"
      R"x(\{"event":"summary",[^\n]*"state":"closed","reached":true,"sent":1,"received":1[^\n]*\})x"
      "\n"));
}

TEST_CASE("probe --trace: silence is told hop by hop, and costs one wait") {
  const Server server(silence);
  const Stopwatch watch;
  const Finished finished =
      probe({"--trace", "--max-hops", "5", "--tries", "2", "-w", "400ms", "127.0.0.1", server.port()});
  CHECK(finished.ending == nothing);
  CHECK(finished.out == "1-5\t*\tno answer\n");
  CHECK(watch.elapsed() < Milliseconds(1'500));
  CHECK(probe({"--trace", "--first-hop", "3", "127.0.0.1", closed_port()}).out.starts_with("3\t127.0.0.1\t"));
}

TEST_CASE("probe --trace: what ends it while it waits leaves rows of what was asked and not answered") {
  const RawUdp server, other;
  const auto asking = [](const RawUdp& socket) {
    return Words{"--trace", "--max-hops", "3", "-w", "20s", "127.0.0.1", std::to_string(socket.port())};
  };
  const auto ended = [&](const Words& more) { return probe(joined(asking(server), more)); };
  const Finished text = ended({"-W", "300ms"});
  CHECK(text.ending == nothing);
  CHECK(text.out == "1-3\t*\tno answer\n");
  const Finished events = ended({"-W", "300ms", "-j"});
  CHECK(count_of(events.out, R"("rtt_ms":[])") == 3);
  CHECK(contains(events.out, R"("sent":9,"received":0,"lost":9,"lost_percent":100.000)"));
  const Finished rounds = ended({"-W", "300ms", "-c", "1"});
  CHECK(contains(rounds.out, "\n1-3\t100.0\t1\t\t\t\t\t\t*\tno answer\n"));
  Process process(udptool(joined(Words{"probe"}, asking(other))));
  for (int i = 0; i < 9; ++i) REQUIRE(other.receive());
  process.signal(SIGINT);
  CHECK(process.wait() == nothing);
  CHECK(process.out() == "1-3\t*\tno answer\n");
}

TEST_CASE("probe --trace: a reply of the target reaches it too, and requests that are all alike are told apart") {
  const Server server(echo);
  CHECK(contains(probe({"--trace", "127.0.0.1", server.port()}).out, "\treached\n"));
  const Finished alike = probe({"--trace", "--data", "x", "127.0.0.1", server.port()});
  CHECK(alike.ending == done);
  CHECK(is_like(alike.out, "1\t127\\.0\\.0\\.1\t[0-9.]+ [0-9.]+ [0-9.]+ ms\treached\n"));
}

TEST_CASE("probe --mtu: the loopback takes what a datagram holds") {
  const Finished finished = probe({"--mtu", "127.0.0.1", closed_port()});
  CHECK(finished.ending == done);
  CHECK(finished.out == "link MTU\t65535\npath MTU\t65535\tall that the link takes\npayload\t65507\tarrived whole\n");
  const Server server(echo);
  const Finished events = probe({"--mtu", "-j", "127.0.0.1", server.port()});
  CHECK(contains(events.out, R"("event":"mtu")"));
  CHECK(contains(events.out, R"("mtu":65535,"payload":65507,"link_mtu":65535,"proof":"reply"})"));
}

TEST_CASE("probe --mtu: silence proves nothing") {
  const Server server(silence);
  const Finished finished = probe({"--mtu", "-w", "20ms", "127.0.0.1", server.port()});
  CHECK(finished.ending == nothing);
  CHECK(finished.out == "link MTU\t65535\npath MTU\tunknown\t6 probes, no reply\n");
}

TEST_CASE("probe --list-payloads: names and ports, without a host") {
  const Finished finished = probe({"--list-payloads"});
  CHECK(finished.ending == done);
  CHECK(contains(finished.out, "\ndns\t53\t"));
  CHECK(contains(finished.out, "\nstun\t3478,19302\t"));
  CHECK(count_of(finished.out, "\n") == 22);
  CHECK(contains(probe({"--list-payloads", "-j"}).out, R"("name":"ike","ports":[500,4500])"));
}

TEST_CASE("probe: bad usage is one line that names the word") {
  CHECK(contains(probe_refusal({"127.0.0.1", "9", "--payload", "nosuch"}),
                 "no payload 'nosuch'; known are token, dns, ntp, "));
  CHECK(contains(probe_refusal({"--trace", "--mtu", "127.0.0.1", "9"}), "--trace and --mtu contradict each other"));
  CHECK(contains(probe_refusal({"--mtu", "-c", "3", "127.0.0.1"}), "--mtu and --count contradict"));
  CHECK(contains(probe_refusal({"--trace", "-c", "3", "--tries", "2", "127.0.0.1"}), "--tries and --count contradict"));
  CHECK(contains(probe_refusal({"--stats", "127.0.0.1", "9"}), "add --count N"));
  CHECK(contains(probe_refusal({"--trace", "-t", "3", "127.0.0.1"}), "--trace and --ttl contradict"));
  CHECK(contains(probe_refusal({"--mtu", "-l", "3", "127.0.0.1", "9"}), "--mtu and --size contradict"));
  CHECK(contains(probe_refusal({"--trace", "--max-hops", "0", "127.0.0.1"}), "--max-hops: "));
  CHECK(contains(probe_refusal({"--trace", "--max-hops", "256", "127.0.0.1"}), "--max-hops: "));
  CHECK(
      contains(probe_refusal({"--trace", "--first-hop", "9", "--max-hops", "8", "127.0.0.1"}), "beyond --max-hops 8"));
  CHECK(contains(probe_refusal({"--max-hops", "8", "127.0.0.1", "9"}), "--max-hops is for --trace"));
  CHECK(contains(probe_refusal({"--tries", "2", "127.0.0.1", "9"}), "--tries is for --trace"));
  for (const char* mode : {"--trace", "--mtu"}) {
    for (const char* many : {"239.7.7.7", "ff15::1", "255.255.255.255", "127.255.255.255"}) {
      CHECK(contains(probe_refusal({mode, many}), std::string(mode) + " takes the address of one host, not of many"));
    }
  }
  CHECK(contains(probe_refusal({"127.0.0.1", "0"}), "PORT: "));
  CHECK(contains(probe_refusal({"127.0.0.1", "65536"}), "PORT: "));
  CHECK(contains(probe_refusal({"127.0.0.1"}), "no PORT given"));
  CHECK(contains(probe_refusal({}), "no HOST given"));
  CHECK(contains(probe_refusal({"127.0.0.1", "9", "10"}), "'10'"));
  CHECK(contains(probe_refusal({"127.0.0.1", "9", "--interval", "1s"}), "add --count N"));
  CHECK(contains(probe_refusal({"127.0.0.1", "9", "-c", "2", "--interval", "99us"}),
                 "--interval: '99us': at least 100us"));
  CHECK(contains(probe_refusal({"127.0.0.1", "9", "--histogram"}), "add --count N"));
  CHECK(contains(probe_refusal({"127.0.0.1", "9", "--data", "x", "-l", "3"}), "--data and --size contradict"));
  CHECK(contains(probe_refusal({"127.0.0.1", "9", "--data", "x", "--payload", "dns"}),
                 "--payload and --data contradict"));
  CHECK(contains(probe_refusal({"127.0.0.1", "9", "-x"}), "--hex is for --data"));
  CHECK(contains(probe_refusal({"127.0.0.1", "9", "-x", "--data", "abc"}), "--data: "));
  CHECK(contains(probe_refusal({"127.0.0.1", "9", "-l", "65508"}),
                 "65508 bytes are more than a datagram over IPv4 holds: at most 65507"));
  CHECK(contains(probe_refusal({"127.0.0.1", "9", "-w", "0"}), "--wait: "));
  CHECK(contains(probe_refusal({"-4", "::1", "9"}), "not an IPv4 address"));
  CHECK(contains(probe_refusal({"nosuch.invalid", "9"}), "cannot resolve 'nosuch.invalid'"));
  CHECK(contains(probe_refusal({"--trace", "239.1.1.1", "9", "-i", "lo"}), "one host"));
  CHECK(contains(probe_refusal({"127.0.0.1", "9", "--maxhops", "3"}), "did you mean '--max-hops'?"));
}

TEST_CASE("probe: a group's responders are all listed, from whatever port, until the wait is over") {
  IN_NAMESPACE("interface eth0; ip address add 10.9.9.1/24 dev eth0; ip address add 10.9.9.2/24 dev eth0");
  const RawUdp group("0.0.0.0", 41'900);
  group.join("239.9.9.9", "eth0");
  Process process(udptool({"probe", "-i", "eth0", "-w", "500ms", "239.9.9.9", "41900"}));
  const auto request = group.receive();
  REQUIRE(request);
  const RawUdp one("10.9.9.1"), two("10.9.9.2");
  one.send(request->payload, request->port, request->address);
  two.send("other", request->port, request->address);
  CHECK(process.wait() == done);
  CHECK(contains(process.out(), one.endpoint() + "\topen\t"));
  CHECK(contains(process.out(), two.endpoint() + "\topen\t"));
  CHECK(count_of(process.out(), "\n") == 2);
}

TEST_CASE("probe: a broadcast address without -b hints at it") {
  IN_NAMESPACE("interface eth0; ip address add 10.9.9.1/24 broadcast 10.9.9.255 dev eth0");
  CHECK(contains(probe_refusal({"10.9.9.255", "9"}), "add --broadcast"));
  CHECK(contains(probe_refusal({"10.8.8.8", "9"}), "cannot reach 10.8.8.8:9"));
}

TEST_CASE("probe: with -b, a host that is no broadcast address is done with its answer") {
  const Server server(echo);
  const Stopwatch watch;
  const Finished finished = probe({"-b", "-w", "20s", "127.0.0.1", server.port()});
  CHECK(finished.ending == done);
  CHECK(count_of(finished.out, "\topen\t") == 1);
  CHECK(watch.elapsed() < Milliseconds(10'000));
}

TEST_CASE("probe: an ICMP error that quotes only the header waits, and a reply beats it") {
  // Nothing of an empty request can be quoted: so little anybody can say.
  const Stopwatch watch;
  const Finished finished = probe({"--payload", "empty", "-w", "300ms", "127.0.0.1", closed_port()});
  CHECK(finished.ending == refused);
  CHECK(contains(finished.out, "\tclosed\t"));
  CHECK(watch.elapsed() >= Milliseconds(300));
}

TEST_CASE("probe: a reply from another address is no answer, and is told") {
  const RawUdp asked("127.0.0.1"), other("127.0.0.2");
  Process process(udptool({"probe", "-j", "-w", "300ms", "127.0.0.1", std::to_string(asked.port())}));
  for (int i = 0; i < 3; ++i) {
    const auto request = asked.receive();
    REQUIRE(request);
    other.send(request->payload, request->port, request->address);
  }
  CHECK(process.wait() == nothing);
  CHECK(count_of(process.out(), "\"reply_from\":\"" + other.endpoint() + "\"") == 3);
  Process text(udptool({"probe", "-w", "200ms", "127.0.0.1", std::to_string(asked.port())}));
  const auto request = asked.receive();
  REQUIRE(request);
  other.send(request->payload, request->port, request->address);
  CHECK(text.wait() == nothing);
  CHECK(contains(text.out(), "\tno answer\t"));
  CHECK(contains(text.out(), "; a reply came from " + other.endpoint() + "\n"));
}

TEST_CASE("probe: a path, its MTU and a reflector, too, tell that another address replied") {
  for (const Words& mode : {Words{"--mtu"}, Words{"--trace", "--max-hops", "1"}, Words{"--stamp", "-c", "2"}}) {
    const RawUdp asked("127.0.0.1"), other("127.0.0.2");
    Words words{"probe", "-w", "300ms"};
    words.insert(words.end(), mode.begin(), mode.end());
    words.insert(words.end(), {"127.0.0.1", std::to_string(asked.port())});
    CAPTURE(words);
    Process process(udptool(words));
    const auto request = asked.receive();
    REQUIRE(request);
    std::string reply = request->payload;
    if (mode[0] == "--stamp") reply = reply.substr(0, 16) + std::string(8, 0) + reply.substr(0, 14) + std::string(6, 0);
    other.send("a stranger", request->port, request->address);
    for (int i = 0; i < 2; ++i) other.send(reply, request->port, request->address);
    CHECK(process.wait() == nothing);
    CHECK(count_of(process.err(), "which was not asked") == 1);
    CHECK(contains(process.err(), "note: a reply came from " + other.endpoint() + ", which was not asked\n"));
  }
}

TEST_CASE("probe: services that answer no stranger are told as such") {
  IN_NAMESPACE("");
  const RawUdp wireguard("127.0.0.1", 51'820);
  CHECK(
      contains(probe({"-w", "20ms", "127.0.0.1", "51820"}).out, "3 probes, no reply; WireGuard answers no stranger\n"));
}

TEST_CASE("probe -c: -q leaves the statistics alone, and -j has the histogram's bins") {
  const Server server(echo);
  const Words series{"-c", "5", "--interval", "1ms", "--histogram", "127.0.0.1", server.port()};
  Words quiet = series, events = series;
  quiet.insert(quiet.begin(), "-q");
  CHECK(probe(quiet).out.starts_with("5 sent, 5 received"));
  events.insert(events.begin(), "-j");
  CHECK(contains(probe(events).out, R"("histogram":[{"from_ms":)"));
}

TEST_CASE("probe -c 0: until it is ended, with its statistics") {
  const Server server(echo);
  Process process(udptool({"probe", "-c", "0", "--interval", "5ms", "127.0.0.1", server.port()}));
  for (int i = 0; i < 3; ++i) process.wait_for(Stream::out, "\topen\t");
  process.signal(SIGINT);
  CHECK(process.wait() == done);
  const bool all_came = contains(process.out(), " received, 0 lost (0.0 %)");
  CHECK((all_came || contains(process.out(), " received, 1 lost (")));  // the last one's reply may be on its way
  CHECK(probe({"-c", "0", "--interval", "1ms", "-W", "100ms", "127.0.0.1", server.port()}).ending == done);
}

TEST_CASE("probe --mtu -j: what succeeded does not end in a loss of everything") {
  const Finished finished = probe({"--mtu", "-j", "127.0.0.1", closed_port()});
  CHECK(finished.ending == done);
  CHECK(contains(finished.out, R"("sent":1,"received":1,"lost":0,"lost_percent":0.000)"));
  CHECK(!contains(finished.out, R"("state":"closed","sent")"));
  CHECK(contains(probe({"--mtu", "127.0.0.1"}).out, "path MTU\t65535\t"));
}
