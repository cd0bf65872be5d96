// SPDX-License-Identifier: MIT
#include "commands/probe/hop_names.hpp"

#include <algorithm>
#include <memory>

#include "base/error.hpp"
#include "base/text.hpp"
#include "net/resolve.hpp"

namespace commands {

void HopNames::look_up(const std::vector<net::Address>& addresses) {
  if (!wanted_) return;
  for (const net::Address& address : addresses) look_up(address);
}

// Without a thread to spare for it, a hop has no name.
void HopNames::look_up(const net::Address& address) {
  if (!names_.emplace(address, std::nullopt).second) return;
  const auto found = std::make_shared<std::string>();
  try {
    loop_.aside([found, address] { *found = net::name_of_address(address).value_or(""); },
                [this, found, address] {
                  names_[address] = *found;
                  named_();
                });
  } catch (const base::Failure&) {
    names_[address] = "";
  }
}

bool HopNames::are_known(const std::vector<net::Address>& addresses) const {
  if (!wanted_) return true;
  return std::all_of(addresses.begin(), addresses.end(),
                     [this](const net::Address& each) { return names_.at(each).has_value(); });
}

std::string HopNames::of(const net::Address& address) const {
  const auto found = names_.find(address);
  return found == names_.end() ? "" : found->second.value_or("");
}

std::string HopNames::text(const std::vector<net::Address>& addresses) const {
  std::string out;
  for (const net::Address& address : addresses) {
    if (!out.empty()) out += ", ";
    net::append_address(out, address);
    const std::string name = of(address);
    if (!name.empty()) out += " (" + base::escaped(name) + ")";
  }
  return out;
}

}  // namespace commands
