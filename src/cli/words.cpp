// SPDX-License-Identifier: MIT
#include "cli/words.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"
#include "cli/table.hpp"

namespace cli {
namespace {

using base::UsageError;

// The parts of a word in whatever form.
struct Parts {
  std::string_view source, host, port;
  bool is_foreign = false;  // a URL, or has a source as VLC writes it
};

bool is_number(std::string_view word) {
  return !word.empty() && std::all_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; });
}

Parts parts_of(std::string_view word) {
  Parts out;
  if (const std::size_t scheme = word.find("://"); scheme != word.npos) {
    word.remove_prefix(scheme + 3);
    word = word.substr(0, word.find_first_of("/?"));
    out.is_foreign = true;
  }
  if (const std::size_t at = word.find('@'); at != word.npos) {
    out.source = word.substr(0, at);
    word.remove_prefix(at + 1);
    out.is_foreign = true;
  }
  const std::size_t colon = word.rfind(':');
  const bool in_brackets = !word.empty() && word[0] == '[';
  if (colon != word.npos && (is_number(word.substr(colon + 1)) || word.find(':') == colon) &&
      (!in_brackets || word[colon - 1] == ']')) {
    out.port = word.substr(colon + 1);
    word = word.substr(0, colon);
  }
  const bool closed = in_brackets && word.size() > 1 && word.back() == ']';
  out.host = closed ? word.substr(1, word.size() - 2) : word;
  return out;
}

// "239.1.1.1:5000", "[::1]:5000", "5000"; "" when it would be none.
std::string endpoint_text(const Parts& parts) {
  if (parts.port.empty()) return "";
  if (parts.host.empty()) return std::string(parts.port);
  return net::join_host_port(parts.host, parts.port);
}

// "10.0.0.9,232.1.1.1:5000"
std::string group_text(const Parts& parts) {
  const std::string group = parts.port.empty() ? std::string(parts.host) : endpoint_text(parts);
  return parts.source.empty() ? group : fmt::format("{},{}", parts.source, group);
}

[[noreturn]] void refuse(std::string_view word, std::string_view reason) { throw refusal("", word, reason); }

[[noreturn]] void refuse_form(std::string_view word, const std::string& meant, std::string_view otherwise) {
  if (meant.empty()) refuse(word, otherwise);
  refuse(word, fmt::format("write {}", base::printable(meant)));
}

// `word`: what it is a part of.
bool is_address(std::string_view host, const std::string& word) {
  try {
    return net::looks_numeric(host) && net::parse_address(host).has_value();
  } catch (const UsageError& error) {  // no such zone
    refuse(word, error.what());
  }
}

// `::1:5000` may be an address as well as one and a port.
void refuse_bare_ipv6(const std::string& word, const Parts& parts) {
  const bool is_bare = word.find('[') == word.npos && std::count(word.begin(), word.end(), ':') > 1;
  if (is_bare && !parts.port.empty() && is_address(parts.host, word)) refuse_form(word, endpoint_text(parts), "");
}

bool is_group(std::string_view host) {
  const auto address = net::parse_address(host);
  return address && address->is_multicast();
}

void check_family(const net::Address& address, std::optional<net::Family> family) {
  if (!family || net::family_of(address) == *family) return;
  throw UsageError(fmt::format("{} is not {}", net::to_string(address), net::name_of(*family)));
}

net::EndpointWord checked(const net::EndpointWord& endpoint, std::optional<net::Family> family) {
  if (!net::looks_numeric(endpoint.host) || endpoint.host.empty()) return endpoint;
  const auto address = net::parse_address(endpoint.host);
  if (!address) throw UsageError(fmt::format("'{}' is not an address", base::printable(endpoint.host)));
  check_family(*address, family);
  return endpoint;
}

}  // namespace

net::EndpointWord target_of(const std::string& word) {
  const Parts parts = parts_of(word);
  constexpr std::string_view form = "a TARGET is HOST:PORT or [V6ADDRESS]:PORT";
  if (parts.is_foreign) refuse_form(word, endpoint_text(parts), form);
  refuse_bare_ipv6(word, parts);
  if (parts.host.empty() || parts.port.empty()) refuse(word, form);
  is_address(parts.host, word);  // or has a zone that is none
  return {std::string(parts.host), net::parse_port(parts.port, 1)};
}

net::EndpointWord endpoint_of(const std::string& word, std::optional<net::Family> family) {
  if (word.starts_with("fd:")) return net::parse_endpoint(word);
  const Parts parts = parts_of(word);
  if (parts.is_foreign) {
    const bool joins = is_group(parts.host);
    refuse_form(word, joins ? fmt::format("'udptool join {}'", group_text(parts)) : endpoint_text(parts),
                "an ENDPOINT is PORT, ADDRESS:PORT or [V6ADDRESS]:PORT");
  }
  refuse_bare_ipv6(word, parts);
  try {
    return checked(net::parse_endpoint(word), family);
  } catch (const UsageError& error) {
    refuse(word, error.what());
  }
}

net::GroupWord group_of(const std::string& word, std::optional<net::Family> family) {
  const Parts parts = parts_of(word);
  if (parts.is_foreign) {
    refuse_form(word, is_group(parts.host) ? group_text(parts) : "", "a GROUP is [SOURCE,]GROUP[+N][:PORT]");
  }
  try {
    net::GroupWord group = net::parse_group(word);
    check_family(group.first, family);
    return group;
  } catch (const UsageError& error) {
    refuse(word, error.what());
  }
}

void take_host_and_port(const std::vector<std::string>& words, commands::Target& target, std::uint16_t default_port) {
  if (words.empty()) throw UsageError("no HOST given");
  const std::string& host = words[0];
  const Parts parts = parts_of(host);
  const auto refuse_one_word = [&] {
    refuse(host,
           fmt::format("HOST and PORT are two words: {} {}", base::printable(parts.host), base::printable(parts.port)));
  };
  const bool is_literal = is_address(host, host);
  if (!parts.port.empty() && !is_literal) refuse_one_word();
  if (host.starts_with('[') && is_address(parts.host, host)) refuse_form(host, std::string(parts.host), "");
  if (parts.is_foreign) refuse(host, "HOST is an address or a name, and PORT is a word of its own");
  const bool may_be_both = is_literal && !parts.port.empty() && net::parse_address(parts.host);  // `::1:5000`
  target.host = host;
  target.port = default_port;
  if (words.size() < 2) {
    if (default_port != 0) return;
    if (may_be_both) refuse_one_word();
    throw UsageError("no PORT given");
  }
  try {
    target.port = net::parse_port(words[1], 1);
  } catch (const UsageError& error) {
    if (may_be_both) refuse_one_word();
    throw refusal("PORT", words[1], error.what());
  }
}

}  // namespace cli
