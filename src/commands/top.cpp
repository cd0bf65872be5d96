// SPDX-License-Identifier: MIT
#include "commands/top.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "output/json.hpp"
#include "output/terminal.hpp"
#include "output/timestamp.hpp"

namespace commands {
namespace {

using Sender = traffic::TopSenders::Sender;

struct Shares {
  double per_second;
  double percent;
};

std::string time_text(net::SystemTime time, int places) {
  std::string text;
  output::append_time(text, time, places);
  return text;
}

std::string line_of(const Sender& one, const Shares& shares) {
  const char* const about = one.surplus > 0 ? "~" : "";
  return fmt::format("top: {}: {}, {}{}, {}{}, {}{:.1f} %, first {}, last {}", net::to_string(one.endpoint),
                     base::rate_text(shares.per_second, "datagram"), about, base::counted(one.datagrams, "datagram"),
                     about, base::counted(one.bytes, "byte"), about, shares.percent, time_text(one.first, 6),
                     time_text(one.last, 6));
}

std::string object_of(const Sender& one, const Shares& shares) {
  std::string address;
  output::append_json_string(address, net::unescaped(one.endpoint.address()));
  return fmt::format(
      R"({{"family":"{}","address":{},"port":{},"datagrams_per_second":{:.1f},"datagrams":{},"bytes":{},)"
      R"("share_percent":{:.1f},"first":"{}","last":"{}","approximate":{}}})",
      net::name_of(net::family_of(one.endpoint)), address, one.endpoint.port(), shares.per_second, one.datagrams,
      one.bytes, shares.percent, time_text(one.first, 9), time_text(one.last, 9), one.surplus > 0);
}

}  // namespace

// Records on the same terminal would be erased with the lines.
TopReport::TopReport(std::size_t senders, bool with_records)
    : shown_(senders), redraws_(isatty(STDERR_FILENO) != 0 && (!with_records || isatty(STDOUT_FILENO) == 0)) {}

void TopReport::add(const net::Received& received) {
  senders_.add(received, received.metadata.time ? *received.metadata.time : output::now());
}

void TopReport::erase() {
  if (lines_ > 0 && redraws_) std::fprintf(stderr, "\x1b[%zuA\x1b[J", lines_);
  lines_ = 0;
}

void TopReport::settle() {
  erase();
  redraws_ = false;
}

void TopReport::tell(output::Report& report, const traffic::TopSenders& senders, std::uint64_t datagrams,
                     base::Nanoseconds interval) {
  const double seconds = static_cast<double>(interval.count()) / 1e9;
  const auto shares_of = [&](const Sender& one) {
    const double since = static_cast<double>(one.datagrams - one.before);
    return Shares{seconds > 0 ? since / seconds : 0,
                  datagrams > 0 ? 100 * static_cast<double>(one.datagrams) / static_cast<double>(datagrams) : 0};
  };
  const auto top = senders.top(shown_);
  const auto fields = [&](output::JsonEvent& event) {
    std::string list;
    for (const Sender& one : top) list += (list.empty() ? "" : ",") + object_of(one, shares_of(one));
    event.raw("senders", "[" + list + "]");
  };
  // What has wrapped could not be erased.
  const std::size_t columns = redraws_ ? output::terminal_size(STDERR_FILENO).columns : std::string::npos;
  report.tell(output::Tone::asked, "senders", fields, [&] {
    std::string lines;
    for (const Sender& one : top) {
      lines += (lines.empty() ? "" : "\n") + line_of(one, shares_of(one)).substr(0, columns);
    }
    return lines;
  });
  report.flush();
  lines_ = top.size();
}

}  // namespace commands
