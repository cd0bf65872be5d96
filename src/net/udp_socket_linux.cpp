// UdpSocket on Linux: opening, options and membership. Batches are in batch_io_linux.cpp.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/sock_diag.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/error.hpp"
#include "net/batch_messages.hpp"
#include "net/route.hpp"
#include "net/udp_socket.hpp"

namespace net {
namespace {

// An option with its IPv4 and IPv6 twins side by side.
struct Option {
  int level4, name4;
  int level6, name6;
  const char* words;
};

constexpr Option both(int level, int name, const char* words) { return {level, name, level, name, words}; }

constexpr Option broadcast_option = both(SOL_SOCKET, SO_BROADCAST, "broadcast");
constexpr Option ttl_option{SOL_IP, IP_TTL, SOL_IPV6, IPV6_UNICAST_HOPS, "the TTL"};
constexpr Option multicast_ttl_option{SOL_IP, IP_MULTICAST_TTL, SOL_IPV6, IPV6_MULTICAST_HOPS, "the multicast TTL"};
constexpr Option loopback_option{SOL_IP, IP_MULTICAST_LOOP, SOL_IPV6, IPV6_MULTICAST_LOOP, "multicast loopback"};
constexpr Option all_groups_option{SOL_IP, IP_MULTICAST_ALL, SOL_IPV6, IPV6_MULTICAST_ALL, "IP_MULTICAST_ALL"};
constexpr Option traffic_class_option{SOL_IP, IP_TOS, SOL_IPV6, IPV6_TCLASS, "the DSCP"};
constexpr Option mtu_mode_option{SOL_IP, IP_MTU_DISCOVER, SOL_IPV6, IPV6_MTU_DISCOVER, "path MTU discovery"};
constexpr Option mtu_option{SOL_IP, IP_MTU, SOL_IPV6, IPV6_MTU, "the path MTU"};
constexpr Option errors_option{SOL_IP, IP_RECVERR, SOL_IPV6, IPV6_RECVERR, "ICMP error reports"};
constexpr Option extensions_option{SOL_IP, IP_RECVERR_RFC4884, SOL_IPV6, IPV6_RECVERR_RFC4884, "ICMP extensions"};
constexpr Option destination_option{SOL_IP, IP_PKTINFO, SOL_IPV6, IPV6_RECVPKTINFO, "destination addresses"};
constexpr Option receive_ttl_option{SOL_IP, IP_RECVTTL, SOL_IPV6, IPV6_RECVHOPLIMIT, "received TTLs"};
constexpr Option receive_class_option{SOL_IP, IP_RECVTOS, SOL_IPV6, IPV6_RECVTCLASS, "received DSCPs"};
constexpr Option time_option = both(SOL_SOCKET, SO_TIMESTAMPNS, "receive times");
constexpr Option drops_option = both(SOL_SOCKET, SO_RXQ_OVFL, "drop counts");
constexpr Option coalesced_option = both(SOL_UDP, UDP_GRO, "coalesced receiving");
constexpr Option reuse_address_option = both(SOL_SOCKET, SO_REUSEADDR, "address sharing");
constexpr Option reuse_port_option = both(SOL_SOCKET, SO_REUSEPORT, "port sharing");
constexpr Option receive_buffer_option = both(SOL_SOCKET, SO_RCVBUF, "the receive buffer");
constexpr Option receive_buffer_force = both(SOL_SOCKET, SO_RCVBUFFORCE, "the receive buffer");
constexpr Option send_buffer_option = both(SOL_SOCKET, SO_SNDBUF, "the send buffer");
constexpr Option send_buffer_force = both(SOL_SOCKET, SO_SNDBUFFORCE, "the send buffer");

[[noreturn]] void fail(const std::string& what) {
  const int error = errno;
  throw base::failure(error, what);
}

bool try_set(int fd, Family family, const Option& option, int value) {
  const bool v4 = family == Family::ipv4;
  return setsockopt(fd, v4 ? option.level4 : option.level6, v4 ? option.name4 : option.name6, &value, sizeof value) ==
         0;
}

void set(int fd, Family family, const Option& option, int value) {
  if (!try_set(fd, family, option, value)) fail(fmt::format("cannot set {} to {}", option.words, value));
}

int get(int fd, Family family, const Option& option) {
  const bool v4 = family == Family::ipv4;
  int value = 0;
  socklen_t size = sizeof value;
  if (getsockopt(fd, v4 ? option.level4 : option.level6, v4 ? option.name4 : option.name6, &value, &size) != 0) {
    fail(fmt::format("cannot read {}", option.words));
  }
  return value;
}

// The kernel doubles what is asked for and reports the double: halve it, so that a reader sees what was asked.
std::size_t set_buffer(int fd, const Option& option, const Option& force, std::size_t bytes) {
  const int half = static_cast<int>(std::min<std::size_t>(bytes, 1u << 30));
  set(fd, Family::ipv4, option, half);
  const std::size_t granted = static_cast<std::size_t>(get(fd, Family::ipv4, option)) / 2;
  if (granted >= bytes || !try_set(fd, Family::ipv4, force, half)) return granted;
  return static_cast<std::size_t>(get(fd, Family::ipv4, option)) / 2;
}

// A cause is named only where it was looked up.
std::string bind_hint(int error, const Endpoint& endpoint) {
  if (error == EADDRINUSE) return "port in use";
  if (error == EADDRNOTAVAIL && interface_with(endpoint.address()) == "?") return "no interface here has this address";
  if (error == EACCES && endpoint.port() < 1'024) return "ports below 1024 take root or CAP_NET_BIND_SERVICE";
  return "";
}

sockaddr_storage storage_of(const Address& address) {
  const Endpoint endpoint(address, 0);
  sockaddr_storage storage{};
  std::memcpy(&storage, endpoint.data(), endpoint.size());
  return storage;
}

// RFC 3678's protocol-independent calls serve both families and any number of interfaces.
void change_membership(int fd, bool join, const Address& group, const Interface& interface,
                       const std::optional<Address>& source) {
  const int level = group.is_v4() ? SOL_IP : SOL_IPV6;
  int result = 0;
  if (source) {
    group_source_req request{};
    request.gsr_interface = interface.index;
    request.gsr_group = storage_of(group);
    request.gsr_source = storage_of(*source);
    result = setsockopt(fd, level, join ? MCAST_JOIN_SOURCE_GROUP : MCAST_LEAVE_SOURCE_GROUP, &request, sizeof request);
  } else {
    group_req request{};
    request.gr_interface = interface.index;
    request.gr_group = storage_of(group);
    result = setsockopt(fd, level, join ? MCAST_JOIN_GROUP : MCAST_LEAVE_GROUP, &request, sizeof request);
  }
  if (result == 0) return;
  const std::string from = source ? to_string(*source) + "," : "";
  fail(fmt::format("cannot {} {}{} on {}", join ? "join" : "leave", from, to_string(with_zone(group, 0)),
                   interface.shown()));
}

}  // namespace

UdpSocket::UdpSocket(asio::io_context& context) : socket_(context) {}
UdpSocket::~UdpSocket() = default;
UdpSocket::UdpSocket(UdpSocket&&) noexcept = default;

void UdpSocket::open(Family family) {
  boost::system::error_code error;
  socket_.open(family == Family::ipv4 ? asio::ip::udp::v4() : asio::ip::udp::v6(), error);
  if (!error && family == Family::ipv6) socket_.set_option(asio::ip::v6_only(true), error);
  if (error) throw base::failure(error.value(), fmt::format("cannot open an {} socket", name_of(family)));
  family_ = family;
  segment_limits_.run_bytes = net::max_payload(family);
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
  boost::system::error_code error;
  socket_.assign(domain == AF_INET ? asio::ip::udp::v4() : asio::ip::udp::v6(), fd, error);
  if (error || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) throw base::failure(error ? error.value() : errno, what);
  family_ = domain == AF_INET ? Family::ipv4 : Family::ipv6;
  segment_limits_.run_bytes = net::max_payload(family_);
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

void UdpSocket::disconnect() {
  sockaddr nobody{};
  nobody.sa_family = AF_UNSPEC;
  if (::connect(fd(), &nobody, sizeof nobody) != 0) fail("cannot disconnect");
}

Endpoint UdpSocket::local_endpoint() const { return socket_.local_endpoint(); }

void UdpSocket::set_broadcast(bool allowed) { set(fd(), family_, broadcast_option, allowed); }
void UdpSocket::set_ttl(int hops) { set(fd(), family_, ttl_option, hops); }
void UdpSocket::set_multicast_ttl(int hops) { set(fd(), family_, multicast_ttl_option, hops); }
void UdpSocket::set_multicast_loopback(bool on) { set(fd(), family_, loopback_option, on); }
void UdpSocket::set_multicast_all(bool on) { set(fd(), family_, all_groups_option, on); }
void UdpSocket::set_traffic_class(int value) { set(fd(), family_, traffic_class_option, value); }
void UdpSocket::set_reuse_address(bool on) { set(fd(), family_, reuse_address_option, on); }
void UdpSocket::set_reuse_port(bool on) { set(fd(), family_, reuse_port_option, on); }

void UdpSocket::set_multicast_interface(unsigned index) {
  int result = 0;
  if (family_ == Family::ipv4) {
    ip_mreqn request{};
    request.imr_ifindex = static_cast<int>(index);
    result = setsockopt(fd(), SOL_IP, IP_MULTICAST_IF, &request, sizeof request);
  } else {
    result = setsockopt(fd(), SOL_IPV6, IPV6_MULTICAST_IF, &index, sizeof index);
  }
  if (result != 0) fail(fmt::format("cannot send multicast by {}", shown_interface(index)));
}

void UdpSocket::set_dont_fragment(bool on) {
  set(fd(), family_, mtu_mode_option, on ? IP_PMTUDISC_DO : IP_PMTUDISC_WANT);
}

void UdpSocket::set_path_mtu_probing(bool on) {
  set(fd(), family_, mtu_mode_option, on ? IP_PMTUDISC_PROBE : IP_PMTUDISC_WANT);
  // Over IPv6 the mode alone still lets the sending host fragment.
  if (family_ == Family::ipv6) {
    const int value = on;
    if (setsockopt(fd(), SOL_IPV6, IPV6_DONTFRAG, &value, sizeof value) != 0) fail("cannot set IPV6_DONTFRAG");
  }
}

void UdpSocket::bind_to_interface(const Interface& interface) {
  const std::string& name = interface.name;
  if (setsockopt(fd(), SOL_SOCKET, SO_BINDTODEVICE, name.c_str(), static_cast<socklen_t>(name.size() + 1)) != 0) {
    fail("cannot bind to interface " + interface.shown());
  }
}

std::size_t UdpSocket::set_receive_buffer(std::size_t bytes) {
  return set_buffer(fd(), receive_buffer_option, receive_buffer_force, bytes);
}

std::size_t UdpSocket::set_send_buffer(std::size_t bytes) {
  return set_buffer(fd(), send_buffer_option, send_buffer_force, bytes);
}

void UdpSocket::want(const WantedMetadata& wanted) {
  if (wanted.destination || wanted.details) set(fd(), family_, destination_option, 1);
  if (wanted.ttl || wanted.details) set(fd(), family_, receive_ttl_option, 1);
  if (wanted.details) set(fd(), family_, receive_class_option, 1);
  if (wanted.time) set(fd(), family_, time_option, 1);
  if (wanted.drops) set(fd(), family_, drops_option, 1);
  // Linux 5.0 and later; without it datagrams simply arrive one by one.
  if (wanted.coalesced) try_set(fd(), family_, coalesced_option, 1);
}

void UdpSocket::report_transport_errors(bool on) {
  set(fd(), family_, errors_option, on);
  try_set(fd(), family_, extensions_option, on);  // Linux 5.9 and later
  reports_errors_ = on;
}

void UdpSocket::use_segmentation(std::size_t largest_segment) {
  // 128 segments since Linux 6.9 (UDP_MAX_SEGMENTS), 64 before: give_way() finds out.
  segment_limits_.segments = largest_segment == 0 ? 1 : 128;
  segment_limits_.segment_bytes = largest_segment;
  manages_df_ = largest_segment != 0 && family_ == Family::ipv4 && path_mtu_mode() == IP_PMTUDISC_WANT;
}

// Over IPv4 Linux sets DF on what fits, but not on what it cuts from a segmented send, unless the mode says so: every
// datagram shall leave alike. In that mode, though, none leaves that needs fragments.
void UdpSocket::keep_df(bool on) {
  if (on != keeps_df_) set_dont_fragment(on);
  keeps_df_ = on;
}

int UdpSocket::broadcast() const { return get(fd(), family_, broadcast_option); }
int UdpSocket::ttl() const { return get(fd(), family_, ttl_option); }
int UdpSocket::multicast_ttl() const { return get(fd(), family_, multicast_ttl_option); }
int UdpSocket::multicast_loopback() const { return get(fd(), family_, loopback_option); }
int UdpSocket::multicast_all() const { return get(fd(), family_, all_groups_option); }
int UdpSocket::traffic_class() const { return get(fd(), family_, traffic_class_option); }
int UdpSocket::path_mtu_mode() const { return get(fd(), family_, mtu_mode_option); }
int UdpSocket::reuse_address() const { return get(fd(), family_, reuse_address_option); }
int UdpSocket::reuse_port() const { return get(fd(), family_, reuse_port_option); }

unsigned UdpSocket::multicast_interface() const {
  ip_mreqn request{};
  unsigned index = 0;
  const bool v4 = family_ == Family::ipv4;
  socklen_t size = v4 ? sizeof request : sizeof index;
  void* const to = v4 ? static_cast<void*>(&request) : &index;
  if (getsockopt(fd(), v4 ? SOL_IP : SOL_IPV6, v4 ? IP_MULTICAST_IF : IPV6_MULTICAST_IF, to, &size) != 0) {
    fail("cannot read the multicast interface");
  }
  return v4 ? static_cast<unsigned>(request.imr_ifindex) : index;
}

std::size_t UdpSocket::receive_buffer() const {
  return static_cast<std::size_t>(get(fd(), family_, receive_buffer_option)) / 2;
}

std::size_t UdpSocket::send_buffer() const {
  return static_cast<std::size_t>(get(fd(), family_, send_buffer_option)) / 2;
}

std::size_t UdpSocket::path_mtu() const { return static_cast<std::size_t>(get(fd(), family_, mtu_option)); }

void UdpSocket::add_membership(const Address& group, const Interface& interface, const std::optional<Address>& source) {
  change_membership(fd(), true, group, interface, source);
}

void UdpSocket::drop_membership(const Address& group, const Interface& interface,
                                const std::optional<Address>& source) {
  change_membership(fd(), false, group, interface, source);
}

std::uint64_t UdpSocket::drops() {
  std::array<std::uint32_t, SK_MEMINFO_VARS> info{};
  socklen_t size = sizeof info;
  // Linux 4.12 and later. The counter includes datagrams that no later arrival could have reported (SO_RXQ_OVFL).
  if (getsockopt(fd(), SOL_SOCKET, SO_MEMINFO, info.data(), &size) == 0) note_drops(info[SK_MEMINFO_DROPS]);
  return drops_;
}

void UdpSocket::note_drops(std::uint32_t counter) {
  // The difference is right across the counter's wrap. It is negative for a datagram that was queued before the drops
  // that SO_MEMINFO has told of already.
  const auto more = static_cast<std::int32_t>(counter - drop_counter_);
  if (more <= 0) return;
  drops_ += static_cast<std::uint32_t>(more);
  drop_counter_ = counter;
}

}  // namespace net
