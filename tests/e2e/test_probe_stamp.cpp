// SPDX-License-Identifier: MIT
// `probe --stamp` against another implementation, tests/netns/stamp.py.
#include <sys/stat.h>

#include <string>

#include "support/check.hpp"
#include "support/udptool.hpp"

using namespace support;

namespace {

Words python(const Words& options) {
  Words words{"python3", "-u", STAMP_PEER, "reflect"};
  words.insert(words.end(), options.begin(), options.end());
  return words;
}

class Reflector : public Process {
 public:
  explicit Reflector(const Words& options = {}) : Process(python(options)) {
    port_ = wait_for_match(Stream::out, "port ([0-9]+)")[1];
  }
  const std::string& port() const { return port_; }

  Finished ask(const Words& options) const {
    Words words{"probe", "--stamp", "-w", "2"};
    words.insert(words.end(), options.begin(), options.end());
    words.insert(words.end(), {"127.0.0.1", port_});
    return run_udptool(words);
  }

 private:
  std::string port_;
};

}  // namespace

TEST_CASE("probe --stamp: one line, or events, of what another implementation answers") {
  SKIP_UNLESS(have("python3"), "no python3");
  const Reflector peer;
  const Finished line = peer.ask({});
  CHECK(line.ending == done);
  CHECK(is_like(line.out, "127\\.0\\.0\\.1:" + peer.port() +
                              "\topen\t[0-9.]+ ms\tstamp, forward -?[0-9.]+ ms, backward -?[0-9.]+ ms \\(clocks not "
                              "synchronised\\), hops 0 there, 0 back, 44 bytes\n"));
  const Finished events = peer.ask({"-j", "-c", "3", "--interval", "10ms"});
  CHECK(count_of(events.out, R"("event":"probe")") == 3);
  CHECK(count_of(events.out, R"("forward_ms":)") == 4);
  CHECK(count_of(events.out, R"("synchronised":false)") == 4);
  CHECK(contains(events.out, R"("lost_forward":0,"lost_backward":0,"lost_unknown":0)"));
  CHECK(events.err.empty());
}

TEST_CASE("probe --stamp: loss has the direction that it had") {
  SKIP_UNLESS(have("python3"), "no python3");
  const Reflector peer({"--lose-forward", "3,5,6", "--lose-backward", "8,10"});
  const Finished text = peer.ask({"-q", "-w", "0.5", "-c", "20", "--interval", "10ms"});
  CHECK(contains(text.out, "20 sent, 15 received, 5 lost"));
  CHECK(contains(text.out, "\nlost 3 forward, 2 backward, 0 unknown\n"));
  const Reflector last({"--lose-forward", "2,18", "--lose-backward", "3,19"});
  CHECK(contains(last.ask({"-j", "-w", "0.5", "-c", "20", "--interval", "10ms"}).out,
                 R"("lost_forward":1,"lost_backward":1,"lost_unknown":2)"));
}

TEST_CASE("probe --stamp --metrics: loss has the direction that it had, and what is behind the last reply has none") {
  SKIP_UNLESS(have("python3"), "no python3");
  const Reflector peer({"--lose-forward", "3,5,6", "--lose-backward", "8,10,19"});
  const TemporaryFile file;
  peer.ask({"-q", "-w", "0.5", "-c", "20", "--interval", "10ms", "--stats=5ms", "--metrics", file.path()});
  const auto lost = [&](const char* direction, const char* count) {
    return contains(file.content(), "\nudptool_probe_lost_total{target=\"127.0.0.1:" + peer.port() + "\",direction=\"" +
                                        direction + "\"} " + count + "\n");
  };
  CAPTURE(file.content());
  CHECK(lost("forward", "3"));
  CHECK(lost("backward", "2"));
  CHECK(lost("unknown", "1"));
}

TEST_CASE("probe --stamp --metrics: what a reflector missed that then counts anew is lost, in no direction, at once") {
  SKIP_UNLESS(have("python3"), "no python3");
  const Reflector peer({"--lose-forward", "5,6,7", "--restart-at", "6"});
  const TemporaryFile file;
  Process probe(udptool({"probe", "--stamp", "-q", "-o", "none", "-w", "0.1", "-c", "0", "--interval", "10ms",
                         "--stats=20ms", "--metrics", file.path(), "127.0.0.1", peer.port()}));
  const std::string unknown =
      "\nudptool_probe_lost_total{target=\"127.0.0.1:" + peer.port() + "\",direction=\"unknown\"} ";
  const Stopwatch watch;
  while (!contains(file.content(), unknown + "3\n") && watch.elapsed() < patience) {
    std::this_thread::sleep_for(Milliseconds(5));
  }
  CAPTURE(file.content());
  CHECK(contains(file.content(), unknown + "3\n"));
  CHECK(contains(file.content(), ",direction=\"forward\"} 0\n"));
  CHECK(probe.stop().ending == done);
}

TEST_CASE("probe --stamp: a stateless reflector leaves the direction unknown, an RFC 8762 one the session") {
  SKIP_UNLESS(have("python3"), "no python3");
  const Reflector peer({"--stateless", "--twamp", "--zero-ssid", "--lose-backward", "4"});
  const Finished text = peer.ask({"-q", "-w", "0.5", "-c", "8", "--interval", "10ms"});
  CHECK(text.ending == done);
  CHECK(contains(text.out, "\nlost 1, direction unknown (the reflector may be stateless)\n"));
  const Finished events = peer.ask({"-j", "-w", "0.5", "-c", "8", "--interval", "10ms"});
  CHECK_FALSE(contains(events.out, "lost_forward"));
  CHECK(contains(events.out, R"("lost_unknown":1)"));
  CHECK(contains(events.out, "returned no session id"));
}

TEST_CASE("probe --stamp: the time that the reflector holds a packet is no part of the round trip") {
  SKIP_UNLESS(have("python3"), "no python3");
  const Reflector peer({"--hold", "400"});
  const Finished result = peer.ask({"-j"});
  const auto number = [&](const char* name) {
    const std::size_t at = result.out.find(std::string("\"") + name + "\":");
    return at == std::string::npos ? -1.0 : std::stod(result.out.substr(at + std::string(name).size() + 3));
  };
  CHECK(number("reflector_ms") >= 400);
  CHECK(number("rtt_ms") >= 0);
  CHECK(number("rtt_ms") < 300);
}

TEST_CASE("probe --stamp: clocks that are synchronised, PTP's format, a format that is not the one that is told") {
  SKIP_UNLESS(have("python3"), "no python3");
  for (const Words& options : {Words{"--synchronised"}, Words{"--synchronised", "--ptp"}}) {
    const Finished result = Reflector(options).ask({"-j"});
    const std::size_t at = result.out.find("\"forward_ms\":");
    REQUIRE(at != std::string::npos);
    CHECK(std::abs(std::stod(result.out.substr(at + 13))) < 2'000);
  }
  const Finished far = Reflector({"--clock", "200000"}).ask({});
  CHECK(far.ending == done);
  CHECK(contains(far.err, "the reflector's clock format is unknown"));
  CHECK_FALSE(contains(far.out, "forward"));
}

TEST_CASE("probe --stamp: which DSCP arrived; packets as large as asked for") {
  SKIP_UNLESS(have("python3"), "no python3");
  const Reflector peer;
  CHECK(contains(peer.ask({"--dscp", "ef"}).out, "dscp 46 left, 46 arrived, 52 bytes"));
  CHECK(contains(peer.ask({"--dscp", "ef", "-j"}).out, R"("dscp_arrived":46,"ecn_arrived":0)"));
  CHECK(contains(peer.ask({"-l", "1000"}).out, ", 1000 bytes"));
  CHECK(peer.ask({"-l", "43"}).ending == failed);
  CHECK(contains(peer.ask({"-l", "44", "--dscp", "ef"}).err, "no room for Class of Service"));
}

TEST_CASE("probe --stamp: with a key only authentic replies count") {
  SKIP_UNLESS(have("python3"), "no python3");
  const TemporaryFile key("a secret\n"), other("another");
  chmod(key.path().c_str(), 0600);
  chmod(other.path().c_str(), 0644);
  const Reflector peer({"--key", "a secret"});
  const Finished right = peer.ask({"--stamp-key", key.path()});
  CHECK(right.ending == done);
  CHECK(right.err.empty());
  const Finished wrong = peer.ask({"--stamp-key", other.path(), "-w", "0.1"});
  CHECK(wrong.ending == nothing);
  CHECK(contains(wrong.err, "can be read by others"));
  CHECK(peer.ask({"-w", "0.1"}).ending == nothing);
}

TEST_CASE("probe --stamp: a reflector that begins anew is told, and makes no loss negative") {
  SKIP_UNLESS(have("python3"), "no python3");
  const Finished result = Reflector({"--restart-at", "5"}).ask({"-q", "-j", "-c", "10", "--interval", "10ms"});
  CHECK(contains(result.out, R"("lost_forward":0,"lost_backward":0,"lost_unknown":0)"));
  CHECK(contains(Reflector({"--restart-at", "5"}).ask({"-c", "10", "--interval", "10ms"}).err, "began to count anew"));
}

TEST_CASE("probe --stamp: nobody there, and bad words") {
  CHECK(run_udptool({"probe", "--stamp", "127.0.0.1", std::to_string(unused_port())}).ending == refused);
  for (const char* other : {"--trace", "--mtu"}) {
    CHECK(run_udptool({"probe", "--stamp", other, "127.0.0.1"}).ending == failed);
  }
  CHECK(run_udptool({"probe", "--stamp", "--payload", "dns", "127.0.0.1"}).ending == failed);
  CHECK(run_udptool({"probe", "--stamp", "--data", "x", "127.0.0.1"}).ending == failed);
  CHECK(run_udptool({"probe", "--stamp-key", "/none", "127.0.0.1", "9"}).ending == failed);
  CHECK(run_udptool({"probe", "--stamp", "--stamp-key", "/none", "127.0.0.1"}).ending == failed);
}
