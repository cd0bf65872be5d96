// SPDX-License-Identifier: MIT
// `udptool join` as the end-to-end tests start it, and networks to join in (see support/namespace.hpp).
#pragma once

#include <cstdlib>
#include <string>

#include "support/check.hpp"
#include "support/namespace.hpp"
#include "support/udptool.hpp"

namespace support {

// An interface with two addresses.
inline const std::string one_network = R"sh(
interface one
ip addr add 10.9.1.1/24 dev one; ip addr add 10.9.1.2/24 dev one
)sh";

// Two interfaces with a host behind both. Its addresses end in .9.
inline const std::string two_networks = R"sh(
new_host world
interface one; interface two
settle world one; settle world two
ip addr add 10.9.1.1/24 dev one; ip addr add 10.9.2.1/24 dev two
on world ip addr add 10.9.1.9/24 dev one; on world ip addr add 10.9.2.9/24 dev two
export host_world
)sh";

// The same words, run by the host behind the interfaces.
inline Words in_world(const Words& words) {
  const char* pid = std::getenv("host_world");
  Words all{"nsenter", "-t", pid != nullptr ? pid : "", "-n"};
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

// `udptool send` that has to succeed.
inline void send(const Words& words) {
  Words all{"send"};
  all.insert(all.end(), words.begin(), words.end());
  const Finished result = run_udptool(all);
  CAPTURE(words);
  CAPTURE(result.err);
  CHECK(result.ending == done);
}

inline Words join_words(const Words& words) {
  Words all{"join"};
  all.insert(all.end(), words.begin(), words.end());
  return udptool(all);
}

// `udptool join` that has made so many memberships, and told so.
class Joiner : public Process {
 public:
  explicit Joiner(const Words& words, std::size_t memberships = 1, const ProcessOptions& options = {})
      : Joiner(join_words(words), words, memberships, options) {}
  // Started by another program, as in_world(join_words(...)).
  Joiner(const Words& started, const Words& words, std::size_t memberships, const ProcessOptions& options = {})
      : Process(started, options) {
    const bool json = std::find(words.begin(), words.end(), "-j") != words.end();
    for (std::size_t i = 0; i < memberships; ++i) {
      joined_.push_back(json ? wait_for(Stream::out, "\"event\":\"joined\"") : wait_for(Stream::err, "joined "));
    }
  }

  const Words& joined() const { return joined_; }

 private:
  Words joined_;
};

// Whether the kernel is a member of the group on the interface.
inline bool is_member(const std::string& group, const std::string& interface) {
  return contains(run({"ip", "maddr", "show", "dev", interface}).out + "\n", " " + group + "\n") ||
         contains(run({"ip", "maddr", "show", "dev", interface}).out, " " + group + " ");
}

// The payloads of the text records, in the order of their lines: the last columns.
inline Words payloads_of(const std::string& out) {
  Words all;
  for (std::size_t start = 0; start < out.size();) {
    const std::size_t end = out.find('\n', start);
    const std::string line = out.substr(start, end - start);
    all.push_back(line.substr(line.rfind('\t') + 1));
    start = end == std::string::npos ? out.size() : end + 1;
  }
  return all;
}

}  // namespace support
