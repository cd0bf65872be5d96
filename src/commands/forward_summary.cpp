// SPDX-License-Identifier: MIT
// What became of all that was to be passed on.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "commands/forward.hpp"
#include "output/json.hpp"

namespace commands {
namespace {

constexpr output::Metric forwarded_datagrams{"udptool_forwarded_datagrams_total", output::Metric::Type::counter,
                                             "Datagrams that were passed on to a target."};

std::uint64_t want_of_room(const traffic::Transmitter& out) {
  std::uint64_t count = 0;
  for (const auto& [error, times] : out.failures()) count += traffic::is_want_of_room(error) ? times : 0;
  return count;
}

}  // namespace

// What could not leave: for want of room it was dropped, else this host refused it.
void Forwarder::settle(Path& path, const traffic::Transmitter& out) {
  const std::uint64_t no_room = want_of_room(out);
  path.dropped += no_room;
  path.refused += out.failed() - no_room;
}

std::uint64_t Forwarder::forwarded(const Path& path) const {
  const std::uint64_t lost = path.refused + path.dropped + (path.out ? path.out->failed() : 0);
  return path.came > lost ? path.came - lost : 0;
}

std::vector<std::uint64_t> Forwarder::forwarded() const {
  std::vector<std::uint64_t> all;
  all.reserve(paths_.size());
  for (const Path& path : paths_) all.push_back(forwarded(path));
  return all;
}

void Forwarder::measure(output::MetricsText& metrics, const std::vector<std::uint64_t>& sum,
                        const std::string& where) const {
  auto next = sum.begin();
  for (const Path& path : paths_) {
    std::string labels = where.empty() ? "" : where + ",";
    labels += output::labels({{"target", path.text}});
    metrics.add(forwarded_datagrams, labels, *next++);
  }
}

void Forwarder::summarize(const char* direction, const DelayLine& line) {
  const ImpairCounts& counts = line.counts();
  const auto fields = [&](output::JsonEvent& event) {
    event.text("direction", direction).number("datagrams", counts.came).number("lost", counts.lost);
    event.number("duplicated", counts.duplicated).number("reordered", counts.reordered);
    event.number("delayed", counts.delayed).number("dropped", counts.dropped);
  };
  stage_.report.tell(output::Tone::talk, "impaired", fields, [&] {
    return fmt::format("impaired {}: {}, {} lost, {} duplicated, {} reordered, {} delayed, {} dropped", direction,
                       base::counted(counts.came, "datagram"), counts.lost, counts.duplicated, counts.reordered,
                       counts.delayed, counts.dropped);
  });
}

void Forwarder::finish() {
  if (forward_line_) forward_line_->give_up();
  if (backward_line_) backward_line_->give_up();
  for (const auto& socket : fan_sockets_) drain_fan(*socket);
  while (!sessions_.empty()) end(*sessions_.begin()->second);
  for (Path& path : paths_) {
    if (path.out) settle(path, *std::exchange(path.out, nullptr));
    // Anybody can send ICMP errors, and as many as he likes: no more were refused than left.
    path.refused = std::min(path.refused, path.came - path.dropped);
  }
}

void Forwarder::add(Forwarder& other) {
  other.finish();
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    Path& path = paths_[i];
    Path& more = other.paths_[i];
    path.came += std::exchange(more.came, 0);
    path.refused += std::exchange(more.refused, 0);
    path.dropped += std::exchange(more.dropped, 0);
    path.expired += std::exchange(more.expired, 0);
  }
  sessions_made_ += std::exchange(other.sessions_made_, 0);
}

void Forwarder::summarize() {
  finish();
  for (const Path& path : paths_) {
    const std::uint64_t forwarded = this->forwarded(path);
    const auto fields = [&](output::JsonEvent& event) {
      event.text("target", path.text).number("datagrams", forwarded).number("refused", path.refused);
      event.number("dropped", path.dropped).number("expired", path.expired);
      if (two_way()) event.number("sessions", sessions_made_);
    };
    std::string text = fmt::format("forwarded {} to {}, {} refused", forwarded, path.text, path.refused);
    if (path.dropped > 0) text += fmt::format(", {} dropped", path.dropped);
    if (path.expired > 0) text += fmt::format(", {} of them for a TTL of 1", path.expired);
    if (two_way()) text += ", " + base::counted(sessions_made_, "session");
    stage_.report.tell(output::Tone::talk, "forwarded", fields, [&] { return text; });
  }
  if (forward_line_) summarize("forward", *forward_line_);
  if (backward_line_) summarize("backward", *backward_line_);
}

}  // namespace commands
