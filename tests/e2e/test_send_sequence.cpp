// SPDX-License-Identifier: MIT
// `udptool send --sequence`: datagrams that a receiver counts, ours and iperf 2.
#include <csignal>

#include "support/joiner.hpp"

using namespace support;

namespace {

Words numbered(const Words& options, const std::string& host, std::uint16_t port) {
  Words words{"send", "--sequence", "-l", "200"};
  words.insert(words.end(), options.begin(), options.end());
  words.insert(words.end(), {host, std::to_string(port)});
  return words;
}

}  // namespace

TEST_CASE("send --sequence: listen --sequence counts them, none is lost, and the last one begins anew after it") {
  Listener listener({"--sequence", "-o", "none", "-c", "1500"});
  const Words words = numbered({"--rate", "5k", "-c", "750"}, "127.0.0.1", listener.port());
  Words same_sender = words;
  same_sender.insert(same_sender.end(), {"-p", std::to_string(unused_port())});
  for (int i = 0; i < 2; ++i) CHECK(run_udptool(same_sender).ending == done);
  const Finished result = listener.finish();
  CHECK(result.ending == done);
  CHECK(contains(result.err, "received 1500, lost 0, duplicate 0, reordered 0, jitter"));
  CHECK_FALSE(contains(result.err, "restart"));
}

TEST_CASE("send --sequence: join --sequence counts them, too") {
  IN_NAMESPACE(":");
  const Words words{"--sequence", "-o", "none", "-c", "200", "-i", "lo", "239.1.1.1:5000"};
  Joiner joiner(words);
  CHECK(run_udptool(numbered({"-i", "lo", "--rate", "5k", "-c", "200"}, "239.1.1.1", 5'000)).ending == done);
  CHECK(contains(joiner.finish().err, "received 200, lost 0, duplicate 0, reordered 0, jitter"));
}

TEST_CASE("send --sequence: numbers from 1 on, below 0 at the end, also when a signal ends it") {
  const RawUdp peer;
  CHECK(run_udptool(numbered({"-c", "2"}, "127.0.0.1", peer.port())).ending == done);
  const std::string first = peer.next();
  CHECK(first.size() == 200);
  CHECK(first.substr(0, 4) == std::string("\0\0\0\1", 4));
  CHECK(first.substr(12, 48) == std::string(48, '\0'));
  const std::string last = peer.next();
  CHECK(last.substr(0, 4) == "\xff\xff\xff\xfe");
  CHECK(last.substr(12, 4) == "\xff\xff\xff\xff");
  Process endless(udptool(numbered({"-c", "0", "--interval", "50ms"}, "127.0.0.1", peer.port())));
  CHECK(peer.next()[3] == '\1');
  endless.signal(SIGTERM);
  CHECK(endless.wait() == done);
  std::string next;
  do {
    next = peer.next();
  } while (next[0] == '\0');
  CHECK(next.substr(0, 3) == "\xff\xff\xff");
}

TEST_CASE("send --sequence: iperf 2 reports that none is lost") {
  SKIP_UNLESS(have("iperf"), "no iperf here");
  IN_NAMESPACE(":");
  Process server({"iperf", "-s", "-u", "-B", "127.0.0.1", "-p", "5001"});
  REQUIRE(server.wait_for_port() == 5'001);
  CHECK(run_udptool(numbered({"--rate", "2k", "-c", "1000"}, "127.0.0.1", 5'001)).ending == done);
  CHECK(contains(server.wait_for(Stream::out, "/1000"), " 0/1000 (0%)"));
}

TEST_CASE("listen --sequence: what iperf 2 sends is counted, none is lost") {
  SKIP_UNLESS(have("iperf"), "no iperf here");
  Listener listener({"--sequence", "-o", "none"});
  run({"iperf", "-c", "127.0.0.1", "-u", "-p", std::to_string(listener.port()), "-l", "200", "-n", "20000", "-b",
       "1M"});
  CHECK(contains(listener.stop().err, "received 101, lost 0, duplicate 0, reordered 0"));
}

TEST_CASE("send --sequence: without a size that holds the numbers it is exit 2") {
  const RawUdp peer;
  const std::string port = std::to_string(peer.port());
  for (const Words& rest : {Words{}, Words{"-l", "15"}, Words{"--empty"}, Words{"MESSAGE"}}) {
    Words words{"send", "--sequence", "127.0.0.1", port};
    words.insert(words.end(), rest.begin(), rest.end());
    const Finished result = run_udptool(words);
    CHECK(result.ending == failed);
    CHECK(contains(result.err, "--sequence takes a --size of 16 or more"));
  }
  CHECK_FALSE(peer.receive(Milliseconds(30)));
}
