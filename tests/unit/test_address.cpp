// SPDX-License-Identifier: MIT
#include "net/address.hpp"

#include <vector>

#include "base/error.hpp"
#include "net/interfaces.hpp"
#include "support/addresses.hpp"
#include "support/check.hpp"

using base::UsageError;
using net::Address;
using net::Endpoint;
using net::Family;
using support::address;
using support::contains;
using support::error_of;

TEST_CASE("an address literal is read strictly and written back canonically") {
  struct Row {
    const char* word;
    const char* text;
  };
  for (const Row& row : std::vector<Row>{{"127.0.0.1", "127.0.0.1"},
                                         {"0.0.0.0", "0.0.0.0"},
                                         {"255.255.255.255", "255.255.255.255"},
                                         {"::", "::"},
                                         {"::1", "::1"},
                                         {"2001:DB8:0:0::1", "2001:db8::1"},
                                         {"ff15::7", "ff15::7"},
                                         {"::ffff:10.1.2.3", "10.1.2.3"},
                                         {"::ffff:a01:203", "10.1.2.3"},
                                         {"64:ff9b::10.1.2.3", "64:ff9b::a01:203"},
                                         {"::10.1.2.3", "::10.1.2.3"}}) {
    CAPTURE(row.word);
    const auto parsed = net::parse_address(row.word);
    REQUIRE(parsed);
    CHECK(net::to_string(*parsed) == row.text);
  }
  CHECK(net::family_of(address("::ffff:1.2.3.4")) == Family::ipv4);
}

TEST_CASE("what is not a whole literal is no address") {
  for (const char* word : {"",
                           "1",
                           "1.2.3",
                           "1.2.3.4x",
                           "1.2.3.4.",
                           ".1.2.3.4",
                           "1.2.3.4.5",
                           "010.8.8.8",
                           "1.2.3.04",
                           "256.1.1.1",
                           "0x7f.0.0.1",
                           "0x7f000001",
                           "127.1",
                           " 127.0.0.1",
                           "127.0.0.1 ",
                           "1..2.3",
                           "localhost",
                           ":",
                           ":::",
                           "1::2::3",
                           "12345::",
                           "::g",
                           "::1 ",
                           "[::1]",
                           "::1/128",
                           "1:2:3:4:5:6:7",
                           "1:2:3:4:5:6:7:8:9",
                           "::ffff:1.2.3",
                           "::ffff:01.2.3.4"}) {
    CAPTURE(word);
    CHECK_FALSE(net::parse_address(word));
  }
  CHECK_FALSE(net::parse_address(std::string_view("127.0.0.1\0x", 11)));
  CHECK_FALSE(net::parse_address(std::string(10'000, '1')));
}

TEST_CASE("a zone is the name or the index of an interface, and an unknown one is an error") {
  const net::Interface lo = net::find_interface("lo");
  const Address by_name = address("fe80::1%lo");
  CHECK(net::zone_of(by_name) == lo.index);
  CHECK(address("fe80::1%" + std::to_string(lo.index)) == by_name);
  CHECK(net::to_string(by_name) == "fe80::1%lo");
  CHECK(net::to_string(Endpoint(by_name, 9)) == "[fe80::1%lo]:9");
  CHECK(net::to_string(address("ff02::1%lo")) == "ff02::1%lo");
  CHECK(contains(error_of<UsageError>([] { net::parse_address("fe80::1%nosuch0"); }), "no interface 'nosuch0'"));
  CHECK(contains(error_of<UsageError>([] { net::parse_address("fe80::1%"); }), "no interface ''"));
  CHECK(contains(error_of<UsageError>([] { net::parse_address("fe80::1%99999"); }), "known are "));
}

TEST_CASE("what was meant as an address never goes to DNS") {
  for (const char* word : {"1.2.3", "010.8.8.8", "1.2.3.4x", "1.2.3.400", "127.1", "1", "2130706433", "0x7f000001",
                           "0X7F", "0x7f.1", "::1x", "fe80::1%nosuch0", "a:b", "host.9"}) {
    CAPTURE(word);
    CHECK(net::looks_numeric(word));
  }
  for (const char* word : {"localhost", "example.com", "1.example.com", "9front.org", "a", "0xyz.net", "7-eleven.com",
                           "host.", "x0", "0b"}) {
    CAPTURE(word);
    CHECK_FALSE(net::looks_numeric(word));
  }
}

TEST_CASE("a port is 0 to 65535 or the name of a UDP service") {
  CHECK(net::parse_port("0") == 0);
  CHECK(net::parse_port("65535") == 65535);
  CHECK(net::parse_port("00053") == 53);
  CHECK(net::parse_port("domain") == 53);
  CHECK(net::parse_port("1", 1) == 1);
  for (const char* word :
       {"", "65536", "99999999999", "-1", "+1", "1.5", "0x35", "53x", " 53", "no-such-service", "domain "}) {
    CAPTURE(word);
    const std::string error = error_of<UsageError>([&] { net::parse_port(word); });
    CHECK(error == std::string("'") + word + "' is not a port from 0 to 65535 or the name of a UDP service");
  }
  CHECK(contains(error_of<UsageError>([] { net::parse_port("0", 1); }), "'0' is not a port from 1 to 65535"));
}

TEST_CASE("an endpoint is a port, an address and a port, or a star and a port") {
  struct Row {
    const char* word;
    const char* host;
    std::uint16_t port;
  };
  for (const Row& row : std::vector<Row>{{"41234", "", 41234},
                                         {"0", "", 0},
                                         {"domain", "", 53},
                                         {"*:41234", "", 41234},
                                         {"127.0.0.1:5353", "127.0.0.1", 5353},
                                         {"[::1]:0", "::1", 0},
                                         {"[::]:9", "::", 9},
                                         {"[fe80::1%eth0]:9", "fe80::1%eth0", 9},
                                         {"localhost:41234", "localhost", 41234},
                                         {"localhost:domain", "localhost", 53},
                                         {"0.0.0.0:0", "0.0.0.0", 0}}) {
    CAPTURE(row.word);
    const net::EndpointWord parsed = net::parse_endpoint(row.word);
    CHECK(parsed.host == row.host);
    CHECK(parsed.port == row.port);
  }
}

TEST_CASE("a bad endpoint is an error that names the word and shows the form") {
  struct Row {
    const char* word;
    const char* part;
  };
  for (const Row& row : std::vector<Row>{
           {"", "''"},
           {"*", "'*' is not a port"},
           {"localhost", "'localhost' is not a port"},
           {"127.0.0.1", "write 127.0.0.1:PORT"},
           {"example.com", "write example.com:PORT"},
           {"::1", "write [::1]:PORT"},
           {"::1:53", "write [::1:53]:PORT"},
           {"[::1]", "write [::1]:PORT"},
           {":53", "':53' has no address"},
           {"[]:53", "'[]:53' has no address"},
           {"[::1", "'[::1' has unbalanced brackets"},
           {"[::1]53", "'[::1]53' has unbalanced brackets"},
           {"[::1]:", "not a port"},
           {"127.0.0.1:", "not a port"},
           {"127.0.0.1:65536", "'65536' is not a port"},
           {"127.0.0.1:-1", "'-1' is not a port"},
           {"65536", "'65536' is not a port"},
       }) {
    CAPTURE(row.word);
    CHECK(contains(error_of<UsageError>([&] { net::parse_endpoint(row.word); }), row.part));
  }
}

TEST_CASE("host and port are cut apart at the colon that separates them") {
  struct Row {
    const char* word;
    const char* host;
    const char* port;  // null: none
  };
  for (const Row& row : std::vector<Row>{{"h", "h", nullptr},
                                         {"h:1", "h", "1"},
                                         {"h:", "h", ""},
                                         {":1", "", "1"},
                                         {"::1", "::1", nullptr},
                                         {"[::1]", "::1", nullptr},
                                         {"[::1]:2", "::1", "2"},
                                         {"", "", nullptr},
                                         {"a:b:c", "a:b:c", nullptr}}) {
    CAPTURE(row.word);
    const net::HostAndPort parts = net::split_host_port(row.word);
    CHECK(parts.host == row.host);
    CHECK(parts.port.has_value() == (row.port != nullptr));
    if (row.port != nullptr) CHECK(parts.port.value_or("?") == row.port);
  }
}

TEST_CASE("a network holds the addresses of its prefix, in its own family only") {
  struct Row {
    const char* network;
    const char* address;
    bool inside;
  };
  for (const Row& row : std::vector<Row>{
           {"10.0.0.0/8", "10.255.255.255", true},
           {"10.0.0.0/8", "11.0.0.0", false},
           {"10.9.9.9/8", "10.0.0.1", true},
           {"10.0.0.7", "10.0.0.7", true},
           {"10.0.0.7", "10.0.0.6", false},
           {"10.0.0.7/32", "10.0.0.7", true},
           {"0.0.0.0/0", "255.255.255.255", true},
           {"0.0.0.0/0", "::1", false},
           {"192.168.1.128/25", "192.168.1.200", true},
           {"192.168.1.128/25", "192.168.1.127", false},
           {"192.168.1.4/31", "192.168.1.5", true},
           {"192.168.1.4/31", "192.168.1.6", false},
           {"172.16.0.0/12", "172.31.255.255", true},
           {"172.16.0.0/12", "172.32.0.0", false},
           {"::1", "::1", true},
           {"::1", "::2", false},
           {"::/0", "2001:db8::1", true},
           {"::/0", "10.0.0.1", false},
           {"fe80::/10", "fe80::1%lo", true},
           {"fe80::/10", "fec0::1", false},
           {"2001:db8::/127", "2001:db8::1", true},
           {"2001:db8::/127", "2001:db8::2", false},
           {"2001:db8::/64", "2001:db8::ffff:0:0:1", true},
           {"::ffff:10.0.0.0/104", "10.1.1.1", true},
           {"::ffff:10.0.0.0/104", "11.1.1.1", false},
           {"::ffff:10.0.0.1", "10.0.0.1", true},
           {"10.0.0.0/8", "::ffff:10.0.0.1", true},
       }) {
    CAPTURE(row.network);
    CAPTURE(row.address);
    CHECK(net::Network::parse(row.network).contains(address(row.address)) == row.inside);
  }
}

TEST_CASE("what is no network is an error that names the word") {
  for (const char* word :
       {"", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8/8", "10.0.0.0/ 8", "::/129", "10/8",
        "010.0.0.0/8", "localhost", "fe80::1%lo", "10.0.0.0/255.0.0.0", "::ffff:10.0.0.0/95"}) {
    CAPTURE(word);
    CHECK(contains(error_of<UsageError>([&] { net::Network::parse(word); }), std::string("'") + word));
  }
}

TEST_CASE("link-local addresses and groups of small scope need a zone, others do not") {
  for (const char* word : {"fe80::1", "febf::1", "ff01::1", "ff02::1", "ff12::1"}) {  // the last: transient
    CAPTURE(word);
    CHECK(net::needs_zone(address(word)));
  }
  for (const char* word : {"::1", "2001:db8::1", "ff05::1", "ff0e::1", "169.254.0.1", "224.0.0.1", "fe80::1%lo"}) {
    CAPTURE(word);
    CHECK_FALSE(net::needs_zone(address(word)));
  }
}

TEST_CASE("a zone is put on IPv6 and taken off again, and IPv4 has none") {
  const unsigned lo = net::find_interface("lo").index;
  CHECK(net::zone_of(net::with_zone(address("fe80::1"), lo)) == lo);
  CHECK(net::zone_of(net::with_zone(address("fe80::1%lo"), 0)) == 0);
  CHECK(net::with_zone(address("10.0.0.1"), lo) == address("10.0.0.1"));
  CHECK(net::zone_of(address("10.0.0.1")) == 0);
}

TEST_CASE("only 255.255.255.255 is the limited broadcast address") {
  CHECK(net::is_limited_broadcast(address("255.255.255.255")));
  CHECK_FALSE(net::is_limited_broadcast(address("10.255.255.255")));
  CHECK_FALSE(net::is_limited_broadcast(address("ff02::1")));
}

TEST_CASE("an endpoint is written with brackets around IPv6 and tells its family") {
  CHECK(net::to_string(Endpoint(address("127.0.0.1"), 0)) == "127.0.0.1:0");
  CHECK(net::to_string(Endpoint(address("::1"), 65535)) == "[::1]:65535");
  CHECK(net::family_of(Endpoint(address("::1"), 1)) == Family::ipv6);
  CHECK(net::name_of(Family::ipv4) == "IPv4");
  CHECK(net::name_of(Family::ipv6) == "IPv6");
}
