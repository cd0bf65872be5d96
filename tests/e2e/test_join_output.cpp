// SPDX-License-Identifier: MIT
// What `udptool join` prints of datagrams, memberships and streams.
#include <chrono>
#include <thread>

#include "support/joiner.hpp"
#include "support/packets.hpp"

using namespace support;

namespace {

const char* const any_time = R"("time":"[^"]*Z")";

// One of a flow with 3,000 ticks from each to the next.
std::string video(std::uint16_t sequence, std::uint32_t ssrc = 0x11223344, std::uint8_t type = 96,
                  std::string_view payload = "x") {
  return rtp(sequence, sequence * 3'000u, ssrc, type, payload);
}

// A transport stream packet with a payload of its own (ISO/IEC 13818-1, 2.4.3).
std::string ts(std::uint16_t pid, int counter) {
  std::string packet = "\x47" + big_endian(pid, 2) + big_endian(static_cast<std::uint64_t>(0x10 | (counter & 15)), 1);
  packet += big_endian(static_cast<std::uint64_t>(counter) + 1, 4);
  packet.resize(188, 'p');
  return packet;
}

// Joins with these options for so many datagrams, which a socket of the test sends.
Finished hear(Words options, const std::vector<std::string>& datagrams) {
  options.insert(options.end(), {"-i", "one", "-c", std::to_string(datagrams.size()), "239.1.1.1:5004"});
  Joiner joiner(options);
  const RawUdp sender("10.9.1.1");
  for (const std::string& one : datagrams) sender.send(one, 5004, "239.1.1.1");
  return joiner.finish();
}

}  // namespace

TEST_CASE("join -v: each record tells its group, interface, TTL and DSCP") {
  IN_NAMESPACE(one_network);
  Joiner joiner({"-v", "-i", "one", "-c", "2", "239.1.1.1:5000", "239.1.1.2:5001"}, 2);
  send({"-i", "one", "-t", "4", "239.1.1.1", "5000", "a"});
  send({"-i", "one", "-t", "9", "--dscp", "ef", "239.1.1.2", "5001", "b"});
  const Finished result = joiner.finish();
  CHECK(is_like(result.out,
                "10\\.9\\.1\\.1:[0-9]+\t1\tto=239\\.1\\.1\\.1:5000 if=one ttl=4 dscp=0 ecn=0\ta\n"
                "10\\.9\\.1\\.1:[0-9]+\t1\tto=239\\.1\\.1\\.2:5001 if=one ttl=9 dscp=46 ecn=0\tb\n"));
  CHECK(contains(result.err, "note: the receive buffer is "));
}

TEST_CASE("join -j: joined, message, left, group and close, and stderr stays empty") {
  IN_NAMESPACE(one_network);
  Joiner joiner({"-j", "-i", "one", "-c", "2", "10.9.1.1,232.1.1.1:5000", "239.1.1.1:5001"}, 2);
  send({"-i", "one", "-t", "3", "232.1.1.1", "5000", "hello"});
  send({"-i", "one", "ff15::7", "5000", "not joined"});
  send({"-i", "one", "-t", "3", "239.1.1.1", "5001", "world!"});
  const Finished result = joiner.finish();
  CHECK(result.ending == done);
  CHECK(result.err.empty());
  const std::string first = R"("group":"232\.1\.1\.1","port":5000,"interface":"one","source":"10\.9\.1\.1")";
  const std::string second = R"("group":"239\.1\.1\.1","port":5001,"interface":"one","source":null)";
  const auto event = [](const char* name) { return R"(\{"event":")" + std::string(name) + "\"," + any_time + ","; };
  const auto message = [&](const char* to, const char* port, const char* size, const char* text) {
    return event("message") + R"("family":"IPv4","address":"10\.9\.1\.1","port":[0-9]+,"size":)" + size + ",\"to\":\"" +
           to + "\",\"to_port\":" + port + R"(,"interface":"one","ttl":3,"dscp":0,"ecn":0,"text":")" + text + "\"\\}\n";
  };
  CAPTURE(result.out);
  CHECK(is_like(result.out,
                event("joined") + first + "\\}\n" + event("joined") + second + "\\}\n" +
                    message("232\\.1\\.1\\.1", "5000", "5", "hello") +
                    message("239\\.1\\.1\\.1", "5001", "6", "world!") + event("left") + first + "\\}\n" +
                    event("left") + second + "\\}\n" + event("group") + first +
                    ",\"datagrams\":1,\"bytes\":5,\"senders\":1,\"first_ms\":[0-9]+\\}\n" + event("group") + second +
                    ",\"datagrams\":1,\"bytes\":6,\"senders\":1,\"first_ms\":[0-9]+\\}\n" + event("close") +
                    "\"datagrams\":2,\"bytes\":11,\"senders\":2,\"dropped\":0,\"ignored\":0,\"seconds\":[0-9.]+\\}\n"));
}

TEST_CASE("join: the summary has a line for each group and interface, with the wait for the first datagram") {
  IN_NAMESPACE(one_network);
  Joiner joiner({"239.1.1.1"}, 2);
  for (const char* source : {"10.9.1.1", "10.9.1.2", "10.9.1.2"}) {
    send({"-i", "one", "-s", source, "-p", "4444", "239.1.1.1", "41234", "four"});
  }
  for (int i = 0; i < 3; ++i) joiner.wait_for(Stream::out, "four");
  const Finished result = joiner.stop();
  CHECK(is_like(result.err,
                "joined 239.1.1.1:41234 on lo\njoined 239.1.1.1:41234 on one\n"
                "left 239.1.1.1:41234 on lo\nleft 239.1.1.1:41234 on one\n"
                "239.1.1.1:41234 on lo: 0 datagrams, 0 bytes, 0 senders\n"
                "239.1.1.1:41234 on one: 3 datagrams, 12 bytes, 2 senders, first after [0-9]+ ms\n"
                "3 datagrams, 12 bytes, 2 senders, 0 dropped, 0 ignored, [0-9.]+ s\n"));
}

TEST_CASE("join -q: nothing on stderr") {
  IN_NAMESPACE(one_network);
  Process joiner(join_words({"-q", "-i", "one", "-c", "1", "232.1.1.1"}));
  CHECK(joiner.wait_for_port() == 41234);
  while (!is_member("232.1.1.1", "one")) continue;
  send({"-i", "one", "232.1.1.1", "41234", "x"});
  CHECK(joiner.wait() == done);
  CHECK(payloads_of(joiner.out()) == Words{"x"});
  CHECK(joiner.err().empty());
}

TEST_CASE("join: a group of the source-specific range without a source is joined with a notice") {
  IN_NAMESPACE(one_network);
  for (const char* group : {"232.1.1.1", "231.255.255.255+2", "ff35::1"}) {
    const Finished result = Joiner({"-i", "one", group}, 1).stop();
    CHECK(result.ending == done);
    CHECK(count_of(result.err, "note: ") == 1);
    CHECK(contains(result.err, "is for source-specific multicast: routers ignore a join without SOURCE"));
  }
  CHECK_FALSE(contains(Joiner({"-i", "one", "239.1.1.1"}).stop().err, "note: "));
}

TEST_CASE("join --stats: a line for all and one for each group, with rates and what the kernel dropped") {
  IN_NAMESPACE(one_network);
  Joiner joiner({"--stats=300ms", "-i", "one", "239.1.1.1", "239.1.1.2"}, 2);
  send({"-i", "one", "-c", "30", "239.1.1.1", "41234", "0123456789"});
  joiner.wait_for_match(Stream::err, "^[1-9][0-9]* datagrams/s, [0-9.]+ k?bit/s, 1 sender, 0 dropped$");
  joiner.wait_for_match(Stream::err,
                        "^239.1.1.1:41234 on one: [1-9][0-9]* datagrams/s, [0-9.]+ k?bit/s, 30 datagrams, "
                        "300 bytes, 1 sender, 0 dropped$");
  joiner.wait_for_match(Stream::err, "^239.1.1.2:41234 on one: 0 datagrams/s, .* 0 datagrams, 0 bytes, 0 senders");
  CHECK(joiner.stop().ending == done);
}

TEST_CASE("join --stats -j: a stats event for all and one for each group") {
  IN_NAMESPACE(one_network);
  Joiner joiner({"-j", "--stats=300ms", "-i", "one", "239.1.1.1"});
  send({"-i", "one", "-c", "30", "239.1.1.1", "41234", "0123456789"});
  joiner.wait_for_match(Stream::out,
                        R"x("event":"stats","time":"[^"]*","datagrams_per_second":[1-9][0-9]*\.[0-9],)x"
                        R"x("bits_per_second":[1-9][0-9]*,"datagrams":30,"bytes":300,"senders":1,"dropped":0)x");
  joiner.wait_for_match(Stream::out,
                        R"x("event":"stats",.*"group":"239.1.1.1","port":41234,"interface":"one",)x"
                        R"x("source":null,"datagrams_per_second":[1-9][0-9]*\.[0-9],"bits_per_second":[1-9][0-9]*,)x"
                        R"x("datagrams":30,"bytes":300,"senders":1,"dropped":0)x");
  CHECK(joiner.stop().err.empty());
}

TEST_CASE("join --stats: what the kernel drops for want of buffer space is counted") {
  IN_NAMESPACE(one_network);
  Joiner joiner({"--rcvbuf", "4K", "-o", "none", "-i", "one", "239.1.1.1"});
  joiner.signal(19);  // SIGSTOP
  send({"-i", "one", "-c", "200", "-l", "1000", "239.1.1.1", "41234"});
  joiner.signal(18);  // SIGCONT
  const Finished result = joiner.stop();
  CHECK(is_like(result.err, "[^]* [1-9][0-9]*\\+? dropped, 0 ignored, [^\n]*\n"));
}

TEST_CASE("join --rtp: loss, duplicates, reordering and jitter of each source") {
  IN_NAMESPACE(one_network);
  const std::uint32_t other = 0xcafe;
  const std::vector<std::string> packets{
      video(10),       video(11),       video(13), video(12), video(13), video(16), video(65'535, other),
      video(0, other), video(2, other), "not RTP"};
  const Finished result = hear({"--rtp", "-o", "none"}, packets);
  CHECK(result.ending == done);
  CHECK(is_like(
      result.err,
      "[^]*\nrtp 0x0000cafe from 10\\.9\\.1\\.1:[0-9]+: payload type 96 at an unknown clock rate, received 3, lost 1, "
      "duplicate 0, reordered 0, jitter unknown, longest gap [0-9]+\\.[0-9] ms, loss runs 1\n"
      "rtp 0x11223344 from 10\\.9\\.1\\.1:[0-9]+: payload type 96 at an unknown clock rate, received 6, lost 2, "
      "duplicate 1, reordered 1, jitter unknown, longest gap [0-9]+\\.[0-9] ms, loss runs 1\n[^]*"));
}

TEST_CASE("join --rtp: a source that jumps and goes on has restarted and lost nothing") {
  IN_NAMESPACE(one_network);
  const auto jumped = [](std::uint16_t sequence) {
    return "\x80\x60" + big_endian(sequence, 2) + big_endian(sequence * 3'000u + 0x70000000, 4) +
           big_endian(0x11223344, 4);
  };
  const Finished result = hear({"--rtp"}, {video(10), video(11), jumped(40'000), jumped(40'001), jumped(40'002)});
  CHECK(contains(result.err, "received 5, lost 0, duplicate 0, reordered 0, restarts 1, jitter "));
}

TEST_CASE("join --rtp -j: an rtp event with the clock rate, given or static") {
  IN_NAMESPACE(one_network);
  const Finished result = hear({"--rtp", "-j", "--clock-rate", "48000"}, {video(1), video(3), video(9, 7, 0)});
  CHECK(result.err.empty());
  const std::string head =
      R"("event":"rtp",)" + std::string(any_time) +
      R"(,"group":"239.1.1.1","to_port":5004,"interface":"one","address":"10\.9\.1\.1","port":[0-9]+,)";
  CHECK(is_like(
      result.out,
      "[^]*" + head +
          R"("ssrc":"0x00000007","payload_type":0,"clock_rate":8000,"clock_measured":false,"received":1,"lost":0,)"
          R"("duplicate":0,"reordered":0,"restarts":0,"jitter_ms":0\.000,"longest_gap_ms":0\.000,"loss_runs":\{"1":0,"2":0,"3-5":0,"6-10":0,"11\+":0\}\}[^]*)"));
  CHECK(is_like(
      result.out,
      "[^]*" + head +
          R"("ssrc":"0x11223344","payload_type":96,"clock_rate":48000,"clock_measured":false,"received":2,"lost":1,)"
          R"("duplicate":0,"reordered":0,"restarts":0,"jitter_ms":[0-9.]+,"longest_gap_ms":[0-9.]+,"longest_gap_ended":"[-0-9T:.]+Z",)"
          R"("loss_runs":\{"1":1,[^]*)"));
}

TEST_CASE("join --rtp: streams are told in --stats as well") {
  IN_NAMESPACE(one_network);
  Joiner joiner({"--rtp", "--stats=100ms", "-i", "one", "239.1.1.1:5004"});
  const RawUdp sender("10.9.1.1");
  for (const std::string& packet : {video(1), video(2), video(4)}) sender.send(packet, 5004, "239.1.1.1");
  joiner.wait_for_match(Stream::err,
                        "received 3, lost 1, duplicate 0, reordered 0, jitter .*; in this interval [0-9.]+ % lost, all "
                        "between [0-9:.]{15}Z and [0-9:.]{15}Z");
  sender.send(video(5), 5004, "239.1.1.1");
  joiner.wait_for_match(Stream::err, "rtp .*received 4, lost 1, [^;]*, loss runs 1");  // that was before
  CHECK(joiner.stop().ending == done);
}

TEST_CASE("join --rtp: continuity errors of MPEG-TS in plain UDP and in RTP, for each PID") {
  IN_NAMESPACE(one_network);
  const Finished plain = hear({"--rtp", "-o", "none"}, {ts(256, 14) + ts(257, 0) + ts(256, 15), ts(256, 0) + ts(256, 2),
                                                        ts(257, 1) + ts(8191, 7) + ts(8191, 9)});
  CHECK(is_like(
      plain.err,
      "[^]*mpeg-ts from 10\\.9\\.1\\.1:[0-9]+: 8 packets, 1 continuity error, 0 transport errors, 0 sync losses, "
      "[^\n]+bit/s\n"
      "mpeg-ts pid 0x0100 from 10\\.9\\.1\\.1:[0-9]+: 4 packets, 1 continuity error, [^\n]+\n"
      "mpeg-ts pid 0x0101 from 10\\.9\\.1\\.1:[0-9]+: 2 packets, 0 continuity errors, [^\n]+\n[^]*"));
  CHECK_FALSE(contains(plain.err, "0x1fff"));
  CHECK_FALSE(contains(plain.err, "rtp 0x"));
  const Finished both = hear({"--rtp", "-j"}, {video(1, 5, 33, ts(256, 1)), video(2, 5, 33, ts(256, 3))});
  CHECK(contains(both.out,
                 "\"ssrc\":\"0x00000005\",\"payload_type\":33,\"clock_rate\":90000,\"clock_measured\":false,"
                 "\"received\":2,\"lost\":0"));
  CHECK(is_like(
      both.out,
      R"([^]*"event":"mpegts",)" + std::string(any_time) +
          R"(,"group":"239.1.1.1","to_port":5004,"interface":"one","address":"10\.9\.1\.1","port":[0-9]+,"pid":256,)"
          R"("packets":2,"continuity_errors":1,"bits_per_second":[^]*)"));
}

TEST_CASE("join: a datagram of 4 KiB, in fragments on the wire, is one record") {
  IN_NAMESPACE(two_networks);
  Joiner joiner({"-r", "-i", "one", "-c", "1", "239.1.1.1"});
  std::string payload;
  for (int i = 0; i < 4'096; ++i) payload += static_cast<char>('a' + i % 23);
  const TemporaryFile file(payload);
  const Finished sent =
      run(in_world(udptool({"send", "-i", "one", "--whole", "-f", file.path(), "239.1.1.1", "41234"})));
  CHECK(sent.ending == done);
  CHECK(contains(sent.err, "4096 bytes leave in fragments"));
  CHECK(joiner.finish().out == payload);
}

TEST_CASE("join: from another host, over IPv4 and IPv6") {
  IN_NAMESPACE(two_networks);
  Joiner joiner({"-v", "-c", "2", "239.1.1.1", "ff15::7"}, 6);
  CHECK(run(in_world(udptool({"send", "-i", "one", "-t", "5", "239.1.1.1", "41234", "four"}))).ending == done);
  joiner.wait_for(Stream::out, "four");
  CHECK(run(in_world(udptool({"send", "-i", "two", "-t", "6", "ff15::7", "41234", "six"}))).ending == done);
  CHECK(is_like(joiner.finish().out,
                "10\\.9\\.1\\.9:[0-9]+\t4\tto=239\\.1\\.1\\.1:41234 if=one ttl=5 dscp=0 ecn=0\tfour\n"
                "\\[fe80::[^\t]*%two\\]:[0-9]+\t3\tto=\\[ff15::7\\]:41234 if=two ttl=6 dscp=0 ecn=0\tsix\n"));
}

TEST_CASE("join --rtp: a long outage is loss, the clock is measured, and two senders are two streams and a notice") {
  IN_NAMESPACE(one_network);
  Joiner joiner({"--rtp", "-o", "none", "-i", "one", "-c", "250", "239.1.1.1:5004"});
  const RawUdp first("10.9.1.1");
  const RawUdp second("10.9.1.2");
  const auto packet = [](std::uint16_t sequence) {
    return "\x80\x61" + big_endian(sequence, 2) + big_endian(sequence * 480u, 4) + big_endian(0x11223344, 4);
  };
  const auto begun = std::chrono::steady_clock::now();
  for (std::uint16_t i = 0; i < 100; ++i) {
    first.send(packet(i), 5004, "239.1.1.1");
    if (i < 50) second.send(packet(static_cast<std::uint16_t>(30'000 + i)), 5004, "239.1.1.1");
    std::this_thread::sleep_until(begun + std::chrono::milliseconds(10 * (i + 1)));
  }
  for (std::uint16_t i = 0; i < 100; ++i) first.send(packet(static_cast<std::uint16_t>(5'100 + i)), 5004, "239.1.1.1");
  const Finished result = joiner.finish();
  INFO(result.err);
  CHECK(is_like(result.err,
                "[^]*rtp 0x11223344 from 10\\.9\\.1\\.1:[0-9]+: payload type 97 at "
                "(48000 Hz \\(measured\\)|an unknown clock rate), "  // a busy machine keeps no pace of 0.5 %
                "received 200, lost 5000, duplicate 0, reordered 0, jitter [^\n]*, [^]*loss runs 1\n[^]*"));
  CHECK(is_like(result.err,
                "[^]*rtp 0x11223344 from 10\\.9\\.1\\.2:[0-9]+: payload type 97 at [^\n]*received 50, lost 0, "
                "duplicate 0, reordered 0, jitter [^]*"));
  CHECK(is_like(result.err,
                "[^]*note: a second sender on 239\\.1\\.1\\.1:5004 on one: 10\\.9\\.1\\.2:[0-9]+ beside "
                "10\\.9\\.1\\.1:[0-9]+\n[^]*"));
}

TEST_CASE("join --rtp -r: the payloads alone, and no RTCP") {
  IN_NAMESPACE(one_network);
  const Finished result =
      hear({"--rtp", "-r"}, {video(1, 7, 96, "one"), big_endian(0x80c80000, 4), video(2, 7, 96, "two")});
  CHECK(result.out == "onetwo");
}

TEST_CASE("join --sequence=OFFSET:BYTES: what is missing by a number anywhere") {
  IN_NAMESPACE(one_network);
  std::vector<std::string> datagrams;
  for (int i = 250; i < 270; ++i) {
    if (i != 256) datagrams.push_back("abc" + big_endian(static_cast<std::uint64_t>(i) & 0xff, 1) + "rest");
  }
  const Finished result = hear({"--sequence=3:1", "-o", "none"}, datagrams);
  CHECK(contains(result.err, ": received 19, lost 1, duplicate 0, reordered 0, longest gap "));
}

TEST_CASE("join: many silent groups share a line, in --stats too") {
  IN_NAMESPACE(one_network);
  Joiner joiner({"--stats=200ms", "-i", "one", "239.1.1.1+30:5004"}, 30);
  const RawUdp sender("10.9.1.1");
  sender.send("x", 5004, "239.1.1.3");
  joiner.wait_for(Stream::err, "29 more groups: 0 datagrams");
  const Finished result = joiner.stop();
  CHECK(contains(result.err, "\n239.1.1.3:5004 on one: 1 datagram, 1 byte"));
  CHECK(contains(result.err, "\n29 more groups: 0 datagrams\n"));
  CHECK_FALSE(contains(result.err, "239.1.1.4:5004 on one: 0 datagrams, 0 bytes, 0 senders"));
}

TEST_CASE("join: the same datagrams by two interfaces are a notice, and an interface that comes later is joined then") {
  IN_NAMESPACE(two_networks + "ip link add later type veth peer name later_end");
  Joiner joiner({"239.1.1.1:5004"}, 3);
  for (int i = 0; i < 3; ++i) {
    for (const char* interface : {"one", "two"}) {
      run(in_world(udptool(
          {"send", "-i", interface, "-s", "10.9.1.9", "-p", "7000", "239.1.1.1", "5004", "n" + std::to_string(i)})));
    }
  }
  joiner.wait_for(Stream::err, "the same datagrams come by one and two: choose one with -i");
  run({"sh", "-c", "ip addr add 10.9.3.1/24 dev later; ip link set later_end up; ip link set later up"});
  joiner.wait_for(Stream::err, "joined 239.1.1.1:5004 on later");
  CHECK(is_member("239.1.1.1", "later"));
  CHECK(joiner.stop().ending == done);
}

TEST_CASE("join --rejoin: leaves and joins again") {
  IN_NAMESPACE(one_network);
  Joiner joiner({"--rejoin", "200ms", "-c", "1", "-i", "one", "239.1.1.1:5004"});
  std::this_thread::sleep_for(std::chrono::milliseconds(700));
  CHECK(is_member("239.1.1.1", "one"));
  send({"-i", "one", "239.1.1.1", "5004", "still"});
  CHECK(contains(joiner.finish().out, "still"));
}

TEST_CASE("join --leave-after: a driver that counts no multicast is said to") {
  IN_NAMESPACE(one_network);
  Joiner joiner({"--leave-after", "3s", "--stats=100ms", "-i", "one", "239.1.1.1:5004"});
  send({"-i", "one", "239.1.1.1", "5004", "x"});
  joiner.wait_for(Stream::out, "\tx");
  CHECK(is_like(joiner.wait_for(Stream::err, "one after leaving: "), "[^]*one after leaving: .*"));
  CHECK(contains(joiner.stop().err, "packets/s; its driver does not count multicast"));
}
