// SPDX-License-Identifier: MIT
#include "base/text.hpp"

#include <array>
#include <random>
#include <vector>

#include "base/error.hpp"
#include "support/check.hpp"

using base::UsageError;
using support::contains;
using support::error_of;
using namespace std::string_literals;

namespace {

std::string utf8(std::uint32_t c) {
  std::string out;
  const auto add = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (c < 0x80) {
    add(c);
  } else if (c < 0x800) {
    add(0xc0 | c >> 6), add(0x80 | (c & 63));
  } else if (c < 0x10000) {
    add(0xe0 | c >> 12), add(0x80 | (c >> 6 & 63)), add(0x80 | (c & 63));
  } else {
    add(0xf0 | c >> 18), add(0x80 | (c >> 12 & 63)), add(0x80 | (c >> 6 & 63)), add(0x80 | (c & 63));
  }
  return out;
}

std::string every_byte() {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  return all;
}

}  // namespace

TEST_CASE("UTF-8 is valid exactly as RFC 3629 says") {
  struct Row {
    std::string bytes;
    bool valid;
  };
  const std::vector<Row> rows{
      {"", true},
      {"plain", true},
      {"\x7f", true},
      {"\x00\x01"s, true},
      {"\xc2\x80", true},
      {"\xdf\xbf", true},
      {"\xe0\xa0\x80", true},
      {"\xed\x9f\xbf", true},
      {"\xee\x80\x80", true},
      {"\xef\xbf\xbf", true},
      {"\xf0\x90\x80\x80", true},
      {"\xf4\x8f\xbf\xbf", true},
      {"gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80", true},
      {"\x80", false},  // a continuation alone
      {"\xbf", false},
      {"\xc0\x80", false},  // overlong NUL
      {"\xc1\xbf", false},
      {"\xe0\x80\x80", false},  // overlong
      {"\xe0\x9f\xbf", false},
      {"\xf0\x80\x80\x80", false},
      {"\xf0\x8f\xbf\xbf", false},
      {"\xed\xa0\x80", false},  // surrogates
      {"\xed\xbf\xbf", false},
      {"\xf4\x90\x80\x80", false},  // above U+10FFFF
      {"\xf5\x80\x80\x80", false},
      {"\xff", false},
      {"\xfe", false},
      {"\xc3", false},  // cut short
      {"\xe2\x82", false},
      {"\xf0\x9f\x98", false},
      {"\xc3(", false},  // a continuation is missing
      {"\xe2(\xa1", false},
      {"\xe2\x82(", false},
      {"\xf0\x28\x8c\xbc", false},
      {"good then \xff", false},
  };
  for (const Row& row : rows) {
    CAPTURE(base::escaped(row.bytes));
    CHECK(base::is_utf8(row.bytes) == row.valid);
  }
}

TEST_CASE("every code point is read back from its own UTF-8, surrogates apart") {
  unsigned wrong = 0;
  for (std::uint32_t c = 0; c <= 0x10ffff; ++c) {
    const std::string bytes = utf8(c);
    const base::CodePoint read = base::next_code_point(bytes);
    const bool surrogate = c >= 0xd800 && c <= 0xdfff;
    const bool good =
        surrogate ? !read.valid && read.size == 1 : read.valid && read.value == c && read.size == bytes.size();
    wrong += !good;
  }
  CHECK(wrong == 0);
}

TEST_CASE("an invalid byte is taken alone, so that what follows is not lost") {
  const base::CodePoint point = base::next_code_point("\xe2(x");
  CHECK_FALSE(point.valid);
  CHECK(point.size == 1);
  CHECK(point.value == 0xe2);
  CHECK(base::escaped("\xe2(x") == "\\xe2(x");
}

TEST_CASE("controls, separators and bidirectional controls are not printable, their neighbours are") {
  struct Range {
    std::uint32_t first, last;
  };
  const std::vector<Range> hidden{{0, 0x1f},        {0x7f, 0x9f},       {0xad, 0xad},       {0x34f, 0x34f},
                                  {0x115f, 0x1160}, {0x180e, 0x180e},   {0x200b, 0x200b},   {0x2060, 0x2064},
                                  {0x206a, 0x206f}, {0x3164, 0x3164},   {0xfeff, 0xfeff},   {0xffa0, 0xffa0},
                                  {0xfff9, 0xfffb}, {0xe0000, 0xe00ff}, {0xe01f0, 0xe0fff}, {0x61c, 0x61c},
                                  {0x200e, 0x200f}, {0x2028, 0x2029},   {0x202a, 0x202e},   {0x2066, 0x2069}};
  for (std::uint32_t c = 0; c <= 0x10ffff; ++c) {
    bool expected = true;
    for (const Range& range : hidden) expected &= c < range.first || c > range.last;
    if (base::is_printable(c) != expected) {
      CAPTURE(c);
      FAIL_CHECK("wrong");
    }
  }
}

TEST_CASE("the plain run ends at the odd byte, whatever the length and wherever it stands") {
  const std::array<char, 9> odd{'\0', '\n', '\x1f', '"', '\\', '\x7f', '\x80', '\xc3', '\xff'};
  for (std::size_t length = 0; length <= 40; ++length) {
    const std::string plain(length, 'a');
    REQUIRE(base::plain_run(plain) == length);
    for (std::size_t position = 0; position < length; ++position) {
      for (const char byte : odd) {
        std::string text = plain;
        text[position] = byte;
        CAPTURE(length);
        REQUIRE(base::plain_run(text) == position);
      }
    }
  }
  for (int c = 0x20; c < 0x7f; ++c) {
    const bool plain = c != '"' && c != '\\';
    CHECK(base::plain_run(std::string(20, static_cast<char>(c))) == (plain ? 20 : 0));
  }
}

TEST_CASE("escaped text shows printable UTF-8 as it is and everything else as escapes") {
  struct Row {
    std::string bytes;
    const char* text;
  };
  const std::vector<Row> rows{
      {"", ""},
      {"hello world", "hello world"},
      {"say \"hi\"", "say \"hi\""},
      {"\x00\x01\n\\"s, "\\x00\\x01\\n\\\\"},
      {"\t\r\n", "\\t\\r\\n"},
      {"\x1b]52;c;\a", "\\x1b]52;c;\\x07"},
      {"\x7f", "\\x7f"},
      {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
      {"\xc2\x9b"
       "31m",
       "\\xc2\\x9b31m"},  // C1 CSI as UTF-8
      {"\x9b"
       "31m",
       "\\x9b31m"},  // and as a byte
      {"a\xe2\x80\xae"
       "b",
       "a\\xe2\\x80\\xaeb"},  // RIGHT-TO-LEFT OVERRIDE
      {"a\xe2\x80\xa8"
       "b",
       "a\\xe2\\x80\\xa8b"},       // LINE SEPARATOR
      {"\xd8\x9c", "\\xd8\\x9c"},  // ARABIC LETTER MARK
      {"\xff\xfe", "\\xff\\xfe"},
      {"\xed\xa0\x80", "\\xed\\xa0\\x80"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    CHECK(base::escaped(row.bytes) == row.text);
    CHECK(base::parse_escapes(row.text) == row.bytes);
  }
}

TEST_CASE("a word is shown as it was typed: only what could drive a terminal, or hide, is escaped") {
  CHECK(base::printable("a\\b \"\xc3\xa4'") == "a\\b \"\xc3\xa4'");
  CHECK(base::printable("\x1b[2J\n\xff\xe2\x80\x8b") == "\\x1b[2J\\n\\xff\\xe2\\x80\\x8b");
}

TEST_CASE("what is escaped is read back as it was: every byte, every pair of bytes, random strings") {
  CHECK(base::parse_escapes(base::escaped(every_byte())) == every_byte());
  unsigned wrong = 0;
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      const std::string pair{static_cast<char>(a), static_cast<char>(b)};
      wrong += base::parse_escapes(base::escaped(pair)) != pair;
    }
  }
  CHECK(wrong == 0);
  std::mt19937 random(20260101);
  for (int i = 0; i < 2'000; ++i) {
    std::string bytes(random() % 70, '\0');
    // Mostly printable, so that long runs and odd bytes meet.
    for (char& byte : bytes) byte = static_cast<char>(random() % 4 == 0 ? random() : 'a' + random() % 26);
    const std::string text = base::escaped(bytes);
    REQUIRE(base::parse_escapes(text) == bytes);
    REQUIRE(base::is_utf8(text));
  }
}

TEST_CASE("every C escape stands for its byte") {
  CHECK(base::parse_escapes(R"(\\\n\r\t\0\a\b\e\f\v\x41\xfF)") == "\\\n\r\t\0\a\b\x1b\f\vA\xff"s);
  CHECK(base::parse_escapes(R"(\x414)") == "A4");  // exactly two digits
  CHECK(base::parse_escapes(R"(\0a\0\x31)") == "\0a\0001"s);
  CHECK(base::parse_escapes("\xff raw") == "\xff raw");
}

TEST_CASE("any other escape is an error that shows it") {
  struct Row {
    const char* word;
    const char* shown;
  };
  for (const Row& row : std::vector<Row>{{R"(a\qb)", "'\\q'"},
                                         {R"(\x)", "'\\x'"},
                                         {R"(\x4)", "'\\x4'"},
                                         {R"(\x4g)", "'\\x4g'"},
                                         {R"(\X41)", "'\\X'"},
                                         {R"(\u0041)", "'\\u'"},
                                         {"\\\xc3\xbc", "'\\\xc3\xbc'"},
                                         {"\\\xff", "'\\\\xff'"},
                                         {"\\\n", "'\\\\n'"},
                                         {R"(\033[2J)", "'\\033' is no escape, octal is not read; write \\x1b"},
                                         {R"(a\08)", "'\\08' is no escape, octal is not read; write \\x00"},
                                         {R"(\00)", "write \\x00"},
                                         {R"(\0777)", "write \\x3f"},
                                         {"end\\", "a lone '\\'"}}) {
    CAPTURE(row.word);
    CHECK(contains(error_of<UsageError>([&] { base::parse_escapes(row.word); }), row.shown));
  }
}

TEST_CASE("hexadecimal takes digits of both cases and skips blanks, colons, commas and 0x") {
  for (const char* word : {"48656c6c6f", "48 65 6C 6c 6F", "48:65:6c:6c:6f", "0x48, 0x65, 0x6c, 0x6c, 0x6f",
                           "0X48656C6C6F", " 48\t65\n6c\r6c 6f ", "4 8 6 5 6 c 6 c 6 f"}) {
    CAPTURE(word);
    CHECK(base::parse_hex(word) == "Hello");
  }
  CHECK(base::parse_hex("") == "");
  CHECK(base::parse_hex("00ff") == "\x00\xff"s);
  CHECK(base::parse_hex("0x00 0x0a") == "\x00\n"s);
}

TEST_CASE("an odd digit or anything else in hexadecimal is an error that shows it") {
  for (const char* word : {"0", "abc", "0x4", "12 3"}) {
    CAPTURE(word);
    CHECK(contains(error_of<UsageError>([&] { base::parse_hex(word); }), "odd number"));
  }
  struct Row {
    const char* word;
    const char* shown;
  };
  for (const Row& row : std::vector<Row>{{"0g", "'g'"},
                                         {"4x41", "'x'"},
                                         {"12-34", "'-'"},
                                         {"\xc3\xbc", "'\xc3\xbc'"},
                                         {"\x1b", "'\\x1b'"},
                                         {"xx", "'x'"}}) {
    CAPTURE(row.word);
    CHECK(contains(error_of<UsageError>([&] { base::parse_hex(row.word); }), row.shown));
  }
}

TEST_CASE("base64 gives the vectors of RFC 4648") {
  struct Row {
    std::string bytes;
    const char* text;
  };
  for (const Row& row : std::vector<Row>{{"", ""},
                                         {"f", "Zg=="},
                                         {"fo", "Zm8="},
                                         {"foo", "Zm9v"},
                                         {"foob", "Zm9vYg=="},
                                         {"fooba", "Zm9vYmE="},
                                         {"foobar", "Zm9vYmFy"},
                                         {"\xff\xff\xff", "////"},
                                         {"\xfb\xef\xbe", "++++"},
                                         {"\0"s, "AA=="},
                                         {"\xff", "/w=="}}) {
    std::string out = "kept:";
    base::append_base64(out, row.bytes);
    CHECK(out == std::string("kept:") + row.text);
  }
}

TEST_CASE("a number is appended in decimal") {
  std::string out = "n=";
  base::append_number(out, 0);
  base::append_number(out, 18446744073709551615ull);
  CHECK(out == "n=018446744073709551615");
}

TEST_CASE("the edit distance counts inserts, deletes, replacements and swapped neighbours") {
  CHECK(base::edit_distance("", "") == 0);
  CHECK(base::edit_distance("", "abc") == 3);
  CHECK(base::edit_distance("listen", "listen") == 0);
  CHECK(base::edit_distance("lisen", "listen") == 1);
  CHECK(base::edit_distance("listten", "listen") == 1);
  CHECK(base::edit_distance("lizten", "listen") == 1);
  CHECK(base::edit_distance("litsen", "listen") == 1);
  CHECK(base::edit_distance("kitten", "sitting") == 3);
}

TEST_CASE("the nearest word is found, and a far one is not offered") {
  const std::vector<std::string> words{"listen", "send", "join", "probe"};
  CHECK(base::nearest("lisen", words) == "listen");
  CHECK(base::nearest("snd", words) == "send");
  CHECK(base::nearest("jion", words) == "join");
  CHECK(base::nearest("porbe", words) == "probe");
  CHECK(base::nearest("li", words) == "listen");
  CHECK(base::nearest("--vers", std::vector<std::string>{"--help", "--version"}) == "--version");
  CHECK(base::nearest("banana", words).empty());
  CHECK(base::nearest("", std::vector<std::string>{"listen"}).empty());
  CHECK(base::nearest(std::string(100'000, 'x'), words).empty());
  CHECK(base::nearest("send", std::vector<std::string>{}).empty());
}
