// SPDX-License-Identifier: MIT
// Sending: a batch, its socket, and the one policy for what the kernel does not take.
#pragma once

#include <cerrno>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "net/udp_socket.hpp"

namespace traffic {

// Whether an errno of sending means that there was no room, here or in a queue of the interface.
inline bool is_want_of_room(int error) { return error == EAGAIN || error == ENOBUFS; }

// Whatever happens, sent() + failed() + waiting in the batch = asked(). A datagram that this host refuses costs no
// other one: it is counted under its errno and passed over.
class Transmitter {
 public:
  // What transmit() needs before the rest can leave: nothing is left; the socket is to become writable; or some time
  // is to pass, for a full queue of the interface (ENOBUFS) is not told by the socket.
  enum class Need { nothing, writable, time };

  explicit Transmitter(net::UdpSocket& socket, std::size_t capacity = 1'024) : socket_(socket), batch_(capacity) {}

  // Of the datagrams that are added next. Their payloads must stay in place until they have left or were given up.
  void set_route(const net::Route& route) { batch_.set_route(route); }
  void add(std::string_view payload) {
    batch_.add(payload);
    ++asked_;
  }
  net::Family family() const { return socket_.family(); }
  std::uint16_t local_port() const { return socket_.local_port(); }
  bool empty() const { return batch_.empty(); }
  std::size_t waiting() const { return batch_.waiting().size(); }
  bool full() const { return batch_.full(); }

  // Hands over what waits. When nothing is needed the batch is empty, and its last route stays.
  Need transmit();
  // The same, for what must leave now or never (an answer): what cannot is counted as failed. Routes are forgotten.
  void transmit_or_drop();
  // One datagram by itself: 0; EAGAIN for not now (also of a full queue), which counts as never asked; or the errno
  // that it failed with. The batch must be empty.
  int transmit_one(std::string_view payload, const net::Route& route);
  // Counts what still waits as failed.
  void give_up_waiting(int error);

  std::uint64_t asked() const { return asked_; }
  std::uint64_t sent() const { return sent_; }
  std::uint64_t sent_bytes() const { return sent_bytes_; }  // of payload
  std::uint64_t failed() const { return failed_; }
  // How many failed, by errno.
  const std::map<int, std::uint64_t>& failures() const { return failures_; }
  // The errnos that no datagram had failed with before, each once; not those that transmit_one() has returned.
  std::optional<int> news();

 private:
  int hand_over();
  void fail_first(int error);

  net::UdpSocket& socket_;
  net::SendBatch batch_;
  std::map<int, std::uint64_t> failures_;
  std::vector<int> news_;
  std::uint64_t asked_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t sent_bytes_ = 0;
  std::uint64_t failed_ = 0;
  int full_queues_ = 0;  // in a row
};

}  // namespace traffic
