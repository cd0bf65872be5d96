// SPDX-License-Identifier: MIT
// What was asked for is what was sent and what failed; what was sent is what was shown, ignored and dropped.
// Always.
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>
#include <thread>

#include "support/check.hpp"
#include "support/kernel.hpp"
#include "support/namespace.hpp"
#include "support/raw_udp.hpp"
#include "support/slow_reader.hpp"
#include "support/spoof.hpp"

using namespace support;

namespace {

// How `udptool send` fared with failures put in its way.
struct Outcome {
  Finished result;
  std::size_t arrived = 0;
  std::size_t twice = 0;
  std::size_t largest_failure = 0;  // datagrams in one message that failed
  std::size_t failures = 0;         // of the system call
};

struct Fault {
  int error;
  std::size_t at;  // which datagram
  long times;
};

constexpr long for_good = 1'000'000;

// The text of datagram `i`, which says so, of that size.
std::string text_of(std::size_t i, std::size_t size) {
  std::string text = "<" + std::to_string(i) + ">";
  text.resize(std::max(size, text.size()), '.');
  return text;
}

Outcome send_with(const Fault& fault, const std::vector<std::string>& texts) {
  const RawUdp peer;
  const int room = 8 << 20;
  setsockopt(peer.fd(), SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  std::string input;
  for (const std::string& text : texts) input += text + "\n";
  const TemporaryFile file(input);
  const TemporaryFile log;
  ProcessOptions options;
  options.environment = {
      std::string("LD_PRELOAD=") + FAIL_SEND_PATH,         "ASAN_OPTIONS=verify_asan_link_order=0",
      "FAIL_SEND_MARK=<" + std::to_string(fault.at) + ">", "FAIL_SEND_ERRNO=" + std::to_string(fault.error),
      "FAIL_SEND_TIMES=" + std::to_string(fault.times),    "FAIL_SEND_LOG=" + log.path()};
  Outcome outcome;
  outcome.result = run_udptool({"send", "-f", file.path(), "127.0.0.1", std::to_string(peer.port())}, options);
  std::map<std::string, int> came;
  while (const auto message = peer.receive(Milliseconds(0))) ++came[message->payload];
  for (const std::string& text : texts) {
    const int times = came[text];
    outcome.arrived += times > 0;
    outcome.twice += times > 1;
  }
  CHECK(came.size() == texts.size());  // nothing else came
  std::istringstream lines(log.content());
  for (std::size_t count = 0; lines >> count; ++outcome.failures) {
    outcome.largest_failure = std::max(outcome.largest_failure, count);
  }
  return outcome;
}

// The sum that "K of N datagrams to X could not be sent: REASON (K)" tells, with all K of that reason.
std::size_t told_failures(const std::string& line, std::size_t asked, int error) {
  std::smatch found;
  const std::regex pattern(
      "udptool: ([0-9]+) of " + std::to_string(asked) +
      " datagrams to [^ ]* could not be sent: ([^(]*) \\(([0-9]+)\\)( \\(a local firewall is the usual cause\\))?\n");
  const bool matched = std::regex_match(line, found, pattern);
  CAPTURE(line);
  REQUIRE(matched);
  CHECK(found[1] == found[3]);
  CHECK(found[2] == std::strerror(error));
  return std::stoul(found[1]);
}

void check_accounts(int error, const std::vector<std::string>& texts, const std::vector<std::size_t>& places,
                    bool lasting) {
  for (const std::size_t place : places) {
    CAPTURE(std::strerror(error));
    CAPTURE(place);
    CAPTURE(lasting);
    const Outcome outcome = send_with({error, place, lasting ? for_good : 1}, texts);
    CAPTURE(outcome.result.err);
    CHECK(outcome.failures > 0);
    CHECK(outcome.twice == 0);
    CHECK(outcome.result.out.empty());
    CHECK(count_of(outcome.result.err, "udptool: ") == (lasting ? 1 : 0));
    if (lasting) {
      CHECK(outcome.result.ending == failed);
      CHECK(outcome.arrived + told_failures(last_line(outcome.result.err), texts.size(), error) == texts.size());
      CHECK(outcome.arrived < texts.size());
    } else {
      CHECK(outcome.result.ending == done);
      CHECK(outcome.arrived == texts.size());
      CHECK(outcome.result.err.empty());
    }
  }
}

// Each longer than the one before, so that none can be segmented together.
std::vector<std::string> mixed_texts() {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < 150; ++i) texts.push_back(text_of(i, 8 + i));
  return texts;
}

std::vector<std::string> equal_texts() {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < 300; ++i) texts.push_back(text_of(i, 100));
  return texts;
}

// Of what one call of sendmmsg takes (64 messages), the first, a middle and the last; and the very last.
const std::vector<std::size_t> mixed_places{0, 31, 63, 149};
const std::vector<std::size_t> equal_places{0, 150, 299};

const std::size_t blast_size = sanitized() ? 200'000 : 1'000'000;

// Sends `count` numbered datagrams as fast as the kernel takes them, one in ten from 127.0.0.2.
void blast(std::uint16_t port, std::size_t count) {
  constexpr std::size_t batch = 64;
  const RawUdp shown("127.0.0.1");
  const RawUdp ignored("127.0.0.2");
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::array<std::string, batch> texts;
  std::array<iovec, batch> pieces{};
  std::array<mmsghdr, batch> messages{};
  for (std::size_t done = 0, round = 0; done < count; ++round) {
    const std::size_t wanted = std::min(batch, count - done);
    for (std::size_t i = 0; i < wanted; ++i) {
      texts[i] = std::to_string(done + i);
      pieces[i] = {texts[i].data(), texts[i].size()};
      messages[i].msg_hdr = {&to, sizeof to, &pieces[i], 1, nullptr, 0, 0};
    }
    const int fd = round % 10 == 9 ? ignored.fd() : shown.fd();
    send_messages(fd, {messages.data(), wanted});
    done += wanted;
  }
}

}  // namespace

TEST_CASE("accounting: an error that passes costs no datagram, at any place of a batch") {
  for (const int error : {ENOBUFS, EAGAIN, ECONNREFUSED, EPERM, EMSGSIZE, EINTR}) {
    check_accounts(error, mixed_texts(), mixed_places, false);
  }
}

TEST_CASE("accounting: an error that passes costs no datagram of a segmented run") {
  for (const int error : {ENOBUFS, EAGAIN, ECONNREFUSED, EPERM, EMSGSIZE, EINTR}) {
    check_accounts(error, equal_texts(), equal_places, false);
  }
}

TEST_CASE("accounting: what an error that stays costs is told, at any place of a batch") {
  for (const int error : {ENOBUFS, ECONNREFUSED, EPERM, EMSGSIZE}) {
    check_accounts(error, mixed_texts(), mixed_places, true);
  }
}

TEST_CASE("accounting: what an error that stays costs of a segmented run is told") {
  for (const int error : {ENOBUFS, ECONNREFUSED, EPERM, EMSGSIZE}) {
    check_accounts(error, equal_texts(), equal_places, true);
  }
}

TEST_CASE("accounting: runs of equal datagrams are what the cases above make fail") {
  const Outcome mixed = send_with({EPERM, 31, 1}, mixed_texts());
  CHECK(mixed.largest_failure == 1);
  const Outcome equal = send_with({EPERM, 150, 1}, equal_texts());
  SKIP_UNLESS(!contains(equal.result.err, "segmented"), "no segmentation here");
  CHECK(equal.largest_failure > 1);
}

TEST_CASE("accounting: of a flood, what was shown, ignored and dropped is what was sent") {
  IN_NAMESPACE(":");
  SlowReader reader;
  Listener listener({"--rcvbuf", "64K", "--deny", "127.0.0.2"}, {"127.0.0.1:0"}, 1, {.output_file = reader.path()});
  reader.start();
  blast(listener.port(), blast_size);
  reader.hurry();
  std::this_thread::sleep_for(Milliseconds(200));  // for what is still in the receive buffer
  const Finished result = listener.stop();
  CHECK(result.ending == done);
  const Summary summary = summary_of(result.err);
  CHECK(summary.datagrams + summary.ignored + summary.dropped == blast_size);
  CHECK(summary.dropped == kernel_counter("RcvbufErrors"));
  CHECK(summary.dropped > 0);
  CHECK(summary.ignored > 0);
  // Each record is whole, and none is there twice.
  std::istringstream lines(reader.finish());
  std::uint64_t shown = 0;
  std::uint64_t wrong = 0;
  long last = -1;
  for (std::string line; std::getline(lines, line); ++shown) {
    const std::size_t tab = line.rfind('\t');
    const long number = tab == std::string::npos ? -1 : std::atol(line.c_str() + tab + 1);
    wrong += number <= last || !line.starts_with("127.0.0.1:");
    last = number;
  }
  CHECK(shown == summary.datagrams);
  CHECK(wrong == 0);
}

TEST_CASE("bad checksums are told apart from what a full buffer cost") {
  IN_NAMESPACE("");
  const auto ending = [](std::size_t size) {
    Listener listener({"-4", "-c", "3"}, {"127.0.0.1:0"});
    const RawIp raw;
    const RawUdp sender;
    const std::string payload(size, 'x');
    sender.send("a", listener.port());
    for (int i = 0; i < 20; ++i) raw.damaged_udp({"127.0.0.1", 4'000, "127.0.0.1", listener.port()}, payload);
    sender.send("b", listener.port());
    sender.send("c", listener.port());
    return last_line(listener.finish().err);
  };
  CHECK(is_like(ending(500), "3 datagrams, 3 bytes, 1 sender, 0 dropped, 20 with a bad checksum, 0 ignored, [^]*"));
  // Of a short one the kernel sees it before it knows for which socket it is.
  CHECK(is_like(ending(5),
                "3 datagrams, 3 bytes, 1 sender, 0 dropped, 20 with a bad checksum on this host, 0 ignored, [^]*"));
}

TEST_CASE("where nothing came, what the kernel dropped meanwhile is told by cause") {
  IN_NAMESPACE("");
  Listener listener({"-4"}, {"127.0.0.1:0"});
  const RawUdp sender;
  for (int i = 0; i < 3; ++i) sender.send("lost", unused_port());
  const Finished result = listener.stop();
  CHECK(result.ending == done);
  CHECK(contains(result.err,
                 "note: meanwhile this host's kernel dropped 3 datagrams for ports that no socket is bound to "));
  CHECK(count_of(result.err, "meanwhile") == 1);
}
