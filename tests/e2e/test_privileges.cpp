// SPDX-License-Identifier: MIT
// What a process that hears strangers may still do: the sandbox, and --user.
#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "support/check.hpp"
#include "support/joiner.hpp"
#include "support/namespace.hpp"
#include "support/udptool.hpp"

using namespace support;

namespace {

// See poor_kernel.cpp.
ProcessOptions on_poor_kernel(const std::string& lacking) {
  ProcessOptions options;
  options.environment = {std::string("LD_PRELOAD=") + POOR_KERNEL_PATH, "POOR_KERNEL_LACKS=" + lacking,
                         "ASAN_OPTIONS=verify_asan_link_order=0"};
  return options;
}

// What break_out.cpp leaves its traces in.
class Prey {
 public:
  Prey() {
    std::ofstream(directory_.file("secret")) << "secret";
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    const std::string abstract = directory_.file("abstract");
    std::memcpy(name.sun_path + 1, abstract.data(), abstract.size());
    socket_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + abstract.size());
    REQUIRE(bind(socket_, reinterpret_cast<sockaddr*>(&name), size) == 0);
  }
  ~Prey() { close(socket_); }
  Prey(const Prey&) = delete;
  Prey& operator=(const Prey&) = delete;

  // On a kernel that lacks `lacking`.
  ProcessOptions hunted(const std::string& lacking = "") const {
    ProcessOptions options = on_poor_kernel(lacking);
    options.environment[0] += std::string(":") + BREAK_OUT_PATH;
    options.environment.push_back("BREAK_OUT_FOLDER=" + directory_.path());
    return options;
  }

 private:
  TemporaryDirectory directory_;
  int socket_;
};

// What "NAME: done" and "NAME: refused" say, by name.
std::map<std::string, std::string> attempts_in(const std::string& err) {
  std::map<std::string, std::string> attempts;
  std::istringstream lines(err);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t colon = line.rfind(": ");
    const std::string end = colon == std::string::npos ? "" : line.substr(colon + 2);
    if (end == "done" || end == "refused") attempts[line.substr(0, colon)] = end;
  }
  return attempts;
}

constexpr std::size_t every_attempt = 17;

std::set<std::string> names_of(const std::map<std::string, std::string>& attempts, const std::string& end) {
  std::set<std::string> names;
  for (const auto& [name, one] : attempts) {
    if (one == end) names.insert(name);
  }
  return names;
}

// Why this build or kernel confines nothing, or not wholly; "" when it does.
const std::string& lack() {
  static const std::string line = [] {
    const std::string err = run_udptool({"listen", "-v", "-w", "1ms", "127.0.0.1:0"}).err;
    const std::size_t at = err.find("sandbox: ");
    return at == std::string::npos ? "" : err.substr(at, err.find('\n', at) - at);
  }();
  return line;
}

long landlock_version() {
  constexpr unsigned ask_version = 1;
  return syscall(SYS_landlock_create_ruleset, nullptr, 0, ask_version);
}

// The value of "NAME:\tVALUE" in proc_pid_status(5).
std::string status_of(pid_t pid, const std::string& name) {
  std::ifstream lines("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(name + ":\t")) return line.substr(name.size() + 2);
  }
  return "(no " + name + ")";
}

std::string four_times(unsigned id) {
  const std::string one = std::to_string(id);
  return one + "\t" + one + "\t" + one + "\t" + one;
}

const passwd* nobody() { return getpwnam("nobody"); }

// As root of a network namespace of its own, but of no user namespace, so that other users are there.
bool can_make_networks_as_root() {
  return geteuid() == 0 && nobody() != nullptr && have("setpriv") && run({"unshare", "-n", "true"}).ending == done;
}

}  // namespace

TEST_CASE("the sandbox: what receives can open, run, signal and connect nothing; without it, everything") {
  SKIP_UNLESS(lack().empty(), lack());
  for (const Words& words : {Words{"listen", "-w", "1ms", "127.0.0.1:0"},
                             Words{"join", "-w", "1ms", "-i", "lo", "239.9.9.9:" + std::to_string(unused_port())},
                             Words{"probe", "-w", "100ms", "127.0.0.1", std::to_string(unused_port())},
                             Words{"probe", "--trace", "-w", "100ms", "127.0.0.1"},
                             Words{"probe", "--mtu", "-w", "100ms", "127.0.0.1", std::to_string(unused_port())}}) {
    CAPTURE(words);
    Words free = words;
    free.emplace_back("--no-sandbox");
    const Prey prey;
    auto confined = attempts_in(run_udptool(words, prey.hunted()).err);
    const auto unconfined = attempts_in(run_udptool(free, prey.hunted()).err);
    if (landlock_version() < 6) confined.erase("tell an abstract socket");
    CHECK(names_of(confined, "done").empty());
    CHECK(confined.size() >= every_attempt - 1);
    CHECK(names_of(unconfined, "refused").empty());
    CHECK(unconfined.size() == every_attempt);
  }
}

TEST_CASE("the sandbox: seccomp alone and Landlock alone still refuse what each can") {
  SKIP_UNLESS(lack().empty(), lack());
  SKIP_UNLESS(landlock_version() >= 6, "a Landlock that knows less");
  const Prey prey;
  const Words words{"listen", "-w", "1ms", "127.0.0.1:0"};
  const auto by_seccomp = attempts_in(run_udptool(words, prey.hunted("landlock")).err);
  CHECK(names_of(by_seccomp, "done") == std::set<std::string>{"tell an abstract socket"});
  CHECK(by_seccomp.size() == every_attempt);
  const auto by_landlock = attempts_in(run_udptool(words, prey.hunted("seccomp")).err);
  CHECK(names_of(by_landlock, "refused") ==
        std::set<std::string>{"read a file", "read /etc/passwd", "write a file", "make a file", "remove a file",
                              "connect by TCP", "tell an abstract socket", "signal the parent", "run a program"});
  CHECK(by_landlock.size() == every_attempt);
  // The resolver reads, and so seccomp must tell reading from writing.
  const Words with_names{"probe", "--trace", "--names", "-w", "1", "127.0.0.1"};
  const auto names = attempts_in(run_udptool(with_names, prey.hunted("landlock")).err);
  CHECK(names.at("read a file") == "done");
  for (const char* name : {"write a file", "make a file", "make a process", "run a program"}) {
    CAPTURE(name);
    CHECK(names.at(name) == "refused");
  }
}

TEST_CASE("the sandbox: what --names takes is there, and no more") {
  SKIP_UNLESS(lack().empty(), lack());
  SKIP_UNLESS(landlock_version() >= 6, "a Landlock that knows less");
  const Prey prey;
  const Finished result = run_udptool({"probe", "--trace", "--names", "-w", "20", "127.0.0.1"}, prey.hunted());
  const std::set<std::string> needed{"read /etc/passwd", "make a TCP socket", "make a Unix stream", "make code",
                                     "turn memory into code"};
  CHECK(names_of(attempts_in(result.err), "done") == needed);
  CHECK(attempts_in(result.err).size() == every_attempt);
  CHECK(contains(result.out, "127.0.0.1 (localhost)"));
}

TEST_CASE("the sandbox: the kernel knows the process as confined, and --no-sandbox leaves it as it was") {
  SKIP_UNLESS(lack().empty(), lack());
  const Listener confined, unconfined({"--no-sandbox"});
  CHECK(status_of(confined.pid(), "Seccomp") == "2");
  CHECK(status_of(confined.pid(), "NoNewPrivs") == "1");
  CHECK(status_of(unconfined.pid(), "Seccomp") == status_of(getpid(), "Seccomp"));
  CHECK(status_of(unconfined.pid(), "NoNewPrivs") == status_of(getpid(), "NoNewPrivs"));
}

TEST_CASE("the sandbox: a kernel without it is told of with -v, and hinders nothing") {
  SKIP_UNLESS(!contains(lack(), "sanitizers"), lack());
  const ProcessOptions old_kernel = on_poor_kernel("landlock seccomp");
  Listener told({"-v", "-c", "1"}, {"127.0.0.1:0"}, 1, old_kernel);
  const RawUdp sender;
  sender.send("x", told.port());
  const Finished result = told.finish();
  CHECK(result.ending == done);
  CHECK(contains(result.err, "note: sandbox: files are not shut off: this kernel lacks Landlock\n"));
  CHECK(contains(result.err, "note: sandbox: system calls are not filtered: this "));
  CHECK(!contains(run_udptool({"listen", "-w", "1ms", "127.0.0.1:0"}, old_kernel).err, "sandbox"));
}

TEST_CASE("the sandbox: send has none, and no word for it") {
  CHECK(run_udptool({"send", "--no-sandbox", "127.0.0.1", "9", "x"}).ending == failed);
}

TEST_CASE("--user: a name that is nobody's, or root's, is refused before anything is opened") {
  const RawUdp taken;  // opening it would fail otherwise
  for (const char* name : {"no-such-user", "", "root", "0"}) {
    CAPTURE(name);
    const Finished result = run_udptool({"listen", "--user", name, taken.endpoint()});
    CHECK(result.ending == failed);
    CHECK(is_like(result.err, "udptool: --user: (no user '.*'|'root' is root: .*); see 'udptool listen --help'\n"));
  }
}

TEST_CASE("--user: only for root, and for a root that may") {
  SKIP_UNLESS(nobody() != nullptr, "no user nobody");
  SKIP_UNLESS(have("unshare") && run({"unshare", "-r", "true"}).ending == done, "cannot make user namespaces");
  const auto in_user_namespace = [](const char* option) {
    Words words{"unshare", option};
    for (const std::string& word : udptool({"listen", "--user", "nobody", "-w", "1ms", "127.0.0.1:0"})) {
      words.push_back(word);
    }
    return run(words);
  };
  const Finished user = in_user_namespace("-U");
  CHECK(user.ending == failed);
  CHECK(is_like(user.err, "udptool: --user: 'nobody': only root can become another user.*\n"));
  const Finished only_user = in_user_namespace("-r");  // with nobody to become
  CHECK(only_user.ending == failed);
  CHECK(is_like(only_user.err, "udptool: cannot become user 'nobody': .*\n"));
}

TEST_CASE("--user: the port below 1024 is root's, the process is the user's") {
  SKIP_UNLESS(can_make_networks_as_root(), "not root, or no network namespaces");
  // With capabilities that a change of user does not clear.
  const char* as_left_by_a_manager =
      "ip link set lo up && exec setpriv --inh-caps=+net_raw --securebits=+no_setuid_fixup";
  const unsigned uid = nobody()->pw_uid, gid = nobody()->pw_gid;
  for (const char* sandbox : {"", "--no-sandbox"}) {
    const std::string line = std::string(as_left_by_a_manager) + " \"$0\" listen -c 1 --user nobody " + sandbox;
    Process listener({"unshare", "-n", "sh", "-c", line + " 127.0.0.1:53", udptool({})[0]});
    listener.wait_for(Stream::err, "listening on 127.0.0.1:53");
    CHECK(status_of(listener.pid(), "Uid") == four_times(uid));
    CHECK(status_of(listener.pid(), "Gid") == four_times(gid));
    gid_t groups[64];
    int count = 64;
    REQUIRE(getgrouplist("nobody", gid, groups, &count) >= 0);
    std::ostringstream expected;
    for (const gid_t group : std::set<gid_t>(groups, groups + count)) expected << group << " ";
    CHECK(status_of(listener.pid(), "Groups") == expected.str());
    for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapAmb"}) {
      CAPTURE(set);
      CHECK(status_of(listener.pid(), set) == "0000000000000000");
    }
    CHECK(status_of(listener.pid(), "NoNewPrivs") == "1");
    const std::string pid = std::to_string(listener.pid());
    CHECK(run({"nsenter", "-t", pid, "-n", udptool({})[0], "send", "127.0.0.1", "53", "x"}).ending == done);
    CHECK(listener.wait() == done);
  }
}

TEST_CASE("--user: a change of user that did not happen is found out") {
  SKIP_UNLESS(can_make_networks_as_root(), "not root, or no network namespaces");
  const Finished result =
      run_udptool({"listen", "--user", "nobody", "-w", "1ms", "127.0.0.1:0"}, on_poor_kernel("setresuid"));
  CHECK(result.ending == failed);
  CHECK(is_like(result.err, "udptool: cannot become user 'nobody': .*\n"));
}

TEST_CASE("--user: join and probe do their late work as the user, and send reads a file of root's first") {
  SKIP_UNLESS(can_make_networks_as_root(), "not root, or no network namespaces");
  const TemporaryFile file("secret\n");  // for its owner only
  const RawUdp peer;
  CHECK(run_udptool({"send", "--user", "nobody", "-f", file.path(), "127.0.0.1", std::to_string(peer.port())}).ending ==
        done);
  CHECK(peer.next() == "secret");
  const Process sender(udptool(
      {"send", "--user", "nobody", "-c", "0", "--interval", "10s", "127.0.0.1", std::to_string(peer.port()), "x"}));
  CHECK(peer.next() == "x");
  CHECK(status_of(sender.pid(), "Uid") == four_times(nobody()->pw_uid));
  const Finished joined = run({"unshare", "-n", "sh", "-c",
                               "ip link set lo up && exec \"$0\" join --user nobody --leave-after 50ms --stats=50ms "
                               "-W 500ms -i lo 239.9.9.9",
                               udptool({})[0]});
  CHECK(contains(joined.err, "lo after leaving: "));
  CHECK(contains(joined.err, "left 239.9.9.9:41234 on lo"));
  const Finished probed = run_udptool({"probe", "--user", "nobody", "--trace", "--names", "-w", "20", "127.0.0.1"});
  CHECK(contains(probed.out, "127.0.0.1 (localhost)"));
}
