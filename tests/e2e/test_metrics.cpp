// SPDX-License-Identifier: MIT
// --metrics on the built binary.
#include <sys/stat.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>
#include <thread>

#include "support/check.hpp"
#include "support/joiner.hpp"
#include "support/raw_udp.hpp"
#include "support/udptool.hpp"

using namespace support;

namespace {

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The value of that sample, or "" when it is not there.
std::string sample(const std::string& text, const std::string& name) {
  const std::size_t at = ("\n" + text).find("\n" + name + " ");
  if (at == std::string::npos) return "";
  const std::size_t value = at + name.size() + 1;
  return text.substr(value, text.find('\n', value) - value);
}

// Waits until the sample has that value.
bool comes_to(const std::string& path, const std::string& name, const std::string& value) {
  const Stopwatch watch;
  while (watch.elapsed() < patience) {
    if (sample(content_of(path), name) == value) return true;
    std::this_thread::sleep_for(Milliseconds(5));
  }
  CAPTURE(content_of(path));
  CHECK(sample(content_of(path), name) == value);
  return false;
}

// What promtool says of the file, where it is installed.
void check_form(const std::string& path) {
  if (!have("promtool")) return;
  ProcessOptions options;
  options.input = Input::file;
  options.input_file = path;
  const Finished checked = run({"promtool", "check", "metrics"}, options);
  CHECK(checked.ending == done);
  CHECK(checked.out + checked.err == "");
}

// More of what is quick where there is time (see test_soak.cpp).
bool is_soak() { return std::getenv("UDPTOOL_SOAK") != nullptr; }

// Of a listener that nothing came to: from the first line to the last.
bool is_whole_snapshot(const std::string& text) {
  return text.rfind("# HELP udptool_build_info ", 0) == 0 && last_line(text) == "udptool_senders 0\n";
}

Words names_in(const std::string& directory) {
  Words names;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) names.push_back(entry.path().filename());
  return names;
}

}  // namespace

TEST_CASE("metrics: a listener's counters are in the file from the start, live, and at the end") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("u.prom");
  Listener listener({"--echo", "-o", "none", "--metrics", path, "--stats=20ms", "--deny", "127.0.0.2"});
  const std::string at = "{endpoint=\"127.0.0.1:" + std::to_string(listener.port()) + "\"}";
  CHECK(sample(content_of(path), "udptool_received_datagrams_total" + at) == "0");
  CHECK(contains(content_of(path), "\nudptool_build_info{version=\""));
  CHECK(std::stod(sample(content_of(path), "udptool_start_time_seconds")) > 1.7e9);
  const RawUdp sender;
  sender.send("four", listener.port());
  sender.send("", listener.port());
  CHECK(run_udptool({"send", "-s", "127.0.0.2", "127.0.0.1", std::to_string(listener.port()), "x"}).ending == done);
  CHECK(comes_to(path, "udptool_received_datagrams_total" + at, "2"));
  CHECK(comes_to(path, "udptool_ignored_datagrams_total" + at, "1"));
  sender.send("last", listener.port());
  CHECK(sender.next() == "four");
  CHECK(sender.next() == "");
  CHECK(sender.next() == "last");
  CHECK(listener.stop().ending == done);
  const std::string text = content_of(path);
  CHECK(sample(text, "udptool_received_datagrams_total" + at) == "3");
  CHECK(sample(text, "udptool_received_bytes_total" + at) == "8");
  CHECK(sample(text, "udptool_dropped_datagrams_total" + at) == "0");
  CHECK(sample(text, "udptool_answered_datagrams_total" + at) == "3");
  CHECK(sample(text, "udptool_senders") == "1");
  check_form(path);
}

TEST_CASE("metrics: a relay counts what it passed on, by target") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("u.prom");
  const RawUdp target, sender;
  Listener relay({"-o", "none", "--forward", target.endpoint(), "--metrics", path, "--stats=20ms"});
  sender.send("x", relay.port());
  CHECK(target.next() == "x");
  const std::string labels =
      "{endpoint=\"127.0.0.1:" + std::to_string(relay.port()) + "\",target=\"" + target.endpoint() + "\"}";
  CHECK(comes_to(path, "udptool_forwarded_datagrams_total" + labels, "1"));
  CHECK(relay.stop().ending == done);
  check_form(path);
}

TEST_CASE("metrics: what several threads passed on is counted once, at the end too") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("u.prom");
  const RawUdp target;
  Listener relay({"-o", "none", "--threads", "3", "--forward", target.endpoint(), "--metrics", path});
  constexpr int datagrams = 20;
  for (int i = 0; i < datagrams; ++i) {
    RawUdp().send("x", relay.port());
    CHECK(target.next() == "x");
  }
  CHECK(relay.stop().ending == done);
  const std::string labels =
      "{endpoint=\"127.0.0.1:" + std::to_string(relay.port()) + "\",target=\"" + target.endpoint() + "\"}";
  CHECK(sample(content_of(path), "udptool_forwarded_datagrams_total" + labels) == std::to_string(datagrams));
}

TEST_CASE("metrics: join counts by group and interface") {
  IN_NAMESPACE("");
  const TemporaryDirectory directory;
  const std::string path = directory.file("u.prom");
  Joiner join({"-o", "none", "-i", "lo", "--sequence", "--metrics", path, "--stats=20ms", "-c", "2", "239.1.1.1",
               "10.9.9.9,232.1.1.1:5000"},
              2);
  send({"-i", "lo", "239.1.1.1", "41234", "12", "345"});
  CHECK(join.wait() == done);
  const std::string text = content_of(path);
  const std::string labels = "{group=\"239.1.1.1:41234\",interface=\"lo\"}";
  CHECK(sample(text, "udptool_received_datagrams_total" + labels) == "2");
  CHECK(sample(text, "udptool_received_bytes_total" + labels) == "5");
  CHECK(sample(text, "udptool_dropped_datagrams_total" + labels) == "0");
  CHECK(sample(text, "udptool_sequence_lost_total" + labels) == "0");
  CHECK(sample(text, "udptool_received_datagrams_total{group=\"10.9.9.9,232.1.1.1:5000\",interface=\"lo\"}") == "0");
  check_form(path);
  const RawUdp target;
  Joiner relay({"-o", "none", "-i", "lo", "--forward", target.endpoint(), "--metrics", path, "239.1.1.2"});
  send({"-i", "lo", "239.1.1.2", "41234", "on"});
  CHECK(target.next() == "on");
  CHECK(relay.stop().ending == done);
  CHECK(sample(content_of(path),
               "udptool_forwarded_datagrams_total{group=\"239.1.1.2:41234\",interface=\"lo\",target=\"" +
                   target.endpoint() + "\"}") == "1");
}

TEST_CASE("metrics: a reader never sees a part, and the directory holds nothing else") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("u.prom");
  Listener listener({"-o", "none", "--metrics", path, "--stats=1ms"});
  const auto status = [&path] {
    struct stat result {};
    REQUIRE(stat(path.c_str(), &result) == 0);
    return result;
  };
  const auto first = status();
  const int reads = is_soak() ? 100'000 : 5'000;
  for (int i = 0; i < reads; ++i) REQUIRE(is_whole_snapshot(content_of(path)));
  const auto last = status();
  CHECK((last.st_mode & 07777) == 0644);
  CHECK(last.st_mtim.tv_sec * 1'000'000'000 + last.st_mtim.tv_nsec >
        first.st_mtim.tv_sec * 1'000'000'000 + first.st_mtim.tv_nsec);
  CHECK(listener.stop().ending == done);
  CHECK(names_in(directory.path()) == Words{"u.prom"});
}

TEST_CASE("metrics: killed at any moment, it leaves a whole file, and nothing else that a collector reads") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("u.prom");
  std::minstd_rand random;
  std::uniform_int_distribution<int> moment(0, 5'000);
  const int kills = is_soak() ? 200 : 20;
  for (int i = 0; i < kills; ++i) {
    Listener listener({"-o", "none", "--metrics", path, "--stats=1ms"});
    std::this_thread::sleep_for(std::chrono::microseconds(moment(random)));
    CHECK(listener.stop(SIGKILL).ending == Ending{-1, SIGKILL});
    REQUIRE(is_whole_snapshot(content_of(path)));
  }
  for (const std::string& name : names_in(directory.path())) CHECK(is_like(name, R"(u\.prom|\.u\.prom\.\d+\.tmp)"));
  check_form(path);
}

TEST_CASE("metrics: a directory that goes is one notice, and measuring goes on") {
  const TemporaryDirectory directory;
  const std::string inner = directory.file("inner");
  std::filesystem::create_directory(inner);
  Listener listener({"-o", "none", "--metrics", inner + "/u.prom", "--stats=10ms", "-c", "1"});
  std::filesystem::remove_all(inner);
  listener.wait_for(Stream::err,
                    "note: cannot write " + inner + "/u.prom: No such file or directory: measuring goes on");
  const RawUdp sender;
  sender.send("x", listener.port());
  const Finished result = listener.finish();
  CHECK(result.ending == done);
  CHECK(count_of(result.err, "measuring goes on") == 1);
}

TEST_CASE("metrics: what can never be written is refused at the start") {
  const TemporaryDirectory directory;
  const auto refusal = [](const std::string& file) {
    const Finished result = run_udptool({"listen", "--metrics", file, "127.0.0.1:0"});
    CHECK(result.ending == Ending{2, 0});
    CHECK(result.out == "");
    CHECK(count_of(result.err, "\n") == 1);
    return result.err;
  };
  CHECK(contains(refusal(directory.file("no/u.prom")), "/no/u.prom: No such file or directory\n"));
  CHECK(contains(refusal("/dev/null"), "cannot write /dev/null: it is no regular file\n"));
  CHECK(contains(refusal(directory.path() + "/"), ": Is a directory\n"));
  CHECK(contains(refusal("-"), "--metrics: '-': a file is replaced "));
}

TEST_CASE("metrics: probe's counters are in the file from the start, and what it was waiting for at the end") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("u.prom");
  const RawUdp silent;
  const std::string at = "{target=\"" + silent.endpoint() + "\"}";
  Process probe(udptool({"probe", "-w", "1m", "--metrics", path, "127.0.0.1", std::to_string(silent.port())}));
  REQUIRE(silent.receive());
  CHECK(sample(content_of(path), "udptool_probe_sent_total" + at) == "0");
  CHECK(sample(content_of(path), "udptool_probe_rtt_seconds_count" + at) == "0");
  CHECK(probe.stop().ending == nothing);
  const std::string text = content_of(path);
  CHECK(sample(text, "udptool_probe_sent_total" + at) == "1");
  CHECK(sample(text, "udptool_probe_received_total" + at) == "0");
  CHECK(sample(text, "udptool_probe_timeouts_total" + at) == "1");
  check_form(path);
}

TEST_CASE("metrics: a reply that comes late, and one that comes twice") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("u.prom");
  const RawUdp server;
  const std::string at = "{target=\"" + server.endpoint() + "\"}";
  Process probe(udptool({"probe", "-q", "-c", "0", "--interval", "1m", "-w", "20ms", "--stats=10ms", "--metrics", path,
                         "127.0.0.1", std::to_string(server.port())}));
  const auto asked = server.receive();
  REQUIRE(asked);
  CHECK(comes_to(path, "udptool_probe_timeouts_total" + at, "1"));
  server.reply(*asked, asked->payload);
  CHECK(comes_to(path, "udptool_probe_late_total" + at, "1"));
  server.reply(*asked, asked->payload);
  CHECK(comes_to(path, "udptool_probe_duplicates_total" + at, "1"));
  CHECK(probe.stop().ending == done);
  const std::string text = content_of(path);
  CHECK(sample(text, "udptool_probe_sent_total" + at) == "1");
  CHECK(sample(text, "udptool_probe_received_total" + at) == "1");
  CHECK(sample(text, "udptool_probe_timeouts_total" + at) == "1");
  CHECK(sample(text, "udptool_probe_reordered_total" + at) == "0");
  const std::string in_bucket = at.substr(0, at.size() - 1) + ",le=\"";
  CHECK(sample(text, "udptool_probe_rtt_seconds_bucket" + in_bucket + "0.0128\"}") == "0");
  CHECK(sample(text, "udptool_probe_rtt_seconds_bucket" + in_bucket + "+Inf\"}") == "1");
  CHECK(std::stod(sample(text, "udptool_probe_rtt_seconds_sum" + at)) >= 0.02);
  check_form(path);
}

TEST_CASE("metrics: the flows of a target are one, and targets are named as they were written") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("u.prom");
  const Listener echo({"--echo", "-o", "none"});
  const std::string port = std::to_string(echo.port());
  const std::string at = "{target=\"127.0.0.1:" + port + "\"}";
  const Words series{"probe", "-q", "-c", "2", "--interval", "5ms", "--metrics", path};
  const auto with = [&series](const Words& more) {
    Words words = series;
    words.insert(words.end(), more.begin(), more.end());
    return words;
  };
  CHECK(run_udptool(with({"--flows", "3", "127.0.0.1", port})).ending == done);
  CHECK(sample(content_of(path), "udptool_probe_sent_total" + at) == "6");
  CHECK(sample(content_of(path), "udptool_probe_rtt_seconds_count" + at) == "6");
  const std::string closed = "127.0.0.1:" + std::to_string(unused_port());
  CHECK(run_with_input(with({"--targets", "-"}), "127.0.0.1:" + port + "\n" + closed + "\nnosuch.invalid:9\n").ending ==
        done);
  const std::string text = content_of(path);
  CHECK(sample(text, "udptool_probe_received_total" + at) == "2");
  CHECK(sample(text, "udptool_probe_refused_total{target=\"" + closed + "\"}") == "2");
  CHECK(sample(text, "udptool_probe_timeouts_total{target=\"" + closed + "\"}") == "0");
  CHECK(sample(text, "udptool_probe_sent_total{target=\"nosuch.invalid:9\"}") == "0");
  check_form(path);
  if (!has_ipv6()) return;
  const Listener six({"--echo", "-o", "none"}, {"[::1]:0"});
  CHECK(run_udptool(with({"::1", std::to_string(six.port())})).ending == done);
  CHECK(sample(content_of(path), "udptool_probe_received_total{target=\"[::1]:" + std::to_string(six.port()) + "\"}") ==
        "2");
}

TEST_CASE("metrics: STAMP has hops, and one-way delays where both clocks are synchronised") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("u.prom");
  const auto ask = [&](const ProcessOptions& options) {
    const Listener reflector({"--stamp", "-o", "none"}, {"127.0.0.1:0"}, 1, options);
    const std::string port = std::to_string(reflector.port());
    const Words words{"probe", "-q", "--stamp", "-c", "3", "--interval", "5ms", "--metrics", path, "127.0.0.1", port};
    CHECK(run_udptool(words, options).ending == done);
    return "{target=\"127.0.0.1:" + port + "\"";
  };
  const std::string at = ask({.environment = {std::string("LD_PRELOAD=") + FAULTS_PATH,
                                              "ASAN_OPTIONS=verify_asan_link_order=0", "FAULT_SYNCHRONISED=1"}});
  const std::string text = content_of(path);
  CHECK(sample(text, "udptool_probe_received_total" + at + "}") == "3");
  for (const std::string direction : {"forward", "backward"}) {
    CHECK(sample(text, "udptool_probe_hops" + at + ",direction=\"" + direction + "\"}") == "0");
    CHECK(sample(text, "udptool_probe_lost_total" + at + ",direction=\"" + direction + "\"}") == "0");
    CHECK(sample(text, "udptool_probe_" + direction + "_delay_seconds_count" + at + "}") == "3");
  }
  CHECK(sample(text, "udptool_probe_lost_total" + at + ",direction=\"unknown\"}") == "0");
  check_form(path);
}

TEST_CASE("metrics: a path has no probes to count") {
  for (const char* mode : {"--trace", "--mtu"}) {
    const Finished result = run_udptool({"probe", mode, "--metrics", "u.prom", "127.0.0.1"});
    CHECK(result.ending == failed);
    CHECK(contains(result.err, "--metrics counts probes: with --trace or --mtu there is none"));
  }
}

TEST_CASE("metrics: promtool finds nothing to say of the files") {
  SKIP_UNLESS(have("promtool"), "no promtool");
  const TemporaryDirectory directory;
  const std::string path = directory.file("u.prom");
  Listener listener({"-o", "none", "--rtp", "--metrics", path});
  CHECK(listener.stop().ending == done);
  check_form(path);
  const Listener reflector({"--stamp", "-o", "none"});
  CHECK(run_udptool({"probe", "--stamp", "--metrics", path, "127.0.0.1", std::to_string(reflector.port())}).ending ==
        done);
  CHECK(contains(content_of(path), "udptool_probe_hops"));
  check_form(path);
}
