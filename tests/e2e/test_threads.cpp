// SPDX-License-Identifier: MIT
// `listen --threads`: many sockets of one port that are one listener to whoever looks from outside.
#include <array>
#include <csignal>
#include <deque>
#include <random>
#include <set>
#include <string>
#include <thread>

#include "support/check.hpp"
#include "support/joiner.hpp"
#include "support/kernel.hpp"
#include "support/namespace.hpp"
#include "support/skip.hpp"
#include "support/slow_reader.hpp"
#include "support/udptool.hpp"

using namespace support;

namespace {

const int rounds = sanitized() ? 20 : 200;

Words threads(std::size_t count, const Words& more = {}) {
  Words words{"--threads", std::to_string(count)};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

// So many that chance gives each of a few threads some of them.
class Crowd {
 public:
  explicit Crowd(std::size_t size = 64) {
    for (std::size_t i = 0; i < size; ++i) senders_.emplace_back();
  }

  const RawUdp& operator[](std::size_t i) const { return senders_[i]; }
  std::size_t size() const { return senders_.size(); }
  std::string payload(std::size_t sender, std::size_t number) const {
    return "sender " + std::to_string(sender) + " number " + std::to_string(number) + std::string(number % 90, '.');
  }
  // Each sends so many, all at once from as many threads as `at_once`.
  void send(std::size_t each, std::uint16_t port, std::size_t at_once = 4) const {
    std::vector<std::thread> threads;
    for (std::size_t first = 0; first < at_once; ++first) {
      threads.emplace_back([this, each, port, first, at_once] {
        for (std::size_t number = 0; number < each; ++number) {
          for (std::size_t i = first; i < size(); i += at_once) senders_[i].send(payload(i, number), port);
        }
      });
    }
    for (std::thread& one : threads) one.join();
  }

 private:
  std::deque<RawUdp> senders_;
};

std::multiset<std::string> in_any_order(const std::vector<std::string>& lines) { return {lines.begin(), lines.end()}; }

}  // namespace

TEST_CASE("threads: from 1 to 64, and for nothing that is judged by the order of all that comes") {
  for (const char* wrong : {"0", "65", "-1", "two", "", "2x"}) {
    CAPTURE(wrong);
    const std::string refusal = listen_refusal({"--threads", wrong});
    CHECK(contains(refusal, "--threads"));
    CHECK(contains(refusal, "64"));
  }
  const std::vector<Words> others{{"--exec", "true"}, {"--chat"}, {"--rtp"}, {"--sequence"}};
  for (const Words& other : others) CHECK(contains(listen_refusal(threads(2, other)), "--threads"));
  CHECK(contains(listen_refusal(threads(2, {"--forward", "127.0.0.1:9", "--impair", "loss=1%"})), "--impair"));
  const Finished inherited = run_udptool({"listen", "--threads", "2", "fd:7"});
  CHECK(inherited.ending == failed);
  CHECK(count_of(inherited.err, "\n") == 1);
}

TEST_CASE("threads: there are as many sockets as were asked for, and one port is told") {
  for (const std::size_t count : {1u, 2u, 5u, 64u}) {
    Listener listener(threads(count));
    CHECK(sockets_of(listener.port()) == count);
    const Finished result = listener.stop();
    CHECK(result.ending == done);
    CHECK(count_of(result.err, "listening on") == 1);
  }
}

TEST_CASE("threads: port 0 is one free port for all of them in both families") {
  SKIP_UNLESS(has_ipv6(), "no IPv6 here");
  Listener listener(threads(3, {"-c", "2"}), {"0"}, 2);
  CHECK(listener.port(0) == listener.port(1));
  const RawUdp four, six("::1");
  four.send("4", listener.port());
  CHECK(listener.wait_for(Stream::out, "\t") == four.endpoint() + "\t1\t4");
  six.send("6", listener.port());
  CHECK(listener.wait_for(Stream::out, "\t") == six.endpoint() + "\t1\t6");
  CHECK(listener.finish().ending == done);
}

TEST_CASE("threads: a port that another program has is an error still") {
  const RawUdp other;
  const Finished result = run_udptool({"listen", "--threads", "2", other.endpoint()});
  CHECK(result.ending == failed);
  CHECK(contains(result.err, "cannot bind " + other.endpoint() + ": Address already in use"));
  const Listener threaded(threads(2));
  const Finished second = run_udptool({"listen", "--threads", "2", "127.0.0.1:" + std::to_string(threaded.port())});
  CHECK(second.ending == failed);
  CHECK(contains(second.err, "Address already in use"));
}

TEST_CASE("threads: every record of a crowd is there once, and whole") {
  const Crowd crowd;
  constexpr std::size_t each = 100;
  std::multiset<std::string> text, payloads;
  for (std::size_t sender = 0; sender < crowd.size(); ++sender) {
    for (std::size_t number = 0; number < each; ++number) {
      const std::string payload = crowd.payload(sender, number);
      text.insert(crowd[sender].endpoint() + "\t" + std::to_string(payload.size()) + "\t" + payload);
      payloads.insert(payload);
    }
  }
  const std::string count = std::to_string(crowd.size() * each);
  {
    Listener listener(threads(4, {"-c", count}));
    crowd.send(each, listener.port());
    const Finished result = listener.finish();
    CHECK(result.ending == done);
    CHECK(in_any_order(lines_of(result.out)) == text);
    CHECK(contains(result.err, count + " datagrams, "));
    CHECK(contains(result.err, " 64 senders, 0 dropped, 0 ignored, "));
  }
  Listener raw(threads(4, {"-c", count, "-r", "-D", "\\n"}));
  crowd.send(each, raw.port());
  CHECK(in_any_order(lines_of(raw.finish().out)) == payloads);
  Listener json(threads(4, {"-c", count, "-j"}));
  crowd.send(each, json.port());
  const Finished events = json.finish();
  CHECK(count_of(events.out, "{\"event\":\"message\"") == crowd.size() * each);
  CHECK(count_of(events.out, "\n{") == count_of(events.out, "\n") - 1);
  CHECK(contains(last_line(events.out), "\"event\":\"close\""));
  CHECK(contains(last_line(events.out), "\"datagrams\":" + count));
}

TEST_CASE("threads: -c is exact, whatever more comes") {
  const Crowd crowd(16);
  for (int round = 0; round < rounds; ++round) {
    const std::size_t count = 1 + static_cast<std::size_t>(round) % 97;
    Listener listener(threads(4, {"-c", std::to_string(count)}));
    crowd.send(20, listener.port(), 2);
    const Finished result = listener.finish();
    CHECK(result.ending == done);
    CHECK(count_of(result.out, "\n") == count);
    CHECK(summary_of(result.err).datagrams == count);
  }
}

TEST_CASE("threads: an interrupt ends them all, with the sum of what they took") {
  const Crowd crowd;
  Listener listener(threads(4, {"-o", "none"}));
  crowd.send(50, listener.port());
  const Finished result = listener.stop();
  CHECK(result.ending == done);
  CHECK(summary_of(result.err).datagrams == 50 * crowd.size());
}

TEST_CASE("threads: signals at random moments end the process, with whole records") {
  const Crowd crowd(8);
  std::mt19937 random(7);
  for (int round = 0; round < rounds; ++round) {
    Listener listener(threads(3, {"--stats=1ms"}));
    std::jthread sending([&] { crowd.send(40, listener.port(), 2); });
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 20'000));
    listener.signal(SIGUSR1);
    const int last = std::array{SIGINT, SIGTERM, SIGHUP}[random() % 3];
    const Finished result = listener.stop(last);
    sending.join();
    CHECK(result.ending == done);
    CAPTURE(result.err);
    CHECK(count_of(result.out, "\n") == summary_of(result.err).datagrams);
    for (const std::string& line : lines_of(result.out))
      CHECK(is_like(line, "127\\.0\\.0\\.1:\\d+\t\\d+\tsender \\d+ number \\d+\\.*"));
  }
}

TEST_CASE("threads: a reader who does not read holds nobody up for long after a signal") {
  SlowReader reader;
  reader.make_small();
  Listener listener(threads(3), {"127.0.0.1:0"}, 1, {.output_file = reader.path()});
  const Crowd crowd;
  crowd.send(20, listener.port());  // far more than the reader's pipe holds, and less than the sockets do
  const Stopwatch watch;
  const Finished result = listener.stop();
  CHECK(result.ending == done);
  CHECK(watch.elapsed() < Milliseconds(5'000));
  CHECK(contains(result.err, " records could not be written"));
  CHECK(contains(result.err, "datagrams, "));
}

TEST_CASE("threads: the deadline ends a write that waits for its reader") {
  SlowReader reader;
  reader.make_small();
  Listener listener(threads(3, {"-W", "1"}), {"127.0.0.1:0"}, 1, {.output_file = reader.path()});
  const Crowd crowd;
  crowd.send(40, listener.port());
  CHECK(listener.finish().ending == done);
}

TEST_CASE("threads: a reader that goes away ends them quietly") {
  Process process({"sh", "-c", udptool({})[0] + " listen --threads 3 127.0.0.1:0 | head -n 1"});
  const auto told = process.wait_for_match(Stream::err, "listening on .*:([0-9]+)$");
  const Crowd crowd(8);
  crowd.send(5, static_cast<std::uint16_t>(std::stoul(told[1])));
  const Finished result = process.finish();
  CHECK(result.ending == done);
  CHECK(count_of(result.out, "\n") == 1);
  CHECK_FALSE(contains(result.err, "udptool: "));
}

TEST_CASE("threads: a full disk is told once") {
  SKIP_UNLESS(access("/dev/full", W_OK) == 0, "no /dev/full here");
  Listener listener(threads(3), {"127.0.0.1:0"}, 1, {.output_file = "/dev/full"});
  const Crowd crowd(16);
  crowd.send(5, listener.port());
  const Finished result = listener.finish();
  CHECK(result.ending == failed);
  CHECK(count_of(result.err, "cannot write to the output: No space left on device") == 1);
}

TEST_CASE("threads: silence for -w is that of all of them") {
  Listener listener(threads(3, {"-w", "300ms", "-o", "none"}));
  const Crowd crowd;
  const Stopwatch watch;
  while (watch.elapsed() < Milliseconds(1'000)) {
    crowd.send(1, listener.port(), 1);
    std::this_thread::sleep_for(Milliseconds(10));
  }
  const Finished result = listener.finish();
  CHECK(watch.elapsed() >= Milliseconds(1'200));
  CHECK(result.ending == done);
  Listener deaf(threads(2, {"-w", "100ms"}));
  CHECK(deaf.finish().ending == nothing);
}

TEST_CASE("threads: what is ignored, and who sent most, is counted over all of them") {
  const Crowd crowd;
  Listener listener(threads(4, {"-o", "none", "--top=3", "--deny", "127.0.0.2/32"}));
  crowd.send(10, listener.port());
  for (int i = 0; i < 200; ++i) crowd[0].send("most", listener.port());
  for (int i = 0; i < 7; ++i) RawUdp("127.0.0.2").send("denied", listener.port(), "127.0.0.1");
  wait_until_taken(listener.port());
  const Finished result = listener.stop();
  CHECK(contains(result.err, "840 datagrams, "));
  CHECK(contains(result.err, " 64 senders, 0 dropped, 7 ignored, "));
  CHECK(contains(result.err, "top: " + crowd[0].endpoint() + ": "));
  CHECK(contains(result.err, " 210 datagrams, "));
  CHECK(contains(result.err, ", 25.0 %, "));
  CHECK(count_of(result.err, "\ntop: ") == 3);
}

TEST_CASE("threads: a notice tells when one of them does nearly all, and none when they share") {
  const RawUdp one;
  Listener single(threads(2, {"-c", "300", "-o", "none"}));
  for (int i = 0; i < 300; ++i) one.send("x", single.port());
  CHECK(contains(single.finish().err,
                 "note: one of 2 threads takes 100 % of all: a sender always comes to the same one\n"));
  const Crowd crowd;
  Listener shared(threads(2, {"-c", "640", "-o", "none"}));
  crowd.send(10, shared.port());
  CHECK_FALSE(contains(shared.finish().err, "threads takes"));
  Listener alone({"-c", "300", "-o", "none"});
  for (int i = 0; i < 300; ++i) one.send("x", alone.port());
  CHECK_FALSE(contains(alone.finish().err, "threads"));
}

TEST_CASE("threads: what was sent to many is one record, on whichever socket it came") {
  IN_NAMESPACE(two_networks);
  const RawUdp member("10.9.1.1");
  member.join("239.1.1.1", "one");
  Listener listener(threads(4), {"0.0.0.0:0"});
  const std::string port = std::to_string(listener.port());
  for (const char* to : {"10.9.1.255", "255.255.255.255", "239.1.1.1"}) {
    Words words{"send", to, port, std::string("to ") + to};
    words.insert(words.begin() + 1, {"-b", "-i", "one"});
    CHECK(run_udptool(words).ending == done);
  }
  member.send("the last", listener.port(), "10.9.1.1");
  listener.wait_for(Stream::out, "the last");
  wait_until_taken(listener.port());
  const Finished result = listener.stop();
  for (const char* to : {"10.9.1.255", "255.255.255.255", "239.1.1.1"}) {
    CAPTURE(to);
    CHECK(count_of(result.out, std::string("to ") + to + "\n") == 1);
  }
  CHECK(contains(result.err, "4 datagrams, "));
  CHECK(contains(result.err, " 0 ignored, "));
}

TEST_CASE("threads: a responder answers each sender, from the port that was asked") {
  const Crowd crowd;
  for (const Words& responder : {Words{"--echo"}, Words{"--reply", "pong"}}) {
    Listener listener(threads(3, responder));
    for (std::size_t i = 0; i < crowd.size(); ++i) crowd[i].send("ping " + std::to_string(i), listener.port());
    for (std::size_t i = 0; i < crowd.size(); ++i) {
      const auto answer = crowd[i].receive();
      REQUIRE(answer);
      CHECK(answer->payload == (responder[0] == "--echo" ? "ping " + std::to_string(i) : "pong"));
      CHECK(answer->port == listener.port());
    }
    CHECK(contains(listener.stop().err, "64 datagrams, "));
  }
}

TEST_CASE("threads: a STAMP session is counted by one of them") {
  Listener listener(threads(3, {"--stamp", "-o", "none"}));
  const std::string port = std::to_string(listener.port());
  for (int i = 0; i < 5; ++i) {
    const Finished probe = run_udptool({"probe", "--stamp", "-c", "5", "--interval", "2ms", "127.0.0.1", port});
    CHECK(probe.ending == done);
    CHECK(contains(probe.out, "5 sent, 5 received, 0 lost"));
  }
  CHECK(contains(listener.stop().err, "25 datagrams, "));
}

TEST_CASE("threads: a relay of several goes both ways, and counts as one") {
  const RawUdp target;
  Listener relay(threads(3, {"--forward", target.endpoint(), "-o", "none"}));
  const Crowd crowd(24);
  for (std::size_t i = 0; i < crowd.size(); ++i) crowd[i].send("there " + std::to_string(i), relay.port());
  for (std::size_t i = 0; i < crowd.size(); ++i) {
    const auto came = target.receive();
    REQUIRE(came);
    target.reply(*came, "back" + came->payload.substr(came->payload.find(' ')));
  }
  for (std::size_t i = 0; i < crowd.size(); ++i) CHECK(crowd[i].next() == "back " + std::to_string(i));
  const Finished result = relay.stop();
  CHECK(contains(result.err, "forwarded 24 to " + target.endpoint() + ", 0 refused, 24 sessions\n"));
  CHECK(count_of(result.err, "forwarded") == 1);
}

TEST_CASE("threads: one capture holds what all of them took and answered") {
  const Crowd crowd;
  const TemporaryFile file;
  Listener listener(threads(3, {"--echo", "-o", "none", "--pcap", file.path()}));
  for (std::size_t i = 0; i < crowd.size(); ++i) crowd[i].send(crowd.payload(i, i), listener.port());
  for (std::size_t i = 0; i < crowd.size(); ++i) CHECK(crowd[i].next() == crowd.payload(i, i));
  CHECK(listener.stop().ending == done);
  const std::string capture = file.content();
  std::multiset<std::string> payloads, expected;
  for (std::size_t i = 0; i < crowd.size(); ++i) {
    for (int twice = 0; twice < 2; ++twice) expected.insert(crowd.payload(i, i));
  }
  constexpr std::size_t file_header = 24, record_header = 16, headers = 28;
  for (std::size_t at = file_header; at < capture.size();) {
    std::uint32_t size = 0;
    REQUIRE(at + record_header <= capture.size());
    capture.copy(reinterpret_cast<char*>(&size), sizeof size, at + 8);
    REQUIRE(at + record_header + size <= capture.size());
    payloads.insert(capture.substr(at + record_header + headers, size - headers));
    at += record_header + size;
  }
  CHECK(payloads == expected);
}

TEST_CASE("threads: --metrics and SIGUSR1 tell the sums") {
  const TemporaryDirectory directory;
  const std::string file = directory.file("udptool.prom");
  const Crowd crowd;
  Listener listener(threads(3, {"--echo", "-o", "none", "--metrics", file}));
  for (std::size_t i = 0; i < crowd.size(); ++i) crowd[i].send("x", listener.port());
  for (std::size_t i = 0; i < crowd.size(); ++i) CHECK(crowd[i].next() == "x");
  listener.signal(SIGUSR1);
  CHECK(contains(listener.wait_for(Stream::err, " datagrams, "), "64 datagrams, 64 bytes, 64 senders, 0 dropped"));
  CHECK(listener.stop().ending == done);
  std::ifstream in(file);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const std::string labels = "{endpoint=\"127.0.0.1:" + std::to_string(listener.port()) + "\"} 64\n";
  CHECK(contains(text, "udptool_received_datagrams_total" + labels));
  CHECK(contains(text, "udptool_answered_datagrams_total" + labels));
  CHECK(contains(text, "udptool_senders 64\n"));
}
