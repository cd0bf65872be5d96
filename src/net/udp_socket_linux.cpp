// SPDX-License-Identifier: MIT
// UdpSocket on Linux: opening, binding and the count of drops. Options are in udp_options_linux.cpp, batches in
// batch_linux.cpp.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/error.hpp"
#include "net/route.hpp"
#include "net/udp_socket.hpp"

namespace net {
namespace {

// A cause is named only where it was looked up.
std::string bind_hint(int error, const Endpoint& endpoint) {
  if (error == EADDRINUSE) return "port in use";
  if (error == EADDRNOTAVAIL && interface_with(endpoint.address()) == "?") return "no interface here has this address";
  if (error == EACCES && endpoint.port() < 1'024) return "ports below 1024 take root or CAP_NET_BIND_SERVICE";
  return "";
}

}  // namespace

UdpSocket::UdpSocket(asio::io_context& context) : socket_(context) {}
UdpSocket::~UdpSocket() = default;

void UdpSocket::open(Family family) {
  const std::string what = fmt::format("cannot open an {} socket", name_of(family));
  // Asio opens without SOCK_CLOEXEC: a child that is started meanwhile would get the socket.
  const int fd = socket(family == Family::ipv4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) base::fail(what);
  own(fd, family, what);
  const int only_v6 = 1;
  if (family == Family::ipv6 && setsockopt(fd, SOL_IPV6, IPV6_V6ONLY, &only_v6, sizeof only_v6) != 0) base::fail(what);
}

// From here on the descriptor is closed with this socket, whatever else fails.
void UdpSocket::own(int fd, Family family, const std::string& what) {
  boost::system::error_code error;
  socket_.assign(family == Family::ipv4 ? asio::ip::udp::v4() : asio::ip::udp::v6(), fd, error);
  if (error) {
    ::close(fd);
    throw base::failure(error.value(), what);
  }
  fd_ = fd;
  family_ = family;
  segment_limits_.run_bytes = max_payload(family);
}

void UdpSocket::adopt(int fd, const std::string& name) {
  const std::string what = fmt::format("cannot listen on {}", name);
  const auto ask = [&](int level, int option) {
    int value = 0;
    socklen_t size = sizeof value;
    if (getsockopt(fd, level, option, &value, &size) != 0) throw base::failure(errno, what);
    return value;
  };
  const int domain = ask(SOL_SOCKET, SO_DOMAIN);
  if ((domain != AF_INET && domain != AF_INET6) || ask(SOL_SOCKET, SO_PROTOCOL) != IPPROTO_UDP) {
    throw base::Failure(EPROTOTYPE, what + ": it is not a UDP socket", "ListenDatagram= in the .socket unit");
  }
  own(fd, domain == AF_INET ? Family::ipv4 : Family::ipv6, what);
  if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) base::fail(what);
  const Endpoint local = local_endpoint();
  local_port_ = local.port();
  if (local_port_ == 0) throw base::Failure(EINVAL, what + ": it is not bound to a port");
  if (family_ == Family::ipv6 && local.address().is_unspecified() && ask(SOL_IPV6, IPV6_V6ONLY) == 0) {
    throw base::Failure(EINVAL, what + ": it hears both families at once",
                        "BindIPv6Only=ipv6-only in the .socket unit, and one socket for each family");
  }
}

void UdpSocket::close() {
  boost::system::error_code ignored;  // close(2) of a UDP socket has nothing left to lose
  socket_.close(ignored);
  fd_ = -1;
}

void UdpSocket::bind(const Endpoint& endpoint) {
  boost::system::error_code error;
  socket_.bind(endpoint, error);
  if (error) {
    throw base::failure(error.value(), "cannot bind " + to_string(endpoint), bind_hint(error.value(), endpoint));
  }
  local_port_ = local_endpoint().port();
}

void UdpSocket::connect(const Endpoint& peer) {
  boost::system::error_code error;
  socket_.connect(peer, error);
  if (error) {
    throw base::failure(error.value(), "cannot reach " + to_string(peer),
                        hint_of_sending(error.value(), peer.address()));
  }
}

Endpoint UdpSocket::local_endpoint() const {
  boost::system::error_code error;
  Endpoint local = socket_.local_endpoint(error);
  if (error) throw base::failure(error.value(), "cannot tell the address of a socket");
  return local;
}

void UdpSocket::report_transport_errors(bool on) {
  set_error_reports(on);
  reports_errors_ = on;
}

void UdpSocket::use_segmentation(std::size_t largest_segment) {
  if (largest_segment == 0) keep_df(false);
  // 128 segments since Linux 6.9 (UDP_MAX_SEGMENTS), 64 before: give_way() finds out.
  segment_limits_.segments = largest_segment == 0 ? 1 : 128;
  segment_limits_.segment_bytes = largest_segment;
  manages_df_ = largest_segment != 0 && family_ == Family::ipv4 && read(Readable::path_mtu_mode) == IP_PMTUDISC_WANT;
}

// Over IPv4 Linux sets DF on what fits, but not on what it cuts from a segmented send, unless the mode says so: every
// datagram shall leave alike. In that mode, though, none leaves that needs fragments.
void UdpSocket::keep_df(bool on) {
  if (on != keeps_df_) set_dont_fragment(on);
  keeps_df_ = on;
}

std::uint64_t UdpSocket::drops() {
  std::array<std::uint32_t, SK_MEMINFO_VARS> info{};
  socklen_t size = sizeof info;
  if (getsockopt(fd_, SOL_SOCKET, SO_MEMINFO, info.data(), &size) == 0) {
    const std::uint32_t counter = info[SK_MEMINFO_DROPS];
    drops_ += counter - std::exchange(drop_counter_, counter);  // right across the counter's wrap
  }
  return drops_;
}

}  // namespace net
