// SPDX-License-Identifier: MIT
// Datagrams in batches over loopback: boundaries, metadata, sizes, segmentation, drops.
#include <cerrno>
#include <chrono>
#include <numeric>
#include <string>
#include <vector>

#include "net/udp_socket.hpp"
#include "support/check.hpp"
#include "support/namespace.hpp"
#include "support/raw_udp.hpp"
#include "support/sockets.hpp"

using net::Family;
using support::Copy;
using support::payloads;
using support::TestSocket;
using Strings = std::vector<std::string>;

namespace {

constexpr net::WantedMetadata everything{.details = true, .time = true};

// Sends all of them in one batch from `from` and gives the result; every one must leave.
void send_all(TestSocket& from, const net::Endpoint& to, const Strings& texts) {
  net::SendBatch batch(texts.size());
  batch.set_route({to, {}, -1});
  for (const std::string& text : texts) batch.add(text);
  const net::SendResult result = from->send(batch);
  CHECK(result.error == 0);
  CHECK(result.datagrams == texts.size());
  CHECK(result.bytes == std::accumulate(texts.begin(), texts.end(), std::size_t{0},
                                        [](std::size_t sum, const std::string& text) { return sum + text.size(); }));
  CHECK(batch.empty());
}

// Payloads that tell their place, of the given sizes.
Strings numbered(const std::vector<std::size_t>& sizes) {
  Strings texts;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    std::string text(sizes[i], static_cast<char>('a' + i % 26));
    if (text.size() >= 4) text.replace(0, 4, std::to_string(1'000 + i));
    texts.push_back(text);
  }
  return texts;
}

void check_metadata(Family family) {
  TestSocket receiver(family, everything);
  TestSocket sender(family);
  sender->set_ttl(7);
  sender->set_traffic_class(46 << 2 | 1);
  const auto before = std::chrono::system_clock::now();
  send_all(sender, receiver.endpoint(), {"hello"});
  const Copy got = receiver.receive(1).at(0);
  CHECK(got.payload == "hello");
  CHECK(got.size == 5);
  CHECK(got.sender == sender.endpoint());
  CHECK(got.metadata.destination == support::loopback(family));
  CHECK(got.metadata.local == support::loopback(family));
  CHECK(got.metadata.interface == net::find_interface("lo").index);
  CHECK(got.metadata.ttl == 7);
  CHECK(got.metadata.traffic_class == (46 << 2 | 1));
  REQUIRE(got.metadata.time);
  CHECK(*got.metadata.time >= before - std::chrono::seconds(1));
  CHECK(*got.metadata.time <= std::chrono::system_clock::now() + std::chrono::seconds(1));
  CHECK_FALSE(got.metadata.truncated);
}

void check_largest(Family family) {
  TestSocket receiver(family);
  TestSocket sender(family);
  const std::string largest(net::max_payload(family), 'x');
  CHECK(net::max_payload(family) == (family == Family::ipv4 ? 65'507 : 65'527));
  CHECK(sender->send_to(largest, receiver.endpoint()) == 0);
  const Copy got = receiver.receive(1).at(0);
  CHECK(got.payload == largest);
  CHECK(got.size == largest.size());
  CHECK(sender->send_to(largest + "y", receiver.endpoint()) == EMSGSIZE);
}

// Everything that segmentation and coalescing must not change.
void check_segmentation(Family family, const std::vector<std::size_t>& sizes) {
  TestSocket receiver(family, {.coalesced = true});
  TestSocket sender(family);
  receiver->set_receive_buffer(4 << 20);
  sender->use_segmentation(1'232);
  const Strings sent = numbered(sizes);
  send_all(sender, receiver.endpoint(), sent);
  CHECK_FALSE(sender->segmentation_given_up());
  CHECK(payloads(receiver.receive(sent.size())) == sent);
}

}  // namespace

TEST_CASE("nothing to receive is zero datagrams, and the socket says that it is drained") {
  TestSocket socket;
  CHECK(socket->receive(socket.batch) == 0);
  CHECK(socket->drained());
  CHECK_FALSE(socket.wait_readable(support::Milliseconds(1)));
}

TEST_CASE("each datagram of a batch arrives as one, in order, with boundaries as sent") {
  TestSocket receiver, sender;
  const Strings sent{"first", "", "second line\n", std::string("\0\1", 2), "", "last"};
  send_all(sender, receiver.endpoint(), sent);
  CHECK(payloads(receiver.receive(sent.size())) == sent);
}

TEST_CASE("more datagrams than a batch has places come in several") {
  TestSocket receiver, sender;
  const Strings sent = numbered(std::vector<std::size_t>(100, 10));
  send_all(sender, receiver.endpoint(), sent);
  REQUIRE(receiver->receive(receiver.batch) == receiver.batch.places());
  CHECK_FALSE(receiver->drained());
  CHECK(receiver->receive(receiver.batch, 3) == 3);
  CHECK(receiver.batch[0].bytes == sent[16]);
  CHECK(payloads(receiver.receive(81)) == Strings(sent.begin() + 19, sent.end()));
}

TEST_CASE("a batch goes to as many receivers as it has routes") {
  TestSocket one, two, sender;
  net::SendBatch batch(4);
  batch.set_route({one.endpoint(), {}, -1});
  batch.add("a");
  batch.set_route({two.endpoint(), {}, -1});
  batch.add("b");
  batch.set_route({one.endpoint(), {}, -1});
  batch.add("c");
  CHECK(sender->send(batch).datagrams == 3);
  CHECK(payloads(one.receive(2)) == Strings{"a", "c"});
  CHECK(payloads(two.receive(1)) == Strings{"b"});
}

TEST_CASE("every sender of a batch is told") {
  TestSocket receiver, one, two;
  send_all(one, receiver.endpoint(), {"1"});
  send_all(two, receiver.endpoint(), {"2"});
  const auto got = receiver.receive(2);
  REQUIRE(got.size() == 2);
  CHECK(got[0].sender == one.endpoint());
  CHECK(got[1].sender == two.endpoint());
}

TEST_CASE("sender, destination, interface, TTL, traffic class and time arrive over IPv4") {
  check_metadata(Family::ipv4);
}
TEST_CASE("sender, destination, interface, TTL, traffic class and time arrive over IPv6") {
  SKIP_UNLESS(support::has_ipv6(), "no IPv6 here");
  check_metadata(Family::ipv6);
}

TEST_CASE("metadata that was not asked for is not there") {
  TestSocket receiver, sender;
  send_all(sender, receiver.endpoint(), {"x"});
  const Copy got = receiver.receive(1).at(0);
  CHECK_FALSE(got.metadata.destination);
  CHECK_FALSE(got.metadata.ttl);
  CHECK_FALSE(got.metadata.time);
}

TEST_CASE("an empty datagram is data with a sender") {
  TestSocket receiver, sender;
  CHECK(sender->send_to("", receiver.endpoint()) == 0);
  const Copy got = receiver.receive(1).at(0);
  CHECK(got.payload.empty());
  CHECK(got.size == 0);
  CHECK(got.sender == sender.endpoint());
}

TEST_CASE("65,507 bytes arrive whole over IPv4, one more is refused") { check_largest(Family::ipv4); }
TEST_CASE("65,527 bytes arrive whole over IPv6, one more is refused") {
  SKIP_UNLESS(support::has_ipv6(), "no IPv6 here");
  check_largest(Family::ipv6);
}

TEST_CASE("a datagram leaves from the address and with the TTL of its route") {
  IN_NAMESPACE("ip addr add 127.0.0.9/8 dev lo");
  TestSocket receiver(Family::ipv4, everything);
  boost::asio::io_context context;
  net::UdpSocket sender(context);
  sender.open(Family::ipv4);
  net::SendBatch batch(2);
  batch.set_route({receiver.endpoint(), {support::address("127.0.0.9"), 0}, 3});
  batch.add("routed");
  batch.set_route({receiver.endpoint(), {std::nullopt, net::find_interface("lo").index}, -1});
  batch.add("plain");
  CHECK(sender.send(batch).error == 0);
  const auto got = receiver.receive(2);
  REQUIRE(got.size() == 2);
  CHECK(got[0].sender.address() == support::address("127.0.0.9"));
  CHECK(got[0].metadata.ttl == 3);
  CHECK(got[1].sender.address() == support::address("127.0.0.1"));
  CHECK(got[1].metadata.ttl == 64);
}

TEST_CASE("datagrams sent in runs and received in runs are those that were sent, over IPv4") {
  check_segmentation(Family::ipv4, std::vector<std::size_t>(300, 1'200));
  check_segmentation(Family::ipv4, std::vector<std::size_t>(300, 1));
}
TEST_CASE("datagrams sent in runs and received in runs are those that were sent, over IPv6") {
  SKIP_UNLESS(support::has_ipv6(), "no IPv6 here");
  check_segmentation(Family::ipv6, std::vector<std::size_t>(300, 1'200));
}

TEST_CASE("runs of mixed sizes, with empty and large datagrams between, keep every boundary") {
  std::vector<std::size_t> sizes{0,   1,   1,   0,     5,     5,     4,     5,     5,     5,   6,      1'232, 1'232,
                                 100, 100, 200, 1'233, 1'233, 9'000, 1'232, 1'231, 1'232, 500, 65'507, 500,   499};
  for (std::size_t i = 0; i < 150; ++i) sizes.push_back(i * 37 % 1'300);
  check_segmentation(Family::ipv4, sizes);
}

TEST_CASE("a run comes in one place of a batch and is cut back by its segment size") {
  TestSocket receiver(Family::ipv4, {.coalesced = true});
  TestSocket sender;
  sender->use_segmentation(1'232);
  const Strings sent = numbered({100, 100, 100, 60});
  send_all(sender, receiver.endpoint(), sent);
  REQUIRE(receiver.wait_readable());
  const std::size_t places = receiver->receive(receiver.batch);
  if (places != 1) SKIP("this kernel does not coalesce");
  net::Received run = receiver.batch[0];
  CHECK(run.is_run());
  CHECK(run.count() == 4);
  CHECK(run.payload(3) == sent[3]);
  run.keep_first(2);
  CHECK(run.count() == 2);
  CHECK(run.bytes == sent[0] + sent[1]);
  run.keep_first(1);
  CHECK(run.count() == 1);
  CHECK(run.payload(0) == sent[0]);
  CHECK(run.size() == sent[0].size());
  CHECK(run.size(0) == sent[0].size());
}

TEST_CASE("segmentation that does not work here is given up, and every datagram still arrives") {
  IN_NAMESPACE("ip link set lo mtu 1500");
  TestSocket receiver, sender;
  receiver->set_receive_buffer(4 << 20);
  sender->use_segmentation(2'000);  // larger than the link's MTU: the kernel refuses to segment so
  const Strings sent = numbered(std::vector<std::size_t>(100, 2'000));
  send_all(sender, receiver.endpoint(), sent);
  CHECK(sender->segmentation_given_up());
  CHECK_FALSE(sender->segmentation_given_up());  // told once
  CHECK(payloads(receiver.receive(sent.size())) == sent);
}

TEST_CASE("what a full buffer costs is counted at once, and once") {
  TestSocket receiver(Family::ipv4, everything);
  TestSocket sender;
  receiver->set_receive_buffer(1);
  CHECK(receiver->drops() == 0);
  constexpr std::size_t sent = 500;
  for (std::size_t i = 0; i < sent; ++i) CHECK(sender->send_to("0123456789", receiver.endpoint()) == 0);
  const std::uint64_t drops = receiver->drops();
  CHECK(drops > 0);
  const std::size_t kept = receiver.receive(sent, support::Milliseconds(50)).size();
  CHECK(kept + drops == sent);
  CHECK(receiver->drops() == drops);
}
