// SPDX-License-Identifier: MIT
// Receiving and sending batches: recvmmsg(2), sendmmsg(2), the error queue.
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

#include "net/control.hpp"
#include "net/route.hpp"
#include "net/udp_socket.hpp"

namespace net {

struct ReceiveBatch::Arrays {
  explicit Arrays(std::size_t places)
      : payloads(new char[places * place_size]),
        controls(new char[places * control_room]),
        senders(places),
        vectors(places),
        headers(places) {}

  // Not std::vector: its pages must not be touched before a datagram needs them.
  std::unique_ptr<char[]> payloads;
  std::unique_ptr<char[]> controls;
  std::vector<Endpoint> senders;
  std::vector<iovec> vectors;
  std::vector<mmsghdr> headers;
};

// One for all sockets of a thread, for a send is over when it returns: a thousand sockets need not have one each.
struct UdpSocket::Messages {
  static Messages& of_this_thread() {
    thread_local const auto messages = std::make_unique<Messages>();
    return *messages;
  }

  static constexpr std::size_t max = 64;             // messages a system call
  static constexpr std::size_t max_vectors = 4'096;  // pieces of memory in all of them

  std::array<mmsghdr, max> headers;
  std::array<std::array<char, send_control_room>, max> controls;
  std::array<std::size_t, max> runs;  // datagrams in each message
  std::vector<iovec> vectors = std::vector<iovec>(max_vectors);
};

void WantedMetadata::add(const WantedMetadata& more) {
  details |= more.details;
  time |= more.time;
  destination |= more.destination;
  ttl |= more.ttl;
  coalesced &= more.coalesced;
}

ReceiveBatch::ReceiveBatch(std::size_t places)
    : arrays_(std::make_unique<Arrays>(places)), places_(places), used_(places) {
  Arrays& a = *arrays_;
  for (std::size_t i = 0; i < places; ++i) {
    a.vectors[i] = {a.payloads.get() + i * place_size, payload_room};
    msghdr& header = a.headers[i].msg_hdr;
    header.msg_name = a.senders[i].data();
    header.msg_iov = &a.vectors[i];
    header.msg_iovlen = 1;
    header.msg_control = a.controls.get() + i * control_room;
  }
}
ReceiveBatch::~ReceiveBatch() = default;

mmsghdr* ReceiveBatch::prepare(std::size_t places) {
  Arrays& a = *arrays_;
  // The kernel writes lengths into the headers that it fills: set those anew, and only those.
  for (std::size_t i = 0; i < used_; ++i) {
    msghdr& header = a.headers[i].msg_hdr;
    header.msg_namelen = sizeof(sockaddr_in6);
    header.msg_controllen = control_room;
  }
  used_ = std::min(places, places_);
  return a.headers.data();
}

Received ReceiveBatch::operator[](std::size_t place) const {
  const Arrays& a = *arrays_;
  const mmsghdr& message = a.headers[place];
  const std::size_t size = message.msg_len;
  // The metadata are made where they are to be: copying them costs as much as decoding them.
  return {{a.payloads.get() + place * place_size, std::min(size, payload_room)},
          size - std::min(size, payload_room),
          &a.senders[place],
          message.msg_hdr.msg_controllen > 0 ? decode_metadata(message.msg_hdr) : Metadata{}};
}

namespace {

// What the kernel makes of ICMP errors (icmp_err_convert, icmpv6_err_convert), and tells the next call whatever it is.
bool is_from_network(int error) {
  constexpr std::array known{ENETUNREACH, EHOSTUNREACH, EHOSTDOWN, ENONET, ECONNREFUSED,
                             ENOPROTOOPT, EOPNOTSUPP,   EMSGSIZE,  EACCES, EPROTO};
  return std::ranges::find(known, error) != known.end();
}

}  // namespace

std::size_t UdpSocket::receive(ReceiveBatch& batch, std::size_t max) {
  const std::size_t places = std::min(max, batch.places());
  if (places == 0) {  // what waits is to stay there: the next arrival is the next event
    drained_ = true;
    batch.filled(0);
    suspect_errors();
    return 0;
  }
  mmsghdr* const headers = batch.prepare(places);
  // No timeout: the kernel looks at it only after a datagram. MSG_TRUNC gives the true size of one that was cut.
  int count = 0;
  do {
    count = recvmmsg(fd_, headers, static_cast<unsigned>(places), MSG_DONTWAIT | MSG_TRUNC, nullptr);
  } while (count < 0 && errno == EINTR);
  const bool error = count < 0 && errno != EAGAIN && errno != EWOULDBLOCK;
  receive_error_ = error && !is_from_network(errno) ? errno : 0;
  const std::size_t filled = count < 0 ? 0 : static_cast<std::size_t>(count);
  batch.filled(filled);
  // A short batch means that the kernel ran dry, or that an ICMP error cut it short: that is the next event.
  drained_ = filled < places && !error;
  if (filled == 0) suspect_errors();
  return filled;
}

void UdpSocket::suspect_errors() {
  if (errors_ == Errors::none) errors_ = Errors::perhaps;
}

std::size_t UdpSocket::pack(const SendBatch& batch) {
  Messages& m = Messages::of_this_thread();
  std::span<const Outgoing> waiting = batch.waiting();
  const bool fits = waiting.front().size <= segment_limits_.segment_bytes;
  bool segmented = false;
  std::size_t count = 0;
  iovec* vector = m.vectors.data();
  const iovec* const end = vector + Messages::max_vectors;
  while (!waiting.empty() && count < Messages::max) {
    const std::size_t run = run_length(waiting, segment_limits_);
    if (static_cast<std::size_t>(end - vector) < run) break;
    if (manages_df_ && (waiting.front().size <= segment_limits_.segment_bytes) != fits) break;
    segmented = segmented || run > 1;
    const iovec* const first = vector;
    for (const Outgoing& one : waiting.first(run)) {
      iovec* const last = vector - 1;
      const bool adjacent = vector != first && static_cast<char*>(last->iov_base) + last->iov_len == one.data;
      if (adjacent) {
        last->iov_len += one.size;
      } else {
        *vector++ = {const_cast<char*>(one.data), one.size};
      }
    }
    const Route& route = batch.route_of(waiting.front());
    msghdr& header = m.headers[count].msg_hdr;
    header = {};
    if (route.to) {
      header.msg_name = const_cast<void*>(static_cast<const void*>(route.to->data()));
      header.msg_namelen = static_cast<socklen_t>(route.to->size());
    }
    header.msg_iov = const_cast<iovec*>(first);
    header.msg_iovlen = static_cast<std::size_t>(vector - first);
    header.msg_control = m.controls[count].data();
    if (route.from.address || route.from.interface != 0) append_source(header, family_, route.from);
    if (route.ttl >= 0) append_ttl(header, family_, route.ttl);
    if (route.traffic_class >= 0) append_traffic_class(header, family_, route.traffic_class);
    if (run > 1) append_segment_size(header, waiting.front().size);
    m.runs[count++] = run;
    waiting = waiting.subspan(run);
  }
  if (manages_df_ && (segmented || keeps_df_)) keep_df(fits);
  return count;
}

// Whether a failed send is worth another try at once: after an interruption, or after segmentation was narrowed.
bool UdpSocket::may_be_repeated(int error, std::size_t run) {
  if (error == EINTR) return true;
  const bool path_narrowed = keeps_df_ && error == EMSGSIZE;
  const bool refused = run > 1 && (error == EINVAL || error == EIO || error == EMSGSIZE);
  if (!path_narrowed && !refused) return false;
  if (error == EINVAL && run > 64) {
    segment_limits_.segments = 64;  // an older kernel's limit
  } else {
    segment_limits_.segments = 1;
    gave_up_segmentation_ = true;
    keep_df(false);
    manages_df_ = false;
  }
  return true;
}

SendResult UdpSocket::send(SendBatch& batch) {
  SendResult result;
  while (result.error == 0 && !batch.empty()) send_packed(batch, pack(batch), result);
  return result;
}

// Hands over `count` messages that pack() made, or as many as leave before they are to be packed anew.
void UdpSocket::send_packed(SendBatch& batch, std::size_t count, SendResult& result) {
  // The socket's pending ICMP error makes one send fail, whatever it sends (ip(7)); the failure takes the error away,
  // so the same datagram is tried again. An error that stays is this host's own.
  constexpr int max_stale_errors = 8;
  Messages& m = Messages::of_this_thread();
  int stale_errors = 0;
  for (std::size_t done = 0; done < count;) {
    const int taken = sendmmsg(fd_, m.headers.data() + done, static_cast<unsigned>(count - done), MSG_DONTWAIT);
    if (taken < 0) {
      const int error = errno;
      if (error != EAGAIN) suspect_errors();
      // EMSGSIZE too may be about an earlier datagram: a router's "fragmentation needed". A second one is not.
      if (error == EMSGSIZE && reports_errors_ && stale_errors++ == 0) continue;
      if (may_be_repeated(error, m.runs[done])) return;
      const bool final = error == EAGAIN || error == ENOBUFS || error == EMSGSIZE || error == EINVAL;
      if (!final && reports_errors_ && ++stale_errors <= max_stale_errors) continue;
      result.error = error;
      return;
    }
    stale_errors = 0;
    std::size_t datagrams = 0;
    for (const std::size_t end = done + static_cast<std::size_t>(taken); done < end; ++done) {
      datagrams += m.runs[done];
      result.bytes += m.headers[done].msg_len;
    }
    if (tap_ != nullptr) tell_tap(batch, datagrams);
    batch.sent(datagrams);
    result.datagrams += datagrams;
  }
}

SentBy UdpSocket::sent_by(const Route& route) const {
  SentBy by;
  by.to = route.to ? *route.to : socket_.remote_endpoint();
  by.from = local_endpoint();
  if (route.from.address) {
    by.from.address(*route.from.address);
  } else if (by.from.address().is_unspecified()) {
    if (const auto source = route_to(by.to.address()).source) by.from.address(*source);
  }
  const int own_ttl = by.to.address().is_multicast() ? read(Readable::multicast_ttl) : read(Readable::ttl);
  by.ttl = static_cast<std::uint8_t>(route.ttl >= 0 ? route.ttl : own_ttl);
  by.traffic_class =
      static_cast<std::uint8_t>(route.traffic_class >= 0 ? route.traffic_class : read(Readable::traffic_class));
  return by;
}

void UdpSocket::tell_tap(const SendBatch& batch, std::size_t datagrams) const {
  SentBy by;
  std::optional<std::uint32_t> route;  // that `by` is of
  for (const Outgoing& one : batch.waiting().first(datagrams)) {
    if (route != one.route) by = sent_by(batch.route_of(one));
    route = one.route;
    tap_->sent({one.data, one.size}, by);
  }
  tap_->sent_all();
}

int UdpSocket::send_to(std::string_view payload, const Endpoint& to) {
  SendBatch batch(1);
  batch.set_route({to, {}, -1});
  batch.add(payload);
  return send(batch).error;
}

std::optional<TransportError> UdpSocket::transport_error() {
  if (!reports_errors_ || errors_ == Errors::none) return std::nullopt;
  errors_ = Errors::perhaps;
  std::array<char, 2'048> quoted;
  alignas(cmsghdr) std::array<char, 512> control;
  sockaddr_in6 destination{};
  iovec vector{quoted.data(), quoted.size()};
  msghdr message{};
  message.msg_name = &destination;
  message.msg_namelen = sizeof destination;
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t size = 0;
  do {
    size = recvmsg(fd_, &message, MSG_ERRQUEUE | MSG_DONTWAIT);
  } while (size < 0 && errno == EINTR);
  if (size < 0) {
    if (errno != EAGAIN && errno != EWOULDBLOCK) {  // it is asked again, and who waits is told if it stays so
      receive_error_ = errno;
      drained_ = false;
    } else {
      errors_ = Errors::none;
    }
    return std::nullopt;
  }
  errors_ = Errors::more;
  return decode_error(message, {quoted.data(), static_cast<std::size_t>(size)});
}

}  // namespace net
