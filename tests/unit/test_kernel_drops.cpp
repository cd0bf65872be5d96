// SPDX-License-Identifier: MIT
#include <string>

#include "commands/silence.hpp"
#include "net/kernel_drops.hpp"
#include "support/check.hpp"

using support::contains;

TEST_CASE("kernel counters: a table has a line of names before one of values") {
  const std::string text =
      "Ip: Forwarding ReasmFails\nIp: 1 7\nUdp: InDatagrams NoPorts InCsumErrors\nUdp: 10 20 30\n"
      "UdpLite: InDatagrams NoPorts InCsumErrors\nUdpLite: 1 2 3\n";
  CHECK(net::counter_in_table(text, "Udp", "InDatagrams") == 10);
  CHECK(net::counter_in_table(text, "Udp", "InCsumErrors") == 30);
  CHECK(net::counter_in_table(text, "UdpLite", "NoPorts") == 2);
  CHECK(net::counter_in_table(text, "Ip", "ReasmFails") == 7);
  CHECK(net::counter_in_table(text, "Udp", "Ports") == 0);
  CHECK(net::counter_in_table(text, "Tcp", "NoPorts") == 0);
  CHECK(net::counter_in_table("Udp: InDatagrams NoPorts\nUdp: 5", "Udp", "NoPorts") == 0);
  CHECK(net::counter_in_table("", "Udp", "NoPorts") == 0);
}

TEST_CASE("kernel counters: a list has a name and a value on each line") {
  const std::string text =
      "Ip6ReasmFails                   \t4\nUdp6NoPorts                     \t18446744073709551615\n";
  CHECK(net::counter_in_list(text, "Ip6ReasmFails") == 4);
  CHECK(net::counter_in_list(text, "Udp6NoPorts") == 18'446'744'073'709'551'615u);
  CHECK(net::counter_in_list(text, "Udp6No") == 0);
  CHECK(net::counter_in_list("Udp6NoPorts", "Udp6NoPorts") == 0);
}

TEST_CASE("bad checksums are never more than what full buffers do not account for") {
  const auto among = [](std::uint64_t lost, std::uint64_t bad, std::uint64_t no_room) {
    net::KernelDrops::OfFamily all;
    all.bad_checksum = bad;
    all.no_room = no_room;
    return net::bad_checksums_among(lost, all);
  };
  CHECK(among(20, 20, 0) == 20);
  CHECK(among(20, 0, 20) == 0);
  CHECK(among(30, 20, 10) == 20);
  CHECK(among(5, 20, 0) == 5);    // the others were another socket's
  CHECK(among(5, 20, 100) == 0);  // it cannot be told: full buffers may be all of it
  CHECK(among(0, 20, 100) == 0);
}

TEST_CASE("silence: a notice a cause, and none without one") {
  net::KernelDrops drops;
  CHECK(commands::causes_of_silence(drops).empty());
  drops.ipv4.no_socket = 1;
  drops.ipv6.no_socket = 2;
  drops.reverse_path = 1;
  const auto causes = commands::causes_of_silence(drops);
  REQUIRE(causes.size() == 2);
  CHECK(contains(causes[0], "this host's kernel dropped 1 packet by the reverse-path filter"));
  CHECK(contains(causes[1], "this host's kernel dropped 3 datagrams for ports that no socket is bound to"));
}
