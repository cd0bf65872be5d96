// SPDX-License-Identifier: MIT
// `udptool probe` and ICMP errors: whose each is, when it comes late, too early or quotes too little, and what this
// host itself refuses. The errors are made here, as a host with several faults would send them.
#include <cerrno>

#include "support/check.hpp"
#include "support/namespace.hpp"
#include "support/spoof.hpp"
#include "support/udptool.hpp"

using namespace support;

namespace {

// A host that says of its port what the test wants.
struct Host {
  RawUdp socket;
  RawIp raw;

  std::string port() const { return std::to_string(socket.port()); }
  Message asked() const {
    const auto request = socket.receive();
    REQUIRE(request);
    return *request;
  }
  // Port unreachable, which quotes so much behind the UDP header.
  void refuse(const Message& request, std::string_view quoted) const {
    raw.port_unreachable({request.address, request.port, "127.0.0.1", socket.port()}, quoted);
  }
  void refuse(const Message& request) const { refuse(request, request.payload); }
};

}  // namespace

TEST_CASE("probe: an ICMP error that comes late counts for its own probe, and is one answer in every form") {
  IN_NAMESPACE("");
  const Host host;
  const TemporaryFile targets("127.0.0.1:" + host.port() + "\n");
  const auto late = [&](const Words& words) {
    Process process(udptool(joined(Words{"probe", "-w", "200ms"}, words)));
    const Message first = host.asked();
    host.asked();  // the wait for the first is over
    host.refuse(first);
    return process.finish();
  };
  const Finished text = late({"127.0.0.1", host.port()});
  CHECK(text.ending == refused);
  CHECK(is_like(text.out, "127.0.0.1:[0-9]+\tclosed\t2[0-9]{2}\\.[0-9]{3} ms\tport unreachable from 127.0.0.1\n"));
  for (const Words& words : {Words{"-j", "127.0.0.1", host.port()}, {"-j", "--targets", targets.path()}}) {
    const Finished events = late(words);
    CHECK(events.ending == refused);
    CHECK(count_of(events.out, R"("event":"probe")") == 2);
    CHECK(is_like(events.out, R"x([^]*"sequence":0,"state":"closed","rtt_ms":2[0-9.]+,"detail":"port [^]*)x"));
    CHECK(is_like(events.out, R"x([^]*"sequence":1,"state":"no answer","detail":[^]*)x"));
    CHECK(is_like(events.out, R"x([^]*"event":"summary"[^\n]*"state":"closed","sent":2,[^\n]*"refused":1}\n)x"));
  }
  const Words series{"-c", "2", "--interval", "250ms", "127.0.0.1", host.port()};
  const Finished lines = late(series);
  CHECK(lines.ending == refused);
  CHECK(count_of(lines.out, "\tno answer\t200 ms\tno reply\n") == 2);
  CHECK(is_like(lines.out, "[^]*\tlate\t2[0-9]{2}\\.[0-9]{3} ms\tprobe 0: port unreachable from 127.0.0.1\n[^]*"));
  CHECK(contains(lines.out, ", 1 late, 1 refused\n"));
  const Finished events = late(joined(Words{"-j"}, series));
  CHECK(is_like(events.out, R"x([^]*"event":"late"[^\n]*"sequence":0,[^\n]*"from":"127.0.0.1"}\n[^]*)x"));
  CHECK(contains(events.out, R"("late":1,"refused":1)"));
}

TEST_CASE("probe -c: a reply in time takes the place of what the host has refused, and is not late") {
  IN_NAMESPACE("");
  const Host host;
  const auto answered = [&](const Words& words) {
    Process process(
        udptool(joined(joined(Words{"probe", "-c", "2", "--interval", "300ms"}, words), {"127.0.0.1", host.port()})));
    const Message request = host.asked();
    host.refuse(request);
    process.wait_for(Stream::out, "closed");
    host.socket.reply(request, request.payload);
    const Message second = host.asked();
    host.socket.reply(second, second.payload);
    return process.finish();
  };
  const Finished lines = answered({});
  CHECK(lines.ending == done);
  CHECK(is_like(lines.out, "[^]*\topen\t[0-9.]+ ms\tprobe 0: token echoed, 16 bytes\n[^]*"));
  CHECK(contains(lines.out, "2 sent, 2 received, 0 lost (0.0 %), 0 duplicate, 0 reordered, 0 late\n"));
  const Finished events = answered({"-j"});
  CHECK(count_of(events.out, R"("event":"probe")") == 2);
  CHECK(is_like(events.out, R"x([^]*"event":"open"[^\n]*"sequence":0,"rtt_ms":[^]*)x"));
  CHECK(count_of(events.out, R"("event":"late")") == 0);
  CHECK(contains(events.out, R"("late":0,"refused":0)"));
}

TEST_CASE("probe -c: each ICMP error that quotes only the header is another probe's") {
  IN_NAMESPACE("");
  const Host host;
  for (const Words& mode : {Words{"127.0.0.1", host.port()}, {"--stamp", "127.0.0.1", host.port()}}) {
    Process process(udptool(joined(Words{"probe", "-c", "3", "--interval", "10ms", "-w", "400ms"}, mode)));
    for (int i = 0; i < 3; ++i) host.refuse(host.asked(), "");
    const Finished finished = process.finish();
    CHECK(finished.ending == refused);
    CHECK(count_of(finished.out, "\tclosed\t") == 3);
    CHECK(contains(finished.out, ", 3 refused\n"));
  }
}

TEST_CASE("probe: datagrams that are no answer are told in each form") {
  const auto junk = [](const Words& words) {
    const RawUdp server;
    const TemporaryFile targets("127.0.0.1:" + std::to_string(server.port()) + "\n");
    const bool many = words.back() == "--targets";
    Process process(udptool(joined(joined(Words{"probe", "--payload", "dns", "-w", "100ms"}, words),
                                   many ? Words{targets.path()} : Words{"127.0.0.1", std::to_string(server.port())})));
    const auto request = server.receive();
    REQUIRE(request);
    server.reply(*request, "junk");
    return process.finish().out;
  };
  CHECK(contains(junk({"-c", "1"}), "\tno answer\t100 ms\tno reply; 1 datagram that is no answer\n"));
  CHECK(contains(junk({"-j"}), R"("detail":"no reply; 1 datagram that is no answer"})"));
  CHECK(contains(junk({"-j", "-c", "1", "--targets"}), R"("detail":"no reply; 1 datagram that is no answer"})"));
}

TEST_CASE("probe: what this host refused to send has no round trip, is counted, and is 2 where nobody else refused") {
  // Of the first probe: it is tried nine times, for an error may be about an earlier datagram.
  const ProcessOptions environment{.environment = {std::string("LD_PRELOAD=") + FAIL_SEND_PATH,
                                                   "ASAN_OPTIONS=verify_asan_link_order=0", "FAIL_SEND_MARK=marked",
                                                   "FAIL_SEND_ERRNO=" + std::to_string(EPERM), "FAIL_SEND_TIMES=9"}};
  const std::string target = "127.0.0.1:" + std::to_string(unused_port());
  const TemporaryFile targets(target + "\n"), metrics;
  const Words many{"probe", "--data", "marked", "--metrics", metrics.path(), "--targets", targets.path()};
  const Finished text = run_udptool(many, environment);
  CHECK(text.ending == failed);
  CHECK(text.out == target + "\t" + target +
                        "\tunreachable\t-\tOperation not permitted (this host): a local firewall is the usual cause\n");
  CHECK(contains(metrics.content(), "udptool_probe_refused_total{target=\"" + target + "\"} 1\n"));
  CHECK(contains(metrics.content(), "udptool_probe_sent_total{target=\"" + target + "\"} 1\n"));
  const Finished events = run_udptool(joined(many, {"-j"}), environment);
  CHECK(events.ending == failed);
  CHECK(is_like(events.out, R"x([^]*"state":"unreachable","detail":"Operation [^]*)x"));
  CHECK(contains(events.out, R"("sent":1,"received":0,"lost":1,"lost_percent":100.000)"));
  CHECK(contains(events.out, R"("late":0,"refused":1})"));
  // The target refuses the second.
  const Finished series = run_udptool(joined(many, {"-c", "2", "--interval", "10ms"}), environment);
  CHECK(series.ending == refused);
  CHECK(contains(series.out, " 0 late, 2 refused\n"));
}

TEST_CASE("probe: of nothing that was sent there is no share that was lost") {
  const TemporaryFile targets("nosuch.invalid:9\n");
  const Finished unknown = run_udptool({"probe", "-j", "--targets", targets.path()});
  CHECK(unknown.ending == failed);
  CHECK(contains(unknown.out, R"("sent":0,"received":0,"lost":0,"duplicate":0,"reordered":0,"late":0,"refused":0})"));
  const Words none{"probe", "-W", "0", "-c", "2", "--flows", "2", "127.0.0.1", "9"};
  const Finished text = run_udptool(none);
  CHECK(contains(text.out, "none of 2 flows is worse than the others (nothing was sent)\nflow 1: 0 sent, "));
  CHECK(!contains(text.out, "%"));
  CHECK(!contains(run_udptool(joined(none, {"-j"})).out, "percent"));
  CHECK(!contains(run_udptool({"probe", "-W", "0", "--trace", "-j", "127.0.0.1"}).out, "percent"));
}
