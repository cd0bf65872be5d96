// SPDX-License-Identifier: MIT
// `udptool listen`: where it listens, what ends it, whom it hears.
#include <csignal>

#include "support/check.hpp"
#include "support/namespace.hpp"
#include "support/udptool.hpp"

using namespace support;

TEST_CASE("listen: a datagram is a line with sender, size and payload") {
  Listener listener;
  const RawUdp sender;
  sender.send("hello world", listener.port());
  CHECK(listener.wait_for(Stream::out, "hello") == sender.endpoint() + "\t11\thello world");
}

TEST_CASE("listen: a port alone hears both families, each sender in its own, on one free port") {
  SKIP_UNLESS(has_ipv6(), "no IPv6 here");
  Listener listener({"-c", "2"}, {"0"}, 2);
  CHECK(listener.port(0) == listener.port(1));
  CHECK(listener.addresses() == std::vector<std::string>{"0.0.0.0", "[::]"});
  const RawUdp four, six("::1");
  four.send("4", listener.port());
  CHECK(listener.wait_for(Stream::out, "\t") == four.endpoint() + "\t1\t4");
  six.send("6", listener.port());
  CHECK(listener.wait_for(Stream::out, "\t") == six.endpoint() + "\t1\t6");
  CHECK(listener.finish().ending == done);
}

TEST_CASE("listen: a star is every address, and -4 or -6 narrows it") {
  const Listener four({"-4"}, {"*:0"});
  CHECK(four.addresses() == std::vector<std::string>{"0.0.0.0"});
  SKIP_UNLESS(has_ipv6(), "no IPv6 here");
  const Listener both({}, {"*:0"}, 2);
  CHECK(both.addresses() == std::vector<std::string>{"0.0.0.0", "[::]"});
  const Listener six({"-6"}, {"0"});
  CHECK(six.addresses() == std::vector<std::string>{"[::]"});
}

TEST_CASE("listen: several endpoints are heard at once") {
  Listener listener({"-c", "2"}, {"127.0.0.1:0", "127.0.0.2:0"}, 2);
  const RawUdp sender;
  sender.send("first", listener.port(0), "127.0.0.1");
  listener.wait_for(Stream::out, "first");
  sender.send("second", listener.port(1), "127.0.0.2");
  listener.wait_for(Stream::out, "second");
  const Finished result = listener.finish();
  CHECK(result.ending == done);
  CHECK(contains(result.err, "2 datagrams, 11 bytes, 1 sender"));
}

TEST_CASE("listen: a name with addresses of both families listens on each, on one free port") {
  SKIP_UNLESS(has_ipv6(), "no IPv6 here");
  IN_NAMESPACE("hosts_file '::1 both.test' '127.0.0.1 both.test'");
  const Listener listener({}, {"both.test:0"}, 2);
  CHECK(listener.addresses() == std::vector<std::string>{"[::1]", "127.0.0.1"});
  CHECK(listener.port(0) == listener.port(1));
}

TEST_CASE("listen: a name listens on every address that it has") {
  IN_NAMESPACE("hosts_file '127.0.0.1 many.test' '127.0.0.2 many.test' '127.0.0.3 many.test'");
  const Listener listener({}, {"many.test:0"}, 3);
  std::vector<std::string> addresses = listener.addresses();
  std::sort(addresses.begin(), addresses.end());
  CHECK(addresses == std::vector<std::string>{"127.0.0.1", "127.0.0.2", "127.0.0.3"});
}

TEST_CASE("listen: a host without IPv6 listens on IPv4 with a notice") {
  IN_NAMESPACE("set_kernel here net/ipv6/conf/all/disable_ipv6 1; set_kernel here net/ipv6/conf/lo/disable_ipv6 1");
  SKIP_UNLESS(!has_ipv6(), "IPv6 cannot be turned off here");
  Listener listener({"-c", "1"}, {"0"});
  CHECK(listener.addresses().at(0) == "0.0.0.0");
  RawUdp().send("x", listener.port());
  CHECK(listener.finish().ending == done);
}

TEST_CASE("listen: a port that is taken is one line with the reason, and exit 2") {
  const RawUdp taken;
  const Finished result = run_udptool({"listen", taken.endpoint()});
  CHECK(result.ending == failed);
  CHECK(result.err.starts_with("udptool: cannot bind " + taken.endpoint() + ": Address already in use"));
  CHECK(contains(result.err, "port in use"));
  CHECK(count_of(result.err, "\n") == 1);
  CHECK(result.out.empty());
}

TEST_CASE("listen: two ENDPOINTs that hear the same are an error that names both") {
  IN_NAMESPACE("");
  const auto check = [](const Words& endpoints, const std::string& bound, const std::string& own) {
    Words words{"listen", "-w", "10ms"};
    words.insert(words.end(), endpoints.begin(), endpoints.end());
    const Finished result = run_udptool(words);
    CHECK(result.ending == failed);
    CHECK(result.err ==
          "udptool: cannot bind " + bound + ": Address already in use (port in use by its own " + own + ")\n");
  };
  check({"7000", "127.0.0.1:7000"}, "127.0.0.1:7000", "0.0.0.0:7000");
  check({"127.0.0.1:7000", "7000"}, "0.0.0.0:7000", "127.0.0.1:7000");
  if (has_ipv6()) check({"7000", "[::1]:7000"}, "[::1]:7000", "[::]:7000");
  CHECK(run_udptool({"listen", "-w", "10ms", "127.0.0.1:7000", "127.0.0.2:7000", "7001"}).ending == nothing);
}

TEST_CASE("listen: a port that is taken in one family is an error") {
  SKIP_UNLESS(has_ipv6(), "no IPv6 here");
  const RawUdp taken("::1");
  const Finished result = run_udptool({"listen", std::to_string(taken.port())});
  CHECK(result.ending == failed);
  CHECK(contains(result.err, "cannot bind [::]:" + std::to_string(taken.port())));
}

TEST_CASE("listen: an address that is not of this host is exit 2 and named") {
  const Finished result = run_udptool({"listen", "192.0.2.1:0"});
  CHECK(result.ending == failed);
  CHECK(contains(result.err, "cannot bind 192.0.2.1:0: Cannot assign requested address"));
}

TEST_CASE("listen: a second listener shares the port only when both ask for it") {
  for (const char* share : {"--reuse-port", "--reuse-address"}) {
    CAPTURE(share);
    Listener first({share});
    const std::string endpoint = "127.0.0.1:" + std::to_string(first.port());
    CHECK(run_udptool({"listen", "-W", "1", endpoint}).ending == failed);
    const Listener second({share}, {endpoint});
    CHECK(second.port() == first.port());
  }
}

TEST_CASE("listen -c: it ends after so many datagrams with 0, and shows no more") {
  Listener listener({"-c", "2"});
  const RawUdp sender;
  for (const char* text : {"one", "two", "three"}) sender.send(text, listener.port());
  const Finished result = listener.finish();
  CHECK(result.ending == done);
  CHECK(count_of(result.out, "\n") == 2);
  CHECK_FALSE(contains(result.out, "three"));
  CHECK(contains(result.err, "2 datagrams, 6 bytes, 1 sender, 0 dropped, 0 ignored, "));
}

TEST_CASE("listen -w: silence ends it with 1, anything before with 0, fewer than -c with 1") {
  CHECK(run_udptool({"listen", "-w", "50ms", "127.0.0.1:0"}).ending == nothing);
  Listener heard({"-w", "300ms"});
  RawUdp().send("x", heard.port());
  CHECK(heard.finish().ending == done);
  Listener few({"-c", "2", "-w", "300ms"});
  RawUdp().send("x", few.port());
  CHECK(few.finish().ending == nothing);
}

TEST_CASE("listen -w: each datagram starts the wait anew") {
  Listener listener({"-w", "400ms"});
  const RawUdp sender;
  const Stopwatch watch;
  while (watch.elapsed() < Milliseconds(1'000)) {
    sender.send("x", listener.port());
    listener.wait_for(Stream::out, "x");
    std::this_thread::sleep_for(Milliseconds(50));
  }
  CHECK(listener.finish().ending == done);
  CHECK(watch.elapsed() >= Milliseconds(1'300));
}

TEST_CASE("listen -W: the deadline ends it, with 0 if anything came and 1 if not") {
  CHECK(run_udptool({"listen", "-W", "50ms", "127.0.0.1:0"}).ending == nothing);
  Listener heard({"-W", "500ms"});
  RawUdp().send("x", heard.port());
  CHECK(heard.finish().ending == done);
  Listener few({"-c", "2", "-W", "500ms"});
  RawUdp().send("x", few.port());
  CHECK(few.finish().ending == nothing);
}

TEST_CASE("listen: SIGINT and SIGTERM end it cleanly with its summary") {
  for (const int number : {SIGINT, SIGTERM}) {
    Listener listener;
    const RawUdp sender;
    sender.send("abc", listener.port());
    listener.wait_for(Stream::out, "abc");
    const Finished result = listener.stop(number);
    CHECK(result.ending == done);
    CHECK(is_like(result.err,
                  "listening on 127\\.0\\.0\\.1:[0-9]+\n"
                  "1 datagram, 3 bytes, 1 sender, 0 dropped, 0 ignored, [0-9]+\\.[0-9]{3} s\n"));
  }
  CHECK(Listener().stop().ending == done);  // nothing came, and nothing was asked for
  CHECK(Listener({"-c", "1"}).stop().ending == nothing);
}

TEST_CASE("listen: a reader that closes stdout ends it quietly with 0") {
  Process pipeline({"sh", "-c", "{ " + udptool({})[0] + " listen 127.0.0.1:0; echo status $? >&2; } | head -1"});
  const auto found = pipeline.wait_for_match(Stream::err, "listening on 127.0.0.1:([0-9]+)");
  const auto port = static_cast<std::uint16_t>(std::stoul(found[1]));
  const RawUdp sender;
  sender.send("first", port);
  pipeline.wait_for(Stream::out, "first");
  const Stopwatch watch;
  while (!contains(pipeline.err(), "status") && watch.elapsed() < patience) {
    sender.send("more", port);
    std::this_thread::sleep_for(Milliseconds(10));
  }
  pipeline.wait();
  CHECK(contains(pipeline.err(), "status 0\n"));
  CHECK_FALSE(contains(pipeline.err(), "udptool:"));
}

TEST_CASE("listen: a full disk is an error and exit 2") {
  Listener listener({}, {"127.0.0.1:0"}, 1, {.output_file = "/dev/full"});
  RawUdp().send("x", listener.port());
  const Finished result = listener.finish();
  CHECK(result.ending == failed);
  CHECK(contains(result.err, "udptool: "));
  CHECK(contains(result.err, "No space left on device, 1 record not written\n"));
}

TEST_CASE("listen --deny and --allow: who is ignored leaves no record and does not count for -c") {
  struct Row {
    Words options;
    bool one, two;  // heard from 127.0.0.1, from 127.0.0.2
  };
  for (const Row& row : std::vector<Row>{{{"--deny", "127.0.0.1"}, false, true},
                                         {{"--allow", "127.0.0.1"}, true, false},
                                         {{"--deny", "127.0.0.0/31"}, false, true},
                                         {{"--allow", "127.0.0.0/8", "--deny", "127.0.0.2"}, true, false},
                                         {{"--deny", "127.0.0.2", "--allow", "127.0.0.2"}, false, false},
                                         {{"--allow", "127.0.0.1", "--allow", "127.0.0.2"}, true, true}}) {
    CAPTURE(row.options);
    Words options = row.options;
    options.insert(options.end(), {"--allow", "127.0.0.3", "-c", std::to_string(row.one + row.two + 1)});
    if (row.options.size() == 2 && row.options[0] == "--deny") options[2] = "--allow", options[3] = "127.0.0.0/8";
    Listener listener(options);
    const RawUdp one("127.0.0.1"), two("127.0.0.2"), last("127.0.0.3");
    one.send("from one", listener.port(), "127.0.0.1");
    two.send("from two", listener.port(), "127.0.0.1");
    last.send("last", listener.port(), "127.0.0.1");
    const Finished result = listener.finish();
    CHECK(result.ending == done);
    CHECK(contains(result.out, "from one") == row.one);
    CHECK(contains(result.out, "from two") == row.two);
    CHECK(contains(result.err, std::to_string(2 - row.one - row.two) + " ignored"));
  }
}

TEST_CASE("listen --deny: a network of one family says nothing about the other") {
  SKIP_UNLESS(has_ipv6(), "no IPv6 here");
  Listener listener({"-c", "1", "--deny", "0.0.0.0/0"}, {"0"}, 2);
  RawUdp().send("four", listener.port());
  RawUdp("::1").send("six", listener.port());
  const Finished result = listener.finish();
  CHECK(contains(result.out, "six"));
  CHECK_FALSE(contains(result.out, "four"));
}

TEST_CASE("listen -i: traffic is bound to the interface, and an unknown one is listed") {
  Listener listener({"-i", "lo", "-c", "1"});
  RawUdp().send("x", listener.port());
  CHECK(listener.finish().ending == done);
  const Finished result = run_udptool({"listen", "-i", "nosuch0", "0"});
  CHECK(result.ending == failed);
  CHECK(contains(result.err, "no interface 'nosuch0'; known are lo"));
}

TEST_CASE("listen: a group is not joined, and an address hears no broadcasts: both are told") {
  CHECK(is_like(run_udptool({"listen", "-W", "50ms", "239.1.1.1:0"}).err,
                "[^]*note: 239\\.1\\.1\\.1 is a group: `udptool join 239\\.1\\.1\\.1:[0-9]+` joins it; [^]*"));
  CHECK(contains(run_udptool({"listen", "-v", "-W", "50ms", "127.0.0.1:0"}).err, " hears no broadcasts: "));
}

TEST_CASE("listen --rcvbuf: what was granted is told with -v") {
  Listener listener({"--rcvbuf", "64K", "-v"});
  CHECK(contains(listener.stop().err, "65536"));
}

TEST_CASE("listen: datagrams that a full kernel buffer cost are in the summary") {
  Listener listener({"--rcvbuf", "4K"});
  listener.signal(SIGSTOP);
  const RawUdp sender;
  for (int i = 0; i < 200; ++i) sender.send("0123456789", listener.port());
  listener.signal(SIGCONT);
  listener.wait_for(Stream::out, "0123456789");
  const Finished result = listener.stop();
  std::size_t heard = count_of(result.out, "\n");
  CHECK(contains(result.err, std::to_string(heard) + " datagrams, "));
  CHECK(contains(result.err, ", " + std::to_string(200 - heard) + " dropped, "));
  CHECK(heard < 200);
}

TEST_CASE("listen -q: no notices and no summary, but errors") {
  Listener listener({"-q", "-c", "1"});
  RawUdp().send("x", listener.port());
  const Finished result = listener.finish();
  CHECK(result.err.empty());
  CHECK(contains(result.out, "\t1\tx\n"));
  const RawUdp taken;
  CHECK(run_udptool({"listen", "-q", taken.endpoint()}).err.starts_with("udptool: cannot bind "));
}

TEST_CASE("listen --stats: a line of rates comes on stderr at each interval") {
  Listener listener({"--stats=50ms"});
  RawUdp().send("x", listener.port());
  listener.wait_for_match(Stream::err, "datagrams/s, .*bit/s, 1 sender, 0 dropped");
  CHECK(listener.stop().ending == done);
  Listener seconds({"--stats", "-j"});
  seconds.wait_for(Stream::out, "\"event\":\"stats\"");
}
