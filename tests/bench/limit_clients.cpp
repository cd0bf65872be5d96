// SPDX-License-Identifier: MIT
// The measuring stick's clients: round trips one after the other, and requests of which many are in flight.
#include <time.h>

#include <algorithm>

#include "limit.hpp"

namespace limit {
namespace {

void give_up_waiting_after(int socket, int milliseconds) {
  set_option(socket, SOL_SOCKET, SO_RCVTIMEO, timeval{0, milliseconds * 1'000});
}

std::int64_t nanoseconds(const timespec& time) { return time.tv_sec * 1'000'000'000 + time.tv_nsec; }

// When the kernel took the datagram in, and not when this process was given the processor.
std::int64_t arrival_of(msghdr& header) {
  timespec time{};
  const cmsghdr* const control = CMSG_FIRSTHDR(&header);
  if (control != nullptr && control->cmsg_type == SCM_TIMESTAMPNS) std::memcpy(&time, CMSG_DATA(control), sizeof time);
  return nanoseconds(time);
}

double part(std::vector<double>& times, double share) {
  if (times.empty()) return 0;
  std::sort(times.begin(), times.end());
  return times[static_cast<std::size_t>(share * static_cast<double>(times.size() - 1))];
}

}  // namespace

void run_ping(const Options& options) {
  const int socket = connected_socket(options.port);
  give_up_waiting_after(socket, 200);
  set_option(socket, SOL_SOCKET, SO_TIMESTAMPNS, 1);
  std::vector<char> request(std::max<std::size_t>(options.size, sizeof(std::uint64_t)), 'x');
  Batch reply(1, request.size());
  std::vector<double> known;    // microseconds until this process knew of the reply
  std::vector<double> arrived;  // until the kernel had it
  for (std::uint64_t i = 0; i < options.count && !stopping; ++i) {
    std::memcpy(request.data(), &i, sizeof i);
    timespec departure{};
    clock_gettime(CLOCK_REALTIME, &departure);
    const auto start = Clock::now();
    check(send(socket, request.data(), request.size(), 0), "send");
    std::size_t received = 0;
    do {
      reply.ask(true);
      received = reply.receive(socket);
    } while (received > 0 && std::memcmp(reply.payload(0), &i, sizeof i) != 0);  // a late one
    if (received == 0) continue;
    known.push_back(seconds_since(start) * 1e6);
    arrived.push_back(static_cast<double>(arrival_of(reply.header(0)) - nanoseconds(departure)) / 1e3);
  }
  std::fprintf(stderr, "{\"role\":\"ping\",\"p50_us\":%.3f,\"p99_us\":%.3f,\"arrival_p50_us\":%.3f,\"answered\":%zu}\n",
               part(known, .5), part(known, .99), part(arrived, .5), known.size());
}

void run_flood(const Options& options) {
  const int socket = connected_socket(options.port);
  give_up_waiting_after(socket, 50);
  Batch requests(options.window, std::max(options.size, sizeof(std::uint64_t)));
  for (std::size_t i = 0; i < requests.places(); ++i) std::memset(requests.payload(i), 'x', options.size);
  Batch replies(options.window, 2'048);
  std::uint64_t answered = 0;
  std::uint64_t number = 0;
  const auto request = [&](std::size_t count) {
    // No two alike: udptool --echo takes what equals its own answers for another echo.
    for (std::size_t i = 0; i < count; ++i) std::memcpy(requests.payload(i), &++number, sizeof number);
    requests.send(socket, count);
  };
  const auto start = Clock::now();
  request(options.window);
  while (!stopping && seconds_since(start) < options.seconds) {
    const std::size_t count = replies.receive(socket);
    answered += count;
    request(count > 0 ? count : options.window);  // after silence all of them are taken for lost
  }
  print_counts("flood", answered, answered * options.size, seconds_since(start));
}

}  // namespace limit
