// SPDX-License-Identifier: MIT
// `--forward --impair`: a bad network on demand, whose counts are what its two ends see.
#include <cstdint>
#include <string>

#include "support/check.hpp"
#include "support/joiner.hpp"
#include "support/udptool.hpp"

using namespace support;

namespace {

std::string local(std::uint16_t port) { return "127.0.0.1:" + std::to_string(port); }

Words relay(std::uint16_t target, const Words& impairments) {
  Words words{"-o", "none", "--forward", local(target)};
  for (const std::string& one : impairments) words.insert(words.end(), {"--impair", one});
  return words;
}

// A figure of a line such as "impaired forward: 200 datagrams, 23 lost".
std::uint64_t figure(const std::string& text, const std::string& line, const std::string& what) {
  const std::size_t begin = text.find(line);
  REQUIRE(begin != std::string::npos);
  const std::size_t end = text.find(what, begin);
  REQUIRE(end != std::string::npos);
  return std::stoull(text.substr(text.rfind(' ', end - 2) + 1));
}

}  // namespace

TEST_CASE("impair: loss each way is what its counts say, by STAMP") {
  const Listener reflector({"--stamp", "-o", "none"});
  Listener bad(relay(reflector.port(), {"loss=10%,seed=3"}));
  const Finished probe = run_udptool(
      {"probe", "--stamp", "-j", "-c", "200", "--interval", "2ms", "-w", "1", "127.0.0.1", std::to_string(bad.port())});
  const Finished result = bad.stop();
  const std::uint64_t there = figure(result.err, "impaired forward: 200 datagrams", " lost");
  const std::uint64_t back = figure(result.err, "impaired backward: ", " lost");
  CHECK(there > 0);
  CHECK(back > 0);
  CHECK(
      contains(probe.out, "\"lost_forward\":" + std::to_string(there) + ",\"lost_backward\":" + std::to_string(back)));
  CHECK(contains(result.err, "forwarded " + std::to_string(200 - there) + " to "));
}

TEST_CASE("impair: probe -c measures the loss and the delay that were asked for, and the seed makes them the same") {
  constexpr std::uint64_t asked = 300;
  const auto lost_each_way = [] {
    const Listener echo({"--echo", "-o", "none"});
    Listener bad(relay(echo.port(), {"loss=5%,delay=20ms,seed=11"}));
    const Finished probe = run_udptool({"probe", "-j", "-c", std::to_string(asked), "--interval", "2ms", "-w", "500ms",
                                        "127.0.0.1", std::to_string(bad.port())});
    const std::string err = bad.stop().err;
    const std::uint64_t there = figure(err, "impaired forward: " + std::to_string(asked) + " datagrams", " lost");
    const std::uint64_t back = figure(err, "impaired backward: ", " lost");
    CHECK(contains(probe.out, "\"received\":" + std::to_string(asked - there - back) +
                                  ",\"lost\":" + std::to_string(there + back) + ","));
    const std::size_t at = probe.out.rfind(R"("rtt_ms":{"min":)");
    REQUIRE(at != std::string::npos);
    const double fastest = std::stod(probe.out.substr(at + 16));
    CHECK(fastest >= 39.9);
    CHECK(fastest < 42);  // of hundreds, on a machine that has other work too
    return std::vector<std::uint64_t>{there, back};
  };
  const auto lost = lost_each_way();
  CHECK(lost.front() > 0);
  CHECK(lost.back() > 0);
  CHECK(lost_each_way() == lost);
}

TEST_CASE("impair: delays one way alone, in json too") {
  const Listener reflector({"--stamp", "-o", "none"});
  Listener bad({"-j", "--forward", local(reflector.port()), "--impair", "<delay=80ms"});
  const Finished probe =
      run_udptool({"probe", "--stamp", "-j", "-c", "3", "--interval", "5ms", "127.0.0.1", std::to_string(bad.port())});
  const std::size_t at = probe.out.rfind(R"("backward_ms":{"min":)");
  REQUIRE(at != std::string::npos);
  CHECK(std::stod(probe.out.substr(at + 21)) >= 79.9);
  const Finished result = bad.stop();
  CHECK(contains(result.out, R"("event":"impaired")"));
  CHECK(contains(
      result.out,
      R"("direction":"backward","datagrams":3,"lost":0,"duplicated":0,"reordered":0,"delayed":3,"dropped":0)"));
  CHECK_FALSE(contains(result.out, R"("direction":"forward")"));
}

TEST_CASE("impair: -c waits for what is delayed, and a signal does not") {
  const RawUdp target, sender;
  Listener patient([&] {
    Words words = relay(target.port(), {">delay=300ms,duplicate=100%"});
    words.insert(words.end(), {"-c", "2"});
    return words;
  }());
  sender.send("one", patient.port());
  sender.send("two", patient.port());
  CHECK(patient.finish().ending == done);
  for (const char* payload : {"one", "one", "two", "two"}) CHECK(target.next() == payload);
  Listener stopped({"--forward", local(target.port()), "--impair", "delay=1h"});
  sender.send("never", stopped.port());
  stopped.wait_for(Stream::out, "never");
  const Finished result = stopped.stop();
  CHECK(result.ending == done);
  CHECK(contains(result.err, "impaired forward: 1 datagram, 0 lost, 0 duplicated, 0 reordered, 0 delayed, 1 dropped"));
  CHECK(contains(result.err, "forwarded 0 to "));
}

TEST_CASE("impair: the same seed does the same on the same input; both ends of a reordered pair arrive") {
  const auto through = [] {
    const RawUdp target, sender;
    Listener bad([&] {
      Words words = relay(target.port(), {">loss=20%,duplicate=20%,reorder=20%,seed=7"});
      words.insert(words.end(), {"-c", "100"});
      return words;
    }());
    for (int i = 0; i < 100; ++i) sender.send(std::to_string(i), bad.port());
    CHECK(bad.finish().ending == done);
    std::string all;
    while (const auto one = target.receive(Milliseconds(0))) all += one->payload + " ";
    return all;
  };
  const std::string first = through();
  CHECK(count_of(first, " ") > 60);
  CHECK(first == through());
}

TEST_CASE("impair: several targets get the same; join has it too") {
  const RawUdp one, two, sender;
  Listener bad({"-o", "none", "--forward", local(one.port()), "--forward", local(two.port()), "--impair",
                "loss=50%,seed=1", "-c", "40"});
  for (int i = 0; i < 40; ++i) sender.send(std::to_string(i), bad.port());
  CHECK(bad.finish().ending == done);
  std::size_t count = 0;
  for (; const auto got = one.receive(Milliseconds(0)); ++count) CHECK(two.next() == got->payload);
  CHECK(count > 5);
  CHECK(count < 35);
}

TEST_CASE("impair: of join, multicast to unicast") {
  IN_NAMESPACE("");
  const RawUdp target;
  Joiner join({"-i", "lo", "-c", "2", "--forward", local(target.port()), "--impair", "duplicate=100%,delay=10ms",
               "239.1.1.1:5000"});
  send({"-i", "lo", "239.1.1.1", "5000", "x", "y"});
  CHECK(join.finish().ending == done);
  for (const char* payload : {"x", "x", "y", "y"}) CHECK(target.next() == payload);
}

TEST_CASE("impair: bad words are one line and exit 2") {
  CHECK(contains(listen_refusal({"--impair", "loss=1%"}), "--impair is for --forward"));
  const auto list = [&](const std::string& word) {
    return listen_refusal({"--forward", "127.0.0.1:9", "--impair", word});
  };
  CHECK(contains(list("lose=1%"), "'lose=1%' is none of loss="));
  CHECK(contains(list("loss=1%,"), "'' is none of loss="));
  CHECK(contains(list(">"), "'' is none of"));
  for (const char* share : {"100.1%", "-1%", "1", "%", "nan%", "inf%", "1%%", "1e1%"}) {
    CHECK(contains(list(std::string("loss=") + share), "is no share from 0% to 100%"));
  }
  CHECK(contains(list("delay=fast"), "fast"));
  CHECK(contains(list("rate=0"), "0"));
  CHECK(contains(list("seed=x"), "x"));
  CHECK(contains(listen_refusal({"--forward", "127.0.0.1:9", "--forward", "127.0.0.1:10", "--impair", "<loss=1%"}),
                 "nothing comes back from several targets"));
  CHECK(run_udptool({"join", "--impair", "loss=1%", "239.1.1.1"}).ending == failed);
}
