// SPDX-License-Identifier: MIT
// The one UDP socket that every command uses; nothing else in the program calls the socket API.
//
// It covers what Node's dgram documents, and what netcat-like tools lack: batches, metadata of every datagram, ICMP
// errors as values, source-specific membership, segmentation. It knows what is ready now ("nothing" is zero
// datagrams) but never waits: that is run/.
//
// Setting up throws base::Failure whose text names the operation and the object. Sending and receiving do not
// throw for what a network does.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

#include "net/datagram.hpp"
#include "net/icmp.hpp"
#include "net/send_batch.hpp"
#include "net/sent_tap.hpp"
#include "net/udp_options.hpp"

namespace net {

// What sending a batch came to. Datagrams that did not leave are still in the batch.
struct SendResult {
  std::size_t datagrams = 0;  // that the kernel took
  std::size_t bytes = 0;      // of payload in them
  int error = 0;              // 0: all went; EAGAIN, ENOBUFS: not now; else errno of the first that is waiting
};

class UdpSocket : public UdpOptions {
 public:
  explicit UdpSocket(asio::io_context& context);
  ~UdpSocket();

  // socket(2). An IPv6 socket is for IPv6 only (IPV6_V6ONLY): a sender appears in its own family.
  void open(Family family);
  // Takes over a bound socket that was handed over; it is closed with this one. Throws Failure, with a cure where there
  // is one, for what is no UDP socket of one family. `name` is what errors call it.
  void adopt(int fd, const std::string& name);
  bool is_open() const { return socket_.is_open(); }
  void close();

  // bind(2); port 0 takes a free one, the unspecified address every one.
  void bind(const Endpoint& endpoint);
  // connect(2): only that peer is heard, and the route's source address and MTU are known.
  void connect(const Endpoint& peer);
  Endpoint local_endpoint() const;
  std::uint16_t local_port() const { return local_port_; }  // as of bind(); 0 before
  Family family() const { return family_; }

  // Beside the options of UdpOptions:
  void report_transport_errors(bool on);               // IP_RECVERR, and where extensions begin (RFC 4884)
  void use_segmentation(std::size_t largest_segment);  // 0: none

  // Takes what waits, up to `max` places of the batch. Returns how many places were filled; 0: nothing waits, or none
  // was to be taken.
  std::size_t receive(ReceiveBatch& batch, std::size_t max = std::numeric_limits<std::size_t>::max());
  // Errno of what the last receive failed with, or 0: this host's own trouble, not what the network told.
  int receive_error() const { return receive_error_; }
  // True when the last looks at the queues of data and of errors saw them empty, so that the next arrival is a new
  // event.
  bool drained() const { return drained_ && errors_ != Errors::more; }

  // Hands over what waits in the batch. An ICMP error about an earlier datagram never costs one of these.
  SendResult send(SendBatch& batch);
  // One datagram. Returns errno, or 0.
  int send_to(std::string_view payload, const Endpoint& to);
  // True once after segmentation turned out not to work here and was given up.
  bool segmentation_given_up() { return std::exchange(gave_up_segmentation_, false); }

  // From now on `tap` hears what all sockets of this process send; nullptr: nobody does.
  static void tap_sent(SentTap* tap) { tap_ = tap; }

  // The next ICMP error about what was sent, if report_transport_errors is on and there is one. The queue is looked at
  // after a receive() that took nothing and a send() that failed: one that waits makes the next of these do so.
  std::optional<TransportError> transport_error();
  // The queue is looked at the next time, whatever has been seen.
  void suspect_errors();

  // Datagrams that this socket has lost so far, for whatever cause (SO_MEMINFO, Linux 4.12): the kernel counts them in
  // 32 bits, so it is to be asked before they wrap.
  std::uint64_t drops();

  template <class Handler>
  void async_wait_readable(Handler&& handler) {
    socket_.async_wait(asio::ip::udp::socket::wait_read, std::forward<Handler>(handler));
  }
  template <class Handler>
  void async_wait_writable(Handler&& handler) {
    socket_.async_wait(asio::ip::udp::socket::wait_write, std::forward<Handler>(handler));
  }

 private:
  struct Messages;
  enum class Errors { none, perhaps, more };  // in the queue, as far as is known

  void own(int fd, Family family, const std::string& what);
  std::size_t pack(const SendBatch& batch);
  void send_packed(SendBatch& batch, std::size_t count, SendResult& result);
  bool may_be_repeated(int error, std::size_t run);
  void keep_df(bool on);
  void tell_tap(const SendBatch& batch, std::size_t datagrams) const;
  SentBy sent_by(const Route& route) const;

  static inline SentTap* tap_ = nullptr;

  asio::ip::udp::socket socket_;
  SegmentLimits segment_limits_;
  std::uint16_t local_port_ = 0;
  std::uint64_t drops_ = 0;
  std::uint32_t drop_counter_ = 0;
  bool drained_ = true;
  Errors errors_ = Errors::perhaps;
  int receive_error_ = 0;
  bool reports_errors_ = false;
  bool gave_up_segmentation_ = false;
  bool manages_df_ = false;  // keep_df() is wanted
  bool keeps_df_ = false;
};

}  // namespace net
