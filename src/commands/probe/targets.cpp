// SPDX-License-Identifier: MIT
#include "commands/probe/targets.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <set>

#include "base/ending.hpp"
#include "base/error.hpp"
#include "base/text.hpp"
#include "net/address.hpp"

namespace commands {
namespace {

constexpr std::string_view blanks = " \t\r\v\f";

std::string_view without_comment(std::string_view line) {
  line = line.substr(0, line.find('#'));
  const std::size_t first = line.find_first_not_of(blanks);
  if (first == line.npos) return {};
  return line.substr(first, line.find_last_not_of(blanks) - first + 1);
}

TargetLine target_of(std::string_view word, std::uint16_t default_port) {
  const auto fail = [&](std::string_view reason) {
    throw base::UsageError(fmt::format("'{}' is no target: {}", base::escaped(word), reason));
  };
  if (word.find_first_of(blanks) != word.npos) fail("write HOST:PORT, one a line");
  const net::HostAndPort parts = net::split_host_port(word);
  if (parts.host.empty()) fail("it names no host");
  TargetLine target{std::string(word), std::string(parts.host), default_port};
  if (parts.port) target.port = net::parse_port(*parts.port, 1);
  const bool bare_ipv6 = parts.host.find(':') != parts.host.npos;
  if (target.port == 0) fail(bare_ipv6 ? "it has no port: write [ADDRESS]:PORT" : "it has no port: write HOST:PORT");
  if (net::looks_numeric(target.host) && !net::parse_address(target.host)) fail("that is no address");
  return target;
}

std::string read_all(int descriptor, const std::string& file) {
  constexpr std::size_t max_size = 16u << 20;
  std::string text;
  char buffer[16'384];
  for (;;) {
    const ssize_t size = read(descriptor, buffer, sizeof buffer);
    if (size == 0) return text;
    if (size < 0 && errno == EINTR && base::end_ticks == 0) continue;
    if (size < 0) throw base::failure(errno, fmt::format("cannot read '{}'", file));
    text.append(buffer, static_cast<std::size_t>(size));
    if (text.size() > max_size) throw base::Failure(EFBIG, fmt::format("'{}' has more than 16M of targets", file));
  }
}

}  // namespace

std::vector<TargetLine> parse_targets(std::string_view text, const std::string& file, std::uint16_t default_port) {
  std::vector<TargetLine> targets;
  std::set<std::string> known;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    const std::string_view word = without_comment(text.substr(0, end));
    text = end == text.npos ? std::string_view() : text.substr(end + 1);
    if (word.empty()) continue;
    try {
      TargetLine target = target_of(word, default_port);
      if (known.insert(target.written).second) targets.push_back(std::move(target));
    } catch (const base::UsageError& error) {
      throw base::UsageError(fmt::format("{}:{}: {}", file, number, error.what()));
    }
  }
  return targets;
}

std::vector<TargetLine> read_targets(const std::string& file, std::uint16_t default_port) {
  const std::string name = file == "-" ? "stdin" : base::escaped(file);
  const int descriptor = file == "-" ? STDIN_FILENO : open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) throw base::failure(errno, fmt::format("cannot open '{}'", name));
  struct Close {
    int descriptor;
    ~Close() {
      if (descriptor != STDIN_FILENO) close(descriptor);
    }
  } const close_it{descriptor};
  auto targets = parse_targets(read_all(descriptor, name), name, default_port);
  if (targets.empty()) throw base::UsageError(fmt::format("'{}' names no target", name));
  return targets;
}

}  // namespace commands
