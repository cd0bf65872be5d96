// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "base/lines.hpp"
#include "net/kernel_drops.hpp"

namespace net {
namespace {

constexpr std::array<const char*, 3> paths{"/proc/net/snmp", "/proc/net/snmp6", "/proc/net/netstat"};

std::string content_of(const base::Descriptor& file) {
  std::string text;
  std::array<char, 4096> part{};
  if (lseek(file.get(), 0, SEEK_SET) != 0) return text;
  for (ssize_t count = 0; (count = ::read(file.get(), part.data(), part.size())) > 0;) {
    text.append(part.data(), static_cast<std::size_t>(count));
  }
  return text;
}

std::uint64_t number_of(std::string_view word) { return base::number_of<std::uint64_t>(word).value_or(0); }

// The next line that begins with that name of a table, without it.
std::string_view take_row(std::string_view& text, std::string_view name) {
  while (!text.empty()) {
    std::string_view line = base::next_line(text);
    const std::string_view first = base::next_word(line);
    if (first.size() == name.size() + 1 && first.starts_with(name) && first.back() == ':') return line;
  }
  return {};
}

KernelDrops::OfFamily since(const KernelDrops::OfFamily& now, const KernelDrops::OfFamily& start) {
  return {now.bad_checksum - start.bad_checksum, now.no_room - start.no_room, now.incomplete - start.incomplete,
          now.no_socket - start.no_socket, now.not_joined - start.not_joined};
}

}  // namespace

std::uint64_t counter_in_table(std::string_view text, std::string_view table, std::string_view name) {
  std::string_view names = take_row(text, table);
  std::string_view values = take_row(text, table);
  while (!names.empty()) {
    const std::string_view value = base::next_word(values);
    if (base::next_word(names) == name) return number_of(value);
  }
  return 0;
}

std::uint64_t counter_in_list(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    std::string_view line = base::next_line(text);
    if (base::next_word(line) == name) return number_of(base::next_word(line));
  }
  return 0;
}

std::uint64_t bad_checksums_among(std::uint64_t lost, const KernelDrops::OfFamily& all) {
  return std::min(all.bad_checksum, lost - std::min(lost, all.no_room));
}

KernelCounters::KernelCounters() {
  for (std::size_t i = 0; i < paths.size(); ++i) files_[i] = base::Descriptor(open(paths[i], O_RDONLY | O_CLOEXEC));
  start_ = read();
}

KernelDrops KernelCounters::read() const {
  const std::string snmp = content_of(files_[0]);
  const std::string snmp6 = content_of(files_[1]);
  const auto in4 = [&](const char* table, const char* name) { return counter_in_table(snmp, table, name); };
  const auto in6 = [&](const char* name) { return counter_in_list(snmp6, name); };
  KernelDrops drops;
  drops.ipv4 = {in4("Udp", "InCsumErrors"), in4("Udp", "RcvbufErrors"), in4("Ip", "ReasmFails"), in4("Udp", "NoPorts"),
                in4("Udp", "IgnoredMulti")};
  drops.ipv6 = {in6("Udp6InCsumErrors"), in6("Udp6RcvbufErrors"), in6("Ip6ReasmFails"), in6("Udp6NoPorts"),
                in6("Udp6IgnoredMulti")};
  drops.reverse_path = counter_in_table(content_of(files_[2]), "TcpExt", "IPReversePathFilter");
  return drops;
}

KernelDrops KernelCounters::drops() const {
  const KernelDrops now = read();
  return {since(now.ipv4, start_.ipv4), since(now.ipv6, start_.ipv6), now.reverse_path - start_.reverse_path};
}

}  // namespace net
