// SPDX-License-Identifier: MIT
#include "commands/probe/targets.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <set>

#include "base/error.hpp"
#include "base/file.hpp"
#include "base/text.hpp"
#include "net/address.hpp"
#include "net/resolve.hpp"

namespace commands {
namespace {

constexpr std::string_view blanks = " \t\r\v\f";

std::string_view without_comment(std::string_view line) {
  line = line.substr(0, line.find('#'));
  const std::size_t first = line.find_first_not_of(blanks);
  if (first == line.npos) return {};
  return line.substr(first, line.find_last_not_of(blanks) - first + 1);
}

[[noreturn]] void refuse(std::string_view word, std::string_view reason) {
  throw base::UsageError(fmt::format("'{}' is no target: {}", base::printable(word), reason));
}

TargetLine target_of(std::string_view word, std::uint16_t default_port, std::optional<net::Family> family) {
  if (word.find_first_of(blanks) != word.npos) refuse(word, "write HOST:PORT, one a line");
  if (word.find("://") != word.npos) refuse(word, "write HOST:PORT, without a scheme");
  const auto of_word = [&](const auto& read) {
    try {
      return read();
    } catch (const base::UsageError& error) {
      refuse(word, error.what());
    }
  };
  const net::HostAndPort parts = net::split_host_port(word);
  if (parts.host.empty()) refuse(word, "it names no host");
  TargetLine target{std::string(word), std::string(parts.host), default_port};
  if (parts.port) target.port = of_word([&] { return net::parse_port(*parts.port, 1); });
  const bool bare_ipv6 = parts.host.find(':') != parts.host.npos;
  if (target.port == 0) {
    refuse(word, bare_ipv6 ? "it has no port: write [ADDRESS]:PORT" : "it has no port: write HOST:PORT");
  }
  if (!net::looks_numeric(target.host)) return target;
  if (!of_word([&] { return net::parse_address(target.host); })) refuse(word, "that is no address");
  of_word([&] { return net::resolve(target.host, target.port, family); });
  return target;
}

}  // namespace

std::vector<TargetLine> parse_targets(std::string_view text, const std::string& file, std::uint16_t default_port,
                                      std::optional<net::Family> family) {
  std::vector<TargetLine> targets;
  std::set<std::string> known;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    const std::string_view word = without_comment(text.substr(0, end));
    text = end == text.npos ? std::string_view() : text.substr(end + 1);
    if (word.empty()) continue;
    try {
      TargetLine target = target_of(word, default_port, family);
      if (known.insert(target.written).second) targets.push_back(std::move(target));
    } catch (const base::UsageError& error) {
      throw base::UsageError(fmt::format("{}:{}: {}", file, number, error.what()));
    }
  }
  return targets;
}

std::vector<TargetLine> read_targets(const std::string& file, std::uint16_t default_port,
                                     std::optional<net::Family> family) {
  const std::string name = file == "-" ? "stdin" : base::printable(file);
  const base::Descriptor opened(file == "-" ? -1 : base::open_file(file, O_RDONLY));
  constexpr std::size_t max_size = 16u << 20;
  const std::string text = base::read_all(opened.is_open() ? opened.get() : STDIN_FILENO, name, max_size + 1);
  if (text.size() > max_size) throw base::Failure(EFBIG, name + " has more than 16M of targets");
  auto targets = parse_targets(text, name, default_port, family);
  if (targets.empty()) throw base::UsageError(name + " names no target");
  return targets;
}

}  // namespace commands
