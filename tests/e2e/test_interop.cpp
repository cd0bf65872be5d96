// SPDX-License-Identifier: MIT
// Other people's programs, in both directions, where they are installed.
#include "support/check.hpp"
#include "support/udptool.hpp"

using namespace support;

namespace {

// `$1` is the port, `$2` the text.
struct Peer {
  const char* program;
  const char* send;     // a shell script that sends one datagram to 127.0.0.1:$1
  const char* receive;  // one that receives on 127.0.0.1:$1 and prints payloads
  const char* echo;     // one that echoes on 127.0.0.1:$1, or null
};

constexpr Peer peers[] = {
    {"nc.openbsd", "printf %s \"$2\" | nc.openbsd -u -q 0 127.0.0.1 $1", "exec nc.openbsd -u -l 127.0.0.1 $1", nullptr},
    {"ncat", "printf %s \"$2\" | ncat -u --send-only 127.0.0.1 $1", "exec ncat -u -l 127.0.0.1 $1",
     "exec ncat -u -l 127.0.0.1 $1 --exec /bin/cat"},
    {"socat", "printf %s \"$2\" | socat -u STDIN UDP4-SENDTO:127.0.0.1:$1",
     "exec socat -u UDP4-RECV:$1,bind=127.0.0.1 STDOUT", "exec socat UDP4-RECVFROM:$1,bind=127.0.0.1,fork EXEC:cat"},
    {"node",
     "node -e \"const s=require('dgram').createSocket('udp4');"
     "s.send(process.argv[2],+process.argv[1],'127.0.0.1',()=>s.close())\" \"$1\" \"$2\"",
     "exec node -e \"const s=require('dgram').createSocket('udp4');"
     "s.on('message',m=>process.stdout.write(m)).bind(+process.argv[1],'127.0.0.1')\" $1",
     "exec node -e \"const s=require('dgram').createSocket('udp4');"
     "s.on('message',(m,r)=>s.send(m,r.port,r.address)).bind(+process.argv[1],'127.0.0.1')\" $1"},
    {"python3",
     "python3 -c 'import socket,sys;"
     "socket.socket(2,2).sendto(sys.argv[2].encode(),(\"127.0.0.1\",int(sys.argv[1])))' $1 \"$2\"",
     "exec python3 -uc 'import socket,sys\ns=socket.socket(2,2)\ns.bind((\"127.0.0.1\",int(sys.argv[1])))\n"
     "while 1: sys.stdout.buffer.write(s.recv(65536)); sys.stdout.flush()' $1",
     "exec python3 -c 'import socket,sys\ns=socket.socket(2,2)\ns.bind((\"127.0.0.1\",int(sys.argv[1])))\n"
     "while 1: s.sendto(*s.recvfrom(65536))' $1"},
};

Words script(const char* text, std::uint16_t port, const std::string& payload = {}) {
  return {"sh", "-euc", text, "sh", std::to_string(port), payload};
}

void check_sends_to_us(const Peer& peer) {
  Listener listener({"-c", "2"});
  for (const std::string& text : {std::string("hello from afar"), std::string("gr\xc3\xbc\xc3\x9f\nsecond line")}) {
    CHECK(run(script(peer.send, listener.port(), text)).ending == done);
  }
  const std::string out = listener.finish().out;
  CHECK(contains(out, "\t15\thello from afar\n"));
  CHECK(contains(out, "\t18\tgr\xc3\xbc\xc3\x9f\\nsecond line\n"));
}

void check_hears_us(const Peer& peer) {
  const std::uint16_t port = unused_port();
  Process receiver(script(peer.receive, port));
  REQUIRE(receiver.wait_for_port() == port);
  CHECK(run_udptool({"send", "127.0.0.1", std::to_string(port), "hello world\n"}).ending == done);
  CHECK(receiver.wait_for(Stream::out, "world") == "hello world");
}

void check_answers_us(const Peer& peer) {
  const std::uint16_t port = unused_port();
  Process echo(script(peer.echo, port));
  REQUIRE(echo.wait_for_port() == port);
  const Finished result =
      run_udptool({"send", "-w", "10", "--replies", "1", "127.0.0.1", std::to_string(port), "there and back"});
  CHECK(result.ending == done);
  CHECK(contains(result.out, "\t14\tthere and back\n"));
}

void check_peer(std::string_view program) {
  SKIP_UNLESS(have(program), std::string(program) + " is not installed");
  for (const Peer& peer : peers) {
    if (peer.program != program) continue;
    check_sends_to_us(peer);
    check_hears_us(peer);
    if (peer.echo != nullptr) check_answers_us(peer);
  }
}

}  // namespace

TEST_CASE("interop: nc.openbsd is heard and hears") { check_peer("nc.openbsd"); }
TEST_CASE("interop: ncat is heard, hears and answers") { check_peer("ncat"); }
TEST_CASE("interop: socat is heard, hears and answers") { check_peer("socat"); }
TEST_CASE("interop: node's dgram is heard, hears and answers") { check_peer("node"); }
TEST_CASE("interop: python3 is heard, hears and answers") { check_peer("python3"); }

TEST_CASE("interop: netcat asks our echo and gets its answer") {
  SKIP_UNLESS(have("nc.openbsd"), "nc.openbsd is not installed");
  Listener listener({"--echo", "-c", "1"});
  Process netcat({"nc.openbsd", "-u", "127.0.0.1", std::to_string(listener.port())}, {.input = Input::pipe});
  netcat.write("echo me\n");
  CHECK(netcat.wait_for(Stream::out, "me") == "echo me");
}
