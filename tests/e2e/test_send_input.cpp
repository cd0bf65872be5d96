// SPDX-License-Identifier: MIT
// `udptool send` without messages: how stdin or a file becomes datagrams.
#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <csignal>

#include "support/check.hpp"
#include "support/udptool.hpp"

using namespace support;
using namespace std::string_literals;
using Strings = std::vector<std::string>;

namespace {

// What arrives when `input` is sent with these options; "end" last, from a second run.
Strings cut(const Words& options, std::string_view input) {
  const RawUdp peer;
  CHECK(run_with_input(to_peer(peer, options), input).ending == done);
  CHECK(run_udptool({"send", "127.0.0.1", std::to_string(peer.port()), "the end"}).ending == done);
  Strings got;
  for (std::string next = peer.next(); next != "the end"; next = peer.next()) got.push_back(next);
  return got;
}

}  // namespace

TEST_CASE("input: each line is a datagram without its newline, the last one with or without") {
  CHECK(cut({}, "one\ntwo\n") == Strings{"one", "two"});
  CHECK(cut({}, "one\ntwo") == Strings{"one", "two"});
  CHECK(cut({}, "one\n\nthree\n") == Strings{"one", "", "three"});
  CHECK(cut({}, "\n") == Strings{""});
  CHECK(cut({}, "with \0 zero\r\n"s) == Strings{"with \0 zero\r"s});
}

TEST_CASE("input: empty input sends nothing and is 0") {
  CHECK(cut({}, "").empty());
  const RawUdp peer;
  const Finished result = run_udptool(to_peer(peer, {}), {.input = Input::null});
  CHECK(result.ending == done);
  CHECK_FALSE(peer.receive(Milliseconds(30)));
}

TEST_CASE("input -D: another delimiter, of one byte or several, with escapes") {
  CHECK(cut({"-D", ";"}, "a;b;c") == Strings{"a", "b", "c"});
  CHECK(cut({"-D", "\\0"}, "a\nb\0c\0"s) == Strings{"a\nb", "c"});
  CHECK(cut({"-D", "\\r\\n"}, "a\r\nb\rc\nd\r\n\r\n") == Strings{"a", "b\rc\nd", ""});
  CHECK(cut({"-D", "--"}, "a---b----c") == Strings{"a", "-b", "", "c"});
}

TEST_CASE("input --chunk: pieces of that size, the last may be shorter") {
  CHECK(cut({"--chunk", "3"}, "abcdefgh") == Strings{"abc", "def", "gh"});
  CHECK(cut({"--chunk", "4"}, "ab\ndefgh") == Strings{"ab\nd", "efgh"});
  CHECK(cut({"--chunk", "4"}, "").empty());
}

TEST_CASE("input --whole: one datagram, newlines and all, and an empty one for no input") {
  CHECK(cut({"--whole"}, "a\nb\n") == Strings{"a\nb\n"});
  CHECK(cut({"--whole"}, "") == Strings{""});
  const std::string largest(65'507, 'x');
  CHECK(cut({"--whole"}, largest) == Strings{largest});
}

TEST_CASE("input --whole with --offset and --length: a part of it, and beyond it is exit 2") {
  CHECK(cut({"--whole", "--offset", "1", "--length", "2"}, "abcd") == Strings{"bc"});
  const RawUdp peer;
  CHECK(run_with_input(to_peer(peer, {"--whole", "--offset", "5"}), "abcd").ending == failed);
  CHECK_FALSE(peer.receive(Milliseconds(30)));
}

TEST_CASE("input -x and -e: each piece is decoded, and a bad one is exit 2 after the good ones before it") {
  CHECK(cut({"-x"}, "41 42\n43:44\n\n") == Strings{"AB", "CD", ""});
  CHECK(cut({"-e"}, "a\\nb\n\\x00\n") == Strings{"a\nb", "\0"s});
  const RawUdp peer;
  const Finished result = run_with_input(to_peer(peer, {"-x"}), "41\nzz\n42\n");
  CHECK(result.ending == failed);
  CHECK(contains(result.err, "'z'"));
  CHECK(peer.next() == "A");
  CHECK_FALSE(peer.receive(Milliseconds(30)));
}

TEST_CASE("input: what the text form prints, -e sends back as it was, every byte of it") {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  Listener listener({"-c", "1"});
  RawUdp().send(all, listener.port());
  const std::string line = listener.finish().out;
  const std::string text = line.substr(line.rfind('\t') + 1);
  CHECK(cut({"-e"}, text) == Strings{all});
}

TEST_CASE("input: a line leaves as soon as it is complete") {
  const RawUdp peer;
  Process sender(udptool(to_peer(peer, {})), {.input = Input::pipe});
  sender.write("first\n");
  CHECK(peer.next() == "first");
  sender.write("sec");
  sender.write("ond\nthi");
  CHECK(peer.next() == "second");
  sender.write("rd");
  sender.close_input();
  CHECK(peer.next() == "third");
  CHECK(sender.wait() == done);
}

TEST_CASE("input: replies that come while it runs are printed, and the end of input ends it at once") {
  const RawUdp peer;
  Process sender(udptool(to_peer(peer, {})), {.input = Input::pipe});
  sender.write("ask\n");
  const auto got = peer.receive();
  REQUIRE(got);
  peer.reply(*got, "answer");
  CHECK(sender.wait_for(Stream::out, "answer") == peer.endpoint() + "\t6\tanswer");
  sender.close_input();
  CHECK(sender.wait() == done);
}

TEST_CASE("input -w: after the end of input it waits for replies") {
  const RawUdp peer;
  Process sender(udptool(to_peer(peer, {"-w", "10", "--replies", "1"})), {.input = Input::pipe});
  sender.write("ask");
  sender.close_input();
  const auto got = peer.receive();
  REQUIRE(got);
  peer.reply(*got, "late");
  CHECK(sender.wait() == done);
  CHECK(contains(sender.out(), "late"));
}

TEST_CASE("input -f: a file is read instead of stdin, in rounds with -c") {
  const TemporaryFile file("a\nb\n");
  CHECK(cut({"-f", file.path()}, "not this") == Strings{"a", "b"});
  CHECK(cut({"-f", file.path(), "-c", "2"}, "") == Strings{"a", "b", "a", "b"});
  CHECK(cut({"-f", file.path(), "--whole"}, "") == Strings{"a\nb\n"});
  const RawUdp peer;
  CHECK(run_udptool(to_peer(peer, {}), {.input = Input::file, .input_file = file.path()}).ending == done);
  CHECK(peer.next() == "a");
}

TEST_CASE("input: a file that is missing, a directory or not readable is one line and exit 2") {
  const RawUdp peer;
  for (const char* path : {"/no/such/file", "/tmp", "/proc/self/mem"}) {
    CAPTURE(path);
    const Finished result = run_udptool(to_peer(peer, {"-f", path}));
    CHECK(result.ending == failed);
    CHECK(contains(result.err, path));
    CHECK(count_of(result.err, "\n") == 1);
  }
  CHECK_FALSE(peer.receive(Milliseconds(30)));
}

TEST_CASE("input: a stdin that is closed or a directory is one line and exit 2") {
  const RawUdp peer;
  for (const ProcessOptions& options :
       {ProcessOptions{.input = Input::closed}, ProcessOptions{.input = Input::file, .input_file = "/"}}) {
    const Finished result = run_udptool(to_peer(peer, {}), options);
    CHECK(result.ending == failed);
    CHECK(count_of(result.err, "\n") == 1);
  }
  CHECK_FALSE(peer.receive(Milliseconds(30)));
}

TEST_CASE("input: a line or chunk longer than a datagram is exit 2 at that piece, and nothing of it is sent") {
  const RawUdp peer;
  const Finished lines = run_with_input(to_peer(peer, {}), "before\n" + std::string(65'508, 'x') + "\nafter\n");
  CHECK(lines.ending == failed);
  CHECK(contains(lines.err, "65507"));
  CHECK(peer.next() == "before");
  CHECK_FALSE(peer.receive(Milliseconds(30)));
  const Finished chunks = run_with_input(to_peer(peer, {"--chunk", "65508"}), std::string(65'508, 'x'));
  CHECK(contains(chunks.err, "stdin, chunk 1 has 65508 bytes; a datagram holds at most 65507"));
  CHECK(cut({"--chunk", "64K"}, "short") == Strings{"short"});
  CHECK(cut({"--chunk", "128K", "--truncate=3"}, std::string(128 * 1'024, 'a') + std::string(128 * 1'024, 'b') + "c") ==
        Strings{"aaa", "bbb", "c"});
  CHECK(run_with_input(to_peer(peer, {"--whole"}), std::string(65'508, 'x')).ending == failed);
  CHECK_FALSE(peer.receive(Milliseconds(30)));
  CHECK(cut({}, std::string(65'507, 'x') + "\n") == Strings{std::string(65'507, 'x')});
}

TEST_CASE("input: an endless line is refused without reading for ever") {
  const RawUdp peer;
  const Finished result = run_udptool(to_peer(peer, {}), {.input = Input::file, .input_file = "/dev/zero"});
  CHECK(result.ending == failed);
}

TEST_CASE("input: many lines all arrive, in order") {
  Listener listener({"-r", "-D", "\\n", "-c", "5000"});
  std::string input;
  for (int i = 0; i < 5'000; ++i) input += "line " + std::to_string(i) + "\n";
  const Finished sent = run_with_input({"send", "--rate", "20k", "127.0.0.1", std::to_string(listener.port())}, input);
  CHECK(sent.ending == done);
  CHECK(listener.finish().out == input);
}

TEST_CASE("input -f -: it is stdin, and stays so by rounds") {
  CHECK(cut({"-f", "-"}, "a\nb\n") == Strings{"a", "b"});
  CHECK(cut({"-f", "-", "-c", "2"}, "a\n") == Strings{"a", "a"});
  const RawUdp peer;
  CHECK(run_with_input(to_peer(peer, {"-f", "-", "-c", "0"}), "x").ending == failed);
}

TEST_CASE("input -f: a FIFO is waited for, and -W and signals end that") {
  const RawUdp peer;
  const std::string path = TemporaryFile().path();
  REQUIRE(mkfifo(path.c_str(), 0600) == 0);
  CHECK(run_udptool(to_peer(peer, {"-W", "100ms", "-f", path})).ending == done);
  Process waiting(udptool(to_peer(peer, {"-v", "-f", path})));
  waiting.wait_for(Stream::err, "the receive buffer");
  CHECK(waiting.stop(SIGTERM).ending == done);
  for (const Words& options : {Words{}, Words{"--whole"}}) {
    Words words{"-f", path};
    words.insert(words.end(), options.begin(), options.end());
    Process sender(udptool(to_peer(peer, words)));
    const int writer = open(path.c_str(), O_WRONLY | O_CLOEXEC);  // waits for the reader
    CHECK(write(writer, "here", 4) == 4);
    close(writer);
    CHECK(sender.wait() == done);
    CHECK(peer.next() == "here");
  }
  std::filesystem::remove(path);
}

TEST_CASE("input --append: it ends each message, decoded or not, empty or not, and has to fit") {
  CHECK(cut({"--append", "\\r\\n"}, "a\n\nb") == Strings{"a\r\n", "\r\n", "b\r\n"});
  CHECK(cut({"--append", "\\0", "-x"}, "41\n42") == Strings{"A\0"s, "B\0"s});
  CHECK(cut({"--append", "!", "--whole"}, "a\n") == Strings{"a\n!"});
  CHECK(cut({"--append", "!", "--chunk", "2"}, "abc") == Strings{"ab!", "c!"});
  const RawUdp peer;
  Words words = to_peer(peer, {"--append", "\\n"});
  words.insert(words.end(), {"one", ""});
  CHECK(run_udptool(words).ending == done);
  CHECK(peer.next() == "one\n");
  CHECK(peer.next() == "\n");
  const Finished result = run_with_input(to_peer(peer, {"--whole", "--append", "!"}), std::string(65'507, 'x'));
  CHECK(result.ending == failed);
  CHECK(contains(result.err, "65508"));
  CHECK(run_udptool(to_peer(peer, {"--append", "!", "-l", "3"})).ending == failed);
  CHECK_FALSE(peer.receive(Milliseconds(30)));
}

TEST_CASE("input --skip-empty: no datagram for an empty piece, whatever would be appended") {
  CHECK(cut({"--skip-empty"}, "a\n\n\nb\n\n") == Strings{"a", "b"});
  CHECK(cut({"--skip-empty", "--append", "\\n", "-c", "2"}, "\na\n") == Strings{"a\n", "a\n"});
  CHECK(cut({"--skip-empty", "--whole"}, "").empty());
  const RawUdp peer;
  Words words = to_peer(peer, {"--skip-empty"});
  words.push_back("MESSAGE");
  CHECK(run_udptool(words).ending == failed);
}

TEST_CASE("input --truncate: a piece that is too long is cut and told, and the next one is whole") {
  CHECK(cut({"--truncate=3"}, "abcdef\nabc\n\nabcd") == Strings{"abc", "abc", "", "abc"});
  CHECK(cut({"--truncate=3", "--append", "!"}, "abcdef\nab") == Strings{"abc!", "ab!"});
  CHECK(cut({"--truncate=2", "-x"}, "41 42 43\n44") == Strings{"AB", "D"});
  CHECK(cut({"--truncate=2", "--whole"}, "abc\n") == Strings{"ab"});
  const std::string longest(65'507, 'x');
  const std::string endless(1'000'000, 'x');
  for (const char* delimiter : {"\n", "--"}) {
    const std::string input = endless + "-x" + delimiter + "next";
    CHECK(cut({"--truncate", "-D", delimiter}, input) == Strings{longest, "next"});
  }
  CHECK(cut({"--truncate", "-e"}, endless + "\\\\\nnext") == Strings{longest, "next"});
  const RawUdp peer;
  const Finished told = run_with_input(to_peer(peer, {"--truncate=1"}), "ab\ncd\ne\n");
  CHECK(told.ending == done);
  CHECK(told.err == "note: 2 pieces of stdin were too long, and were cut\n");
  CHECK(run_udptool(to_peer(peer, {"--truncate=1", "-f", "/dev/zero", "-W", "200ms"})).ending == done);
}

TEST_CASE("input --whole --offset --length: what counts as too long is what is left to send") {
  const TemporaryFile file(std::string(50'000, 'a') + "here" + std::string(50'000, 'b'));
  CHECK(cut({"--whole", "--offset", "50000", "--length", "4", "-f", file.path()}, "") == Strings{"here"});
  CHECK(cut({"--whole", "--offset", "100000", "-f", file.path()}, "") == Strings{"bbbb"});
  CHECK(cut({"--whole", "--offset", "1", "--length", "2", "-f", "/dev/zero", "-c", "2"}, "").size() == 2);
  CHECK(cut({"--whole", "--offset", "2", "--length", "1", "-x"}, "41 42 43") == Strings{"C"});
  const RawUdp peer;
  for (const Words& part : {Words{"--offset", "100005"}, Words{"--offset", "100000", "--length", "5"}, Words{}}) {
    Words words{"--whole", "-f", file.path()};
    words.insert(words.end(), part.begin(), part.end());
    CHECK(run_udptool(to_peer(peer, words)).ending == failed);
  }
  CHECK_FALSE(peer.receive(Milliseconds(30)));
}

TEST_CASE("input: what is no text and was cut at newlines is told, unless it was meant") {
  const RawUdp peer;
  struct Row {
    Words options;
    std::string input;
    bool told;
  };
  for (const Row& row :
       std::vector<Row>{{{}, "a\0b\n"s, true},
                        {{}, "one\n\xff\xfe\n", true},
                        {{}, std::string(300'000, 'a').replace(60'000, 1, "\n").insert(0, "\n\0"s), true},
                        {{}, "a\0b"s, false},
                        {{}, "gr\xc3\xbc\xc3\x9f\n", false},
                        {{"--whole"}, "a\0b\n"s, false},
                        {{"-D", "\\0"}, "a\0b\n"s, false},
                        {{"--chunk", "2"}, "a\0b\n"s, false}}) {
    Words words = row.options;
    words.push_back("--truncate");
    const Finished result = run_with_input(to_peer(peer, words), row.input);
    CAPTURE(row.input.substr(0, 20));
    CHECK(result.ending == done);
    CHECK(contains(result.err, "note: stdin is no text, and was cut at newlines: --whole sends it as one") == row.told);
  }
}

TEST_CASE("input: a line that is too long names the limit, and no number that is another") {
  const RawUdp peer;
  const Finished result = run_with_input(to_peer(peer, {}), std::string(70'000, 'x'));
  CHECK(result.ending == failed);
  CHECK(contains(result.err, "stdin, line 1 is longer than a datagram, which holds at most 65507 bytes over IPv4"));
  CHECK_FALSE(contains(result.err, "65508"));
}
