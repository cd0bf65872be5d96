// SPDX-License-Identifier: MIT
// Hundreds of command lines that cannot be, from tables: every option with every kind of bad word. Each is
// exit 2 at once, with one line on stderr that can be printed and names the word. test_words.cpp has what the
// lines say.
#include <algorithm>
#include <string>
#include <vector>

#include "support/check.hpp"
#include "support/udptool.hpp"

using namespace support;

namespace {

// Long enough for a sanitizer on a loaded machine; a line that is taken for good waits for ever.
const Milliseconds time_to_refuse{sanitized() ? 30'000 : 2'000};  // 100,000 arguments take their time there

struct Bad {
  std::string word;
  std::string shown = word;  // as the line has it
};
using Table = std::vector<Bad>;

bool is_printable_line(const std::string& text) {
  if (text.empty() || text.back() != '\n') return false;
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool c1 = byte == 0xc2 && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    if (byte < 0x20 || byte == 0x7f || c1) return false;
  }
  return true;
}

void check_bad(const Words& words, const std::string& shown) {
  CAPTURE(words);
  Process process(udptool(words));
  Ending ending;
  CHECK_NOTHROW(ending = process.wait(time_to_refuse));
  CHECK(ending == failed);
  CHECK(process.out().empty());
  CHECK(process.err().starts_with("udptool: "));
  CHECK(is_printable_line(process.err()));
  CAPTURE(process.err());
  CHECK(contains(process.err(), "'" + shown));
}

// What no number is, whatever its unit.
const Table never_numbers{{""},
                          {"x"},
                          {"-1"},
                          {"+1"},
                          {" 1"},
                          {"1 "},
                          {"1x"},
                          {"0x10"},
                          {"1e3"},
                          {"inf"},
                          {"nan"},
                          {"1,5"},
                          {"%n%s"},
                          {"99999999999999999999999"},
                          {"1\n", "1\\n"},
                          {"\x1b[2J", "\\x1b[2J"},
                          {"\xef\xbc\x91"},
                          {"1\xff", "1\\xff"}};

struct OptionTable {
  std::string option;
  Table words;
};

// The options that several commands have.
std::vector<OptionTable> shared_options(const std::string& least_ttl) {
  const Table durations = joined(never_numbers, {{"1d"}, {"1 s"}, {"1S"}, {"."}, {"100001h"}, {"1ns"}});
  const Table sizes = joined(never_numbers, {{"0"}, {"1k"}, {"1KB"}, {"1.5K"}, {"1073741825"}, {"17179869184G"}});
  return {{"--ttl", joined(never_numbers, {{least_ttl}, {"256"}, {"1.0"}})},
          {"--count", joined(never_numbers, {{"9223372036854775808"}, {"1.0"}})},
          {"--wait", durations},
          {"--deadline", durations},
          {"--rcvbuf", sizes},
          {"--sndbuf", sizes},
          {"--dscp", {{""}, {"64"}, {"-1"}, {"EF"}, {"af44"}, {"0x2e"}, {"%n%s"}, {"\n", "\\n"}}},
          {"--output", {{""}, {"xml"}, {"TEXT"}, {"%n%s"}, {"\x9b", "\\x9b"}}},
          {"--color", {{""}, {"yes"}, {"AUTO"}, {"\xe2\x80\xae", "\\xe2\\x80\\xae"}}},
          {"--interface", {{""}, {"nosuch0"}, {"4294967295"}, {"%n%s"}, {"lo\n", "lo\\n"}}}};
}

// Gives how many lines it tried.
std::size_t check_options(const std::string& command, const std::vector<OptionTable>& tables, const Words& words) {
  std::size_t tried = 0;
  for (const auto& [option, bad_words] : tables) {
    for (const Bad& bad : bad_words) {
      Words all{command, option + "=" + bad.word};
      all.insert(all.end(), words.begin(), words.end());
      check_bad(all, bad.shown);
      ++tried;
    }
  }
  return tried;
}

const Table networks{{"x"},
                     {"10.0.0.0/33"},
                     {"10.0.0.0/-1"},
                     {"10.0.0.0/"},
                     {"10/8"},
                     {"10.0.0/8"},
                     {"010.0.0.0/8"},
                     {"::/129"},
                     {"/8"},
                     {"1.2.3.4x"},
                     {"localhost"},
                     {"10.0.0.0/8 "},
                     {"fe80::1%lo/64"},
                     {"::ffff:10.0.0.0/95"},
                     {"%n%s"},
                     {"10.0.0.0/0x8"},
                     {"10.0.0.0/8\n", "10.0.0.0/8\\n"}};

}  // namespace

TEST_CASE("bad words: four hundred and more for options, and each is refused at once by a line that names it") {
  std::size_t tried = 0;
  const Table integers = joined(never_numbers, {{"18446744073709551616"}, {"1.0"}});
  const Table rates = joined(never_numbers, {{"0"}, {"1K"}, {"9999G"}, {"1 k"}, {"0.0000001"}});
  tried += check_options("listen", shared_options("0"), {"0"});
  tried += check_options("listen", {{"--allow", networks}, {"--deny", networks}, {"--count", {{"0"}}}}, {"0"});
  tried += check_options("send", shared_options("256"), {"127.0.0.1", "9", "x"});
  tried += check_options("send",
                         {{"--replies", joined(integers, {{"0"}})},
                          {"--offset", integers},
                          {"--length", integers},
                          {"--rate", rates},
                          {"--bitrate", rates},
                          {"--interval", {{""}, {"x"}, {"-1"}, {"1d"}, {"%n%s"}}},
                          {"--source-port", {{""}, {"65536"}, {"-1"}, {"9x"}, {"%n%s"}, {"no-such-service"}}},
                          {"--source", {{""}, {"x"}, {"010.8.8.8"}, {"1.2.3"}, {"1.2.3.4x"}, {"localhost"}, {"%n%s"}}}},
                         {"127.0.0.1", "9", "x"});
  tried += check_options(
      "send", {{"--chunk", joined(never_numbers, {{"0"}, {"1k"}})}, {"--size", joined(never_numbers, {{"1k"}})}},
      {"127.0.0.1", "9"});
  tried += check_options("join", shared_options("256"), {"239.1.1.1"});
  tried += check_options(
      "join", {{"--clock-rate", joined(integers, {{"0"}, {"4294967296"}})}, {"--leave-after", never_numbers}},
      {"239.1.1.1"});
  CHECK(tried >= 400);
}

TEST_CASE("bad words: endpoints, hosts, ports and groups") {
  for (const Bad& bad : Table{{""},
                              {"65536"},
                              {"127.0.0.1"},
                              {"::1"},
                              {"[::1"},
                              {"[::1]"},
                              {"[::1]x"},
                              {"[::1]:65536", "65536"},
                              {":53"},
                              {"127.0.0.1:", ""},
                              {"127.0.0.1:53x", "53x"},
                              {"127.0.0.1:%n%s", "%n%s"},
                              {"010.8.8.8:53", "010.8.8.8"},
                              {"1.2.3:53", "1.2.3"},
                              {"1.2.3.4x:53", "1.2.3.4x"},
                              {"0x7f.1:53", "0x7f.1"},
                              {"256.1.1.1:53", "256.1.1.1"},
                              {"%n%s"}}) {
    check_bad({"listen", bad.word}, bad.shown);
  }
  for (const Bad& bad : Table{{""},
                              {"010.8.8.8"},
                              {"1.2.3"},
                              {"1.2.3.4x"},
                              {"0x7f000001"},
                              {"1"},
                              {"4294967295"},
                              {"256.1.1.1"},
                              {"1.2.3.4.5"},
                              {"[::1"},
                              {"::1::"},
                              {"::ffff:1.2.3.256"},
                              {"1:2"},
                              {"127.0.0.1\n", "127.0.0.1\\n"}}) {
    check_bad({"send", bad.word, "9", "x"}, bad.shown);
  }
  for (const Bad& bad : Table{{""},
                              {"0"},
                              {"65536"},
                              {"9x"},
                              {"99999999999999999999"},
                              {"%n%s"},
                              {" 9"},
                              {"0x9"},
                              {"no-such-service"},
                              {"9\t", "9\\t"}}) {
    check_bad({"send", "127.0.0.1", bad.word, "x"}, bad.shown);
  }
  for (const Bad& bad : Table{{""},
                              {"10.0.0.1"},
                              {"239.1.1.1:0"},
                              {"239.1.1.1:65536"},
                              {"239.1.1.1:"},
                              {"239.1.1.1+0"},
                              {"239.1.1.1+"},
                              {"239.1.1.1+x"},
                              {"239.1.1.1+65537"},
                              {"239.255.255.255+2"},
                              {"10.0.0.9,"},
                              {"x,239.1.1.1"},
                              {",239.1.1.1"},
                              {"::1,239.1.1.1"},
                              {"224.0.0.1,239.1.1.1"},
                              {"[ff15::7"},
                              {"[ff15::7]5000"},
                              {"239.1.1"},
                              {"0239.1.1.1"},
                              {"239.1.1.1x"},
                              {"%n%s"},
                              {"::1"},
                              {"239.1.1.1\x1b[2J", "239.1.1.1\\x1b[2J"}}) {
    check_bad({"join", bad.word}, bad.shown);
  }
}

TEST_CASE("bad words: zones that are no interfaces, and mapped addresses against a family") {
  struct Row {
    Words words;
    const char* part;
  };
  for (const Row& row : std::vector<Row>{{{"listen", "[fe80::1%nosuch0]:9"}, "nosuch0"},
                                         {{"send", "fe80::1%nosuch0", "9", "x"}, "nosuch0"},
                                         {{"send", "fe80::1%", "9", "x"}, "no interface ''"},
                                         {{"join", "ff02::1%nosuch0"}, "nosuch0"},
                                         {{"send", "-6", "::ffff:127.0.0.1", "9", "x"}, "127.0.0.1"},
                                         {{"send", "-6", "127.0.0.1", "9", "x"}, "127.0.0.1"},
                                         {{"send", "-4", "::1", "9", "x"}, "::1"},
                                         {{"listen", "-6", "[::ffff:127.0.0.1]:0"}, "127.0.0.1"},
                                         {{"listen", "-4", "[::1]:0"}, "::1"},
                                         {{"join", "-6", "239.1.1.1"}, "239.1.1.1"},
                                         {{"join", "-4", "ff15::7"}, "ff15::7"}}) {
    CAPTURE(row.words);
    Process process(udptool(row.words));
    CHECK(process.wait(time_to_refuse) == failed);
    CHECK(is_printable_line(process.err()));
    CAPTURE(process.err());
    CHECK(contains(process.err(), row.part));
  }
}

TEST_CASE("bad words: one as long as the kernel takes, and a hundred thousand of them") {
  const std::string longest(128 * 1'024 - 1, 'x');  // MAX_ARG_STRLEN
  const std::string beginning(32, 'x');
  for (const Words& words : {Words{longest}, Words{"listen", longest}, Words{"listen", "--" + longest.substr(2), "0"},
                             Words{"listen", "-c", longest, "0"}, Words{"listen", "--allow", longest, "0"},
                             Words{"send", longest, "9", "x"}, Words{"send", "127.0.0.1", longest, "x"},
                             Words{"join", longest}, Words{"join", "239.1.1.1," + longest.substr(10)}}) {
    check_bad(words, "");
    CHECK(contains(run_udptool(words).err, words.back().starts_with("239") ? "239.1.1.1" : beginning));
  }
  for (const std::string word : {"x", "--banana", "-Q", "%n%s", "["}) {
    Words words(100'000, word);
    words[0] = "listen";
    check_bad(words, word);
  }
}

TEST_CASE("bad words: no locale changes a number") {
  SKIP_UNLESS(have("localedef"), "no localedef here");
  const std::string directory = TemporaryFile().path();
  std::filesystem::create_directory(directory);
  run({"localedef", "-i", "de_DE", "-f", "UTF-8", directory + "/de_DE.UTF-8"});
  ProcessOptions german;
  german.environment = {"LOCPATH=" + directory, "LC_ALL=de_DE.UTF-8"};
  const std::string point = run({"locale", "decimal_point"}, german).out;
  Listener listener({"-j", "-c", "1"}, {"127.0.0.1:0"}, 1, german);
  CHECK(run_udptool({"send", "--rate", "1.5k", "127.0.0.1", std::to_string(listener.port()), "x"}, german).ending ==
        done);
  const Finished result = listener.finish();
  std::filesystem::remove_all(directory);
  SKIP_UNLESS(point == ",\n", "no German locale here");
  CHECK(result.ending == done);
  CHECK(is_like(result.out.substr(result.out.rfind("\"seconds\"")), "\"seconds\":[0-9]+\\.[0-9]{3}\\}\n"));
}
