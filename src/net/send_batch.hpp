// SPDX-License-Identifier: MIT
// Datagrams on their way out. Adding one costs a few stores; how they are packed into system calls, and which of
// them leave as one segmented send (UDP_SEGMENT, udp(7)), is decided when they are sent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "net/datagram.hpp"

namespace net {

// Where a datagram goes and how.
struct Route {
  std::optional<Endpoint> to;  // empty: the socket is connected
  Source from;
  int ttl = -1;            // for this datagram only; -1: the socket's own
  int traffic_class = -1;  // the same
};

struct Outgoing {
  const char* data;
  std::uint32_t size;
  std::uint32_t route;  // index into the batch's routes
};

// What one segmented send may hold.
struct SegmentLimits {
  std::size_t segments = 1;           // datagrams; 1: none is segmented
  std::size_t segment_bytes = 1'232;  // of one datagram: what no link fragments
  std::size_t run_bytes = 65'507;     // of all of them
};

// How many of `datagrams`, from the first on, can leave as one segmented send: all to one destination, of one size
// but the last, which may be shorter, none empty. At least 1 for a non-empty span.
std::size_t run_length(std::span<const Outgoing> datagrams, const SegmentLimits& limits);

class SendBatch {
 public:
  explicit SendBatch(std::size_t capacity = 1'024) : capacity_(capacity) { datagrams_.reserve(capacity); }

  // The route of the datagrams that are added next. The payload of an added datagram must stay where it is until it
  // has been sent or dropped.
  void set_route(const Route& route) { routes_.push_back(route); }
  void add(std::string_view payload) {
    datagrams_.push_back(
        {payload.data(), static_cast<std::uint32_t>(payload.size()), static_cast<std::uint32_t>(routes_.size() - 1)});
  }

  bool full() const { return datagrams_.size() >= capacity_; }
  bool empty() const { return next_ == datagrams_.size(); }
  std::span<const Outgoing> waiting() const { return std::span(datagrams_).subspan(next_); }
  const Route& route_of(const Outgoing& datagram) const { return routes_[datagram.route]; }

  void drop_first() { ++next_; }
  void sent(std::size_t count) { next_ += count; }
  // Forgets the datagrams; the last route stays, for those that are added next.
  void clear() {
    datagrams_.clear();
    next_ = 0;
    if (routes_.size() > 1) routes_ = {routes_.back()};
  }
  // Forgets the routes as well.
  void reset() {
    datagrams_.clear();
    routes_.clear();
    next_ = 0;
  }

 private:
  std::size_t capacity_;
  std::vector<Outgoing> datagrams_;
  std::vector<Route> routes_;
  std::size_t next_ = 0;  // the first that has not left
};

}  // namespace net
