// SPDX-License-Identifier: MIT
// `--forward`: what came is what was forwarded, refused and dropped, whatever strangers send; and what sessions cost.
#include <sys/resource.h>

#include <array>
#include <fstream>
#include <regex>
#include <string>

#include "support/check.hpp"
#include "support/kernel.hpp"
#include "support/namespace.hpp"
#include "support/slow_reader.hpp"
#include "support/spoof.hpp"
#include "support/udptool.hpp"

using namespace support;

namespace {

constexpr std::uint64_t many = 200'000;
constexpr std::uint64_t some = 20'000;
constexpr std::uint64_t max_sessions = 1'024;
constexpr std::uint64_t max_session_memory = 16 * 1'024;  // KiB, of so many sessions

// A line of the summary: "forwarded 91 to 10.0.0.5:5000, 3 refused, 2 dropped, ...".
struct Account {
  std::uint64_t forwarded = 0, refused = 0, dropped = 0;
  std::uint64_t sum() const { return forwarded + refused + dropped; }
};

Account account_of(const std::string& err, const std::string& target) {
  std::smatch found;
  const bool told = std::regex_search(
      err, found, std::regex("forwarded ([0-9]+) to " + target + ", ([0-9]+) refused(, ([0-9]+) dropped)?"));
  CAPTURE(err);
  REQUIRE(told);
  return {std::stoull(found[1]), std::stoull(found[2]), found[4].matched ? std::stoull(found[4]) : 0};
}

std::string dead_target() { return "127.0.0.1:" + std::to_string(unused_port()); }

// In runs of one size, of which the last is uneven, no faster than they are taken.
void pass(std::uint64_t count, std::uint16_t relay, std::uint16_t target) {
  const RawUdp sender;
  const std::string payload(64, 'p');
  for (std::uint64_t i = 0; i < count; ++i) {
    sender.send(std::string_view(payload).substr(i % 16 == 0 ? 32 : 0), relay);
    if (i % 256 != 0) continue;
    wait_until_taken(relay);
    wait_until_taken(target);
  }
  wait_until_taken(relay);
}

// The steady clock of a process, which can be moved.
class MovedClock {
 public:
  Words environment() const {
    return {std::string("LD_PRELOAD=") + FAULTS_PATH, "ASAN_OPTIONS=verify_asan_link_order=0",
            "FAULT_STEADY_CLOCK=" + file_.path()};
  }
  void move_to(std::int64_t ahead) const {
    std::ofstream(file_.path(), std::ios::binary | std::ios::in).write(reinterpret_cast<const char*>(&ahead), 8);
  }

 private:
  const TemporaryFile file_{std::string(8, '\0')};
};

}  // namespace

TEST_CASE("forward: of 200,000 to a dead and a living target each is accounted for, and the living one has all") {
  IN_NAMESPACE("");
  const std::string dead = dead_target();
  Listener target({"-o", "none"});
  const std::string living = "127.0.0.1:" + std::to_string(target.port());
  Listener relay(forwarding_to({dead, living}));
  pass(many, relay.port(), target.port());
  const std::string err = relay.stop().err;
  wait_until_taken(target.port());
  CHECK(summary_of(err).datagrams == many);
  CHECK(account_of(err, dead).sum() == many);
  CHECK(account_of(err, dead).refused > 0);
  CHECK(account_of(err, living).forwarded == many);
  CHECK(summary_of(target.stop().err).datagrams == many);
}

TEST_CASE("forward: of 20,000 to the only target, which refuses, each is accounted for") {
  IN_NAMESPACE("");
  const std::string dead = dead_target();
  Listener relay(forwarding_to({dead}));
  pass(some, relay.port(), relay.port());
  const std::string err = relay.stop().err;
  CHECK(summary_of(err).datagrams == some);
  CHECK(account_of(err, dead).sum() == some);
  CHECK(account_of(err, dead).refused > 1);
}

TEST_CASE("forward: forged errors do not refuse more than was sent") {
  IN_NAMESPACE("");
  const RawUdp one, two, sender;
  Listener relay(forwarding_to({one.endpoint(), two.endpoint()}));
  sender.send("x", relay.port());
  const auto asked = one.receive();
  REQUIRE(asked);
  for (int i = 0; i < 50; ++i) RawIp().port_unreachable({"127.0.0.1", asked->port, "127.0.0.1", one.port()}, "x");
  relay.wait_for(Stream::err, "refuses");
  const std::string err = relay.stop().err;
  CHECK(account_of(err, one.endpoint()).sum() == 1);
  CHECK(account_of(err, two.endpoint()).forwarded == 1);
}

TEST_CASE("forward: who writes to two addresses has each answer from the one that it asked") {
  const RawUdp target, sender;
  Listener relay(forwarding_to({target.endpoint()}, {"-4"}), {"0"});
  const std::array<std::string, 2> addresses{"127.0.0.1", "127.0.0.9"};
  std::array<std::optional<Message>, 2> asked;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    sender.send(addresses[i], relay.port(), addresses[i]);
    asked[i] = target.receive();
    REQUIRE(asked[i]);
  }
  for (const auto& one : asked) {
    target.reply(*one, one->payload);
    const auto answer = sender.receive();
    REQUIRE(answer);
    CHECK(answer->address == answer->payload);
    CHECK(answer->port == relay.port());
  }
  CHECK(contains(relay.stop().err, ", 2 sessions\n"));
}

TEST_CASE("forward: a session ends two minutes after its last datagram, either way, by a clock that is moved") {
  const MovedClock clock;
  const RawUdp target, sender;
  Listener relay(forwarding_to({target.endpoint()}, {"--no-sandbox"}), {"127.0.0.1:0"}, 1,
                 {.environment = clock.environment()});
  const std::size_t idle = descriptors_of(relay.pid());
  const auto ask = [&] {
    sender.send("x", relay.port());
    auto asked = target.receive();
    REQUIRE(asked);
    return *asked;
  };
  const Message first = ask();
  clock.move_to(119);
  CHECK(ask().port == first.port);
  clock.move_to(2 * 119);
  target.reply(first, "back");
  CHECK(sender.next() == "back");
  clock.move_to(3 * 119);
  CHECK(ask().port == first.port);
  clock.move_to(3 * 119 + 121);
  for (const Stopwatch watch; descriptors_of(relay.pid()) != idle && watch.elapsed() < patience;) {
    std::this_thread::sleep_for(Milliseconds(10));
  }
  CHECK(descriptors_of(relay.pid()) == idle);
  CHECK(ask().port != first.port);
  CHECK(contains(relay.stop().err, "forwarded 4 to " + target.endpoint() + ", 0 refused, 2 sessions\n"));
}

TEST_CASE("forward: at most 1,024 sessions, the oldest goes, and they take less than 16 MiB") {
  constexpr rlim_t files = 2'048;
  const rlimit limit{files, files};
  const RawUdp target;
  Listener relay(forwarding_to({target.endpoint()}, {"-4"}), {"0"});
  SKIP_UNLESS(prlimit(relay.pid(), RLIMIT_NOFILE, &limit, nullptr) == 0, "no more than a thousand open files here");
  const std::size_t idle = descriptors_of(relay.pid());
  const std::uint64_t before = memory_of(relay.pid(), "VmRSS");
  const auto ask = [&](const RawUdp& sender) {
    sender.send("ask", relay.port(), "127.0.0.1");
    const auto asked = target.receive();
    REQUIRE(asked);
    target.reply(*asked, "back");
    CHECK(sender.next() == "back");
    return asked->port;
  };
  // Each from an address of its own, as the kernel may give the same port again, which would be the same sender.
  const auto ask_from = [&](std::uint64_t i) {
    ask(RawUdp("127.1." + std::to_string(i / 200) + "." + std::to_string(i % 200 + 1)));
  };
  const RawUdp oldest, other;
  ask(oldest);
  const std::uint16_t second = ask(other);
  for (std::uint64_t i = 2; i < max_sessions; ++i) ask_from(i);
  CHECK(descriptors_of(relay.pid()) == idle + max_sessions);
  CHECK(ask(other) == second);
  ask_from(max_sessions);
  CHECK(descriptors_of(relay.pid()) == idle + max_sessions);
  CHECK(ask(other) == second);
  ask(oldest);  // whose session has gone: one more is made
  const std::uint64_t grown = memory_of(relay.pid(), "VmRSS") - before;
  MESSAGE("memory of ", max_sessions, " sessions: ", grown, " KiB");
  if (!sanitized()) CHECK(grown < max_session_memory);
  CHECK(contains(relay.stop().err, ", 0 refused, 1026 sessions\n"));
}
