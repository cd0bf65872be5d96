// SPDX-License-Identifier: MIT
// `udptool probe --trace -c N` on the loopback: the table of a path that is watched, in each form.
#include "support/check.hpp"
#include "support/udptool.hpp"

using namespace support;

namespace {

Finished watch(const Words& rest, const Words& options = {}) {
  Words words{"probe", "--trace", "--interval", "10ms"};
  words.insert(words.end(), options.begin(), options.end());
  words.insert(words.end(), rest.begin(), rest.end());
  return run_udptool(words);
}

const std::string head = "hop\tloss %\tsent\tlast ms\tavg\tbest\tworst\tstddev\taddress\n";
const std::string figures = "[0-9]+\\.[0-9]{3}\t[0-9.]+\t[0-9.]+\t[0-9.]+\t[0-9.]+";

}  // namespace

TEST_CASE("probe --trace -c: a row a hop at the end") {
  const Listener echo({"--echo", "-o", "none"});
  const Finished finished = watch({"-w", "10", "-c", "5", "127.0.0.1", std::to_string(echo.port())});
  CHECK(finished.ending == done);
  CHECK(finished.err.empty());
  CHECK(is_like(finished.out, head + "1\t0\\.0\t5\t" + figures + "\t127\\.0\\.0\\.1\treached\n"));
  CHECK(is_like(watch({"-T", "-c", "1", "127.0.0.1", std::to_string(echo.port())}).out,
                "(20[0-9-]+T[0-9:.]+Z\t[^\n]*\n){2}"));
  CHECK(watch({"-r", "-c", "1", "127.0.0.1", std::to_string(echo.port())}).out.empty());
}

TEST_CASE("probe --trace -c: an event a hop, then the summary") {
  const Listener echo({"--echo", "-o", "none"});
  const Finished finished = watch({"-j", "-w", "10", "-c", "4", "127.0.0.1", std::to_string(echo.port())});
  CHECK(is_like(finished.out,
                R"x(\{"event":"hop","time":"[^"]*","ttl":1,"address":"127\.0\.0\.1","addresses":\["127\.0\.0\.1"\],)x"
                R"x("sent":4,"received":4,"loss_percent":0\.000,"rtt_ms":\{"min":[0-9.]+,"avg":[0-9.]+,"max":[0-9.]+,)x"
                R"x("stddev":[0-9.]+,"p50":[0-9.]+,"p90":[0-9.]+,"p99":[0-9.]+,"p999":[0-9.]+\},"detail":"reached"\})x"
                "\n"
                R"x(\{"event":"summary",[^\n]*"state":"open","reached":true,"sent":4,"received":4,"lost":0,[^\n]*\})x"
                "\n"));
}

TEST_CASE("probe --trace -c: a closed port is reached, a silent one is not, and says so in one line") {
  CHECK(watch({"-c", "2", "127.0.0.1", std::to_string(unused_port())}).ending == done);
  const RawUdp silent;
  const Finished finished =
      watch({"-c", "2", "-w", "100ms", "--max-hops", "4", "127.0.0.1", std::to_string(silent.port())});
  CHECK(finished.ending == nothing);
  CHECK(finished.out == head + "1-4\t100.0\t2\t\t\t\t\t\t*\tno answer\n");
  CHECK(count_of(
            watch({"-j", "-c", "1", "-w", "100ms", "--max-hops", "4", "127.0.0.1", std::to_string(silent.port())}).out,
            "\"event\":\"hop\"") == 4);
}

TEST_CASE("probe --trace -c: requests that are all alike are told apart by the port of each hop") {
  const Finished finished = watch({"-w", "10", "-c", "3", "--data", "x", "127.0.0.1", std::to_string(unused_port())});
  CAPTURE(finished.out);
  CHECK(finished.ending == done);
  CHECK(is_like(finished.out, head + "1\t0\\.0\t3\t" + figures + "\t127\\.0\\.0\\.1\treached\n"));
}

TEST_CASE("probe --trace -c 0: until it is ended, with a table at each interval and at the end") {
  const Listener echo({"--echo", "-o", "none"});
  Process probe(udptool(
      {"probe", "--trace", "-c", "0", "--interval", "5ms", "--stats=50ms", "127.0.0.1", std::to_string(echo.port())}));
  for (int table = 0; table < 3; ++table) probe.wait_for(Stream::out, "reached");
  const std::size_t told = count_of(probe.out(), head);
  const Finished finished = probe.stop();
  CHECK(finished.ending == done);
  CHECK(count_of(finished.out, head) > told);
  CHECK(finished.out.find('\x1b') == std::string::npos);
}

TEST_CASE("probe --trace -c: one probe a hop in each round") {
  const RawUdp silent;
  watch({"-c", "3", "-w", "50ms", "--max-hops", "2", "127.0.0.1", std::to_string(silent.port())});
  std::vector<std::uint16_t> ports;
  while (const auto message = silent.receive(Milliseconds(1))) ports.push_back(message->port);
  CHECK(ports == std::vector<std::uint16_t>(6, ports.at(0)));  // of one flow
}
