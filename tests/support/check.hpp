// SPDX-License-Identifier: MIT
// Small words for tests. Include this instead of doctest itself.
#pragma once

#include <ostream>  // doctest prints by it
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <doctest/doctest.h>

#include "support/skip.hpp"

template <>
struct doctest::StringMaker<std::vector<std::string>> {
  static doctest::String convert(const std::vector<std::string>& texts) {
    std::string all = "[";
    for (const std::string& text : texts) all += (all.size() > 1 ? ", " : "") + text.substr(0, 100);
    return (all + "]").substr(0, 2'000).c_str();
  }
};

namespace support {

// The text of the E that `call` throws, or "" when it throws none.
template <class E, class Call>
std::string error_of(Call&& call) {
  try {
    call();
  } catch (const E& error) {
    return error.what();
  }
  return {};
}

// Both, one behind the other.
template <class T>
std::vector<T> joined(std::vector<T> first, const std::type_identity_t<std::vector<T>>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

inline bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

}  // namespace support
