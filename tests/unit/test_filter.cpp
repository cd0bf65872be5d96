// SPDX-License-Identifier: MIT
// --allow and --deny: who is heard.
#include "commands/listen/filter.hpp"
#include "support/check.hpp"

namespace {

std::vector<net::Network> networks(const std::vector<std::string>& words) {
  std::vector<net::Network> all;
  for (const std::string& word : words) all.push_back(net::Network::parse(word));
  return all;
}

}  // namespace

TEST_CASE("filter: a denied network wins, and with allowed ones only those are heard") {
  struct Row {
    std::vector<std::string> allowed, denied;
    const char* sender;
    bool heard;
  };
  const std::vector<Row> rows = {{{}, {}, "10.0.0.1", true},
                                 {{"10.0.0.0/8"}, {}, "10.255.255.255", true},
                                 {{"10.0.0.0/8"}, {}, "11.0.0.0", false},
                                 {{}, {"10.0.0.0/8"}, "10.0.0.1", false},
                                 {{}, {"10.0.0.0/8"}, "9.255.255.255", true},
                                 {{"10.0.0.0/8"}, {"10.1.0.0/16"}, "10.1.2.3", false},
                                 {{"10.0.0.0/8"}, {"10.1.0.0/16"}, "10.2.2.3", true},
                                 {{"10.1.0.0/16"}, {"10.0.0.0/8"}, "10.1.2.3", false},
                                 {{"10.0.0.1", "10.0.0.3"}, {}, "10.0.0.3", true},
                                 {{"10.0.0.1", "10.0.0.3"}, {}, "10.0.0.2", false},
                                 {{"0.0.0.0/0"}, {}, "255.255.255.254", true},
                                 {{"0.0.0.0/0"}, {}, "::1", false},
                                 {{"fd00::/8"}, {}, "fdff::1", true},
                                 {{"fd00::/8"}, {"fd00::/9"}, "fd7f::1", false},
                                 {{"fd00::/8"}, {"fd00::/9"}, "fd80::1", true},
                                 {{"::/0"}, {}, "10.0.0.1", false},
                                 {{"fe80::/10"}, {}, "fe80::1%lo", true}};
  for (const Row& row : rows) {
    CAPTURE(row.allowed);
    CAPTURE(row.denied);
    CAPTURE(row.sender);
    const commands::SenderFilter filter{networks(row.allowed), networks(row.denied)};
    CHECK(filter.admits_all() == (row.allowed.empty() && row.denied.empty()));
    CHECK(filter.admits(net::parse_address(row.sender).value()) == row.heard);
  }
}
