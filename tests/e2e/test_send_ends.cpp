// SPDX-License-Identifier: MIT
// How `udptool send` ends and what it tells: what was left unsent, replies and refusals, notices, progress.
#include <csignal>
#include <regex>

#include "support/check.hpp"
#include "support/namespace.hpp"
#include "support/spoof.hpp"
#include "support/udptool.hpp"

using namespace support;

namespace {

// The percentages of a progress line, as it was drawn one time after the other.
std::vector<int> percentages(const std::string& err) {
  static const std::regex pattern("([0-9]+) %");
  std::vector<int> all;
  for (std::sregex_iterator at(err.begin(), err.end(), pattern), end; at != end; ++at) {
    all.push_back(std::stoi((*at)[1]));
  }
  return all;
}

}  // namespace

TEST_CASE("send: ended before all had left is 1, although it was answered") {
  const RawUdp peer;
  Process sender(udptool(to_peer(peer, {"-c", "1000", "--rate", "2"}, {"x"})));
  const auto got = peer.receive();
  REQUIRE(got);
  peer.reply(*got, "answer");
  sender.wait_for(Stream::out, "answer");
  sender.signal(SIGINT);
  CHECK(sender.wait() == nothing);
  CHECK(contains(sender.err(), "sent "));
}

TEST_CASE("send -W: what had not left by then is 1, of a file, too") {
  const RawUdp peer;
  CHECK(run_udptool(to_peer(peer, {"-c", "100", "--rate", "2", "-W", "200ms"}, {"x"})).ending == nothing);
  const TemporaryFile file(numbered_lines(100));
  CHECK(run_udptool(to_peer(peer, {"-f", file.path(), "--rate", "2", "-W", "200ms"})).ending == nothing);
}

TEST_CASE("send -W: input that is no complete datagram yet is 1 and told; complete lines of a stream are 0") {
  const RawUdp peer;
  struct Row {
    Words options;
    const char* input;
    Ending ending;
    const char* told;
  };
  for (const Row& row :
       std::vector<Row>{{{"--whole"}, "abc", nothing, "not sent: 3 bytes"},
                        {{"--chunk", "10"}, "abc", nothing, "not sent: 3 bytes"},
                        {{}, "line\nb", nothing, "not sent: 1 byte that is no complete datagram yet"},
                        {{}, "line\nabc\n", done, "sent 2 datagrams, 7 bytes, 0 refused; received 0 datagrams"},
                        {{"--chunk", "3"}, "abcdef", done, "sent 2 datagrams, 6 bytes, 0 refused; received"}}) {
    Words words = row.options;
    words.insert(words.end(), {"-W", "300ms"});
    Process sender(udptool(to_peer(peer, words)), {.input = Input::pipe});
    sender.write(row.input);
    CHECK(sender.wait() == row.ending);  // its input is open still
    CAPTURE(row.input);
    CAPTURE(sender.err());
    CHECK(contains(sender.err(), row.told));
    CHECK(contains(sender.err(), "not sent") == (row.ending == nothing));
  }
}

TEST_CASE("send: a last piece without an end is told, too, when a signal and the end of the input come together") {
  const RawUdp peer;
  struct Row {
    Words options;
    const char* first;
    const char* last;
  };
  for (const Row& row : {Row{{}, "one", "two"}, Row{{"--chunk", "5"}, "one\nt", "wo"}}) {
    CAPTURE(row.options);
    Process sender(udptool(to_peer(peer, row.options)), {.input = Input::pipe});
    sender.write("one\ntwo");
    REQUIRE(peer.next() == row.first);  // and so it has read the last one
    sender.signal(SIGSTOP);
    sender.close_input();
    sender.signal(SIGINT);
    sender.signal(SIGCONT);
    const Ending ending = sender.wait();
    const bool told = contains(sender.err(), "not sent: ");
    CHECK(ending == (told ? nothing : done));  // or it was sent, and all is well
    if (!told) CHECK(peer.next() == row.last);
  }
}

TEST_CASE("send -v, -j: what had left is told when a wrong piece ends it") {
  const RawUdp peer;
  const std::string input = "61\n6\n";
  CHECK(contains(run_with_input(to_peer(peer, {"-v", "-x"}), input).err, "\nsent 1 datagram, 1 byte, 0 refused; "));
  const Finished json = run_with_input(to_peer(peer, {"-j", "-x"}), input);
  CHECK(json.ending == failed);
  CHECK(contains(json.out, "\"event\":\"close\""));
  CHECK(contains(json.out, "\"sent\":1,"));
}

TEST_CASE("send: lines of a stream that nobody answers in the time of -w are 1, however it ends") {
  const RawUdp peer;
  Process sender(udptool(to_peer(peer, {"-w", "10", "-W", "300ms"})), {.input = Input::pipe});
  sender.write("one\n");
  CHECK(sender.wait() == nothing);
  CHECK(contains(sender.err(), "no reply came"));
}

TEST_CASE("send: what a router drops for its size is refused, and no success") {
  IN_NAMESPACE(
      "new_host router far; cable here out router in; cable router narrow far back\n"
      "on router ip link set narrow mtu 1400; on far ip link set back mtu 1400\n"
      "ip address add 10.8.1.1/24 dev out; on router ip address add 10.8.1.2/24 dev in\n"
      "on router ip address add 10.8.2.1/24 dev narrow; on far ip address add 10.8.2.2/24 dev back\n"
      "on far ip route add default via 10.8.2.1; ip route add default via 10.8.1.2\n"
      "set_kernel router net/ipv4/ip_forward 1");
  const Finished finished = run_udptool({"send", "-w", "5", "-l", "1400", "10.8.2.2", "4000"});
  CAPTURE(finished.err);
  CHECK(finished.ending.status == 3);
  CHECK(contains(finished.err, "fragmentation needed, MTU 1400 from 10.8.1.2"));
  CHECK(contains(finished.err, "sent 1 datagram, 1400 bytes, 1 refused"));
}

TEST_CASE("send: replies to a line come from whichever port and address, without -w") {
  const RawUdp peer;
  const RawUdp other("127.0.0.2");
  Process sender(udptool(to_peer(peer, {})), {.input = Input::pipe});
  sender.write("ping\n");
  const auto got = peer.receive();
  REQUIRE(got);
  other.reply(*got, "pong");
  CHECK(sender.wait_for(Stream::out, "pong") == other.endpoint() + "\t4\tpong");
  sender.close_input();
  CHECK(sender.wait() == done);
}

TEST_CASE("send --replies: no more are printed, however many came at once") {
  const RawUdp peer;
  Process sender(udptool(to_peer(peer, {"-w", "30", "--replies", "2"}, {"x"})));
  const auto got = peer.receive();
  REQUIRE(got);
  sender.signal(SIGSTOP);  // so that they are all there when it looks
  for (const char* text : {"1", "2", "3", "4", "5"}) peer.reply(*got, text);
  sender.signal(SIGCONT);
  CHECK(sender.wait() == done);
  CHECK(sender.out() == peer.endpoint() + "\t1\t1\n" + peer.endpoint() + "\t1\t2\n");
}

TEST_CASE("send -r -D: the delimiter ends each reply, of a MESSAGE and of --whole") {
  const RawUdp peer;
  for (const Words& options : {Words{}, Words{"--whole"}}) {
    Words words{"-r", "-D", ";", "-w", "30", "--replies", "2"};
    words.insert(words.end(), options.begin(), options.end());
    Process sender(udptool(to_peer(peer, words, options.empty() ? Words{"a;b"} : Words{})), {.input = Input::pipe});
    if (!options.empty()) sender.write("a;b");
    sender.close_input();
    const auto got = peer.receive();
    REQUIRE(got);
    CHECK(got->payload == "a;b");
    peer.reply(*got, "one");
    peer.reply(*got, "two");
    CHECK(sender.wait() == done);
    CHECK(sender.out() == "one;two;");
  }
}

TEST_CASE("send: empty input ends at once with 0, whatever is waited for") {
  const RawUdp peer;
  const TemporaryFile empty;
  const TemporaryFile blank("\n\n");
  const Stopwatch watch;
  CHECK(run_udptool(to_peer(peer, {"--replies", "1"})).ending == done);
  CHECK(run_udptool(to_peer(peer, {"-w", "60"})).ending == done);
  CHECK(run_udptool(to_peer(peer, {"-c", "0", "-f", empty.path()})).ending == done);
  CHECK(run_udptool(to_peer(peer, {"-c", "0", "--skip-empty", "-f", blank.path()})).ending == done);
  CHECK(watch.elapsed() < patience);
  CHECK_FALSE(peer.receive(Milliseconds(30)));
}

TEST_CASE("send -w: that no reply came is told, and a refusal is not that") {
  const RawUdp peer;
  const Finished silent = run_udptool(to_peer(peer, {"-w", "50ms"}, {"x"}));
  CHECK(silent.ending == nothing);
  CHECK(silent.err == "note: no reply came\n");
  const Finished closed = run_udptool({"send", "-w", "30", "127.0.0.1", std::to_string(unused_port()), "x"});
  CHECK(closed.ending == refused);
  CHECK_FALSE(contains(closed.err, "no reply"));
  CHECK(contains(closed.err, "sent 1 datagram, 1 byte, 1 refused; received 0 datagrams"));
}

TEST_CASE("send -w: it ends when all that it sent was refused, whatever it was cut from") {
  const Stopwatch watch;
  const std::string port = std::to_string(unused_port());
  for (const std::string host : {"127.0.0.1", "::1"}) {
    if (host == "::1" && !has_ipv6()) continue;
    CHECK(contains(run_udptool({"send", "-w", "60", host, port, "a", "b", "cd"}).err, " 3 refused"));
    CHECK(contains(run_udptool({"send", "-w", "60", "-l", "10", "-c", "100", host, port}).err, " 100 refused"));
    const Finished lines = run_with_input({"send", "-w", "60", host, port}, "a\nb\n");
    CHECK(lines.ending == refused);
    CHECK(contains(lines.err, "sent 2 datagrams, 2 bytes, 2 refused"));
    CHECK(contains(run_with_input({"send", "-w", "60", "--chunk", "2", host, port}, "aabbc").err, " 3 refused"));
  }
  CHECK(watch.elapsed() < patience);
}

TEST_CASE("send: each datagram that the loopback refuses is counted, however many leave at once") {
  const Finished result =
      run_udptool({"send", "-v", "-l", "1000", "-c", "5000", "127.0.0.1", std::to_string(unused_port())});
  CHECK(result.ending == refused);
  CHECK(contains(result.err, "sent 5000 datagrams, 5000000 bytes, 5000 refused"));
}

TEST_CASE("send -w: an error that quotes no payload, or one message twice, ends no wait, and a reply beats it") {
  IN_NAMESPACE(":");
  const RawIp raw;
  const RawUdp peer;
  struct Row {
    Words messages;
    std::vector<std::string> quotes;
  };
  for (const Row& row : std::vector<Row>{{{"ask"}, {""}}, {{"one", "two"}, {"one", "one"}}}) {
    Process sender(udptool(to_peer(peer, {"-w", "30", "--replies", "1"}, row.messages)));
    const auto got = peer.receive();
    REQUIRE(got);
    for (std::size_t i = 1; i < row.messages.size(); ++i) peer.receive();
    const Ends ends{got->address, got->port, "127.0.0.1", peer.port()};
    for (const std::string& quote : row.quotes) raw.port_unreachable(ends, quote);
    sender.wait_for(Stream::err, "port unreachable");
    peer.reply(*got, "here I am");
    CHECK(sender.wait() == done);
    CHECK(contains(sender.out(), "here I am"));
  }
}

TEST_CASE("send: a buffer is asked for where replies are waited for, and what it cannot hold is told") {
  const RawUdp peer;
  CHECK(contains(run_udptool(to_peer(peer, {"-v", "-w", "10ms"}, {"x"})).err, "the receive buffer is"));
  CHECK(peer.next() == "x");
  Process sender(udptool(to_peer(peer, {"-w", "60", "--replies", "1", "--rcvbuf", "4K"}, {"x"})));
  const auto got = peer.receive();
  REQUIRE(got);
  sender.signal(SIGSTOP);
  for (int i = 0; i < 200; ++i) peer.reply(*got, std::string(1'000, 'x'));
  sender.signal(SIGCONT);
  CHECK(sender.wait() == done);
  CHECK(std::regex_search(sender.err(), std::regex(", [1-9][0-9]*\\+? dropped, ")));
}

TEST_CASE("send -v: to a group without -t, that TTL 1 does not leave the link") {
  IN_NAMESPACE("interface one; ip addr add 10.0.1.1/24 dev one");
  const Words to_group{"send", "-v", "-i", "one", "239.1.1.1", "5000", "x"};
  CHECK(contains(run_udptool(to_group).err, "a TTL of 1 does not leave the link"));
  Words with_ttl = to_group;
  with_ttl.insert(with_ttl.end(), {"-t", "4"});
  CHECK_FALSE(contains(run_udptool(with_ttl).err, "TTL"));
  CHECK(contains(run_udptool(with_ttl).err, "sent 1 datagram, 1 byte, 0 refused"));
}

TEST_CASE("send -f: many lines without a pace are told, unless they were slow") {
  constexpr int count = 100'000;
  const TemporaryFile file(numbered_lines(count));
  const RawUdp peer;
  const Stopwatch watch;
  const Finished result = run_udptool(to_peer(peer, {"-f", file.path()}));
  SKIP_UNLESS(watch.elapsed() < Milliseconds(900), "too slow a machine to send faster than a receiver takes");
  CHECK(result.ending == done);
  CHECK(contains(result.err, "note: 100000 lines left without a pace"));
  const TemporaryFile few(numbered_lines(999));
  CHECK(run_udptool(to_peer(peer, {"-f", few.path()})).err.empty());
  CHECK(run_udptool(to_peer(peer, {"-f", few.path(), "-c", "2", "--rate", "200k"})).err.empty());
}

TEST_CASE("send --progress: it counts what was sent, and what is said begins a line") {
  const RawUdp peer;
  const TemporaryFile file(numbered_lines(40));
  Process sender(udptool(to_peer(peer, {"--progress", "--rate", "20", "-f", file.path()})));
  sender.wait_for_bytes(Stream::err, 1);
  sender.signal(SIGUSR1);
  CHECK(contains(sender.wait_for(Stream::err, "refused"), "\r\x1b[Ksent "));
  CHECK(sender.wait() == done);
  const std::vector<int> drawn = percentages(sender.err());
  REQUIRE(drawn.size() > 2);
  CHECK(drawn.front() < 90);
  CHECK(drawn.back() == 100);
}

TEST_CASE("send --progress: a line that cannot be written ends nothing") {
  const RawUdp peer;
  const TemporaryFile file(numbered_lines(10));
  Words words{"sh", "-c", "exec \"$@\" 2>&-", "sh"};
  const Words send = udptool(to_peer(peer, {"--progress", "--rate", "20", "-f", file.path()}));
  words.insert(words.end(), send.begin(), send.end());
  CHECK(run(words).ending == done);
  for (int i = 0; i < 10; ++i) CHECK(peer.next() == std::to_string(i));
}

TEST_CASE("send --bitrate: empty datagrams have a pace, and one that is slower than any clock is no burst") {
  const RawUdp peer;
  const Stopwatch watch;
  CHECK(run_udptool(to_peer(peer, {"-l", "0", "--bitrate", "80", "-c", "3"})).ending == done);
  CHECK(watch.elapsed() >= Milliseconds(195));
  for (int i = 0; i < 3; ++i) CHECK(peer.next().empty());
  const Words slow{"-l", "10", "--bitrate", "0.000001", "-c", "20", "-W", "200ms"};
  CHECK(run_udptool(to_peer(peer, slow)).ending == nothing);
  CHECK(peer.next() == "abcdefghij");
  CHECK_FALSE(peer.receive(Milliseconds(30)));
}

TEST_CASE("send --stats: what left and what came, each interval, in text and json") {
  const RawUdp peer;
  const Words paced{"--rate", "40", "-c", "8", "--stats=100ms"};
  const std::string err = run_udptool(to_peer(peer, paced, {"four"})).err;
  static const std::regex line(
      "sent ([0-9]+) datagrams?/s, [0-9.]+ k?bit/s; received 0 datagrams/s, 0 bit/s, "
      "0 senders, 0 dropped\n");
  std::smatch found;
  REQUIRE(std::regex_search(err, found, line));
  CHECK(std::stoi(found[1]) > 1);
  for (const char* form : {"-j", "-q"}) {
    Words words = paced;
    words.emplace_back(form);
    const Finished result = run_udptool(to_peer(peer, words, {"four"}));
    CHECK(result.ending == done);
    if (words.back() == "-j") {
      CHECK(result.err.empty());
      CHECK(contains(result.out, "\"sent_per_second\":"));
      CHECK(contains(result.out, "\"sent_bits_per_second\":"));
    } else {
      CHECK(std::regex_search(result.err, line));
    }
  }
}
