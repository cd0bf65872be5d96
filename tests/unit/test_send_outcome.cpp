// SPDX-License-Identifier: MIT
// What a send came to: its exit status, what was refused, and the line that shows how far it is.
#include "commands/send/outcome.hpp"
#include "commands/send/progress.hpp"
#include "commands/send/refusals.hpp"
#include "support/check.hpp"
#include "support/sockets.hpp"

using base::ExitStatus;
using commands::Refusals;
using commands::SendOutcome;
using support::address;
using support::contains;

TEST_CASE("send's status: what was left unsent, replies, refusals, and then silence") {
  struct Row {
    const char* what;
    SendOutcome outcome;
    ExitStatus status;
  };
  const Row rows[] = {
      {"all left", {.asked = 3}, ExitStatus::done},
      {"this host refused one", {.asked = 3, .failed = 1, .replies = 2}, ExitStatus::failed},
      {"one was refused", {.asked = 3, .refused = 1}, ExitStatus::refused},
      {"a reply beats that", {.asked = 3, .refused = 1, .replies = 1}, ExitStatus::done},
      {"no reply", {.asked = 3, .waited = true}, ExitStatus::nothing},
      {"cut short", {.asked = 3, .replies = 3, .sent_all = false}, ExitStatus::nothing},
      {"cut short and refused", {.asked = 3, .refused = 3, .sent_all = false}, ExitStatus::nothing},
      {"for ever", {.asked = 3, .sent_all = false, .endless = true, .waited = true}, ExitStatus::done},
      {"lines, no reply", {.asked = 3, .sent_all = false, .streamed = true, .waited = true}, ExitStatus::nothing},
      {"for ever, refused", {.asked = 3, .refused = 1, .sent_all = false, .endless = true}, ExitStatus::refused},
      {"half a line", {.asked = 3, .sent_all = false, .streamed = true, .incomplete = 1}, ExitStatus::nothing},
      {"empty input", {.waited = true}, ExitStatus::done},
      {"an empty capture", {.replayed = true}, ExitStatus::nothing},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    CHECK(status_of(row.outcome) == row.status);
  }
}

namespace {

net::TransportError refusal(std::string quoted, const char* offender = "10.0.0.9") {
  net::TransportError error;
  error.kind = net::TransportError::Kind::port_unreachable;
  error.destination = {address("10.0.0.9"), 5'000};
  error.offender = address(offender);
  error.quoted = std::move(quoted);
  return error;
}

}  // namespace

TEST_CASE("refusals: all were refused when the target has quoted each") {
  Refusals refusals;
  CHECK_FALSE(refusals.all());  // nothing was sent
  const std::string longer(1'000, 'x');
  for (const std::string& payload : {std::string("one"), std::string("one"), longer}) refusals.sent(payload);
  refusals.take(refusal("one"));
  refusals.take(refusal("one"));
  refusals.take(refusal("one"));  // said once more
  CHECK_FALSE(refusals.all());
  refusals.take(refusal(longer.substr(0, 520)));
  CHECK(refusals.all());
}

TEST_CASE("refusals: a third party, an error without payload, other words and local errors are no proof") {
  Refusals refusals;
  refusals.sent("one");
  refusals.take(refusal("one", "10.0.0.1"));
  refusals.take(refusal(""));
  refusals.take(refusal("two"));
  net::TransportError local = refusal("one");
  local.offender.reset();
  refusals.take(local);
  net::TransportError too_big = refusal("one");
  too_big.kind = net::TransportError::Kind::too_big;
  refusals.take(too_big);
  CHECK_FALSE(refusals.all());
  refusals.take(refusal("on"));  // as much as was quoted
  CHECK(refusals.all());
}

TEST_CASE("refusals: of more datagrams than are remembered not all are ever refused") {
  Refusals refusals;
  for (std::size_t i = 0; i <= Refusals::max_datagrams; ++i) refusals.sent("x");
  for (std::size_t i = 0; i <= Refusals::max_datagrams; ++i) refusals.take(refusal("x"));
  CHECK_FALSE(refusals.all());
}

TEST_CASE("send's notice of haste: a thousand lines or more, faster than 100,000 a second") {
  using std::chrono::milliseconds;
  CHECK(
      contains(commands::haste_notice(1'000, milliseconds(9)).value_or(""), "1000 lines left without a pace, 111111"));
  CHECK_FALSE(commands::haste_notice(999, milliseconds(1)));
  CHECK_FALSE(commands::haste_notice(1'000'000, milliseconds(10'000)));
}

TEST_CASE("progress: one line, however narrow the terminal is") {
  using commands::Progress;
  const std::string line = Progress::text(0.25, 1, 125'000, 1.0, 80);
  CHECK(line == " 25 %  1 datagram  1.00 Mbit/s  3 s left");
  for (const std::size_t columns : {40, 20, 2, 1, 0}) {
    CHECK(Progress::text(0.25, 1, 125'000, 1.0, columns) == line.substr(0, columns > 0 ? columns - 1 : 0));
  }
}
