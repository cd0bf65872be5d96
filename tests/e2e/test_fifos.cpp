// SPDX-License-Identifier: MIT
// Files that block: a FIFO that nobody opens, writes to its end or reads. -W ends each wait, and what was missing is
// told.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <regex>
#include <string>
#include <thread>
#include <vector>

#include "support/check.hpp"
#include "support/slow_reader.hpp"
#include "support/udptool.hpp"

using namespace support;

namespace {

class Fifo {
 public:
  Fifo() : path_(directory_.file("fifo")) { REQUIRE(mkfifo(path_.c_str(), 0600) == 0); }
  const std::string& path() const { return path_; }

 private:
  TemporaryDirectory directory_;
  std::string path_;
};

// One end of it that is there, and writes no more than that.
class StuckWriter {
 public:
  StuckWriter(const Fifo& fifo, const std::string& bytes) : fd_(open(fifo.path().c_str(), O_RDWR | O_CLOEXEC)) {
    REQUIRE(write(fd_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  }
  ~StuckWriter() { close(fd_); }
  StuckWriter(const StuckWriter&) = delete;
  StuckWriter& operator=(const StuckWriter&) = delete;

 private:
  int fd_;
};

// Each command that opens a file beside `send -f`, with "FILE" in its place.
const std::vector<Words> to_read{{"probe", "--targets", "FILE"},
                                 {"probe", "--stamp", "--stamp-key", "FILE", "127.0.0.1"},
                                 {"listen", "--stamp", "--stamp-key", "FILE", "127.0.0.1:0"}};
const std::vector<Words> to_write{{"listen", "--pcap", "FILE", "127.0.0.1:0"},
                                  {"join", "--pcap", "FILE", "239.1.1.1"},
                                  {"probe", "--pcap", "FILE", "127.0.0.1", "9"},
                                  {"send", "--pcap", "FILE", "127.0.0.1", "9", "x"}};

Words with_file(Words words, const Fifo& fifo) {
  std::replace(words.begin(), words.end(), std::string("FILE"), fifo.path());
  words.insert(words.begin() + 1, {"-W", "200ms"});
  return words;
}

void check_ended(const Words& words, const std::string& said) {
  CAPTURE(words);
  const Finished result = run_udptool(words);
  CHECK(result.ending == nothing);
  CHECK(result.err == said);
}

}  // namespace

TEST_CASE("fifos: -W ends the wait for who opens the other end") {
  const Fifo fifo;
  for (const auto& rows : {to_read, to_write}) {
    for (const Words& row : rows) {
      check_ended(with_file(row, fifo), "udptool: cannot open " + fifo.path() + ": nobody has opened its other end\n");
    }
  }
}

TEST_CASE("fifos: -W ends the wait for the end of what is read as a whole") {
  const Fifo fifo;
  const StuckWriter writer(fifo, "127.0.0.1:9\n");
  for (const Words& row : to_read) {
    check_ended(with_file(row, fifo), "udptool: cannot read " + fifo.path() + ": its end has not come\n");
  }
}

TEST_CASE("fifos: a capture that is cut by -W is not said to hold nothing, or to be none") {
  const std::string magic("\xd4\xc3\xb2\xa1\2\0\4\0\0\0\0\0\0\0\0\0\0\0\4\0\1\0\0\0", 24);
  for (const std::size_t size : {std::size_t{0}, std::size_t{10}, magic.size()}) {
    const Fifo fifo;
    const StuckWriter writer(fifo, magic.substr(0, size));
    const Finished result = run_udptool({"send", "-W", "200ms", "--replay", fifo.path(), "127.0.0.1", "9"});
    CAPTURE(size);
    CAPTURE(result.err);
    CHECK(result.ending == (size == 10 ? nothing : done));  // of what might still come none is missing
    CHECK_FALSE(contains(result.err, "nothing was sent"));
    CHECK_FALSE(contains(result.err, "no capture"));
    CHECK_FALSE(contains(result.err, "nterrupted"));
  }
}

TEST_CASE("fifos: SIGUSR1 does not end the wait for who opens the other end") {
  const Fifo fifo;
  Process probe(udptool({"probe", "--targets", fifo.path()}));
  const auto waits = [&] {
    std::ifstream file("/proc/" + std::to_string(probe.pid()) + "/wchan");
    std::string where;
    file >> where;
    return contains(where, "fifo") || contains(where, "wait_for_partner");
  };
  const Stopwatch watch;
  while (!waits() && watch.elapsed() < Milliseconds(2'000)) std::this_thread::sleep_for(Milliseconds(5));
  SKIP_UNLESS(waits(), "no /proc/PID/wchan here");
  probe.signal(SIGUSR1);
  const StuckWriter writer(fifo, "127.0.0.1:" + std::to_string(unused_port()) + "\n");
  probe.signal(SIGTERM);  // it waits for the end by now
  CHECK(probe.wait() == nothing);
  CHECK(contains(probe.err(), "its end has not come"));
}

TEST_CASE("fifos: -W ends it though nobody reads the capture, and says how many are missing") {
  SlowReader reader;
  reader.make_small();
  constexpr std::size_t count = 100, size = 1'000, record = 16 + 20 + 8 + size;
  Listener listener({"-o", "none", "-W", "2s", "--pcap", reader.path()});
  const RawUdp sender;
  for (std::size_t i = 0; i < count; ++i) sender.send(std::string(size, 'x'), listener.port());
  CHECK(listener.wait() == done);
  const std::string err = listener.err();
  CAPTURE(err);
  std::smatch missing;
  REQUIRE(std::regex_search(err, missing,
                            std::regex("udptool: .* was not read: ([0-9]+) datagrams could not be written\n$")));
  reader.hurry();
  reader.start();
  const std::size_t whole = (reader.finish().size() - 24) / record;
  CHECK(whole + std::stoul(missing[1]) == summary_of(err).datagrams);
}
