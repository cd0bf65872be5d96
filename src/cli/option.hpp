// SPDX-License-Identifier: MIT
// One option as it is declared.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace cli {

using Read = std::function<void(const std::string& word)>;
using Names = std::vector<std::string_view>;

// What a value names, for a shell to complete.
enum class Takes : std::uint8_t { text, file, interface, service, user };

struct Option {
  enum class Value : std::uint8_t { none, needed, optional };

  std::string_view letter, name;  // "c", "count"; either may be empty
  std::string_view heading, form, help;
  Value value = Value::none;
  std::string_view without;  // what an optional value is when none is given
  bool repeatable = false;
  bool single = false;  // a second one is no correction of the first
  Takes what = Takes::text;
  Names (*choices)() = nullptr;
  Names groups;
  std::string_view goes_with;  // "--exec": says nothing without that
  Read read;

  std::string shown() const;  // "--count"; "-4"

  // To be said behind the declaration.
  Option& takes(Takes kind);
  Option& one_of(Names (*names)());  // the values that there are
  // Of the options in a group only one may be given. An option may be in several.
  Option& exclusive(std::initializer_list<std::string_view> in);
  Option& only_with(std::string_view option);
  Option& once();  // twice is bad usage
};

bool share_a_group(const Names& a, const Names& b);

}  // namespace cli
