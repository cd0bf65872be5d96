// SPDX-License-Identifier: MIT
// `udptool send --replay`: captures and what -j printed, sent again.
#include <fstream>

#include "support/check.hpp"
#include "support/skip.hpp"
#include "support/udptool.hpp"

using namespace support;
using namespace std::string_literals;
using Strings = std::vector<std::string>;

namespace {

bool has_libpcap() {
  return std::system(
             "ldconfig -p 2>/dev/null | grep -q 'libpcap\\.so' || ls /usr/lib/*/libpcap.so.* >/dev/null 2>&1") == 0;
}

template <class Number>
std::string raw(Number value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}
std::string u16(std::size_t value) { return {static_cast<char>(value >> 8 & 0xff), static_cast<char>(value & 0xff)}; }

std::string ip(const std::string& upper, unsigned where = 0) {
  return "\x45\0"s + u16(20 + upper.size()) + "\0\1"s + u16(where) + "\x40\x11\0\0\x0a\0\0\1\x0a\0\0\2"s + upper;
}
std::string udp(const std::string& payload, std::uint16_t port = 5'000) {
  return u16(1'234) + u16(port) + u16(8 + payload.size()) + u16(0) + payload;
}

// A capture of raw IP with times in nanoseconds.
class Capture {
 public:
  Capture() {
    add(raw(0xa1b23c4du) + raw<std::uint16_t>(2) + raw<std::uint16_t>(4) + raw(0) + raw(0) + raw(262'144) + raw(101));
  }
  void packet(const std::string& bytes, std::uint32_t milliseconds = 0, std::size_t kept = std::string::npos) {
    const std::string part = bytes.substr(0, kept);
    add(raw(1'000'000'000u + milliseconds / 1'000) + raw(milliseconds % 1'000 * 1'000'000) +
        raw(static_cast<std::uint32_t>(part.size())) + raw(static_cast<std::uint32_t>(bytes.size())) + part);
  }
  void add(const std::string& bytes) { std::ofstream(path(), std::ios::app | std::ios::binary) << bytes; }
  const std::string& path() const { return file_.path(); }
  std::string content() const { return file_.content(); }

 private:
  TemporaryFile file_;
};

Finished replay(const RawUdp& peer, const std::string& file, const Words& options = {"--speed", "0"}) {
  Words words{"send", "--replay", file};
  words.insert(words.end(), options.begin(), options.end());
  words.insert(words.end(), {"127.0.0.1", std::to_string(peer.port())});
  return run_udptool(words);
}

Strings arrived(const RawUdp& peer) {
  CHECK(run_udptool({"send", "127.0.0.1", std::to_string(peer.port()), "the end"}).ending == done);
  Strings got;
  for (std::string next = peer.next(); next != "the end"; next = peer.next()) got.push_back(next);
  return got;
}

}  // namespace

TEST_CASE("send --replay: the payloads of a capture, fragments put together, what is not whole skipped and told") {
  SKIP_UNLESS(has_libpcap(), "no libpcap");
  Capture capture;
  capture.packet(ip(udp("one")));
  capture.packet(ip(udp("")));
  const std::string large = udp(std::string(2'000, 'x'));
  capture.packet(ip(large.substr(1'480), 185));
  capture.packet(ip(large.substr(0, 1'480), 0x2000));
  capture.packet(ip(udp("snapped")), 0, 30);
  const RawUdp peer;
  const Finished result = replay(peer, capture.path());
  CHECK(result.ending == done);
  CHECK(arrived(peer) == Strings{"one", "", std::string(2'000, 'x')});
  CHECK(result.err.find("1 packet skipped: the capture kept only a part") != std::string::npos);
}

TEST_CASE("send --replay: the capture's timing, scaled by --speed") {
  SKIP_UNLESS(has_libpcap(), "no libpcap");
  Capture capture;
  for (const std::uint32_t at : {0u, 400u, 200u, 800u}) capture.packet(ip(udp(std::to_string(at))), at);
  const RawUdp peer;
  const auto begun = std::chrono::steady_clock::now();
  CHECK(replay(peer, capture.path(), {"--speed", "2"}).ending == done);
  CHECK(std::chrono::steady_clock::now() - begun >= Milliseconds(400));
  CHECK(arrived(peer) == Strings{"0", "400", "200", "800"});
}

TEST_CASE("send --replay: --filter picks, --keep-ports sends to the port of the capture, -c repeats") {
  SKIP_UNLESS(has_libpcap(), "no libpcap");
  const RawUdp peer;
  Capture capture;
  capture.packet(ip(udp("other", 9)));
  capture.packet(ip(udp("mine", peer.port())));
  CHECK(replay(peer, capture.path(), {"--filter", "port " + std::to_string(peer.port()), "-c", "3", "--speed", "0"})
            .ending == done);
  CHECK(arrived(peer) == Strings{"mine", "mine", "mine"});
  run_udptool({"send", "--replay", capture.path(), "--keep-ports", "--speed", "0", "127.0.0.1"});
  CHECK(arrived(peer) == Strings{"mine"});
}

TEST_CASE("send --replay: what cannot be read is one line and 2, what holds nothing is 1") {
  SKIP_UNLESS(has_libpcap(), "no libpcap");
  const RawUdp peer;
  Capture cut;
  cut.packet(ip(udp("whole")));
  cut.add("the beginning of another");
  const Finished result = replay(peer, cut.path());
  CHECK(result.ending == failed);
  CHECK(arrived(peer) == Strings{"whole"});
  Capture plain;
  plain.packet(ip(udp("x")));
  const Finished misspelt = replay(peer, plain.path(), {"--filter", "foo bar"});
  CHECK(misspelt.ending == failed);
  CHECK(misspelt.err.find("'foo bar'") != std::string::npos);
  CHECK(replay(peer, plain.path(), {"--filter", "port 1"}).ending == nothing);
  CHECK(replay(peer, "/etc/passwd").ending == failed);
  CHECK(replay(peer, "/nonexistent").ending == failed);
  const Capture empty;
  CHECK(replay(peer, empty.path()).ending == nothing);
}

TEST_CASE("send --replay: a filter is for captures, and what listen -j printed is none") {
  const RawUdp peer;
  const TemporaryFile file("{\"event\":\"message\",\"text\":\"x\"}\n");
  for (const char* filter : {"udp", "bad (("}) {
    const Finished finished = run_udptool(to_peer(peer, {"--filter", filter, "--replay", file.path()}));
    CHECK(finished.ending == failed);
    CHECK(contains(finished.err, "--filter is for captures"));
    CHECK(count_of(finished.err, "\n") == 1);
  }
}

TEST_CASE("send --replay: what listen -j printed leaves as the same datagrams") {
  const RawUdp peer;
  Listener listener({"-j", "-c", "3"});
  const std::string port = std::to_string(listener.port());
  CHECK(run_udptool({"send", "-e", "127.0.0.1", port, "text\\n", "\\xff\\0", ""}).ending == done);
  const Finished recorded = listener.finish();
  const std::string to = std::to_string(peer.port());
  CHECK(run_with_input({"send", "--replay", "-", "--speed", "0", "127.0.0.1", to}, recorded.out).ending == done);
  CHECK(arrived(peer) == Strings{"text\n", "\xff\0"s, ""});
  const Finished wrong =
      run_with_input({"send", "--replay", "-", "127.0.0.1", to}, "{\"event\":\"close\"}\n{\"not\":1}\n");
  CHECK(wrong.ending == failed);
  CHECK(wrong.err.find("line 2") != std::string::npos);
  CHECK(run_with_input({"send", "--replay", "-", "127.0.0.1", to}, "{\"event\":\"close\"}\n").ending == nothing);
}

TEST_CASE("send --replay: what is piped leaves as it comes, and does not wait for what is behind it") {
  const RawUdp peer;
  const Words words{"send", "--replay", "-", "--speed", "0", "127.0.0.1", std::to_string(peer.port())};
  ProcessOptions piped;
  piped.input = Input::pipe;
  Process lines(udptool(words), piped);
  for (const std::string text : {"one", "two", "three"}) {
    lines.write("{\"event\":\"message\",\"text\":\"" + text + "\"}\n");
    CHECK(peer.next() == text);
  }
  lines.close_input();
  CHECK(lines.wait() == done);
  SKIP_UNLESS(has_libpcap(), "no libpcap");
  Capture capture;
  Process packets(udptool(words), piped);
  std::size_t written = 0;
  for (const std::string text : {"one", "two", "three"}) {
    capture.packet(ip(udp(text)));
    const std::string all = capture.content();
    packets.write(all.substr(written));
    written = all.size();
    CHECK(peer.next() == text);
  }
  packets.close_input();
  CHECK(packets.wait() == done);
}

TEST_CASE("send --replay: what was read of a pipe and has not left by the end is missing") {
  const RawUdp peer;
  const auto ended = [&](const std::string& input) {
    ProcessOptions piped;
    piped.input = Input::pipe;
    Process process(udptool({"send", "--replay", "-", "-W", "300ms", "127.0.0.1", std::to_string(peer.port())}), piped);
    process.write(input);
    return process.finish();
  };
  const std::string now = R"({"event":"message","time":"2026-01-02T03:04:05Z","text":"now"})"
                          "\n";
  const std::string later = R"({"event":"message","time":"2026-01-02T03:05:05Z","text":"later"})"
                            "\n";
  CHECK(ended(now).ending == done);
  CHECK(ended(now + later).ending == nothing);
  const Finished cut = ended(now + later.substr(0, 9));
  CHECK(cut.ending == nothing);
  CHECK(contains(cut.err, "note: not sent: 9 bytes that are no complete datagram yet\n"));
  if (!has_libpcap()) return;
  Capture capture;
  capture.packet(ip(udp("now")));
  CHECK(ended(capture.content()).ending == done);
  capture.packet(ip(udp("later")), 60'000);
  CHECK(ended(capture.content()).ending == nothing);
}
