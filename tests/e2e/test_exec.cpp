// SPDX-License-Identifier: MIT
// `listen --exec`: what a command answers, how it ends, and that nothing is left of it.
#include <signal.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "support/check.hpp"
#include "support/kernel.hpp"
#include "support/namespace.hpp"
#include "support/udptool.hpp"

using namespace support;

namespace {

std::size_t children_of(pid_t pid) {
  std::size_t count = 0;
  std::ifstream file("/proc/" + std::to_string(pid) + "/task/" + std::to_string(pid) + "/children");
  for (std::string child; file >> child;) ++count;
  return count;
}

// Waits until that process is gone, or a dead one that nobody has waited for.
bool is_gone(pid_t pid) {
  for (const Stopwatch stopwatch; stopwatch.elapsed() < patience;) {
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    std::string text((std::istreambuf_iterator<char>(stat)), {});
    if (text.empty() || text.find(") Z ") != std::string::npos) return true;
    std::this_thread::sleep_for(Milliseconds(10));
  }
  return false;
}

pid_t pid_in(const std::vector<std::string>& match) { return static_cast<pid_t>(std::stol(match.at(1))); }

}  // namespace

TEST_CASE("exec: what the command writes is the reply, and no output is none") {
  const Listener listener({"--exec", "tr a-z A-Z", "--jobs", "1"});
  const RawUdp sender;
  for (const char* payload : {"hello", "", "again"}) sender.send(payload, listener.port());
  CHECK(sender.next() == "HELLO");
  CHECK(sender.next() == "AGAIN");
}

TEST_CASE("exec: records at arrival; the last ones still answer at -c") {
  const TemporaryFile go;
  std::filesystem::remove(go.path());
  Listener listener({"--exec", "until [ -e " + go.path() + " ]; do sleep 0.01; done; cat", "-c", "2"});
  const RawUdp sender;
  sender.send("one", listener.port());
  listener.wait_for(Stream::out, "\tone");
  sender.send("two", listener.port());
  listener.wait_for(Stream::out, "\ttwo");
  sender.send("one more", listener.port());
  std::ofstream(go.path()) << "go";
  const Finished result = listener.finish();
  CHECK(result.ending == done);
  CHECK(contains(result.err, "2 datagrams, 6 bytes, 1 sender"));
  CHECK(sender.next().size() == 3);
  CHECK(sender.next().size() == 3);
  CHECK_FALSE(sender.receive(Milliseconds(0)));
}

TEST_CASE("exec: the environment says who asked, and nothing of the payload") {
  const Listener listener({"--exec", "env | grep ^UDPTOOL_ | LC_ALL=C sort"}, {"127.0.0.1:0"}, 1,
                          {.environment = {"UDPTOOL_SECRET=x"}});
  const RawUdp sender;
  sender.send("a payload; $(id)", listener.port());
  CHECK(sender.next() ==
        "UDPTOOL_ADDRESS=127.0.0.1\nUDPTOOL_INTERFACE=lo\nUDPTOOL_LOCAL_ADDRESS=127.0.0.1\n"
        "UDPTOOL_LOCAL_PORT=" +
            std::to_string(listener.port()) + "\nUDPTOOL_PORT=" + std::to_string(sender.port()) +
            "\nUDPTOOL_SIZE=16\n");
}

TEST_CASE("exec: the reply leaves from the address that was asked, over IPv6 too") {
  SKIP_UNLESS(has_ipv6(), "no IPv6");
  const Listener listener({"--exec", "echo $UDPTOOL_LOCAL_ADDRESS"}, {"0"}, 2);
  const RawUdp one, six("::1");
  one.send("x", listener.port(), "127.0.0.9");
  const auto reply = one.receive();
  REQUIRE(reply);
  CHECK(reply->payload == "127.0.0.9\n");
  CHECK(reply->address == "127.0.0.9");
  six.send("x", listener.port());
  CHECK(six.next() == "::1\n");
}

TEST_CASE("exec: datagrams of all sizes go both ways; more than a datagram holds is told and not sent") {
  Listener listener({"--exec", "[ $UDPTOOL_SIZE = 3 ] && head -c 65508 /dev/zero || cat", "--jobs", "1"});
  const RawUdp sender;
  for (const std::size_t size : {1u, 1'472u, 65'507u}) {
    const std::string payload(size, 'p');
    sender.send(payload, listener.port());
    CHECK(sender.next() == payload);
  }
  sender.send("xxx", listener.port());
  listener.wait_for(Stream::err, "is more than a datagram holds: not sent");
  sender.send("after", listener.port());
  CHECK(sender.next() == "after");
  CHECK(contains(listener.stop().err, ", 1 not answered, "));
}

TEST_CASE("exec: a pipe whose reader has gone, and a background child that holds the output") {
  const Listener yes({"--exec", "yes | head -1"});
  const RawUdp sender;
  sender.send("x", yes.port());
  CHECK(sender.next() == "y\n");
  Listener background({"--exec", "echo now; sleep 60 & echo $! >&2"});
  sender.send("x", background.port());
  CHECK(sender.next() == "now\n");
  kill(pid_in(background.wait_for_match(Stream::err, "^([0-9]+)$")), SIGKILL);
}

TEST_CASE("exec: a job that takes too long is ended, with all of its group, and told; the next one is answered") {
  Listener listener({"--exec", "read -r x; echo $$ >&2; [ \"$x\" = slow ] && sleep 60; echo $x", "--exec-timeout",
                     "300ms", "--jobs", "1"});
  const RawUdp sender;
  sender.send("slow\n", listener.port());
  sender.send("fast\n", listener.port());
  const pid_t slow = pid_in(listener.wait_for_match(Stream::err, "^([0-9]+)$"));
  CHECK(listener.wait_for(Stream::err, "took longer").ends_with("took longer than 0.300 s: ended"));
  CHECK(sender.next() == "fast\n");
  CHECK(is_gone(slow));
}

TEST_CASE("exec: a job that fails is told with -v") {
  Listener listener({"--exec", "read -r x; eval \"$x\"", "-v", "--jobs", "1"});
  const RawUdp sender;
  sender.send("exit 3\n", listener.port());
  sender.send("kill -9 $$\n", listener.port());
  listener.wait_for(Stream::err, "the command for " + sender.endpoint() + " ended with status 3");
  listener.wait_for(Stream::err, "the command for " + sender.endpoint() + " was ended by signal 9");
}

TEST_CASE("exec: a signal and the deadline end what runs, also what ignores SIGTERM, and what -c waits for") {
  for (const bool signalled : {true, false}) {
    CAPTURE(signalled);
    Words options{"--exec", "trap '' TERM; echo $$ >&2; sleep 60; sleep 60", "-c", "1"};
    if (!signalled) options.insert(options.end(), {"-W", "1"});
    Listener listener(options);
    const RawUdp sender;
    sender.send("x", listener.port());
    const pid_t job = pid_in(listener.wait_for_match(Stream::err, "^([0-9]+)$"));
    const Finished result = signalled ? listener.stop() : listener.finish();
    CHECK(result.ending == done);
    CHECK(contains(result.err, "1 datagram, 1 byte, 1 sender"));
    CHECK(is_gone(job));
  }
}

TEST_CASE("exec: at most --jobs run at once, and the others wait in order") {
  const TemporaryFile log;
  const Listener listener(
      {"--exec", "echo b >>" + log.path() + "; sleep 0.05; cat; echo e >>" + log.path(), "--jobs", "1"});
  const RawUdp sender;
  for (int i = 0; i < 5; ++i) sender.send(std::to_string(i), listener.port());
  for (int i = 0; i < 5; ++i) CHECK(sender.next() == std::to_string(i));
  CHECK(log.content().starts_with("b\ne\nb\ne\nb\ne\nb\ne\n"));
}

TEST_CASE("exec: after hundreds of jobs, or 10,000, no process and no descriptor is left") {
  const Listener listener({"--exec", "cat", "-o", "none", "--jobs", "4", "--allow", "127.0.0.0/8"});
  const RawUdp sender;
  sender.send("first", listener.port());
  CHECK(sender.next() == "first");
  const std::size_t before = descriptors_of(listener.pid());
  const int total = std::getenv("UDPTOOL_SOAK") != nullptr ? 10'000 : 500;
  for (int sent = 0, answered = 0; answered < total; ++answered) {
    while (sent < total && sent - answered < 50) sender.send(std::to_string(sent++), listener.port());
    REQUIRE(sender.receive());
  }
  CHECK(children_of(listener.pid()) == 0);
  CHECK(descriptors_of(listener.pid()) == before);
}

TEST_CASE("exec: beyond 1,024 that wait the kernel holds them, and each is answered in its time") {
  const TemporaryFile go;
  std::filesystem::remove(go.path());
  Listener listener({"--exec", "until [ -e " + go.path() + " ]; do sleep 0.01; done", "-o", "none", "--allow",
                     "127.0.0.0/8", "-c", "1100", "--jobs", "2", "--exec-timeout", "60"});
  const RawUdp sender;
  for (int i = 0; i < 1'100; ++i) sender.send("x", listener.port());
  const auto end = std::chrono::steady_clock::now() + patience;
  while (children_of(listener.pid()) < 2 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  CHECK(waiting_bytes(listener.port()) > 0);  // some of the 74 that nobody has taken
  std::ofstream(go.path()) << "go";
  CHECK(listener.wait(Milliseconds(60'000)) == done);
  CHECK(contains(listener.err(), "1100 datagrams, 1100 bytes, 1 sender, 0 dropped"));
}

TEST_CASE("exec: nobody that a responder must not answer gets a job") {
  IN_NAMESPACE("");
  Listener listener({"--exec", "echo ran >&2; echo x", "--jobs", "1"});
  const RawUdp service("127.0.0.1", 53), sender;
  service.send("x", listener.port());
  sender.send("x", listener.port());
  CHECK(sender.next() == "x\n");
  const Finished result = listener.stop();
  CHECK(count_of(result.err, "ran") == 1);
  CHECK(contains(result.out, "127.0.0.1:53\t"));
  CHECK(contains(result.err, ", 1 not answered, "));
}

TEST_CASE("exec: a job that cannot be begun is told, and others are when they can") {
  SKIP_UNLESS(have("prlimit"), "no prlimit");
  Listener listener({"--exec", "echo x", "-o", "none"});
  const std::string pid = std::to_string(listener.pid());
  const std::size_t open = descriptors_of(listener.pid());
  REQUIRE(run({"prlimit", "--pid", pid, "--nofile=" + std::to_string(open) + ":1024"}).ending == done);
  const RawUdp sender;
  sender.send("x", listener.port());
  CHECK(contains(listener.wait_for(Stream::err, "no command for"), "Too many open files"));
  REQUIRE(run({"prlimit", "--pid", pid, "--nofile=1024:1024"}).ending == done);
  sender.send("x", listener.port());
  CHECK(sender.next() == "x\n");
  CHECK(contains(listener.stop().err, "2 datagrams, 2 bytes, 1 sender, 0 dropped, 0 ignored, 1 not answered, "));
}

TEST_CASE("exec: bad words") {
  CHECK(contains(listen_refusal({"--exec", "cat", "--echo"}), "--exec"));
  CHECK(contains(listen_refusal({"--exec", "cat", "--forward", "127.0.0.1:9"}), "--exec"));
  CHECK(contains(listen_refusal({"--exec", "cat", "--jobs", "0"}), "1 to 1024"));
  CHECK(contains(listen_refusal({"--exec", "cat", "--exec-timeout", "0"}), "--exec-timeout: '0': must be more than 0"));
  CHECK(contains(listen_refusal({"--jobs", "2"}), "--jobs is for --exec"));
  CHECK(contains(listen_refusal({"--exec-timeout", "2"}), "--exec-timeout is for --exec"));
}
