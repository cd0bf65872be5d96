// SPDX-License-Identifier: MIT
// From the words of a command line to what is to be done.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "output/options.hpp"

namespace cli {

// What was asked for, ready to run.
struct Invocation {
  std::string command;
  bool json = false;  // errors and notices are to be events as well
  output::Color color = output::Color::automatic;
  std::vector<std::string> notices;       // of words that may not mean what they seem to
  std::function<base::ExitStatus()> run;  // empty: help or version was printed, and that was all. Throws UsageError
};

// `arguments` are those behind the program's name.
Invocation parse(const std::vector<std::string>& arguments);

}  // namespace cli
