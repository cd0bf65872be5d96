// SPDX-License-Identifier: MIT
// `listen --chat`: what is typed, and to whom it goes.
#include <deque>
#include <string>

#include "support/check.hpp"
#include "support/udptool.hpp"

using namespace support;

namespace {

const ProcessOptions typed{.input = Input::pipe};

}  // namespace

TEST_CASE("chat: lines go to who wrote last, without their newline, and a notice says to whom") {
  Listener listener({"--chat"}, {"127.0.0.1:0"}, 1, typed);
  const RawUdp one, two;
  one.send("hi", listener.port());
  listener.wait_for(Stream::out, "hi");
  listener.write("hello one\n");
  CHECK(one.next() == "hello one");
  listener.wait_for(Stream::err, "sent 9 bytes to " + one.endpoint());
  two.send("hey", listener.port());
  listener.wait_for(Stream::out, "hey");
  listener.write("hello two\n\n");
  CHECK(two.next() == "hello two");
  CHECK(two.next().empty());
}

TEST_CASE("chat: a line before anybody wrote is a notice; the end of input is no end") {
  Listener listener({"--chat"}, {"127.0.0.1:0"}, 1, typed);
  listener.write("anybody?\n");
  listener.wait_for(Stream::err, "nobody has written yet: not sent");
  const RawUdp sender;
  sender.send("x", listener.port());
  listener.wait_for(Stream::out, "\tx");
  listener.write("no newline");
  listener.close_input();
  CHECK(sender.next() == "no newline");
  sender.send("still there", listener.port());
  listener.wait_for(Stream::out, "still there");
  CHECK(listener.stop().ending == done);
}

TEST_CASE("chat: /to picks another, /who lists them, //text sends /text, any other word is a notice") {
  Listener listener({"--chat"}, {"127.0.0.1:0"}, 1, typed);
  const RawUdp one, two, third;
  one.send("a", listener.port());
  listener.wait_for(Stream::out, "\ta");
  two.send("b", listener.port());
  listener.wait_for(Stream::out, "\tb");
  listener.write("/to " + one.endpoint() + "\nfor one\n");
  CHECK(one.next() == "for one");
  two.send("c", listener.port());
  listener.wait_for(Stream::out, "\tc");
  listener.write("//still for one\n");
  CHECK(one.next() == "/still for one");
  listener.write("/who\n");
  listener.wait_for(Stream::err, two.endpoint() + ": 2 datagrams");
  listener.wait_for(Stream::err, one.endpoint() + ": 1 datagram");
  listener.write("/to " + third.endpoint() + "\nunasked\n");
  CHECK(third.next() == "unasked");
  for (const char* word : {"/quit", "/to", "/to nowhere", "/to 127.0.0.1", "/to [::1]:9", "/who there"}) {
    const std::size_t before = listener.err().size();
    listener.write(std::string(word) + "\n");
    listener.wait_for_bytes(Stream::err, before + 10);
  }
  CHECK_FALSE(third.receive(Milliseconds(50)));
  CHECK_FALSE(two.receive(Milliseconds(50)));
}

TEST_CASE("chat: of many senders the last 100 are listed, each by the address that it can be answered at") {
  constexpr std::size_t listed = 100;
  Listener listener({"--chat"}, {"127.0.0.1:0"}, 1, typed);
  std::deque<RawUdp> senders;
  for (std::size_t i = 0; i < listed + 20; ++i) {
    senders.emplace_back().send(std::to_string(i), listener.port());
    listener.wait_for(Stream::out, "\t" + std::to_string(i));
  }
  listener.write("/who\n");
  listener.wait_for(Stream::err, senders[20].endpoint() + ": 1 datagram");
  CHECK(count_of(listener.err(), ": 1 datagram") == listed);
  CHECK_FALSE(contains(listener.err(), senders[19].endpoint()));
  // Whom it has forgotten it can still be told of.
  listener.write("/to " + senders[0].endpoint() + "\nyou again\n");
  CHECK(senders[0].next() == "you again");
}

TEST_CASE("chat: a line that no datagram holds is told and not sent") {
  Listener listener({"--chat"}, {"127.0.0.1:0"}, 1, typed);
  const RawUdp sender;
  sender.send("x", listener.port());
  listener.wait_for(Stream::out, "\tx");
  listener.write(std::string(65'508, 'l') + "\n" + std::string(200'000, 'l') + "\nshort\n");
  listener.wait_for(Stream::err, "a line of 65508 bytes is more than a datagram holds");
  listener.wait_for(Stream::err, "a line of 200000 bytes is more than a datagram holds");
  CHECK(sender.next() == "short");
}

TEST_CASE("chat: what does not arrive is told: who refuses, and what this host does not let out, with the cure") {
  Listener listener({"--chat"}, {"127.0.0.1:0"}, 1, typed);
  const std::string closed = "127.0.0.1:" + std::to_string(unused_port());
  listener.write("/to " + closed + "\nhello\n");
  listener.wait_for(Stream::err, closed + " refuses: port unreachable from 127.0.0.1");
  listener.write("/to 127.255.255.255:9\nall of you\n");
  listener.wait_for(Stream::err, "not sent to 127.255.255.255:9: Permission denied (add --broadcast)");
  const RawUdp peer;
  listener.write("/to " + peer.endpoint() + "\nstill here\n");
  CHECK(peer.next() == "still here");
  CHECK(listener.stop().ending == done);
}

TEST_CASE("chat: two answering modes are bad usage") {
  CHECK(run_udptool({"listen", "--chat", "--echo", "0"}).ending == failed);
  CHECK(run_udptool({"listen", "--chat", "--exec", "cat", "0"}).ending == failed);
  CHECK(run_udptool({"listen", "--chat", "--stamp", "0"}).ending == failed);
}
