// SPDX-License-Identifier: MIT
#include "output/terminal.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <string>

#include "support/check.hpp"

TEST_CASE("terminal: losses are red, before or behind their word, and 0 of them are not") {
  const std::string on = "\x1b[31m", off = "\x1b[0m";
  struct Row {
    std::string line, expected;
  };
  for (const Row& row :
       {Row{"7 datagrams, 2 senders, 0 dropped, 0 ignored", "7 datagrams, 2 senders, 0 dropped, 0 ignored"},
        Row{"7 datagrams, 3 dropped, 0 ignored", "7 datagrams, " + on + "3 dropped" + off + ", 0 ignored"},
        Row{"sent 12 datagrams, 3 refused; received", "sent 12 datagrams, " + on + "3 refused" + off + "; received"},
        Row{"10 sent, 8 received, 2 lost (20.0 %)", "10 sent, 8 received, " + on + "2 lost" + off + " (20.0 %)"},
        Row{"received 240, lost 1, duplicate 0", "received 240, " + on + "lost 1" + off + ", duplicate 0"},
        Row{"received 240, lost 0, duplicate 2", "received 240, lost 0, duplicate 2"},
        Row{"lost forward 3", "lost forward 3"}, Row{"1048576+ lost", "1048576+ lost"}, Row{"8, lost", "8, lost"},
        Row{"5 dropped\n6 lost", on + "5 dropped" + off + "\n" + on + "6 lost" + off}, Row{"lost", "lost"},
        Row{"3 lost", on + "3 lost" + off}, Row{"", ""}, Row{"5  lost", "5  lost"}, Row{"00 lost", "00 lost"}}) {
    CAPTURE(row.line);
    CHECK(output::with_red_losses(row.line) == row.expected);
  }
}

TEST_CASE("terminal: colour as it was asked for, and by itself only on a terminal that nobody objects to") {
  const int pipe_like = open("/dev/null", O_WRONLY | O_CLOEXEC);
  const int terminal = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
  CHECK(output::wants_color(output::Color::always, pipe_like));
  CHECK_FALSE(output::wants_color(output::Color::automatic, pipe_like));
  if (terminal >= 0) {
    setenv("TERM", "xterm", 1);
    unsetenv("NO_COLOR");
    CHECK(output::wants_color(output::Color::automatic, terminal));
    CHECK_FALSE(output::wants_color(output::Color::never, terminal));
    setenv("NO_COLOR", "1", 1);
    CHECK_FALSE(output::wants_color(output::Color::automatic, terminal));
    CHECK(output::wants_color(output::Color::always, terminal));
    unsetenv("NO_COLOR");
    setenv("TERM", "dumb", 1);
    CHECK_FALSE(output::wants_color(output::Color::automatic, terminal));
    close(terminal);
  }
  close(pipe_like);
}
