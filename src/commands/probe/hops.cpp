// SPDX-License-Identifier: MIT
#include "commands/probe/hops.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "output/json.hpp"

namespace commands {
namespace {

// "0.412 * 0.401 ms", in the order of the tries.
std::string rtt_text(const TraceHop& hop) {
  std::vector<std::string> tries(hop.answers.size() + hop.silent, "*");
  for (const TraceAnswer& answer : hop.answers)
    tries[answer.probe.attempt] = fmt::format("{:.3f}", to_milliseconds(answer.rtt));
  return fmt::format("{}{}", fmt::join(tries, " "), hop.answers.empty() ? "" : " ms");
}

// How many hops an answer came back over, where that differs from the way out.
std::optional<unsigned> detour(const TraceHop& hop) {
  std::optional<unsigned> back;
  for (const TraceAnswer& answer : hop.answers) {
    if (!answer.ttl || answer.kind == TraceAnswer::Kind::refused) return std::nullopt;
    const auto one = asymmetric_return(hop.ttl, *answer.ttl);
    if (!one || (back && *back != *one)) return std::nullopt;
    back = one;
  }
  return back;
}

std::string remark_of(const TraceHop& hop, bool loop) {
  std::vector<std::string> remarks;
  const auto add = [&](const std::string& text) {
    if (!text.empty() && std::find(remarks.begin(), remarks.end(), text) == remarks.end()) remarks.push_back(text);
  };
  for (const TraceAnswer& answer : hop.answers) {
    if (answer.kind == TraceAnswer::Kind::reached) add("reached");
    add(answer.remark);
  }
  if (loop) add("loop");
  if (const auto back = detour(hop)) add(fmt::format("asymmetric: {} hop{} back", *back, *back == 1 ? "" : "s"));
  return fmt::format("{}", fmt::join(remarks, "; "));
}

}  // namespace

void HopWriter::show(const TraceHop& hop) {
  const base::Nanoseconds patience = std::max<base::Nanoseconds>(options_.wait(), std::chrono::seconds(1));
  held_.push_back({hop, run::Clock::now() + patience});
  names_.look_up(hop.addresses());
}

void HopWriter::show_known(run::Clock::time_point now) {
  while (!held_.empty() && (names_.are_known(held_.front().hop.addresses()) || held_.front().until <= now)) {
    write(held_.front().hop);
    held_.pop_front();
  }
}

void HopWriter::show_all() {
  for (const Held& each : held_) write(each.hop);
  held_.clear();
  if (silent_.empty()) return;
  // Nobody answered to the end: one line for all.
  const unsigned first = silent_.front().ttl, last = silent_.back().ttl;
  writer_.line(fmt::format("{}{}\t*\tno answer", first, first == last ? "" : fmt::format("-{}", last)));
  silent_.clear();
}

void HopWriter::write(const TraceHop& hop) {
  writer_.tell_record(
      "hop", [&](output::JsonEvent& event) { add_hop(event, hop); }, [&] { write_lines(hop); });
}

// Silent hops wait for one behind them that is not.
void HopWriter::write_lines(const TraceHop& hop) {
  if (options_.flow != 0) return gathered_.push_back(hop);
  if (hop.answers.empty()) return silent_.push_back(hop);
  for (const TraceHop& silent : silent_) write_line(silent);
  silent_.clear();
  write_line(hop);
}

// An address that was there before, further up the path: routers that send in a circle. One that refuses what it is
// to pass on was there a hop earlier, and that is none.
bool HopWriter::is_loop(const TraceHop& hop) {
  const bool ends = std::any_of(hop.answers.begin(), hop.answers.end(),
                                [](const TraceAnswer& answer) { return answer.kind != TraceAnswer::Kind::passed; });
  bool loop = false;
  for (const net::Address& address : hop.addresses()) {
    loop = (seen_.emplace(address, hop.ttl).first->second < hop.ttl && !ends) || loop;
  }
  return loop;
}

void HopWriter::write_line(const TraceHop& hop) {
  const std::string remark = remark_of(hop, is_loop(hop));
  writer_.line(fmt::format("{}\t{}{}\t{}{}{}", hop.ttl, hop.answers.empty() ? "*" : "", names_.text(hop.addresses()),
                           rtt_text(hop), remark.empty() ? "" : "\t", remark));
}

void HopWriter::add_hop(output::JsonEvent& event, const TraceHop& hop) {
  std::vector<std::string> rtts;
  for (const TraceAnswer& answer : hop.answers) rtts.push_back(fmt::format("{:.3f}", to_milliseconds(answer.rtt)));
  const auto addresses = hop.addresses();
  event.number("ttl", hop.ttl);
  if (options_.flow != 0) event.number("flow", options_.flow);
  if (!addresses.empty()) {
    event.address("address", addresses[0]);
    const std::string name = names_.of(addresses[0]);
    if (!name.empty()) event.text("name", name);
  }
  if (addresses.size() > 1) event.raw("addresses", addresses_json(addresses));
  event.raw("rtt_ms", fmt::format("[{}]", fmt::join(rtts, ",")));
  const std::string remark = remark_of(hop, is_loop(hop));
  if (!remark.empty()) event.text("detail", remark);
}

std::string addresses_json(const std::vector<net::Address>& addresses) {
  std::string all;
  for (const net::Address& each : addresses) {
    all += all.empty() ? "[" : ",";
    output::append_json_string(all, net::unescaped(each));
  }
  return all + "]";
}

void add_summary(output::JsonEvent& event, const TraceSummary& summary) {
  const std::uint64_t lost = summary.sent - summary.received;
  if (summary.flow != 0) event.number("flow", summary.flow);
  event.text("state", name_of(summary.state)).boolean("reached", summary.reached);
  event.number("sent", summary.sent).number("received", summary.received).number("lost", lost);
  if (summary.sent == 0) return;
  event.decimal("lost_percent", 100.0 * static_cast<double>(lost) / static_cast<double>(summary.sent));
}

}  // namespace commands
