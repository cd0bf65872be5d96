// SPDX-License-Identifier: MIT
// `listen --stamp`: the bytes of its replies, whom it answers, and how it gets on with others and with itself.
#include <sys/stat.h>

#include <chrono>
#include <set>
#include <string>

#include "support/check.hpp"
#include "support/kernel.hpp"
#include "support/namespace.hpp"
#include "support/spoof.hpp"
#include "support/udptool.hpp"

using namespace support;

namespace {

std::uint64_t field(const std::string& packet, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = at; i < at + size; ++i) value = value << 8 | static_cast<std::uint8_t>(packet.at(i));
  return value;
}

// A sender's 44 octets: a sequence number, a time, an error estimate, an SSID.
std::string request(std::uint8_t sequence, std::uint8_t ssid = 1) {
  std::string packet(44, '\0');
  packet[3] = static_cast<char>(sequence);
  packet[4] = '\x7f';
  packet[13] = 1;
  packet[15] = static_cast<char>(ssid);
  return packet;
}

double seconds_of(std::uint64_t ntp) { return static_cast<double>(ntp) / 4294967296.0; }

double now() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration<double>(since).count() + 2'208'988'800.0;
}

Words with(const Words& options) {
  Words words{"--stamp", "-o", "none"};
  words.insert(words.end(), options.begin(), options.end());
  return words;
}

// Sends what must not be answered, and behind it what must: what comes back is the answer to that alone.
void check_silence(const RawUdp& sender, std::uint16_t port, const std::string& packet) {
  constexpr std::uint8_t fence = 99;
  sender.send(packet, port);
  sender.send(request(fence, fence), port);
  CHECK(field(sender.next(), 24, 4) == fence);
}

// `udptool probe`, and between it and a reflector what loses requests and replies by their sequence number.
Finished probe_through_loss(std::uint16_t reflector, std::uint32_t count, const std::set<std::uint64_t>& lost_there,
                            const std::set<std::uint64_t>& lost_back) {
  const RawUdp near, far;
  Process probe(udptool({"probe", "--stamp", "-j", "-w", "2", "-c", std::to_string(count), "--interval", "5ms",
                         "127.0.0.1", std::to_string(near.port())}));
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto asked = near.receive();
    REQUIRE(asked);
    const std::uint64_t sequence = field(asked->payload, 0, 4);
    if (lost_there.count(sequence) != 0) continue;
    far.send(asked->payload, reflector);
    const std::string reply = far.next();
    if (lost_back.count(sequence) == 0) near.reply(*asked, reply);
  }
  return probe.finish();
}

}  // namespace

TEST_CASE("stamp: a reflector's reply") {
  const Listener listener(with({}));
  const RawUdp sender;
  const double before = now();
  sender.send(request(7), listener.port());
  const std::string reply = sender.next();
  REQUIRE(reply.size() == 44);
  CHECK(field(reply, 0, 4) == 0);  // its own count
  CHECK(field(reply, 14, 2) == 1);
  CHECK(field(reply, 24, 4) == 7);
  CHECK(reply.substr(28, 10) == request(7).substr(4, 10));
  CHECK(field(reply, 38, 2) == 0);
  CHECK(field(reply, 40, 4) == 0x40000000);  // TTL 64
  const double t2 = seconds_of(field(reply, 16, 8));
  const double t3 = seconds_of(field(reply, 4, 8));
  CHECK(t2 >= before - 0.01);
  CHECK(t3 >= t2);
  CHECK(t3 <= now() + 0.01);
  CHECK((field(reply, 12, 2) & 0x4000) == 0);  // NTP's format
  CHECK((field(reply, 12, 2) & 0xff) != 0);
}

TEST_CASE("stamp: sessions are counted by sender, destination and SSID") {
  const Listener listener(with({"-4"}), {"0"});
  const RawUdp one, two;
  const auto number = [&](const RawUdp& sender, std::uint8_t ssid, const char* asked = "127.0.0.1") {
    sender.send(request(9, ssid), listener.port(), asked);
    return field(sender.next(), 0, 4);
  };
  CHECK(number(one, 1) == 0);
  CHECK(number(one, 1) == 1);
  CHECK(number(one, 2) == 0);
  CHECK(number(two, 1) == 0);
  CHECK(number(one, 1) == 2);
  CHECK(number(one, 1, "127.0.0.9") == 0);
  CHECK(number(one, 2) == 1);
}

TEST_CASE("stamp: replies are as long as requests, which have at least a time and an error estimate") {
  const Listener listener(with({}));
  const RawUdp sender;
  for (std::size_t size = 0; size < 14; ++size) check_silence(sender, listener.port(), std::string(size, '\0'));
  for (const std::size_t size : {14u, 20u, 41u, 43u, 44u, 45u, 100u, 1'472u, 65'507u}) {
    std::string packet = request(7);
    packet.resize(size);
    sender.send(packet, listener.port());
    const std::string reply = sender.next();
    CHECK(reply.size() == size);
    if (size >= 28) CHECK(field(reply, 24, 4) == 7);
  }
}

TEST_CASE("stamp: who is named by --allow gets a whole reply to a short request, and no other rule is lifted") {
  const Listener listener(with({"--allow", "127.0.0.0/8"}));
  const RawUdp sender;
  sender.send(request(7).substr(0, 14), listener.port());
  const std::string reply = sender.next();
  REQUIRE(reply.size() == 44);
  CHECK(field(reply, 24, 4) == 7);
  check_silence(sender, listener.port(), request(7).substr(0, 13));
}

TEST_CASE("stamp: a reflection of our own answer is never answered, and a sender is, whatever came between") {
  Listener listener(with({}));
  const RawUdp sender;
  sender.send(request(1), listener.port());
  const std::string first = sender.next();
  sender.send(request(2), listener.port());
  const std::string second = sender.next();
  for (const std::string& ours : {first, second}) {
    std::string reflection = request(3);
    reflection.replace(28, 8, ours.substr(4, 8));  // what a reflector answers: our T3 where a sender has zeros
    check_silence(sender, listener.port(), reflection);
    reflection.replace(14, 2, std::string("\0\x05", 2));  // another session has not sent that
    sender.send(reflection, listener.port());
    CHECK(sender.next().size() == 44);
  }
  sender.send(request(4), listener.port());
  CHECK(field(sender.next(), 0, 4) == 2);
  CHECK(contains(listener.stop().err, ", 2 not answered, "));
}

TEST_CASE("stamp: TTL 255, or -t; the request's Class of Service, unless --dscp") {
  const auto answer = [](const Words& options) {
    const Listener listener(with(options));
    // request(1) and a Class of Service TLV that wants DSCP 10.
    const std::string hex = "00000001 7f00000000000000 0001 0001" + std::string(56, '0') + " 80040004 28000000";
    return run_udptool({"send", "-v", "-o", "hex", "-w", "5", "--replies", "1", "--dscp", "46", "-x", "127.0.0.1",
                        std::to_string(listener.port()), hex})
        .out;
  };
  const std::string usual = answer({});
  CHECK(contains(usual, " ttl=255 dscp=10 ecn=0"));
  CHECK(contains(usual, "\n00000030  2a e0 00 00 "));
  const std::string stubborn = answer({"-t", "7", "--dscp", "cs1"});
  CHECK(contains(stubborn, " ttl=7 dscp=8 ecn=0"));
  CHECK(contains(stubborn, "\n00000030  2a e1 00 00 "));
}

TEST_CASE("stamp: two reflectors end, however many packets were forged; those too short to be known, by their TTL") {
  IN_NAMESPACE("");
  for (const std::size_t size : {44u, 20u}) {
    CAPTURE(size);
    Listener one(with({"-w", "1"})), two(with({"-w", "1"}));
    for (std::uint8_t i = 0; i < 20; ++i) {
      RawIp().udp({"127.0.0.1", one.port(), "127.0.0.1", two.port()}, request(i).substr(0, size));
    }
    // None came for a second: that ends them.
    const Finished first = one.finish(), second = two.finish();
    const auto heard = [](const Finished& result) { return std::stoul(last_line(result.err)); };
    CHECK(heard(first) + heard(second) >= 20);
    // A known one comes back once at most. The others have the hops of a forged packet, and pay for a new TTL.
    CHECK(heard(first) + heard(second) <= (size == 44 ? 20 * 3 : 20'000));
  }
}

TEST_CASE("stamp: a reflector of another make ends with us") {
  SKIP_UNLESS(have("python3"), "no python3");
  IN_NAMESPACE("");
  Process peer({"python3", "-u", STAMP_PEER, "reflect"});
  const auto port = static_cast<std::uint16_t>(std::stoul(peer.wait_for_match(Stream::out, "port ([0-9]+)")[1]));
  Listener listener(with({"-w", "1"}));
  for (std::uint8_t i = 0; i < 20; ++i) RawIp().udp({"127.0.0.1", port, "127.0.0.1", listener.port()}, request(i));
  const Finished result = listener.finish();
  CHECK(result.ending == done);
  CHECK(std::stoul(last_line(result.err)) <= 20 * 2);
}

TEST_CASE("stamp: with a key only authentic packets are answered") {
  const TemporaryFile key("a secret\n");
  chmod(key.path().c_str(), 0600);
  Listener listener(with({"--stamp-key", key.path()}));
  const RawUdp sender;
  sender.send(request(1), listener.port());
  sender.send(std::string(112, '\0'), listener.port());
  const auto ask = [&](const Words& options) {
    Words words{"probe", "--stamp", "-w", "0.3", "127.0.0.1", std::to_string(listener.port())};
    words.insert(words.end(), options.begin(), options.end());
    return run_udptool(words).ending;
  };
  CHECK(ask({"--stamp-key", key.path()}) == done);
  CHECK(ask({}) == nothing);
  const TemporaryFile other("another\n");
  CHECK(ask({"--stamp-key", other.path()}) == nothing);
  CHECK_FALSE(sender.receive(Milliseconds(0)));  // of what came before what was answered
  const Finished result = listener.stop();
  CHECK_FALSE(contains(result.err, "read by others"));
}

TEST_CASE("stamp: another implementation's sender is content") {
  SKIP_UNLESS(have("python3"), "no python3");
  const TemporaryFile key("a secret");
  const auto ask = [](std::uint16_t port, const Words& options) {
    Words words{"python3", STAMP_PEER, "send", "127.0.0.1", std::to_string(port), "--count", "3", "--ssid", "77"};
    words.insert(words.end(), options.begin(), options.end());
    return run(words).out;
  };
  const Listener plain(with({}));
  for (const char* format : {"--synchronised", "--ptp"}) {
    const std::string told = ask(plain.port(), {format, "--tlvs", "80040004b8000000 80c80002abcd 8001000100"});
    CHECK(contains(told, R"("replies": 3)"));
    CHECK(count_of(told, R"("echoed": true)") == 3);
    CHECK(count_of(told, R"("ssid": 77)") == 3);
    CHECK(count_of(told, R"("reply_ttl": 255)") == 3);
    CHECK(count_of(told, R"("tlvs": "00040004b800000080c80002abcd0001000100")") == 3);
  }
  const Listener authentic(with({"--stamp-key", key.path()}));
  const std::string told = ask(authentic.port(), {"--key", "a secret", "--tlvs", "80010004 00000000"});
  CHECK(count_of(told, R"("authentic": true)") == 3);
  CHECK(count_of(told, R"("echoed": true)") == 3);
  CHECK(contains(told, R"("tlvs": "0001000400000000")"));
  CHECK(ask(authentic.port(), {"--key", "another", "--wait", "0.2"}) == "{\"replies\": 0}\n");
}

TEST_CASE("stamp: loss that probe --stamp sees has the direction that it had") {
  const Listener listener(with({}));
  const Finished result = probe_through_loss(listener.port(), 20, {3, 5, 6}, {8, 10});
  CHECK(result.ending == done);
  CHECK(contains(result.out, R"("lost_forward":3,"lost_backward":2,"lost_unknown":0)"));
}

TEST_CASE("stamp: forged sessions leave an honest one its count, and memory bounded") {
  const Listener listener(with({"--allow", "127.0.0.0/8"}));
  const RawUdp honest;
  const auto number = [&] {
    honest.send(request(1), listener.port());
    return field(honest.next(), 0, 4);
  };
  CHECK(number() == 0);
  CHECK(number() == 1);
  constexpr unsigned at_once = 64;
  for (int sender = 0; sender < 2; ++sender) {
    const RawUdp forger;
    for (unsigned ssid = 0; ssid < 65'536; ++ssid) {
      std::string packet = request(1);
      packet[14] = static_cast<char>(ssid >> 8);
      packet[15] = static_cast<char>(ssid);
      forger.send(packet, listener.port());
      if (ssid % at_once != at_once - 1) continue;
      for (unsigned i = 0; i < at_once; ++i) REQUIRE(forger.receive());
    }
  }
  CHECK(number() == 2);
  if (!sanitized()) CHECK(memory_of(listener.pid(), "VmHWM") < 64 * 1'024);  // it keeps what was freed
}

TEST_CASE("stamp: a key file that is exposed, empty, not there, and words that contradict each other") {
  const TemporaryFile exposed("a secret"), empty("\n");
  chmod(exposed.path().c_str(), 0644);
  Listener listener(with({"--stamp-key", exposed.path()}));
  CHECK(contains(listener.stop().err, "can be read by others"));
  CHECK(run_udptool({"listen", "--stamp", "--stamp-key", empty.path(), "0"}).ending == failed);
  CHECK(run_udptool({"listen", "--stamp", "--stamp-key", "/none", "0"}).ending == failed);
  CHECK(run_udptool({"listen", "--stamp-key", exposed.path(), "0"}).ending == failed);
  CHECK(run_udptool({"listen", "--stamp", "--echo", "0"}).ending == failed);
}
