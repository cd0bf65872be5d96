// SPDX-License-Identifier: MIT
// Words that cannot be: each is exit 2, one line on stderr that names the word, and nothing sent. And the
// help.
#include <algorithm>
#include <sstream>

#include "support/check.hpp"
#include "support/udptool.hpp"

using namespace support;

namespace {

void check_refused(const std::vector<Refused>& rows) {
  for (const Refused& row : rows) {
    CAPTURE(row.words);
    const std::string err = refusal(row.words);
    CAPTURE(err);
    CHECK(err.starts_with("udptool: "));
    CHECK(contains(err, row.part));
  }
}

std::size_t widest(const std::string& text) {
  std::size_t most = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) most = std::max(most, line.size());
  return most;
}

}  // namespace

TEST_CASE("words: no command, an unknown one, and mistyped ones that are suggested") {
  check_refused({{{}, "udptool --help"},
                 {{"lisen", "0"}, "did you mean 'listen'"},
                 {{"snd", "h", "1"}, "did you mean 'send'"},
                 {{"banana"}, "'banana'"},
                 {{"--lisen"}, "'--lisen'"},
                 {{"li\x1b[2Jsten"}, "li\\x1b[2Jsten"},
                 {{""}, "''"}});
  CHECK_FALSE(contains(run_udptool({"banana"}).err, "did you mean"));
}

TEST_CASE("words: a mistyped option names the nearest one, and the help") {
  check_refused({{{"listen", "--exho", "0"}, "did you mean '--echo'"},
                 {{"listen", "--jsn", "0"}, "did you mean '--json'"},
                 {{"listen", "--stat", "0"}, "did you mean '--stats'"},
                 {{"listen", "--vers", "0"}, "did you mean '--version'"},
                 {{"probe", "-trace", "h"}, "no option '-trace' (did you mean '--trace'?)"},
                 {{"send", "-interval", "1", "h", "1"}, "did you mean '--interval'"},
                 {{"send", "-whole", "h", "1"}, "did you mean '--whole'"},
                 {{"-q", "listen", "0"}, "options stand behind the command: 'udptool listen -q'"},
                 {{"probe", "-c", "2", "--interval", "99us", "h", "1"}, "'99us': at least 100us"},
                 {{"send", "--dlimiter", "x", "h", "1"}, "did you mean '--delimiter'"},
                 {{"send", "--intervall=1", "h", "1"}, "did you mean '--interval'"},
                 {{"listen", "--banana", "0"}, "see 'udptool listen --help'"},
                 {{"send", "-Q", "h", "1"}, "see 'udptool send --help'"},
                 {{"listen", "--ech\x1b[2J", "0"}, "\\x1b"}});
}

TEST_CASE("words: an option without its value, or a flag with one") {
  check_refused({{{"listen", "0", "-c"}, "--count"},
                 {{"send", "h", "1", "--delimiter"}, "--delimiter"},
                 {{"listen", "--echo=yes", "0"}, "--echo"}});
}

TEST_CASE("words: numbers that are malformed or out of range name the word and the range") {
  check_refused({{{"listen", "-c", "-1", "0"}, "'-1'"},
                 {{"listen", "-c", "0", "0"}, "'0'"},
                 {{"listen", "-c", "1x", "0"}, "'1x'"},
                 {{"listen", "-w", "5x", "0"}, "'5x'"},
                 {{"listen", "-W", "", "0"}, "''"},
                 {{"listen", "--rcvbuf", "1k", "0"}, "'1k'"},
                 {{"listen", "--ttl", "0", "0"}, "1 to 255"},
                 {{"listen", "--ttl", "256", "0"}, "'256'"},
                 {{"listen", "--dscp", "64", "0"}, "'64'"},
                 {{"listen", "--dscp", "EFF", "0"}, "'EFF'"},
                 {{"listen", "--stats=0", "0"}, "--stats"},
                 {{"send", "--rate", "0", "127.0.0.1", "9", "x"}, "'0'"},
                 {{"send", "--bitrate", "fast", "127.0.0.1", "9", "x"}, "'fast'"},
                 {{"send", "--chunk", "0", "127.0.0.1", "9"}, "'0'"},
                 {{"send", "--replies", "0", "127.0.0.1", "9", "x"}, "'0'"},
                 {{"send", "-t", "0", "127.0.0.1", "9", "x"}, "1 to 255"},
                 {{"send", "--offset", "-1", "127.0.0.1", "9", "x"}, "'-1'"}});
}

TEST_CASE("words: hosts, ports and endpoints that cannot be") {
  check_refused(
      {{{"listen"}, "ENDPOINT"},
       {{"listen", "65536"}, "'65536'"},
       {{"listen", "-1"}, "-1"},
       {{"listen", "127.0.0.1"}, "127.0.0.1:PORT"},
       {{"listen", "::1"}, "[::1]:PORT"},
       {{"listen", "010.8.8.8:53"}, "010.8.8.8"},
       {{"listen", "1.2.3:53"}, "1.2.3"},
       {{"listen", "[::1"}, "'[::1'"},
       {{"listen", "127.0.0.1"}, "write 127.0.0.1:PORT"},
       {{"listen", "example.org"}, "write example.org:PORT"},
       {{"listen", "127.0.0.1 5000"}, "'127.0.0.1 5000' is neither a port nor ADDRESS:PORT"},
       {{"listen", "127.0.0.1:53:54"}, "'127.0.0.1:53:54' is neither a port nor ADDRESS:PORT"},
       {{"send", "fe80::1%nosuch0", "9", "x"}, "'fe80::1%nosuch0': no interface 'nosuch0'"},
       {{"send", "--offset", "5", "127.0.0.1", "9", "abc"}, ": --offset 5 reaches beyond MESSAGE, which has 3"},
       {{"send", "--length", "5", "127.0.0.1", "9", "abc"}, ": --length 5 reaches beyond MESSAGE, which has 3"},
       {{"listen", "no-such-host.invalid:9"}, "no-such-host.invalid"},
       {{"send"}, "HOST"},
       {{"send", "127.0.0.1"}, "PORT"},
       {{"send", "127.0.0.1", "0", "x"}, "'0'"},
       {{"send", "127.0.0.1", "65536", "x"}, "'65536'"},
       {{"send", "127.0.0.1", "no-such-service", "x"}, "'no-such-service'"},
       {{"send", "010.8.8.8", "9", "x"}, "010.8.8.8"},
       {{"send", "1.2.3", "9", "x"}, "1.2.3"},
       {{"send", "1.2.3.4x", "9", "x"}, "1.2.3.4x"},
       {{"send", "", "9", "x"}, "''"},
       {{"send", "no-such-host.invalid", "9", "x"}, "no-such-host.invalid"},
       {{"send", "-s", "banana", "127.0.0.1", "9", "x"}, "banana"},
       {{"send", "-i", "nosuch0", "127.0.0.1", "9", "x"}, "nosuch0"},
       {{"listen", "--allow", "10.0.0.0/33", "0"}, "10.0.0.0/33"},
       {{"listen", "--deny", "banana", "0"}, "'banana'"}});
}

TEST_CASE("words: a bad word is shown in printable form, on one line") {
  const std::string word = "a\n\x1b[2J";
  const char* shown = "a\\n\\x1b[2J";
  check_refused({{{word}, shown},
                 {{"listen", word}, shown},
                 {{"listen", word + ":9"}, shown},
                 {{"listen", "[" + word}, shown},
                 {{"listen", "1." + word}, shown},
                 {{"listen", "-c", word, "0"}, shown},
                 {{"listen", "-w", word, "0"}, shown},
                 {{"listen", "-o", word, "0"}, shown},
                 {{"listen", "-i", word, "0"}, shown},
                 {{"listen", "--color", word, "0"}, shown},
                 {{"listen", "--dscp", word, "0"}, shown},
                 {{"listen", "--rcvbuf", word, "0"}, shown},
                 {{"listen", "--allow", word, "0"}, shown},
                 {{"listen", "--" + word, "0"}, shown},
                 {{"send", word, "9", "x"}, shown},
                 {{"send", "127.0.0.1", word, "x"}, shown},
                 {{"send", "--rate", word, "127.0.0.1", "9", "x"}, shown},
                 {{"send", "-s", word, "127.0.0.1", "9", "x"}, shown},
                 {{"send", "-f", word, "127.0.0.1", "9"}, shown}});
}

TEST_CASE("words: options that contradict each other") {
  check_refused({{{"listen", "-4", "-6", "0"}, "-6"},
                 {{"send", "-4", "-6", "localhost", "9", "x"}, "-6"},
                 {{"send", "-4", "::1", "9", "x"}, "::1"},
                 {{"send", "-6", "127.0.0.1", "9", "x"}, "127.0.0.1"},
                 {{"listen", "-4", "[::1]:0"}, "::1"},
                 {{"send", "--whole", "--chunk", "3", "127.0.0.1", "9"}, "--chunk"},
                 {{"send", "-l", "3", "127.0.0.1", "9", "message"}, "--size"},
                 {{"send", "-l", "3", "-f", "/dev/null", "127.0.0.1", "9"}, "--file"},
                 {{"send", "--empty", "127.0.0.1", "9", "message"}, "--empty"},
                 {{"send", "--empty", "-f", "/dev/null", "127.0.0.1", "9"}, "--empty"},
                 {{"send", "-f", "/dev/null", "127.0.0.1", "9", "message"}, "MESSAGE"},
                 {{"send", "-x", "-e", "127.0.0.1", "9", "41"}, "--hex"},
                 {{"send", "-c", "0", "127.0.0.1", "9"}, "stdin"}});
}

TEST_CASE("words: an option that would change nothing without another is refused") {
  check_refused({{{"listen", "--jobs", "2", "0"}, "--jobs is for --exec"},
                 {{"listen", "--exec-timeout", "2", "0"}, "--exec-timeout is for --exec"},
                 {{"listen", "--stamp-key", "/dev/null", "0"}, "--stamp-key is for --stamp"},
                 {{"listen", "--session-timeout", "2", "0"}, "--session-timeout is for --forward"},
                 {{"join", "--session-timeout", "2", "239.1.1.1"}, "--session-timeout is for --forward"},
                 {{"listen", "--impair", "loss=1%", "0"}, "--impair is for --forward"},
                 {{"listen", "--clock-rate", "8000", "0"}, "--clock-rate is for --rtp"},
                 {{"join", "--clock-rate", "97=8000", "--sequence", "239.1.1.1"}, "--clock-rate is for --rtp"}});
}

TEST_CASE("words: options stand before, between or after the words, and -- ends them") {
  const RawUdp peer;
  const std::string port = std::to_string(peer.port());
  for (const Words& words :
       {Words{"send", "-c", "1", "127.0.0.1", port, "x"}, Words{"send", "127.0.0.1", "-c", "1", port, "x"},
        Words{"send", "127.0.0.1", port, "x", "-c", "1"}, Words{"send", "127.0.0.1", port, "x", "-c1"},
        Words{"send", "127.0.0.1", port, "x", "--count=1"}}) {
    CHECK(run_udptool(words).ending == done);
    CHECK(peer.next() == "x");
  }
  CHECK(run_udptool({"send", "127.0.0.1", port, "--", "-c", "--help"}).ending == done);
  CHECK(peer.next() == "-c");
  CHECK(peer.next() == "--help");
}

TEST_CASE("words: messages that look like lists, numbers or options of others arrive as they are") {
  const RawUdp peer;
  const std::string port = std::to_string(peer.port());
  const Words messages{"[1,2]", "[", "]", "{}", "a,b", "'q'", "\"q\"", "%s", "1", "=", "@file", "true", "++", "[[x]]"};
  Words words{"send", "127.0.0.1", port};
  words.insert(words.end(), messages.begin(), messages.end());
  CHECK(run_udptool(words).ending == done);
  for (const std::string& text : messages) CHECK(peer.next() == text);
}

TEST_CASE("words: the overview fits a screen and shows every command with an example") {
  for (const Words& words : {Words{"--help"}, Words{"-h"}, Words{"help"}}) {
    const Finished result = run_udptool(words);
    CHECK(result.ending == done);
    CHECK(result.err.empty());
    CHECK(count_of(result.out, "\n") <= 24);
    CHECK(widest(result.out) <= 80);
    for (const char* part : {"udptool listen 41234", "udptool send ", "udptool join ", "udptool probe "}) {
      CHECK(contains(result.out, part));
    }
  }
}

TEST_CASE("words: a command's help groups its options and has no long lines") {
  for (const std::string command : {"listen", "send", "join", "probe"}) {
    CAPTURE(command);
    const Finished result = run_udptool({command, "--help"});
    CHECK(result.ending == done);
    CHECK(result.err.empty());
    CHECK(result.out.starts_with("Usage: udptool " + command));
    CHECK(widest(result.out) <= 100);
    for (const char* group : {"Socket", "When to end", "What is printed", "Examples"}) {
      CHECK(contains(result.out, std::string("\n") + group + ":\n"));
    }
  }
  CHECK(run_udptool({"help", "listen"}).out == run_udptool({"listen", "--help"}).out);
}

TEST_CASE("words: an option that a help names is one, and another command's is refused") {
  const std::string help = run_udptool({"listen", "--help"}).out;
  for (const char* option : {"--echo", "--user", "--no-sandbox"}) {
    CAPTURE(option);
    REQUIRE(contains(help, option));
    CHECK_FALSE(contains(run_udptool({"listen", option}).err, "no option"));
  }
  for (const char* option : {"--nonsense", "--rejoin", "--list-payloads", "--trace"}) {
    CAPTURE(option);
    REQUIRE_FALSE(contains(help, option));
    const Finished result = run_udptool({"listen", option, "0"});
    CHECK(result.ending == failed);
    CHECK(contains(result.err, option));
  }
}

TEST_CASE("words: --version says name and version, and what a report of a fault needs") {
  const Finished result = run_udptool({"--version"});
  CHECK(result.ending == done);
  CHECK(result.err.empty());
  CHECK(is_like(result.out,
                "udptool [0-9]+\\.[0-9]+\\.[0-9]+(-rc[0-9]+)?\n"
                "commit: ([0-9a-f]{12}|unknown)\n"
                "compiler: [^\n]+ [0-9]+\\.[0-9.]+[^\n]*\n"
                "libpcap: ([0-9]+\\.[^\n]+|not found \\(install libpcap0.8\\)|not in a static build)\n"
                "seccomp: (yes|no)\n"
                "Landlock: (version [0-9]+|not in this kernel)\n"
                "static: (yes|no)\n"
                "(sanitizers: [a-z, ]+\n)?"));
}

TEST_CASE("words: every error is an event under -j, that of a bad word too") {
  for (const Words& words : {Words{"listen", "-j", "--bogus"}, Words{"listen", "--bogus", "-vj"},
                             Words{"send", "-o", "json", "127.0.0.1", "p"}, Words{"probe", "--output=json"},
                             Words{"join", "-ojson", "10.0.0.1"}, Words{"listen", "-j", "-r", "0"}}) {
    CAPTURE(words);
    const Finished result = run_udptool(words);
    CHECK(result.ending == failed);
    CHECK(contains(result.out, "\"event\":\"error\""));
    CHECK(contains(result.out, "\"code\":\"EINVAL\""));
    CHECK(count_of(result.err, "\n") == 1);
  }
}

TEST_CASE("words: an option of another command is told so") {
  check_refused({{{"listen", "--trace", "0"}, "(--trace is an option of probe)"},
                 {{"join", "-s", "127.0.0.1", "239.1.1.1"}, "(-s is an option of probe and send)"},
                 {{"send", "--allow=::1", "h", "1"}, "(--allow is an option of listen)"},
                 {{"--echo", "5000"}, "(--echo is an option of listen)"}});
  CHECK_FALSE(contains(run_udptool({"listen", "--trace", "0"}).err, "did you mean"));
}

TEST_CASE("words: forms of other tools are refused with the one that is meant") {
  check_refused({{{"listen", "-u", "-l", "5000"}, "'udptool listen 5000'"},
                 {{"-u", "-l", "5000"}, "'udptool listen 5000'"},
                 {{"-ul", "5000"}, "'udptool listen 5000'"},
                 {{"listen", "udp://127.0.0.1:5000"}, "'udp://127.0.0.1:5000': write 127.0.0.1:5000"},
                 {{"listen", "::1:5000"}, "'::1:5000': write [::1]:5000"},
                 {{"listen", "--forward", "::1:5000", "0"}, "'::1:5000': write [::1]:5000"},
                 {{"send", "[::1]", "9", "x"}, "'[::1]': write ::1"},
                 {{"join", "udp://@239.1.1.1:5000"}, "write 239.1.1.1:5000"},
                 {{"join", "10.0.0.9@232.1.1.1:5000"}, "write 10.0.0.9,232.1.1.1:5000"},
                 {{"listen", "10.0.0.9@232.1.1.1:5000"}, "write 'udptool join 10.0.0.9,232.1.1.1:5000'"},
                 {{"send", "127.0.0.1:53", "hello"}, "'127.0.0.1:53': HOST and PORT are two words: 127.0.0.1 53"},
                 {{"send", "::1:5000", "hello"}, "'::1:5000': HOST and PORT are two words: ::1 5000"},
                 {{"probe", "localhost:53"}, "two words: localhost 53"}});
}

TEST_CASE("words: --version and --help stand after a command, and are suggested") {
  CHECK(run_udptool({"listen", "--version"}).out == run_udptool({"--version"}).out);
  CHECK(run_udptool({"send", "h", "1", "--help"}).ending == done);
  check_refused({{{"--vesion"}, "did you mean '--version'"},
                 {{"join", "--vesion"}, "did you mean '--version'"},
                 {{"send", "127.0.0.1", "9", "-hello"}, "'--' goes before a MESSAGE"},
                 {{"listen", "-echo", "0"}, "did you mean '--echo'"}});
}

TEST_CASE("words: a value is sent as it was typed, its first byte too") {
  const RawUdp peer;
  const std::string port = std::to_string(peer.port());
  CHECK(run_udptool({"send", "127.0.0.1", port, "\x01one", "[\x01]", "\x01"}).ending == done);
  for (const char* text : {"\x01one", "[\x01]", "\x01"}) CHECK(peer.next() == text);
  CHECK(run_udptool({"probe", "-w", "0.1", "--data=\x01two", "127.0.0.1", port}).ending == nothing);
  CHECK(peer.next() == "\x01two");
}

TEST_CASE("words: an empty value behind = is one, and takes no other word") {
  const RawUdp peer;
  Listener listener({"--reply=", "-c", "1"}, {"127.0.0.1:0"});
  peer.send("x", listener.port());
  CHECK(peer.next() == "");
  CHECK(listener.finish().ending == done);
}

TEST_CASE("words: octal escapes and what cannot be decoded name the whole word") {
  check_refused({{{"send", "-e", "127.0.0.1", "9", "a\\033[2J"}, "'a\\033[2J': '\\033' is no escape"},
                 {{"send", "-e", "127.0.0.1", "9", "\\033"}, "write \\x1b"},
                 {{"send", "-x", "127.0.0.1", "9", "abc"}, "'abc'"},
                 {{"probe", "-x", "--data", "zz", "127.0.0.1", "9"}, "'zz'"},
                 {{"listen", "--reply", "\\08", "0"}, "write \\x00"},
                 {{"listen", "127.0.0.1:"}, "'127.0.0.1:'"}});
}

TEST_CASE("words: what is refused is quoted whole, as it was typed, and once") {
  check_refused({{{"listen", "--forward", "[fe80::1%nope]:5", "0"}, "--forward: '[fe80::1%nope]:5': no interface"},
                 {{"probe", "[fe80::1%nope]", "9"}, "'[fe80::1%nope]': no interface 'nope'"},
                 {{"send", "fe80::1%no\\pe", "9", "x"}, "'fe80::1%no\\pe': no interface 'no\\pe'"},
                 {{"send", "a\\b c", "9", "x"}, "'a\\b c'"},
                 {{"listen", "--\\x"}, "no option '--\\x'"},
                 {{"send", "-f", "/none\\\x1b", "127.0.0.1", "9"}, "cannot open /none\\\\x1b: "},
                 {{"join", "5"}, "udptool: '5' is not an address; see"}});
}

TEST_CASE("words: a file that is not there is told in one form, whichever option names it") {
  for (const Words& words :
       {Words{"send", "-f", "/none", "127.0.0.1", "9"}, Words{"send", "--replay", "/none", "::1", "9"},
        Words{"probe", "--targets", "/none"}, Words{"listen", "--pcap", "/none/a", "0"},
        Words{"listen", "--stamp", "--stamp-key", "/none", "0"}}) {
    CAPTURE(words);
    const Finished result = run_udptool(words);
    CHECK(result.ending == failed);
    CHECK(is_like(result.err, "udptool: cannot open /none(/a)?: No such file or directory\n"));
  }
}

TEST_CASE("words: a source of the other family names both, and where it was said") {
  check_refused(
      {{{"send", "-s", "::1", "127.0.0.1", "9", "x"}, "--source ::1 is IPv6, and '127.0.0.1' is not"},
       {{"probe", "-s", "127.0.0.1", "::1", "9"}, "--source 127.0.0.1 is IPv4, and '::1' is not"},
       {{"probe", "--trace", "-s", "::1", "127.0.0.1"}, "--source ::1 is IPv6, and '127.0.0.1' is not"},
       {{"send", "-6", "-s", "127.0.0.1", "localhost", "9", "x"}, "--source 127.0.0.1 is IPv4, and -6 asks"}});
}

TEST_CASE("words: what would be taken and change nothing is refused") {
  check_refused({{{"listen", "--forward", "127.0.0.1:5", "--impair", "loss=1%,loss=2%", "0"}, "'loss' is given twice"},
                 {{"join", "--rtp", "--clock-rate", "96=1", "--clock-rate", "96=2", "239.1.1.1"}, "given twice"},
                 {{"join", "--rtp", "--clock-rate", "1", "--clock-rate", "2", "239.1.1.1"}, "given twice"},
                 {{"probe", "--list-payloads", "127.0.0.1", "9"}, "'127.0.0.1': --list-payloads asks nobody"},
                 {{"listen", "--reply", std::string(65'508, 'x'), "0"}, "a datagram holds at most 65507"},
                 {{"listen", "--reply", std::string(65'528, 'x'), "[::1]:0"}, "a datagram holds at most 65527"},
                 {{"listen", "-4", "--reply", std::string(65'508, 'x'), "0"}, "a datagram holds at most 65507"}});
}

TEST_CASE("words: a number that stands where a value of --stats could is a notice") {
  const Finished both = run_udptool({"listen", "-W", "0.05", "--stats", "1", "127.0.0.1:0"});
  CHECK(contains(both.err, "write --stats=1 if it is meant to be"));
  CHECK_FALSE(contains(run_udptool({"listen", "-q", "-W", "0.05", "--stats", "1", "127.0.0.1:0"}).err, "--stats"));
  CHECK_FALSE(contains(run_udptool({"listen", "-W", "0.05", "--stats", "0"}).err, "--stats=0"));
}

TEST_CASE("words: join offers what its relay sends by") {
  const std::string help = run_udptool({"join", "--help"}).out;
  for (const char* option : {"--ttl", "--dscp", "--broadcast", "--sndbuf"}) CHECK(contains(help, option));
  check_refused({{{"join", "-t", "256", "239.1.1.1"}, "--ttl: '256'"}});
}

TEST_CASE("words: every help is at most 80 columns wide and explains its words") {
  for (const std::string command : {"listen", "send", "join", "probe"}) {
    const std::string help = run_udptool({command, "--help"}).out;
    CHECK(widest(help) <= 80);
    CHECK(contains(help, "\n  DURATION "));
    CHECK(contains(help, "\n  SIZE "));
  }
  CHECK(contains(run_udptool({"listen", "--help"}).out, "select(.event == \"message\")"));
}
