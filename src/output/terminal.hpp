// The terminal that stdout may be.
#pragma once

#include <cstddef>

namespace output {

// How many columns wide it is; 80 where there is none.
std::size_t terminal_width();

}  // namespace output
