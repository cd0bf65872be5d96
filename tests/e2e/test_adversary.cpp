// SPDX-License-Identifier: MIT
// What an adversary tries, or a host that is at its end: counts that end within a run, readers that go, signals that a
// parent has blocked, errors that stay, names made to deceive.
#include <sys/resource.h>

#include <csignal>
#include <cstring>
#include <sstream>

#include "support/joiner.hpp"
#include "support/kernel.hpp"
#include "support/slow_reader.hpp"

using namespace support;

namespace {

Words receive_error(int error, long times) {
  return {std::string("LD_PRELOAD=") + FAULTS_PATH, "ASAN_OPTIONS=verify_asan_link_order=0",
          "FAULT_RECEIVE=" + std::to_string(error), "FAULT_RECEIVE_TIMES=" + std::to_string(times)};
}

// udptool by a shell that does something to it first.
Words in_shell(const std::string& script, const Words& words) {
  Words all{"sh", "-c", script, udptool({})[0]};
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

std::uint16_t port_of(Process& listener) {
  return static_cast<std::uint16_t>(std::stoul(listener.wait_for_match(Stream::err, "listening on .*:([0-9]+)$")[1]));
}

}  // namespace

TEST_CASE("adversary: a count that ends within a run of equal datagrams is exact, in each form") {
  for (const Words& form : {Words{}, Words{"-v"}, Words{"-o", "hex"}, Words{"-r"}, Words{"-j"}}) {
    CAPTURE(form);
    Words options{"-c", "2"};
    options.insert(options.end(), form.begin(), form.end());
    Listener listener(options, {"127.0.0.1:0"});
    // The first leaves alone, and the others in runs, which the loopback hands over as they are.
    CHECK(run_udptool({"send", "-l", "20", "-c", "100", "127.0.0.1", std::to_string(listener.port())}).ending == done);
    const Finished result = listener.finish();
    CHECK(result.ending == done);
    if (form == Words{"-r"}) CHECK(result.out.size() == 40);
    if (form == Words{"-j"}) {
      CHECK(contains(result.out, "\"size\":20,"));
      CHECK(contains(result.out, "\"datagrams\":2,\"bytes\":40,"));
    } else {
      CHECK(contains(result.err, "2 datagrams, 40 bytes, 1 sender"));
    }
    if (form.empty() || form == Words{"-o", "hex"}) CHECK(contains(result.out, "\t20"));
  }
}

TEST_CASE("adversary: send sends on when nobody reads its stdout, whatever it would print there") {
  const TemporaryFile lines(numbered_lines(2'000));
  for (const char* options : {"", "-q -o none", "-j"}) {
    CAPTURE(options);
    Listener listener({"-c", "2000", "-W", "60", "-o", "none"});
    Process send(in_shell("{ \"$0\" send --rate 4000 " + std::string(options) +
                              " -f \"$1\" 127.0.0.1 \"$2\"; echo status $? >&2; } | true",
                          {lines.path(), std::to_string(listener.port())}));
    CHECK(send.wait_for(Stream::err, "status") == "status 0");
    CHECK(listener.finish().ending == done);
  }
}

TEST_CASE("adversary: a responder answers on when nobody reads its stdout") {
  for (const char* options : {"--echo", "--echo -o none", "--reply yes"}) {
    CAPTURE(options);
    Process responder(
        in_shell("{ \"$0\" listen " + std::string(options) + " 127.0.0.1:0; echo status $? >&2; } | true", {}));
    const std::uint16_t port = port_of(responder);
    const RawUdp asks;
    for (int i = 0; i < 20; ++i) {
      asks.send("again", port);
      CHECK(asks.next() == (contains(options, "--reply") ? "yes" : "again"));
    }
  }
}

TEST_CASE("adversary: a deadline and a signal end it though the parent has blocked them") {
  const Words blocked{"env", "--block-signal=ALRM,INT,TERM,HUP"};
  SKIP_UNLESS(run({"env", "--block-signal=ALRM", "true"}).ending == done, "no env that blocks signals");
  const auto started = [&](const Words& words) {
    Words all = blocked;
    const Words command = udptool(words);
    all.insert(all.end(), command.begin(), command.end());
    return all;
  };
  const RawUdp silent;
  const std::string port = std::to_string(silent.port());
  const Stopwatch watch;
  CHECK(run(started({"listen", "-W", "100ms", "127.0.0.1:0"})).ending == nothing);
  CHECK(run(started({"send", "-w", "60", "-W", "100ms", "127.0.0.1", port, "x"})).ending == nothing);
  CHECK(run(started({"probe", "-w", "60", "-W", "100ms", "127.0.0.1", port})).ending == nothing);
  CHECK(watch.elapsed() < patience);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    Process listener(started({"listen", "127.0.0.1:0"}));
    port_of(listener);
    listener.signal(number);
    CHECK(listener.wait() == done);
    CHECK(contains(listener.err(), "0 datagrams"));
  }
}

TEST_CASE("adversary: -W and a signal end it though nobody reads its stderr") {
  for (const bool by_signal : {false, true}) {
    CAPTURE(by_signal);
    SlowReader unread;
    unread.make_small();
    Words words{unread.path(), "listen", "--stats=1ms", "127.0.0.1:0"};
    if (!by_signal) words.insert(words.end(), {"-W", "1"});
    Process listener(in_shell("fifo=$1; shift; exec \"$0\" \"$@\" 2>\"$fifo\"", words));
    listener.wait_for_port();
    std::this_thread::sleep_for(Milliseconds(by_signal ? 700 : 0));  // a line a millisecond: 4 KiB are full long before
    const Stopwatch watch;
    if (by_signal) listener.signal(SIGTERM);
    CHECK(listener.wait() == (by_signal ? done : nothing));
    CHECK(watch.elapsed() < patience / 2);
  }
}

TEST_CASE("adversary: -W and a signal end thousands of joins") {
  IN_NAMESPACE("ip link set lo multicast on");
  rlimit files{20'000, 20'000};
  SKIP_UNLESS(setrlimit(RLIMIT_NOFILE, &files) == 0, "15,000 sockets are not allowed here");
  const Words many{"-i", "lo", "239.1.0.0+15000"};
  Process joiner(join_words(many));
  joiner.wait_for_port();  // it is in the middle of them
  joiner.signal(SIGTERM);
  CHECK(joiner.wait() == done);
  CHECK(contains(joiner.err(), "note: it was to end before all groups were joined: "));
  const Stopwatch watch;
  const Finished result = run(join_words({"-W", "100ms", "-i", "lo", "239.1.0.0+15000"}));
  CHECK(result.ending == nothing);
  CHECK(contains(result.err, "note: it was to end before all groups were joined: "));
  CHECK(count_of(result.err, "\njoined ") == count_of(result.err, "\nleft "));
  CHECK(watch.elapsed() < patience);
}

TEST_CASE("adversary: an error of receiving that stays is told and ends it; one that passes costs nothing") {
  for (const int error : {EIO, ENOMEM, ENOSYS}) {
    CAPTURE(error);
    Listener listener({"-W", "60"}, {"127.0.0.1:0"}, 1, {.environment = receive_error(error, 1'000'000'000)});
    const RawUdp sender;
    sender.send("lost", listener.port());
    const Finished result = listener.finish();
    CHECK(result.ending == failed);
    CHECK(contains(result.err, "udptool: cannot receive on 127.0.0.1:" + std::to_string(listener.port()) + ": " +
                                   std::strerror(error)));
    Listener passing({"-c", "1"}, {"127.0.0.1:0"}, 1, {.environment = receive_error(error, 3)});
    sender.send("kept", passing.port());
    CHECK(passing.finish().ending == done);
    CHECK(contains(passing.out(), "\tkept\n"));
  }
}

TEST_CASE("adversary: an error of receiving that stays ends send and probe, too") {
  const Listener echo({"--echo", "-o", "none"});
  const std::string port = std::to_string(echo.port());
  const ProcessOptions faulty{.environment = receive_error(EIO, 1'000'000'000)};
  for (const Words& words :
       {Words{"send", "-w", "60", "127.0.0.1", port, "x"}, Words{"probe", "-w", "60", "127.0.0.1", port},
        Words{"probe", "-c", "3", "-w", "60", "127.0.0.1", port},
        Words{"probe", "--mtu", "-w", "60", "127.0.0.1", port}}) {
    CAPTURE(words);
    const Finished result = run_udptool(words, faulty);
    CHECK(result.ending == failed);
    CHECK(contains(result.err, "udptool: cannot receive on "));
    CHECK(contains(result.err, ": Input/output error\n"));
  }
}

TEST_CASE("adversary: names of interfaces are escaped wherever they are said") {
  IN_NAMESPACE(
      "ip link add 'a\"b' type veth peer name 'c\\d' || exit 77\n"
      "ip link add \"$(printf 'e\\033f')\" type veth peer name g || exit 77\n"
      "for name in 'a\"b' 'c\\d' \"$(printf 'e\\033f')\" g; do\n"
      "  echo 0 >\"/proc/sys/net/ipv6/conf/$name/accept_dad\"; ip link set \"$name\" up\n"
      "done\n"
      "ip addr add 10.1.1.1/24 dev 'a\"b'; ip addr add 10.1.2.1/24 dev \"$(printf 'e\\033f')\"\n"
      "ip -6 addr add fe80::1/64 dev 'c\\d' nodad; ip -6 addr add fe80::2/64 dev g nodad\n");
  const std::string escape = "e\033f";
  Process hears(udptool({"listen", "-j", "-c", "2", "-W", "20", "[::]:0"}));
  const std::string port = hears.wait_for_match(Stream::out, "\"port\":([0-9]+)")[1];
  Process shows(udptool({"listen", "-v", "-c", "2", "-W", "20", "[::]:0"}));
  const std::string shown_port = std::to_string(port_of(shows));
  for (const std::string& name : {std::string("a\"b"), escape}) {
    for (const std::string& to : {port, shown_port}) {
      CHECK(run_udptool({"send", "-i", name, "--no-loopback", "ff02::1", to, "hi"}).ending == done);
    }
  }
  std::string events = hears.finish().out;
  const Finished shown = shows.finish();
  std::string text = shown.out + shown.err;
  for (const Words& words :
       {Words{"join", "-W", "100ms", "239.1.1.1"}, Words{"join", "--explain", "-W", "100ms", "239.1.1.1"},
        Words{"join", "-i", "nobody", "239.1.1.1"}, Words{"join", "-i", escape + "\n", "239.1.1.1"},
        Words{"join", "--stats=20ms", "--leave-after", "50ms", "-W", "150ms", "-i", "g", "-i", escape, "239.1.1.1"},
        Words{"send", "fe80::9", "9", "x"}, Words{"send", "-v", "-i", escape, "239.1.1.1", "9", "x"},
        Words{"send", "-v", "-i", "a\"b", "239.1.1.1", "9", "x"}, Words{"probe", "-w", "50ms", "fe80::9", "9"},
        Words{"probe", "-w", "50ms", "fe80::9%" + escape, "9"}, Words{"probe", "-w", "50ms", "239.1.1.1", "9"},
        Words{"listen", "[fe80::9%x\"]:0"}, Words{"listen", "-i", escape, "-W", "50ms", "0"}}) {
    Words as_events = words;
    as_events.insert(as_events.begin() + 1, "-j");
    events += run_udptool(as_events).out;
    const Finished result = run_udptool(words);
    text += result.out + result.err;
  }
  CHECK(contains(events, "\"interface\":\"a\\\"b\""));
  CHECK(contains(events, "\"interface\":\"e\\u001bf\""));
  CHECK(is_like(events, "[^]*\"address\":\"fe80::[^%]*%c\\\\\\\\d\"[^]*"));  // the backslash escaped once
  CHECK(contains(text, "e\\x1bf"));
  CHECK(contains(text, "c\\\\d"));
  CHECK_FALSE(contains(text, "\033"));
  CHECK_FALSE(contains(events, "\033"));
  SKIP_UNLESS(have("python3"), "no python3");
  const TemporaryFile file(events);
  const Finished read =
      run({"python3", "-c", "import json,sys\nfor line in open(sys.argv[1]): json.loads(line)['event']", file.path()});
  CAPTURE(read.err);
  CHECK(read.ending == done);
}

TEST_CASE("adversary: a renamed interface is told by the name that it has") {
  IN_NAMESPACE(two_networks);
  Process joiner(join_words({"-i", "one", "239.1.1.1"}));
  joiner.wait_for(Stream::err, "joined 239.1.1.1:41234 on one");
  CHECK(run({"sh", "-c", "ip link set one down; ip link set one name other; ip link set other up"}).ending == done);
  std::this_thread::sleep_for(Milliseconds(1'100));  // names are asked for once a second
  joiner.signal(SIGINT);
  CHECK(joiner.wait() == done);
  CAPTURE(joiner.err());
  CHECK(contains(joiner.err(), "left 239.1.1.1:41234 on other\n"));
  CHECK(contains(joiner.err(), "\n239.1.1.1:41234 on other: 0 datagrams"));
}

TEST_CASE("adversary: after a stop --stats tells one line for all that was missed, at the rate that it came") {
  constexpr int datagrams = 100;
  Listener listener({"--stats=20ms", "-o", "none"});
  listener.wait_for(Stream::err, "datagrams/s");
  listener.signal(SIGSTOP);
  RawUdp sender;
  for (int i = 0; i < datagrams; ++i) sender.send("x", listener.port());
  std::this_thread::sleep_for(Milliseconds(1'000));
  const std::size_t before = count_of(listener.err(), "datagrams/s");
  const Stopwatch watch;
  listener.signal(SIGCONT);
  const auto rate = listener.wait_for_match(Stream::err, "^([1-9][0-9.]*) ?(k?)datagrams?/s");
  const auto intervals = static_cast<std::size_t>(watch.elapsed() / Milliseconds(20));
  CHECK(rate[2].empty());
  CHECK(std::stod(rate[1]) <= datagrams);  // in a second, and not in an interval of 20 ms
  CHECK(count_of(listener.err(), "datagrams/s") - before <= intervals + 2);
  listener.signal(SIGINT);
  CHECK(listener.wait() == done);
}

TEST_CASE("adversary: without memory it works, or is exit 2 and one line") {
  if (sanitized()) SKIP("the sanitizer needs address space of its own");
  const RawUdp peer;
  const std::string port = std::to_string(peer.port());
  std::size_t refused = 0;
  for (const Words& words : {Words{"listen", "-w", "20ms", "127.0.0.1:0"}, Words{"send", "127.0.0.1", port, "x"},
                             Words{"probe", "-w", "20ms", "127.0.0.1", port}}) {
    CAPTURE(words);
    for (int mebibytes = 4; mebibytes <= 40; mebibytes += 2) {
      CAPTURE(mebibytes);
      const Finished result =
          run(in_shell("ulimit -v " + std::to_string(mebibytes * 1'024) + "; exec \"$0\" \"$@\"", words));
      CAPTURE(result.err);
      const bool loader = result.ending.status == 127 || contains(result.err, "error while loading shared libraries") ||
                          result.ending.signal == SIGSEGV || result.ending.signal == SIGKILL;  // before main
      if (loader && !contains(result.err, "udptool: ")) continue;
      CHECK(result.ending.signal == 0);
      if (result.ending != failed) continue;
      ++refused;
      CHECK(count_of(result.err, "udptool: ") == 1);
      CHECK_FALSE(contains(result.err, "std::"));
    }
  }
  CHECK(refused > 0);
}

TEST_CASE("adversary: what was taken is written, also when there is no memory for the next") {
  if (sanitized()) SKIP("the sanitizer needs address space of its own");
  constexpr int round = 30;  // less than a batch
  Listener listener;
  std::ifstream file("/proc/" + std::to_string(listener.pid()) + "/statm");
  rlim_t pages = 0;
  file >> pages;
  rlimit limit{pages * 4'096 + (1 << 20), RLIM_INFINITY};
  REQUIRE(prlimit(listener.pid(), RLIMIT_AS, &limit, nullptr) == 0);
  const RawUdp sender;
  // A hundred at once, each from an address of its own, until there is no memory for one more.
  std::size_t sent = 0;
  while (memory_of(listener.pid(), "VmRSS") > 0 && sent < 60'000) {
    listener.signal(SIGSTOP);
    for (int i = 0; i < round; ++i, ++sent) {
      const RawUdp one("127.1." + std::to_string(sent / 250) + "." + std::to_string(sent % 250 + 1));
      one.send(std::to_string(sent), listener.port(), "127.0.0.1");
    }
    listener.signal(SIGCONT);
    wait_until_taken(listener.port());
  }
  const Finished result = listener.finish();
  CHECK(result.ending == failed);
  CHECK(contains(result.err, "udptool: cannot go on: Cannot allocate memory\n"));
  CHECK(contains(result.out, "\t" + std::to_string(count_of(result.out, "\n") - 1) + "\n"));
  CHECK(count_of(result.out, "\n") % round != 0);
}

TEST_CASE("adversary: help to a reader that has gone is no error, with SIGPIPE ignored either") {
  for (const char* trap : {":", "trap '' PIPE"}) {
    const Finished result =
        run(in_shell(std::string(trap) + "; { \"$0\" listen --help; echo status $? >&2; } | true", {}));
    CHECK(result.err == "status 0\n");
  }
}

TEST_CASE("adversary: where there is no /dev and no stdin it still works") {
  if (sanitized()) SKIP("the sanitizer needs /proc");
  IN_NAMESPACE(":");
  const TemporaryDirectory root;
  const std::string script =
      "root=$1; for file in \"$0\" $(ldd \"$0\" | grep -o '/[^ ]*'); do\n"
      "  mkdir -p \"$root/$(dirname \"$file\")\" && cp -L \"$file\" \"$root/$file\"\ndone\n"
      "shift; exec chroot \"$root\" \"$0\" \"$@\" <&-";
  const Finished probe = run(in_shell(script, {root.path(), "--version"}));
  SKIP_UNLESS(!contains(probe.err, "chroot"), "no chroot here");
  CHECK(probe.ending == done);
  CHECK(contains(probe.out, "udptool"));
  const RawUdp peer;
  CHECK(run(in_shell(script, {root.path(), "send", "127.0.0.1", std::to_string(peer.port()), "hello"})).ending == done);
  CHECK(peer.next() == "hello");
}

TEST_CASE("adversary: a signal that was ignored stays ignored after the first one that was not") {
  SlowReader reader;  // who does not read: it waits for him after the first signal
  Process listener(in_shell("trap '' HUP; exec \"$0\" listen 127.0.0.1:0 >\"$1\"", {reader.path()}));
  const std::uint16_t port = port_of(listener);
  reader.make_small();
  const RawUdp sender;
  for (int i = 0; i < 200; ++i) sender.send(std::string(1'000, 'x'), port);
  listener.signal(SIGTERM);
  listener.signal(SIGHUP);
  CHECK(listener.wait() == done);
  CHECK(contains(listener.err(), " datagrams, "));
}

TEST_CASE("adversary: what a responder could not send is counted") {
  const Words failing{std::string("LD_PRELOAD=") + FAIL_SEND_PATH, "ASAN_OPTIONS=verify_asan_link_order=0",
                      "FAIL_SEND_MARK=bad", "FAIL_SEND_ERRNO=11", "FAIL_SEND_TIMES=1000000"};
  Listener listener({"--echo", "-c", "5", "-o", "none"}, {"127.0.0.1:0"}, 1, {.environment = failing});
  const RawUdp asks;
  for (const char* word : {"good", "bad", "bad", "bad", "bad"}) asks.send(word, listener.port());
  const Finished result = listener.finish();
  CAPTURE(result.err);
  CHECK(result.ending == done);
  CHECK(contains(result.err, ", 4 not answered, "));
  CHECK(asks.next() == "good");
}
