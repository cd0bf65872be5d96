// SPDX-License-Identifier: MIT
// What `udptool listen` prints, form by form.
#include "support/check.hpp"
#include "support/udptool.hpp"

using namespace support;
using namespace std::string_literals;

namespace {

// Sends one datagram to a listener with -c 1 and these options.
Finished hear_one(Words options, std::string_view payload, const RawUdp& sender = RawUdp()) {
  options.insert(options.end(), {"-c", "1"});
  Listener listener(options);
  sender.send(payload, listener.port());
  return listener.finish();
}

constexpr const char* time6 = "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{6}Z";
constexpr const char* time9 = "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{9}Z";

}  // namespace

TEST_CASE("text: controls, invalid UTF-8, separators and bidirectional controls are escaped, the rest is not") {
  const RawUdp sender;
  const auto line = [&](std::string_view payload) {
    const std::string out = hear_one({}, payload, sender).out;
    const std::string head = sender.endpoint() + "\t" + std::to_string(payload.size()) + "\t";
    REQUIRE(out.starts_with(head));
    return out.substr(head.size());
  };
  CHECK(line("") == "\n");
  CHECK(line("gr\xc3\xbc\xc3\x9f \"q\"") == "gr\xc3\xbc\xc3\x9f \"q\"\n");
  CHECK(line("\0\1\n\\"s) == "\\x00\\x01\\n\\\\\n");
  CHECK(line("\x1b]0;title\a\x1b[2J") == "\\x1b]0;title\\x07\\x1b[2J\n");
  CHECK(line("\xff\xc2\x9b\x7f\t\r") == "\\xff\\xc2\\x9b\\x7f\\t\\r\n");
  CHECK(line("a\xe2\x80\xae"
             "b\xe2\x80\xa8") == "a\\xe2\\x80\\xaeb\\xe2\\x80\\xa8\n");
}

TEST_CASE("text -T: the kernel's receive time is the first column") {
  const RawUdp sender;
  CHECK(is_like(hear_one({"-T"}, "x", sender).out, time6 + "\t"s + sender.endpoint() + "\t1\tx\n"));
}

TEST_CASE("text -v: destination, interface, TTL, DSCP and ECN stand before the payload") {
  Listener listener({"-v", "-c", "1"});
  const std::string port = std::to_string(listener.port());
  CHECK(run_udptool({"send", "-t", "9", "--dscp", "ef", "127.0.0.1", port, "x"}).ending == done);
  const Finished result = listener.finish();
  CHECK(contains(result.out, "\t1\tto=127.0.0.1:" + port + " if=lo ttl=9 dscp=46 ecn=0\tx\n"));
}

TEST_CASE("hex: the text line without payload, then rows as hexdump -C prints them, none squeezed") {
  const RawUdp sender;
  const std::string head = sender.endpoint() + "\t";
  CHECK(hear_one({"-o", "hex"}, "", sender).out == head + "0\n");
  CHECK(hear_one({"-o", "hex"}, "hello\n", sender).out ==
        head + "6\n00000000  68 65 6c 6c 6f 0a                                 |hello.|\n");
  const std::string row = "30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  |0123456789abcdef|\n";
  CHECK(hear_one({"-o", "hex"}, "0123456789abcdef0123456789abcdef0123456789abcdef\xff", sender).out ==
        head + "49\n00000000  " + row + "00000010  " + row + "00000020  " + row +
            "00000030  ff                                                |.|\n");
}

TEST_CASE("hex: rows are those of hexdump itself") {
  SKIP_UNLESS(have("hexdump"), "no hexdump");
  std::string all;
  for (int i = 0; i < 300; ++i) all += static_cast<char>(i);
  const TemporaryFile file(all);
  std::string expected = run({"hexdump", "-Cv", file.path()}).out;
  expected.erase(expected.rfind("0000012c"));
  const std::string out = hear_one({"-o", "hex"}, all).out;
  CHECK(out.substr(out.find('\n') + 1) == expected);
}

TEST_CASE("raw: payload bytes and nothing else, with -D after each datagram") {
  const std::string bytes = "\0\x1b[2J\xff\n"s;
  CHECK(hear_one({"-r"}, bytes).out == bytes);
  CHECK(hear_one({"-o", "raw"}, "").out.empty());
  Listener listener({"-r", "-D", "\\n--\\x00", "-c", "3"});
  const RawUdp sender;
  for (const char* text : {"a", "", "b"}) sender.send(text, listener.port());
  CHECK(listener.finish().out == "a\n--\0\n--\0b\n--\0"s);
}

TEST_CASE("raw: 65,507 bytes come out whole") {
  const std::string bytes(65'507, 'x');
  CHECK(hear_one({"-r"}, bytes).out == bytes);
}

TEST_CASE("none: nothing on stdout, and the summary counts") {
  const Finished result = hear_one({"-o", "none"}, "abc");
  CHECK(result.out.empty());
  CHECK(contains(result.err, "1 datagram, 3 bytes"));
}

TEST_CASE("json: one object a line for everything that happens, and stderr stays empty") {
  const RawUdp sender;
  const Finished result = hear_one({"-j"}, "hello world", sender);
  CHECK(result.ending == done);
  CHECK(result.err.empty());
  const std::string time = "\"time\":\""s + time9 + "\"";
  CHECK(is_like(result.out,
                "\\{\"event\":\"listening\"," + time +
                    ",\"family\":\"IPv4\",\"address\":\"127\\.0\\.0\\.1\",\"port\":[0-9]+\\}\n"
                    "\\{\"event\":\"message\"," +
                    time +
                    ",\"family\":\"IPv4\",\"address\":\"127\\.0\\.0\\.1\",\"port\":" + std::to_string(sender.port()) +
                    ",\"size\":11,\"to\":\"127\\.0\\.0\\.1\",\"to_port\":[0-9]+,\"interface\":\"lo\",\"ttl\":64,"
                    "\"dscp\":0,\"ecn\":0,\"text\":\"hello world\"\\}\n"
                    "\\{\"event\":\"close\"," +
                    time +
                    ",\"datagrams\":1,\"bytes\":11,\"senders\":1,\"dropped\":0,\"ignored\":0,"
                    "\"seconds\":[0-9]+\\.[0-9]{3}\\}\n"));
}

TEST_CASE("json: valid UTF-8 is text with escapes as \\u, anything else is base64") {
  CHECK(contains(hear_one({"-j"}, "q\"b\\").out, "\"text\":\"q\\\"b\\\\\"}"));
  CHECK(contains(hear_one({"-j"}, "\n\x1b\x7f").out, "\\u001b\\u007f\"}"));
  CHECK(contains(hear_one({"-j"}, "a\xe2\x80\xae").out, "\"text\":\"a\\u202e\"}"));
  CHECK(contains(hear_one({"-j"}, "\xc2\x9b").out, "\"text\":\"\\u009b\"}"));
  CHECK(contains(hear_one({"-j"}, "gr\xc3\xbc\xc3\x9f").out, "\"text\":\"gr\xc3\xbc\xc3\x9f\"}"));
  CHECK(contains(hear_one({"-j"}, "").out, "\"text\":\"\"}"));
  CHECK(contains(hear_one({"-j"}, "\xff\xfe\xfd").out, "\"base64\":\"//79\"}"));
  CHECK(contains(hear_one({"-j"}, "\xed\xa0\x80").out, "\"base64\":\"7aCA\"}"));
}

TEST_CASE("json: every line is read by a real JSON reader") {
  SKIP_UNLESS(have("python3"), "no python3");
  Listener listener({"-j", "-c", "256"});
  const RawUdp sender;
  for (int i = 0; i < 256; ++i) {
    const char byte[] = {static_cast<char>(i), 'x'};
    sender.send({byte, 2}, listener.port());
  }
  const TemporaryFile file(listener.finish().out);
  const Finished read = run({"python3", "-c",
                             "import json,sys,base64\n"
                             "events=[json.loads(line) for line in open(sys.argv[1],encoding='utf-8')]\n"
                             "got=[e for e in events if e['event']=='message']\n"
                             "for i,e in enumerate(got):\n"
                             "  b=e['text'].encode() if 'text' in e else base64.b64decode(e['base64'])\n"
                             "  assert b==bytes([i])+b'x',(i,e)\n"
                             "print(len(events))",
                             file.path()});
  CHECK(read.out == "258\n");
  CHECK(read.err.empty());
}

TEST_CASE("json: an error is an event and the one line on stderr") {
  const RawUdp taken;
  const Finished result = run_udptool({"listen", "-j", taken.endpoint()});
  CHECK(result.ending == failed);
  CHECK(contains(result.out, "\"event\":\"error\""));
  CHECK(contains(result.out, "\"code\":\"EADDRINUSE\""));
  CHECK(result.err.starts_with("udptool: cannot bind "));
  CHECK(count_of(result.err, "\n") == 1);
}

TEST_CASE("color: never in a pipe by itself, always on demand") {
  CHECK_FALSE(contains(hear_one({}, "x").out, "\x1b"));
  CHECK_FALSE(contains(hear_one({"--color", "never"}, "x").out, "\x1b"));
  CHECK(contains(hear_one({"--color", "always"}, "x").out, "\x1b["));
  CHECK_FALSE(contains(hear_one({"--color=always", "-j"}, "x").out, "\x1b"));
  CHECK_FALSE(contains(hear_one({"--color=always", "-r"}, "x").out, "\x1b"));
  CHECK_FALSE(contains(hear_one({"--color=always"}, "x").err, "\x1b"));  // scripts read it
}

TEST_CASE("color: on a terminal notices are dim and losses red, the confined command's too; NO_COLOR objects") {
  SKIP_UNLESS(run({"sh", "-c", "command -v script"}).ending == done, "no script");
  const std::string command = udptool({})[0] + " listen -v -o none -w 50ms 127.0.0.1:0; " + udptool({})[0] +
                              " send -v -l 10 127.0.0.1 " + std::to_string(unused_port());
  const auto shown = [&](const char* objection) {
    return run({"script", "-qec", command, "/dev/null"}, {.environment = {"TERM=xterm", objection}}).out;
  };
  const std::string colored = shown("NO_COLOR=");
  CAPTURE(colored);
  CHECK(contains(colored, "\nlistening on 127.0.0.1:"));
  CHECK(contains(colored, "\x1b[2mnote: the receive buffer is "));  // said before the sandbox
  CHECK(contains(colored, " hears no broadcasts: they come to "));
  // What other tests sent to closed ports meanwhile is told with its loss in red instead.
  const std::string others = "note: meanwhile this host's kernel \x1b[31mdropped ";
  CHECK(count_of(colored, "note: ") == count_of(colored, "\x1b[2mnote: ") + count_of(colored, others));
  CHECK(contains(colored, "\x1b[31m1 refused\x1b[0m"));
  CHECK_FALSE(contains(shown("NO_COLOR=1"), "\x1b"));
}

TEST_CASE("IPv6 senders stand in brackets, and 65,527 bytes arrive whole") {
  SKIP_UNLESS(has_ipv6(), "no IPv6 here");
  Listener text({"-c", "1"}, {"[::1]:0"});
  const RawUdp sender("::1");
  sender.send("six", text.port());
  CHECK(text.finish().out == sender.endpoint() + "\t3\tsix\n");
  Listener raw({"-r", "-c", "1"}, {"[::1]:0"});
  const std::string largest(65'527, 'y');
  sender.send(largest, raw.port());
  CHECK(raw.finish().out == largest);
}
