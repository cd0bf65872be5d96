// SPDX-License-Identifier: MIT
// Signals at any moment: a clean end with whole records and the right status, or, before anything was said, none.
#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <deque>
#include <functional>
#include <random>
#include <regex>
#include <set>
#include <thread>

#include "support/check.hpp"
#include "support/joiner.hpp"
#include "support/namespace.hpp"
#include "support/slow_reader.hpp"

using namespace support;

namespace {

const std::size_t victims_in_all = sanitized() ? 24 : std::getenv("UDPTOOL_SOAK") != nullptr ? 1'000 : 300;
const std::chrono::microseconds most_latest{sanitized() ? 1'500'000 : 80'000};  // or it takes too long
constexpr std::size_t victims_at_once = 8;

const std::string whole_text = "whole and nothing but";
const std::string size_and_text = "\t" + std::to_string(whole_text.size()) + "\t" + whole_text;

using Clock = std::chrono::steady_clock;

// A process, what is in store for it, and what came of it.
struct Victim {
  explicit Victim(const Words& words) : process(udptool(words)) {}
  Process process;
  std::set<int> signals;
  Finished result;
};

struct Blow {
  Clock::time_point when;
  Victim* victim;
  int number;
};

using Random = std::mt19937;

// How long it takes until that many processes are all at work.
std::chrono::microseconds time_to_begin(const Words& words) {
  const Stream stream = words[0] == "listen" || words[0] == "join" ? Stream::err : Stream::out;
  const Stopwatch watch;
  std::deque<Victim> victims;
  for (std::size_t i = 0; i < victims_at_once; ++i) victims.emplace_back(words);
  for (Victim& victim : victims) victim.process.wait_for_bytes(stream, 1);
  return watch.elapsed();
}

// One signal that ends, at any moment; before it, for some, one that must not, or a stop and its end.
void plan(Victim& victim, Random& random, std::chrono::microseconds latest, std::vector<Blow>& blows) {
  const auto at = [&](int earliest) {
    return std::uniform_int_distribution<int>(earliest, static_cast<int>(latest.count()))(random);
  };
  const auto add = [&](int us, int number) {
    victim.signals.insert(number);
    blows.push_back({Clock::now() + std::chrono::microseconds(us), &victim, number});
  };
  const int end = at(0);
  add(end, std::array{SIGINT, SIGTERM, SIGHUP}[random() % 3]);
  const unsigned extra = random() % 4;
  if (extra == 0) add(end / 2, SIGPIPE);
  if (extra == 1) {
    add(end / 2, SIGTSTP);
    add(at(end / 2), SIGCONT);
  }
}

void strike(std::vector<Blow>& blows) {
  std::sort(blows.begin(), blows.end(), [](const Blow& a, const Blow& b) { return a.when < b.when; });
  for (const Blow& blow : blows) {
    std::this_thread::sleep_until(blow.when);
    blow.victim->process.signal(blow.number);
  }
}

bool is_whole(const std::string& all) { return all.empty() || all.back() == '\n'; }

// What a victim that ended by itself must have left behind.
using Check = std::function<void(const Finished&)>;

void check(const Victim& victim, const Check& check_end, std::size_t& killed) {
  const Finished& result = victim.result;
  CAPTURE(result.ending);
  CAPTURE(result.out.substr(result.out.size() - std::min<std::size_t>(result.out.size(), 300)));
  CAPTURE(result.err);
  if (result.ending.signal != 0) {  // there were no handlers yet: nothing can have been said
    ++killed;
    CHECK(victim.signals.contains(result.ending.signal));
    CHECK(result.out.empty());
    CHECK(result.err.empty());
    return;
  }
  CHECK(is_whole(result.out));
  CHECK(is_whole(result.err));
  CHECK_FALSE(contains(result.err, "udptool: "));
  check_end(result);
}

void strike_all(const Words& words, const Check& check_end) {
  const char* given = std::getenv("UDPTOOL_TEST_SEED");
  const unsigned seed = given != nullptr ? static_cast<unsigned>(std::atol(given)) : std::random_device()();
  CAPTURE(seed);
  Random random(seed);
  auto latest = std::min(3 * time_to_begin(words), most_latest);
  std::size_t killed = 0, done = 0;
  const auto too_many_killed = [&] { return killed >= done * 9 / 10; };
  for (; done < victims_in_all || (too_many_killed() && done < 4 * victims_in_all); done += victims_at_once) {
    const std::size_t killed_before = killed;
    std::deque<Victim> victims;
    std::vector<Blow> blows;
    for (std::size_t i = 0; i < victims_at_once; ++i) plan(victims.emplace_back(words), random, latest, blows);
    strike(blows);
    for (Victim& victim : victims) {
      victim.result = {victim.process.wait(), victim.process.out(), victim.process.err()};
      check(victim, check_end, killed);
    }
    if (killed - killed_before == victims_at_once) latest *= 2;  // the machine has become busier than it was
  }
  CHECK_FALSE(too_many_killed());  // the others were in the middle of their work
}

bool is_record(const std::string& line) { return line.starts_with("127.0.0.1:") && line.ends_with(size_and_text); }

// Each line is a record, and the summary knows how many.
void check_records(const Finished& result) {
  CHECK(result.ending == done);
  const std::vector<std::string> lines = lines_of(result.out);
  const auto bad = std::find_if_not(lines.begin(), lines.end(), is_record);
  CHECK_MESSAGE(bad == lines.end(), *bad);
  CHECK(summary_of(result.err).datagrams == lines.size());
}

// Datagrams to that port, and to a group, until the end.
class Traffic {
 public:
  explicit Traffic(std::uint16_t port)
      : group_(udptool({"send", "-i", "lo", "-s", "127.0.0.1", "--rate", "5k", "-c", "0", "239.1.1.1",
                        std::to_string(port), whole_text})),
        thread_([this, port] {
          while (!over_) {
            for (const RawUdp& sender : senders_) sender.send(whole_text, port);
            std::this_thread::sleep_for(Milliseconds(1));
          }
        }) {}
  ~Traffic() {
    over_ = true;
    thread_.join();
  }
  Traffic(const Traffic&) = delete;
  Traffic& operator=(const Traffic&) = delete;

 private:
  std::array<RawUdp, 16> senders_;  // so that each of several receivers gets some
  Process group_;
  std::atomic<bool> over_ = false;
  std::thread thread_;
};

void say_rounds() {
  if (!inside_namespace()) std::printf("signals: %zu processes, each in the middle of something\n", victims_in_all);
}

constexpr std::uint16_t traffic_port = 5'000;  // in a namespace of our own

// The signals for which the process has a handler (proc_pid_status(5)).
bool handles(pid_t pid, int number) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("SigCgt:")) return (std::stoull(line.substr(7), nullptr, 16) >> (number - 1) & 1) != 0;
  }
  return false;
}

}  // namespace

TEST_CASE("signals: listen ends cleanly at any moment") {
  say_rounds();
  IN_NAMESPACE(":");
  const Traffic traffic(traffic_port);
  strike_all({"listen", "--reuse-port", "127.0.0.1:" + std::to_string(traffic_port)}, check_records);
}

TEST_CASE("signals: join ends cleanly at any moment, and leaves its group") {
  say_rounds();
  IN_NAMESPACE(":");
  const Traffic traffic(traffic_port);
  strike_all({"join", "-i", "lo", "239.1.1.1:" + std::to_string(traffic_port)}, [](const Finished& result) {
    const std::string membership = "239.1.1.1:" + std::to_string(traffic_port) + " on lo\n";
    CHECK(count_of(result.err, "joined " + membership) == count_of(result.err, "left " + membership));
    check_records(result);
  });
}

TEST_CASE("signals: send ends cleanly at any moment, and shows the replies that it counts") {
  say_rounds();
  IN_NAMESPACE(":");
  const Listener echo({"--echo", "-o", "none"});
  strike_all({"send", "--rate", "5k", "-c", "0", "127.0.0.1", std::to_string(echo.port()), whole_text}, check_records);
}

TEST_CASE("signals: probe ends cleanly at any moment, with its statistics") {
  say_rounds();
  IN_NAMESPACE(":");
  const Listener echo({"--echo", "-o", "none"});
  const Words words{"probe", "-c", "1000000", "--interval", "200us", "127.0.0.1", std::to_string(echo.port())};
  strike_all(words, [](const Finished& result) {
    std::smatch found;
    const std::regex pattern("(^|\n)([0-9]+) sent, ([0-9]+) received, [^\n]*\n(RTT [^\n]*\nRTT [^\n]*\n)?$");
    const bool matched = std::regex_search(result.out, found, pattern);
    REQUIRE(matched);
    const bool answered = found[3] != "0";
    CHECK(result.ending == (answered ? support::done : nothing));
    const auto count = std::stoull(found[2]);  // a line for each probe
    CHECK(count_of(result.out, "\n") == count + (answered ? 3 : 1));
    CHECK(count_of(result.out, "\topen\t") == std::stoull(found[3]));
  });
}

TEST_CASE("signals: a second one ends it at once, whatever it waits for") {
  SlowReader reader;  // who has not begun to read
  Listener listener({}, {"127.0.0.1:0"}, 1, {.output_file = reader.path()});
  const RawUdp sender;
  for (int i = 0; i < 200; ++i) sender.send(std::string(1'000, 'x'), listener.port());
  listener.signal(SIGINT);
  const Stopwatch watch;
  while (handles(listener.pid(), SIGINT) && watch.elapsed() < patience) std::this_thread::sleep_for(Milliseconds(1));
  CHECK_FALSE(handles(listener.pid(), SIGINT));
  CHECK(listener.stop(SIGINT).ending == Ending{-1, SIGINT});
}

TEST_CASE("signals: Ctrl-C in a pipeline, whose reader it ends as well, leaves the summary and the status") {
  struct Row {
    Words words;
    const char* ready;
    Ending ending;
  };
  const RawUdp peer;
  const std::string silent = std::to_string(peer.port());
  for (const Row& row : std::vector<Row>{{{"listen", "127.0.0.1:0"}, "listening", support::done},
                                         {{"listen", "-c", "10", "127.0.0.1:0"}, "listening", nothing},
                                         {{"send", "-v", "-w", "60", "127.0.0.1", silent, "x"}, "buffer", nothing}}) {
    for (int round = 0; round < 5; ++round) {
      Words words{"bash", "-c", "trap : INT; \"$@\" | cat >&2; exit \"${PIPESTATUS[0]}\"", "bash"};
      const Words command = udptool(row.words);
      words.insert(words.end(), command.begin(), command.end());
      Process pipeline(words);
      pipeline.wait_for(Stream::err, row.ready);
      ::kill(-pipeline.pid(), SIGINT);
      CAPTURE(row.words);
      CHECK(pipeline.wait() == row.ending);
      CHECK(contains(pipeline.err(), "0 datagrams, 0 bytes, 0 senders, 0 dropped"));
    }
  }
}

TEST_CASE("signals: what its parent ignored, as nohup and a background job do, stays ignored; SIGTERM ends it") {
  Process listener({"sh", "-c", "trap '' HUP INT; exec \"$@\"", "sh", udptool({})[0], "listen", "127.0.0.1:0"});
  const auto found = listener.wait_for_match(Stream::err, "listening on .*:([0-9]+)$");
  listener.signal(SIGHUP);
  listener.signal(SIGINT);
  listener.signal(SIGPIPE);
  const RawUdp sender;
  for (const char* word : {"still here", "here to stay"}) {  // one that ends takes what waits
    sender.send(word, static_cast<std::uint16_t>(std::stoul(found[1])));
    listener.wait_for(Stream::out, word);
  }
  listener.signal(SIGTERM);
  CHECK(listener.wait() == done);
}

TEST_CASE("signals: SIGUSR1 prints the summary so far, and the command goes on") {
  Listener listener({"-q"});
  const RawUdp sender;
  for (const char* datagrams : {"1 datagram, 4 bytes", "2 datagrams, 8 bytes"}) {
    sender.send("more", listener.port());
    listener.wait_for(Stream::out, "more");
    listener.signal(SIGUSR1);
    CHECK(contains(listener.wait_for(Stream::err, "dropped"), datagrams));
  }
  CHECK(listener.stop().ending == done);
}

TEST_CASE("signals: SIGUSR1 to send tells what was sent and refused so far") {
  const RawUdp peer;
  Process send(udptool({"send", "-w", "60", "127.0.0.1", std::to_string(peer.port()), "ask"}));
  const auto got = peer.receive();
  REQUIRE(got);
  peer.reply(*got, "answer");
  send.wait_for(Stream::out, "answer");
  send.signal(SIGUSR1);
  CHECK(send.wait_for(Stream::err, "sent").starts_with("sent 1 datagram, 3 bytes, 0 refused; received 1 datagram, "));
  CHECK(send.stop().ending == done);
}

TEST_CASE("signals: SIGUSR1 to join has a line for each group, and with -j it is an event") {
  IN_NAMESPACE(":");
  const std::string group = "239.1.1.1:" + std::to_string(traffic_port);
  Joiner text({"-i", "lo", group});
  Joiner json({"-j", "-i", "lo", group});
  CHECK(run_udptool({"send", "-i", "lo", "239.1.1.1", std::to_string(traffic_port), "word"}).ending == done);
  text.wait_for(Stream::out, "word");
  json.wait_for(Stream::out, "word");
  text.signal(SIGUSR1);
  json.signal(SIGUSR1);
  CHECK(contains(text.wait_for(Stream::err, group + " on lo: "), "1 datagram, 4 bytes, 1 sender"));
  CHECK(text.wait_for(Stream::err, "dropped").starts_with("1 datagram, 4 bytes, 1 sender, 0 dropped"));
  CHECK(contains(json.wait_for(Stream::out, R"("event":"stats")"), R"("datagrams":1,"bytes":4,"senders":1)"));
  CHECK(json.err().empty());
  for (Joiner* const join : {&text, &json}) CHECK(join->stop().ending == done);
}
