#include "output/terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

namespace output {

std::size_t terminal_width() {
  constexpr std::size_t usual = 80;
  winsize size{};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : usual;
}

}  // namespace output
