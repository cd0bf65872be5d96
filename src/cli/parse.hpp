// From the words of a command line to what is to be done.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/error.hpp"

namespace cli {

// What was asked for, ready to run. `json` tells that errors are to be events as well.
struct Invocation {
  std::string command;
  bool json = false;
  std::function<base::ExitStatus()> run;  // empty: help or version was printed, and that was all
};

// `arguments` are those behind the program's name. Throws UsageError whose text ends with where to read on.
Invocation parse(const std::vector<std::string>& arguments);

}  // namespace cli
