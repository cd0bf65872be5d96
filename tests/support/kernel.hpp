// SPDX-License-Identifier: MIT
// What the kernel knows of a process, of a port and of all the traffic in this network namespace.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/process.hpp"

namespace support {

// A counter of UDP: /proc/net/snmp has a line of names and one of values.
inline std::uint64_t kernel_counter(const std::string& name) {
  std::ifstream file("/proc/net/snmp");
  std::vector<std::string> names;
  for (std::string line, word; std::getline(file, line);) {
    if (!line.starts_with("Udp:")) continue;
    std::istringstream words(line);
    if (names.empty()) {
      while (words >> word) names.push_back(word);
      continue;
    }
    for (std::size_t i = 0; words >> word; ++i) {
      if (names.at(i) == name) return std::stoull(word);
    }
  }
  throw std::runtime_error("no counter " + name);
}

// How many IPv4 sockets are bound to the port.
inline std::size_t sockets_of(std::uint16_t port) {
  std::ifstream table("/proc/net/udp");
  std::size_t count = 0;
  for (std::string line; std::getline(table, line);) {
    std::istringstream words(line);
    std::string slot, local;
    words >> slot >> local;
    const std::size_t colon = local.find(':');
    count += colon != std::string::npos && std::stoul(local.substr(colon + 1), nullptr, 16) == port;
  }
  return count;
}

// Bytes in the receive buffers of an IPv4 port, with what the kernel needs for them.
inline std::uint64_t waiting_bytes(std::uint16_t port) {
  std::ifstream table("/proc/net/udp");
  std::uint64_t sum = 0;
  for (std::string line; std::getline(table, line);) {
    std::istringstream words(line);
    std::string slot, local, remote, state, queues;
    words >> slot >> local >> remote >> state >> queues;
    const std::size_t colon = local.find(':');
    if (colon == std::string::npos || std::stoul(local.substr(colon + 1), nullptr, 16) != port) continue;
    sum += std::stoull(queues.substr(queues.find(':') + 1), nullptr, 16);
  }
  return sum;
}

// Waits until what was sent to the port has been taken, but for so many bytes.
inline void wait_until_taken(std::uint16_t port, std::uint64_t but = 0, Milliseconds timeout = patience) {
  const auto end = std::chrono::steady_clock::now() + timeout;
  while (waiting_bytes(port) > but) {
    if (std::chrono::steady_clock::now() > end) throw std::runtime_error("in vain: waiting for what is received");
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
}

// A figure in KiB of /proc/PID/status: VmHWM is the most memory that it ever had, VmRSS what it has now.
inline std::uint64_t memory_of(pid_t pid, const std::string& figure) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  std::uint64_t value = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(figure + ":")) std::istringstream(line.substr(figure.size() + 1)) >> value;
  }
  return value;
}

// What the process has taken of processors so far.
inline Milliseconds cpu_of(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/schedstat");
  long long nanoseconds = 0;
  file >> nanoseconds;
  return std::chrono::duration_cast<Milliseconds>(std::chrono::nanoseconds(nanoseconds));
}

inline std::size_t descriptors_of(pid_t pid) {
  const std::filesystem::directory_iterator all("/proc/" + std::to_string(pid) + "/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

}  // namespace support
