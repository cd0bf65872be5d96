// SPDX-License-Identifier: MIT
// The built binary, as the end-to-end tests start it: UDPTOOL_PATH, which comes from CMake, or another that the
// environment names in UDPTOOL.
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "support/check.hpp"
#include "support/process.hpp"
#include "support/raw_udp.hpp"

namespace support {

inline Words udptool(const Words& rest) {
  const char* other = std::getenv("UDPTOOL");
  Words words{other != nullptr ? other : UDPTOOL_PATH};
  words.insert(words.end(), rest.begin(), rest.end());
  return words;
}

// udptool is built with a sanitizer, which takes memory, files and time of its own.
inline bool sanitized() {
  static const bool told = contains(run(udptool({"--version"})).out, "sanitizers: ");
  return told;
}

constexpr Ending done{0, 0};
constexpr Ending nothing{1, 0};
constexpr Ending failed{2, 0};
constexpr Ending refused{3, 0};

// Runs udptool to its end.
inline Finished run_udptool(const Words& rest, const ProcessOptions& options = {}) {
  return run(udptool(rest), options);
}

// Runs udptool with that text on its stdin.
inline Finished run_with_input(const Words& rest, std::string_view input) {
  Process process(udptool(rest), {.input = Input::pipe});
  process.write(input);
  process.close_input();
  return process.finish();
}

// `udptool listen` on a free port, ready to hear. The ports are read from its notices, its events (-j), or,
// when it says nothing (-q), from the kernel.
class Listener : public Process {
 public:
  explicit Listener(Words options = {}, const Words& endpoints = {"127.0.0.1:0"}, std::size_t sockets = 1,
                    const ProcessOptions& process = {})
      : Process(udptool(all_of(options, endpoints)), process) {
    const auto given = [&](const char* word) {
      return std::find(options.begin(), options.end(), word) != options.end();
    };
    if (given("-q")) {
      ports_.push_back(wait_for_port());
      return;
    }
    for (std::size_t i = 0; i < sockets; ++i) {
      const auto found =
          given("-j") ? wait_for_match(Stream::out, R"x("event":"listening".*"address":"([^"]*)","port":([0-9]+))x")
                      : wait_for_match(Stream::err, R"(listening on (.*):([0-9]+)$)");
      addresses_.push_back(found[1]);
      ports_.push_back(static_cast<std::uint16_t>(std::stoul(found[2])));
    }
  }

  std::uint16_t port(std::size_t socket = 0) const { return ports_.at(socket); }
  const std::vector<std::string>& addresses() const { return addresses_; }

 private:
  static Words all_of(const Words& options, const Words& endpoints) {
    Words words{"listen"};
    words.insert(words.end(), options.begin(), options.end());
    words.insert(words.end(), endpoints.begin(), endpoints.end());
    return words;
  }

  std::vector<std::string> addresses_;
  std::vector<std::uint16_t> ports_;
};

// A file that is gone when the test is over.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::string_view content = {}) {
    path_ = (std::filesystem::temp_directory_path() / "udptool-test-XXXXXX").string();
    close(mkstemp(path_.data()));
    std::ofstream(path_, std::ios::binary) << content;
  }
  ~TemporaryFile() { std::filesystem::remove(path_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const std::string& path() const { return path_; }
  std::string content() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

 private:
  std::string path_;
};

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    path_ = (std::filesystem::temp_directory_path() / "udptool-test-XXXXXX").string();
    REQUIRE(mkdtemp(path_.data()) != nullptr);
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

class Stopwatch {
 public:
  Milliseconds elapsed() const {
    return std::chrono::duration_cast<Milliseconds>(std::chrono::steady_clock::now() - start_);
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

inline std::size_t count_of(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string_view::npos; at += part.size()) ++count;
  return count;
}

inline std::string numbered_lines(int count) {
  std::string lines;
  for (int i = 0; i < count; ++i) lines += std::to_string(i) + "\n";
  return lines;
}

// `udptool send` to a socket of the test.
inline Words to_peer(const RawUdp& peer, const Words& options, const Words& messages = {}) {
  Words words{"send"};
  words.insert(words.end(), options.begin(), options.end());
  words.insert(words.end(), {"127.0.0.1", std::to_string(peer.port())});
  words.insert(words.end(), messages.begin(), messages.end());
  return words;
}

// The options of a listener that passes on what it hears.
inline Words forwarding_to(const Words& targets, Words more = {}) {
  Words words{"-o", "none"};
  words.insert(words.end(), more.begin(), more.end());
  for (const std::string& target : targets) words.insert(words.end(), {"--forward", target});
  return words;
}

// Words that are refused, and a part of the line that says so.
struct Refused {
  Words words;
  const char* part;
};

// What udptool with these words says, which it has to refuse by one line alone.
inline std::string refusal(const Words& words) {
  const Finished result = run_udptool(words);
  CHECK(result.ending == failed);
  CHECK(result.out.empty());
  CHECK(count_of(result.err, "\n") == 1);
  return result.err;
}

// What `udptool listen` with these words says, which it has to refuse by one line.
inline std::string listen_refusal(Words words) {
  words.insert(words.begin(), "listen");
  words.emplace_back("127.0.0.1:0");
  const Finished result = run_udptool(words);
  CHECK(result.ending == failed);
  CHECK(count_of(result.err, "\n") == 1);
  return result.err;
}

}  // namespace support
