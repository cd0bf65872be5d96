// SPDX-License-Identifier: MIT
// What a host can do to a process: a reader who does not read, a full disk, too few files, a clock that is set, and
// queues, filters and routes that take no datagram.
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "support/check.hpp"
#include "support/kernel.hpp"
#include "support/namespace.hpp"
#include "support/slow_reader.hpp"

using namespace support;

namespace {

Words with_faults(const char* which) {
  return {std::string("LD_PRELOAD=") + FAULTS_PATH, "ASAN_OPTIONS=verify_asan_link_order=0", which};
}

// Whether each line is a record of 127.0.0.1 whose payload is a number, and the numbers only grow.
void check_numbered(const std::string& out, std::uint64_t count) {
  CHECK((out.empty() || out.back() == '\n'));
  std::istringstream lines(out);
  std::uint64_t shown = 0;
  long last = -1;
  std::string bad;
  for (std::string line; std::getline(lines, line); ++shown) {
    const std::size_t tab = line.rfind('\t');
    const long number = tab == std::string::npos ? -1 : std::atol(line.c_str() + tab + 1);
    const bool good = line.starts_with("127.0.0.1:") && number > last &&
                      contains(line, "\t" + std::to_string(line.size() - tab - 1) + "\t");
    if (!good && bad.empty()) bad = line;
    last = number;
  }
  CHECK(bad.empty());
  CHECK(shown == count);
}

// `udptool` with these files, and at most so many open.
Finished run_in_shell(const std::string& script, const Words& words) {
  Words all{"sh", "-c", script, "sh", udptool({})[0]};
  all.insert(all.end(), words.begin(), words.end());
  return run(all);
}

enum class Way { file, lines, count };

constexpr std::size_t marked_count = 93;

// Sends so many datagrams of which one in ten cannot be sent, in one of the ways that send has.
Finished send_marked(Way way, std::uint16_t port, int error, long times) {
  std::string input = "a\n";  // the first one leaves
  for (int i = 0; i < 30; ++i) input += (i % 10 == 7 ? "bad " : "good ") + std::to_string(i) + "\n";
  if (way != Way::count) input = input + input + input;
  ProcessOptions options;
  options.environment = {std::string("LD_PRELOAD=") + FAIL_SEND_PATH, "ASAN_OPTIONS=verify_asan_link_order=0",
                         "FAIL_SEND_MARK=bad ", "FAIL_SEND_ERRNO=" + std::to_string(error),
                         "FAIL_SEND_TIMES=" + std::to_string(times)};
  const TemporaryFile file(input);
  Words words{"send", "127.0.0.1", std::to_string(port)};
  if (way != Way::lines) words.insert(words.end(), {"-f", file.path()});
  if (way == Way::count) words.insert(words.end(), {"-c", "3"});
  options.input = way == Way::lines ? Input::pipe : Input::null;
  Process process(udptool(words), options);
  if (way == Way::lines) process.write(input);
  process.close_input();
  const Ending ending = process.wait();
  return {ending, process.out(), process.err()};
}

std::size_t received_by(const RawUdp& peer) {
  std::size_t count = 0;
  while (peer.receive(Milliseconds(0))) ++count;
  return count;
}

}  // namespace

TEST_CASE("faults: a reader of 1 KiB a second costs datagrams and no memory, and the summary counts them") {
  constexpr std::size_t sent = 50'000;  // within some tenths of a second
  SlowReader reader(5);
  reader.make_small();
  Listener listener({}, {"127.0.0.1:0"}, 1, {.output_file = reader.path()});
  reader.start();
  const RawUdp sender;
  for (std::size_t i = 0; i < sent; ++i) sender.send(std::to_string(i), listener.port());
  if (!sanitized()) CHECK(memory_of(listener.pid(), "VmHWM") < 24 * 1'024);
  listener.signal(SIGINT);  // what was taken is still written
  reader.hurry();
  const Finished result = listener.finish();
  CHECK(result.ending == done);
  const Summary summary = summary_of(result.err);
  CHECK(summary.dropped > 0);
  CHECK(summary.datagrams + summary.dropped == sent);
  check_numbered(reader.finish(), summary.datagrams);
}

TEST_CASE("faults: -W ends it in time though nobody reads any more, and says that records are missing") {
  SlowReader reader;
  reader.make_small();
  Listener listener({"-W", "300ms"}, {"127.0.0.1:0"}, 1, {.output_file = reader.path()});
  const RawUdp sender;
  const Stopwatch watch;
  for (int i = 0; i < 2'000; ++i) sender.send(std::to_string(i), listener.port());
  const Finished result = listener.finish();
  CHECK(watch.elapsed() < patience / 6);
  CHECK(result.ending == done);
  CHECK(contains(result.err, "udptool: the output was not read: "));
  const Summary summary = summary_of(result.err);
  CHECK(summary.datagrams + summary.dropped == 2'000);
  reader.start();
  CHECK(count_of(reader.finish(), "\n") < summary.datagrams);
}

TEST_CASE("faults: what a queue, a filter or a route does not take is told, from a file, a pipe and in rounds") {
  for (const Way way : {Way::file, Way::lines, Way::count}) {
    for (const int error : {ENOBUFS, EPERM, EMSGSIZE, ENETUNREACH, ENETDOWN, EACCES}) {
      CAPTURE(static_cast<int>(way));
      const RawUdp peer;
      const Finished result = send_marked(way, peer.port(), error, 1'000'000);
      CAPTURE(result.err);
      CHECK(result.ending == failed);
      std::smatch found;
      const std::regex pattern(
          "udptool: ([0-9]+) of 93 datagrams to [^ ]* could not be sent: ([^(]*) \\(([0-9]+)\\)( \\(a local firewall "
          "is the usual cause\\))?\n");
      const bool told = std::regex_search(result.err, found, pattern);
      REQUIRE(told);
      CHECK(found[1] == found[3]);
      CHECK(found[2] == std::strerror(error));
      CHECK(count_of(result.err, "udptool: ") == 1);
      CHECK(std::stoul(found[1]) >= 9);
      CHECK(received_by(peer) + std::stoul(found[1]) == marked_count);
    }
  }
}

TEST_CASE("faults: a queue that is full for a while costs nothing, from a file, a pipe and in rounds") {
  for (const Way way : {Way::file, Way::lines, Way::count}) {
    for (const int error : {ENOBUFS, EAGAIN}) {
      const RawUdp peer;
      const Finished result = send_marked(way, peer.port(), error, 20);
      CAPTURE(result.err);
      CHECK(result.ending == done);
      CHECK(received_by(peer) == marked_count);
    }
  }
}

TEST_CASE("faults: the wall clock may be set at any time: no round trip is negative or an hour long") {
  const Listener echo({"--echo", "-o", "none"});
  const Finished result =
      run_udptool({"probe", "-c", "100", "--interval", "2ms", "127.0.0.1", std::to_string(echo.port())},
                  {.environment = with_faults("FAULT_CLOCK=1")});
  CHECK(result.ending == done);
  CHECK(contains(result.out, "\n100 sent, 100 received, 0 lost "));
  std::istringstream lines(result.out);
  const std::regex pattern("[^\t]*\topen\t([0-9.]+) ms\t.*");
  std::size_t probes = 0;
  std::smatch found;
  for (std::string line; std::getline(lines, line);) {
    if (!std::regex_match(line, found, pattern)) continue;
    ++probes;
    const double rtt = std::stod(found[1]);
    CHECK_MESSAGE((rtt > 0 && rtt < 1'000), line);
  }
  CHECK(probes == 100);
}

TEST_CASE("faults: the wall clock may be set at any time: waits, deadlines, paces and rates keep theirs") {
  const ProcessOptions options{.environment = with_faults("FAULT_CLOCK=1")};
  const auto takes = [&](const Words& words, Milliseconds least) {
    CAPTURE(words);
    const Stopwatch watch;
    const Finished result = run_udptool(words, options);
    CHECK(watch.elapsed() >= least);
    CHECK(watch.elapsed() < least + patience / 3);
    return result;
  };
  for (const int wait : {60, 80, 100, 120, 140, 160}) {  // it is late or early, by chance
    const std::string word = std::to_string(wait) + "ms";
    CHECK(takes({"listen", "-w", word, "127.0.0.1:0"}, Milliseconds(wait)).ending == nothing);
  }
  CHECK(takes({"listen", "-W", "200ms", "127.0.0.1:0"}, Milliseconds(200)).ending == nothing);
  const RawUdp peer;
  const std::string port = std::to_string(peer.port());
  CHECK(takes({"send", "--interval", "10ms", "-c", "20", "127.0.0.1", port, "x"}, Milliseconds(190)).ending == done);
  CHECK(takes({"probe", "-c", "2", "-w", "100ms", "--interval", "50ms", "127.0.0.1", port}, Milliseconds(150)).ending ==
        nothing);
  const Finished stats = takes({"listen", "--stats=200ms", "-W", "900ms", "127.0.0.1:0"}, Milliseconds(900));
  CHECK(count_of(stats.err, "datagrams/s") <= 4);
  CHECK(count_of(stats.err, "datagrams/s") >= 2);  // what a busy machine has missed is one
}

TEST_CASE("faults: the wall clock may be set at any time: it is no jitter of RTP, and -T tells what the kernel said") {
  IN_NAMESPACE(":");
  Process joiner(udptool({"join", "--rtp", "--clock-rate", "90000", "-T", "-i", "lo", "239.1.1.1:5000"}),
                 {.environment = with_faults("FAULT_CLOCK=1")});
  joiner.wait_for(Stream::err, "joined");
  const TemporaryFile file;
  for (int i = 0; i < 40; ++i) {
    const std::string packet{'\x80', 96, 0, static_cast<char>(i), 0, 0, 0, 0, 0, 0, 0, 1, 'x'};
    std::ofstream(file.path(), std::ios::binary) << packet;
    CHECK(run_udptool({"send", "-i", "lo", "--whole", "-f", file.path(), "239.1.1.1", "5000"}).ending == done);
  }
  joiner.signal(SIGINT);
  CHECK(joiner.wait() == done);
  std::smatch found;
  const std::string err = joiner.err();
  const bool told = std::regex_search(err, found, std::regex("lost 0, .* jitter ([0-9.]+) ms"));
  CAPTURE(err);
  REQUIRE(told);
  CHECK(std::stod(found[1]) < 10'000);
  // The hour before and the hour after are both there: the clock was set.
  std::set<std::string> hours;
  std::istringstream lines(joiner.out());
  for (std::string line; std::getline(lines, line);) hours.insert(line.substr(0, 13));
  CHECK(hours.size() >= 2);
}

TEST_CASE("faults: with few files a command works or is exit 2 and one line with the cure") {
  SKIP_UNLESS(!sanitized(), "the sanitizer takes a file of its own to look at an exception, and there is none left");
  const TemporaryFile file("a\nb\n");
  const RawUdp peer;
  const std::string port = std::to_string(peer.port());
  const std::vector<Words> all{{"listen", "-w", "20ms", "0"},
                               {"listen", "-w", "20ms", "localhost:0"},
                               {"send", "127.0.0.1", port, "x"},
                               {"send", "-f", file.path(), "localhost", port},
                               {"join", "-w", "20ms", "239.1.1.1"},
                               {"join", "--explain", "-w", "20ms", "239.1.1.1"},
                               {"probe", "-w", "20ms", "localhost", port},
                               {"probe", "-c", "2", "-w", "20ms", "--interval", "5ms", "127.0.0.1", port},
                               {"probe", "--trace", "--names", "-w", "20ms", "127.0.0.1"},
                               {"probe", "--mtu", "-w", "20ms", "127.0.0.1", port}};
  std::size_t refused = 0;
  for (const Words& words : all) {
    CAPTURE(words);
    for (int files = 4; files <= 12; ++files) {
      CAPTURE(files);
      const Stopwatch watch;
      const Finished result = run_in_shell("ulimit -n " + std::to_string(files) + "; exec \"$@\"", words);
      CAPTURE(result.err);
      CHECK(watch.elapsed() < patience / 3);
      // Whoever started the tests may have left files open: then there are too few for the loader of programs already.
      if (contains(result.err, "error while loading shared libraries")) continue;
      CHECK(result.ending.signal == 0);
      CHECK(result.ending.status <= 2);
      if (result.ending != failed) continue;
      ++refused;
      CHECK(count_of(result.err, "udptool: ") == 1);
      // A resolver that cannot open its files has found nothing.
      const bool named = contains(result.err, "Too many open files (raise the limit on open files: ulimit -n)\n") ||
                         contains(result.err, "udptool: cannot resolve 'localhost': ");
      CHECK(named);
    }
  }
  CHECK(refused > all.size());
}

TEST_CASE("faults: a loop that the kernel does not let wake is refused at once, and no silence") {
  for (const Words& words : {Words{"probe", "--trace", "-W", "10s", "127.0.0.1"}, {"listen", "-w", "1", "0"}}) {
    for (const char* const which : {"FAULT_EPOLL=1", "FAULT_EPOLL=2"}) {
      CAPTURE(words);
      CAPTURE(which);
      const Finished result = run_udptool(words, {.environment = with_faults(which)});
      CHECK(result.ending == failed);
      CHECK(result.err == "udptool: cannot make an event loop: Cannot allocate memory\n");
    }
  }
}

TEST_CASE("faults: -o raw to a closed pipe ends it quietly, to a full disk with exit 2") {
  Process pipeline(
      {"sh", "-c", "{ \"$1\" listen -o raw 127.0.0.1:0; echo status $? >&2; } | head -c 3", "sh", udptool({})[0]});
  const auto found = pipeline.wait_for_match(Stream::err, "listening on .*:([0-9]+)$");
  const RawUdp sender;
  sender.send("abcdef", static_cast<std::uint16_t>(std::stoul(found[1])));
  CHECK(pipeline.wait_for(Stream::err, "status") == "status 0");
  CHECK(pipeline.wait() == done);
  CHECK(pipeline.out() == "abc");
  CHECK_FALSE(contains(pipeline.err(), "udptool: "));
  IN_NAMESPACE("needs_mounts; mount -t tmpfs -o size=8k none /mnt");
  for (const Words& options : {Words{"-o", "raw"}, Words{"-o", "text"}, Words{"-j"}}) {
    Listener listener(options, {"127.0.0.1:0"}, options[0] == "-j" ? 0 : 1, {.output_file = "/mnt/out"});
    const std::uint16_t port = options[0] == "-j" ? listener.wait_for_port() : listener.port();
    for (int i = 0; i < 4; ++i) sender.send(std::string(4'000, 'x'), port);
    const Finished result = listener.finish();
    CAPTURE(result.err);
    CHECK(result.ending == failed);
    CHECK(count_of(result.err, "udptool: cannot write to the output: No space left on device, ") == 1);
    CHECK(std::filesystem::file_size("/mnt/out") <= 8'192);
    std::filesystem::remove("/mnt/out");
  }
}

TEST_CASE("faults: a standard file that is closed is no socket: nothing that is printed or read leaves by it") {
  struct Row {
    Words words;
    const char* closed;
    Ending ending;
    bool arrives;
  };
  const RawUdp peer;
  const std::string port = std::to_string(peer.port());
  const Words message{"send", "-v", "127.0.0.1", port, "hello"};
  const Words input{"send", "-v", "127.0.0.1", port};
  const Words events{"send", "-j", "127.0.0.1", port, "hello"};
  const Words probe{"probe", "--data", "hello", "-w", "20ms", "127.0.0.1", port};
  const Words listen{"listen", "-w", "20ms", "127.0.0.1:0"};
  const Words join{"join", "-w", "20ms", "239.1.1.1"};
  for (const Row& row :
       {Row{message, "<&-", done, true}, Row{message, ">&-", done, true}, Row{message, "2>&-", done, true},
        Row{message, "<&- >&- 2>&-", done, true}, Row{input, "<&-", failed, false},
        Row{input, "<&- >&- 2>&-", failed, false}, Row{events, ">&-", failed, true}, Row{events, "2>&-", done, true},
        Row{probe, "<&-", nothing, true}, Row{probe, ">&-", failed, true}, Row{probe, "2>&-", nothing, true},
        Row{probe, "<&- >&- 2>&-", failed, true}, Row{listen, "<&-", nothing, false},
        Row{listen, ">&-", nothing, false}, Row{listen, "2>&-", nothing, false},
        Row{listen, "<&- >&- 2>&-", nothing, false}, Row{join, ">&-", nothing, false},
        Row{join, "<&- >&- 2>&-", nothing, false}}) {
    CAPTURE(row.words);
    CAPTURE(row.closed);
    const Finished result = run_in_shell(std::string("exec \"$@\" ") + row.closed, row.words);
    CHECK(result.ending == row.ending);
    std::size_t came = 0;
    while (const auto datagram = peer.receive(Milliseconds(0))) {
      CHECK(datagram->payload == "hello");
      ++came;
    }
    CHECK((came > 0) == row.arrives);
  }
}
