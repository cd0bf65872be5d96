// SPDX-License-Identifier: MIT
// --pcap and --top on the built binary.
#include <cstring>
#include <string>
#include <vector>

#include "support/check.hpp"
#include "support/udptool.hpp"

using namespace support;

namespace {

struct Captured {
  std::string payload;
  std::uint16_t from, to;
};

// What a capture of IPv4 holds; throws nothing, and takes only whole records.
std::vector<Captured> read_capture(const std::string& bytes) {
  const auto u16 = [&](std::size_t at) {
    return static_cast<std::uint16_t>(static_cast<std::uint8_t>(bytes[at]) << 8 |
                                      static_cast<std::uint8_t>(bytes[at + 1]));
  };
  std::vector<Captured> found;
  std::size_t at = 24;
  while (at + 16 <= bytes.size()) {
    std::uint32_t size = 0;
    std::memcpy(&size, bytes.data() + at + 8, sizeof size);
    if (at + 16 + size > bytes.size()) break;
    const std::size_t udp = at + 16 + 20;
    found.push_back({bytes.substr(udp + 8, size - 28), u16(udp), u16(udp + 2)});
    at += 16 + size;
  }
  CHECK(at == bytes.size());
  return found;
}

}  // namespace

TEST_CASE("pcap: what came and what was answered are in it, beside the records") {
  const TemporaryFile file;
  Listener listener({"--echo", "-c", "2", "--pcap", file.path()});
  const Finished sent =
      run_udptool({"send", "-w", "5", "--replies", "2", "127.0.0.1", std::to_string(listener.port()), "one", "two"});
  CHECK(sent.ending == done);
  const Finished result = listener.finish();
  CHECK(result.ending == done);
  CHECK(count_of(result.out, "\n") == 2);
  const auto records = read_capture(file.content());
  REQUIRE(records.size() == 4);
  std::size_t in = 0, out = 0;
  for (const Captured& one : records) {
    CHECK((one.payload == "one" || one.payload == "two"));
    (one.to == listener.port() ? in : out)++;
  }
  CHECK(in == 2);
  CHECK(out == 2);
}

TEST_CASE("pcap: on stdout it stands instead of records, at once") {
  Listener listener({"--pcap", "-"});
  run_udptool({"send", "127.0.0.1", std::to_string(listener.port()), "live"});
  listener.wait_for_bytes(Stream::out, 24 + 16 + 28 + 4);  // a capture has no lines to wait for
  const Finished result = listener.stop();
  const auto records = read_capture(result.out);
  REQUIRE(records.size() == 1);
  CHECK(records[0].payload == "live");
}

TEST_CASE("pcap: send and probe record both ways") {
  const TemporaryFile sent, probed;
  Listener listener({"--echo", "-q"});
  const std::string port = std::to_string(listener.port());
  run_udptool({"send", "-w", "5", "--replies", "1", "--pcap", sent.path(), "127.0.0.1", port, "x"});
  run_udptool({"probe", "-c", "3", "--interval", "10ms", "--pcap", probed.path(), "127.0.0.1", port});
  CHECK(read_capture(sent.content()).size() == 2);
  CHECK(read_capture(probed.content()).size() == 6);
}

TEST_CASE("pcap: a coalesced run is its datagrams") {
  const TemporaryFile file;
  Listener listener({"-c", "100", "--pcap", file.path(), "-o", "none"});
  run_udptool({"send", "-l", "20", "-c", "100", "127.0.0.1", std::to_string(listener.port())});
  CHECK(listener.finish().ending == done);
  CHECK(read_capture(file.content()).size() == 100);
}

TEST_CASE("pcap: a reader of it who goes ends what only prints, and what others could not write is told") {
  struct Row {
    Words options;
    std::string end;
  };
  for (const Row& row :
       {Row{{}, "^status 0"}, Row{{"--threads", "2"}, "^status 0"},
        Row{{"--echo", "-W", "1"}, "^udptool: the output was not read: [0-9]+ records? could not be"}}) {
    CAPTURE(row.options);
    Words words{"sh", "-c", "{ \"$0\" \"$@\"; echo status $? >&2; } | head -c 24", udptool({})[0], "listen"};
    words.insert(words.end(), row.options.begin(), row.options.end());
    words.insert(words.end(), {"--pcap", "-", "127.0.0.1:0"});
    Process pipeline(words);
    const auto found = pipeline.wait_for_match(Stream::err, "listening on .*:([0-9]+)$");
    pipeline.wait_for_bytes(Stream::out, 24);
    const auto port = static_cast<std::uint16_t>(std::stoul(found[1]));
    for (int i = 0; i < 3; ++i) RawUdp().send("x", port);
    pipeline.wait_for_match(Stream::err, row.end);
    CHECK(pipeline.wait() == done);
    CHECK(contains(pipeline.err(), "status 0\n"));
    if (row.options.empty()) CHECK_FALSE(contains(pipeline.err(), "not read"));
  }
}

TEST_CASE("pcap: a full disk is exit 2, and the last record is whole") {
  const TemporaryFile file;
  Process process({"/bin/sh", "-c", "ulimit -f 8; exec \"$0\" \"$@\"", udptool({})[0], "send", "-c", "100", "-l",
                   "1000", "--rate", "10k", "--pcap", file.path(), "127.0.0.1", "9"});
  CHECK(process.wait() == failed);
  CHECK(contains(process.err(), "cannot write to " + file.path() + ": File too large"));
  const auto records = read_capture(file.content());
  CHECK(records.size() >= 3);
  CHECK(run_udptool({"listen", "--pcap", "/no/such/directory/x", "0"}).ending == failed);
  CHECK(run_udptool({"listen", "-j", "--pcap", "-", "0"}).ending == failed);
}

TEST_CASE("top: the senders that sent the most, at the end, as lines and as an event") {
  for (const bool json : {false, true}) {
    Listener listener(json ? Words{"-j", "--top=1", "-c", "5"} : Words{"-o", "none", "--top=1", "-c", "5"});
    const std::string port = std::to_string(listener.port());
    run_udptool({"send", "127.0.0.1", port, "a", "b"});
    run_udptool({"send", "-p", "0", "127.0.0.1", port, "c", "d", "e"});
    const Finished result = listener.finish();
    CHECK(result.ending == done);
    if (json) {
      CHECK(contains(result.out, R"({"event":"senders",)"));
      CHECK(contains(result.out, R"("datagrams":3,"bytes":3,"share_percent":60.0)"));
    } else {
      CHECK(count_of(result.err, "top: ") == 1);
      CHECK(contains(result.err, " 3 datagrams, 3 bytes, 60.0 %"));
    }
  }
}

TEST_CASE("top: on a terminal it is drawn anew in place where no record stands between") {
  SKIP_UNLESS(have("script"), "no script(1)");
  for (const char* form : {"none", "text"}) {
    std::string command = "exec";
    for (const std::string& word : udptool({"listen", "--top", "--stats=100ms", "-o", form, "-c", "30"})) {
      command += " '" + word + "'";
    }
    Process terminal({"script", "-qec", command + " 127.0.0.1:0", "/dev/null"});
    const std::string line = terminal.wait_for(Stream::out, "listening on ");
    const std::string port = line.substr(line.rfind(':') + 1, line.find_last_of("0123456789") - line.rfind(':'));
    run_udptool({"send", "-c", "30", "--rate", "50", "127.0.0.1", port, "x"});
    const Finished result = terminal.finish();
    CAPTURE(form);
    CAPTURE(result.out);
    CHECK(result.ending == done);
    CHECK(contains(result.out, "\x1b[1A\x1b[J") == (std::string(form) == "none"));
  }
}
