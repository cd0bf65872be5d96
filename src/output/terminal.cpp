// SPDX-License-Identifier: MIT
#include "output/terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

namespace output {
namespace {

// True for a terminal that understands more than plain text.
bool is_capable(int descriptor) {
  const char* const terminal = std::getenv("TERM");
  return isatty(descriptor) != 0 && terminal != nullptr && std::string_view(terminal) != "dumb";
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_number_above_0(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_digit) &&
         std::any_of(text.begin(), text.end(), [](char c) { return c != '0'; });
}

// A word of a line: what neither a space nor a comma or the like is part of.
struct Word {
  std::size_t begin;
  std::size_t end;
};

Word next_word(std::string_view line, std::size_t from) {
  constexpr std::string_view between = " ,;:\t\n";
  const std::size_t begin = std::min(line.find_first_not_of(between, from), line.size());
  return {begin, std::min(line.find_first_of(between, begin), line.size())};
}

bool tells_a_loss(std::string_view word) {
  static constexpr std::array<std::string_view, 3> words{"lost", "dropped", "refused"};
  return std::find(words.begin(), words.end(), word) != words.end();
}

// One space between the two, so that a figure of something else is not taken for it.
bool is_loss(std::string_view line, const Word& first, const Word& second) {
  if (second.begin != first.end + 1 || line[first.end] != ' ') return false;
  const std::string_view a = line.substr(first.begin, first.end - first.begin);
  const std::string_view b = line.substr(second.begin, second.end - second.begin);
  return (is_number_above_0(a) && tells_a_loss(b)) || (tells_a_loss(a) && is_number_above_0(b));
}

}  // namespace

TerminalSize terminal_size(int descriptor) {
  TerminalSize found;
  winsize size{};
  if (ioctl(descriptor, TIOCGWINSZ, &size) != 0) return found;
  if (size.ws_col > 0) found.columns = size.ws_col;
  if (size.ws_row > 0) found.lines = size.ws_row;
  return found;
}

bool redraws() { return is_capable(STDOUT_FILENO); }

bool wants_color(Color color, int descriptor) {
  if (color != Color::automatic) return color == Color::always;
  const char* const objection = std::getenv("NO_COLOR");
  return (objection == nullptr || *objection == '\0') && is_capable(descriptor);
}

bool talks_in_color(Color color) {
  static const bool by_itself = wants_color(Color::automatic, STDERR_FILENO);
  return color != Color::never && by_itself;
}

std::string red(std::string_view text) { return "\x1b[31m" + std::string(text) + "\x1b[0m"; }

std::string dim(std::string_view text) { return "\x1b[2m" + std::string(text) + "\x1b[0m"; }

std::string with_red_losses(std::string_view line) {
  std::string out;
  std::size_t taken = 0;
  for (Word first = next_word(line, 0); first.begin < line.size();) {
    const Word second = next_word(line, first.end);
    if (is_loss(line, first, second)) {
      out += line.substr(taken, first.begin - taken);
      out += red(line.substr(first.begin, second.end - first.begin));
      taken = second.end;
      first = next_word(line, second.end);
    } else {
      first = second;
    }
  }
  return out += line.substr(taken);
}

}  // namespace output
