// SPDX-License-Identifier: MIT
#include "commands/probe/stamp_facts.hpp"

#include <chrono>

#include "support/check.hpp"

using namespace std::chrono_literals;
using commands::StampFacts;
using commands::StampSight;
using commands::stamp::TimeFormat;
using net::SystemTime;

namespace {

const SystemTime departure(1'700'000'000s);

// A reply to what left at `departure`: received and sent by the reflector so much later.
commands::stamp::Reply reply(std::chrono::nanoseconds received, std::chrono::nanoseconds sent,
                             TimeFormat told = TimeFormat::ntp, TimeFormat written = TimeFormat::ntp) {
  commands::stamp::Reply reply;
  reply.received = commands::stamp::encode_time(departure + received, written);
  reply.sent = commands::stamp::encode_time(departure + sent, written);
  reply.error_estimate = commands::stamp::encode_error(true, told, 1ms);
  reply.request_ttl = 252;
  return reply;
}

StampSight sight(std::chrono::nanoseconds round_trip) {
  StampSight sight;
  sight.sent = departure;
  sight.arrived = departure + round_trip;
  sight.round_trip = round_trip;
  sight.synchronised = true;
  sight.reply_ttl = 251;
  return sight;
}

}  // namespace

TEST_CASE("stamp facts: what the reflector held is told apart, each way by itself") {
  for (const TimeFormat format : {TimeFormat::ntp, TimeFormat::ptp}) {
    const StampFacts facts = commands::facts_of(reply(40ms, 100ms, format, format), sight(103ms));
    CHECK(facts.held == 60ms);
    CHECK(facts.forward == 40ms);
    CHECK(facts.backward == 3ms);
    CHECK(facts.synchronised);
    CHECK(facts.hops_forward == 3);
    CHECK(facts.hops_backward == 4);
  }
}

TEST_CASE("stamp facts: clocks that differ show in each way, and not in the round trip") {
  const StampFacts facts = commands::facts_of(reply(5s, 5s + 1ms), sight(3ms));
  CHECK(facts.held == 1ms);
  CHECK(facts.forward == 5s);
  CHECK(facts.backward == -4'998ms);
}

TEST_CASE("stamp facts: one clock that is not synchronised is enough") {
  StampSight mine = sight(3ms);
  mine.synchronised = false;
  CHECK_FALSE(commands::facts_of(reply(1ms, 2ms), mine).synchronised);
  auto theirs = reply(1ms, 2ms);
  theirs.error_estimate = 1;
  CHECK_FALSE(commands::facts_of(theirs, sight(3ms)).synchronised);
}

TEST_CASE("stamp facts: a format that is not the one that is told leaves the time that the reflector held") {
  for (const TimeFormat written : {TimeFormat::ntp, TimeFormat::ptp}) {
    const TimeFormat told = written == TimeFormat::ntp ? TimeFormat::ptp : TimeFormat::ntp;
    const StampFacts facts = commands::facts_of(reply(1ms, 61ms, told, written), sight(62ms));
    CHECK(facts.held == 60ms);
    CHECK_FALSE(facts.forward);
    CHECK_FALSE(facts.backward);
    CHECK_FALSE(facts.synchronised);
  }
}

TEST_CASE("stamp facts: a reflector cannot have held the packet for longer than it was away, nor less than not") {
  CHECK(commands::facts_of(reply(0ms, 10ms), sight(3ms)).held == 3ms);
  CHECK(commands::facts_of(reply(2ms, 1ms), sight(3ms)).held == 0ms);
}

TEST_CASE("stamp facts: hops are not guessed") {
  auto odd = reply(1ms, 2ms);
  odd.request_ttl = 0;  // it does not know
  StampSight mine = sight(3ms);
  mine.reply_ttl = 60;  // it did not send with 255
  const StampFacts facts = commands::facts_of(odd, mine);
  CHECK_FALSE(facts.hops_forward);
  CHECK_FALSE(facts.hops_backward);
}

TEST_CASE("stamp facts: in words") {
  CHECK(commands::facts_of(reply(1ms, 2ms), sight(3ms)).text({}) ==
        "stamp, forward 1.000 ms, backward 1.000 ms, hops 3 there, 4 back");
  auto asked = reply(1ms, 2ms);
  asked.class_of_service = commands::stamp::ClassOfService{46, 0, 0, false};
  StampSight mine = sight(3ms);
  mine.synchronised = false;
  CHECK(commands::facts_of(asked, mine).text(46) ==
        "stamp, forward 1.000 ms, backward 1.000 ms (clocks not synchronised), hops 3 there, 4 back, dscp 46 left, 0 "
        "arrived");
}
