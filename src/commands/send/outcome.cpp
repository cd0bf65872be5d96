// SPDX-License-Identifier: MIT
#include "commands/send/outcome.hpp"

#include <fmt/format.h>

#include <cstring>

#include "base/text.hpp"
#include "net/route.hpp"

namespace commands {

std::vector<std::string> remarks_of(const SendOutcome& outcome) {
  std::vector<std::string> remarks;
  if (outcome.incomplete > 0) {
    remarks.push_back(fmt::format("not sent: {} that {} no complete datagram yet",
                                  base::counted(outcome.incomplete, "byte"), outcome.incomplete == 1 ? "is" : "are"));
  }
  const bool asked = outcome.waited && outcome.asked > outcome.failed;
  if (asked && outcome.replies == 0 && outcome.refused == 0) remarks.push_back("no reply came");
  return remarks;
}

base::Failure failure_of(const traffic::Transmitter& transmitter, const net::Endpoint& to) {
  std::string reasons;
  for (const auto& [error, count] : transmitter.failures()) {
    if (!reasons.empty()) reasons += ", ";
    reasons += std::strerror(error);
    if (transmitter.asked() > 1) reasons += fmt::format(" ({})", count);
  }
  const std::string target = net::to_string(to);
  const int code = transmitter.failures().begin()->first;
  return {code,
          transmitter.asked() == 1 ? fmt::format("cannot send to {}: {}", target, reasons)
                                   : fmt::format("{} of {} datagrams to {} could not be sent: {}", transmitter.failed(),
                                                 transmitter.asked(), target, reasons),
          net::hint_of_sending(code, to.address())};
}

std::optional<std::string> haste_notice(std::uint64_t lines, base::Nanoseconds took) {
  constexpr std::uint64_t many = 1'000;
  constexpr double fast = 100'000;  // a second
  const double seconds = std::chrono::duration<double>(took).count();
  const double rate = static_cast<double>(lines) / seconds;
  if (lines < many || rate <= fast) return std::nullopt;
  return fmt::format(
      "{} lines left without a pace, {:.0f} a second: what a receiver cannot take is lost (--rate paces "
      "them)",
      lines, rate);
}

}  // namespace commands
