// SPDX-License-Identifier: MIT
#include <fmt/format.h>

#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"
#include "cli/commands.hpp"
#include "cli/shared.hpp"
#include "cli/words.hpp"
#include "net/service.hpp"
#include "run/signals.hpp"

namespace cli {

namespace {

// fd:3 and the name of the same descriptor, too; port 0 is another one each time.
bool are_one_socket(const net::EndpointWord& a, const net::EndpointWord& b) {
  if (a.inherited != b.inherited) return false;
  if (!a.inherited) return a.host == b.host && a.port == b.port && a.port != 0;
  const std::vector<int> others = net::descriptors_of(b.host);
  return std::ranges::any_of(net::descriptors_of(a.host),
                             [&](int fd) { return std::ranges::find(others, fd) != others.end(); });
}

}  // namespace

void Listen::declare_answering(OptionTable& table) {
  table.group("Answering");
  table.flag("--echo", "send each datagram back to its sender", options.echo).exclusive({"answering"});
  table
      .value("--reply", "TEXT", "answer each datagram with TEXT (C escapes)",
             [this](const std::string& word) { options.reply = base::parse_escapes(word); })
      .exclusive({"answering"});
  table
      .value("--exec", "COMMAND", "run COMMAND for each datagram; what it prints is the reply",
             [this](const std::string& word) { options.exec.command = word; })
      .exclusive({"answering", "threads or exec"});
  table
      .value("--jobs", "N", "with --exec: so many at once (default: processors)",
             [this](const std::string& word) { options.exec.jobs = base::parse_integer(word, 1, 1'024); })
      .only_with("--exec");
  table
      .value("--exec-timeout", "DURATION", "with --exec: a job is ended after so long (10s)",
             [this](const std::string& word) { options.exec.timeout = base::parse_positive_duration(word); })
      .only_with("--exec");
  table.flag("--chat", "send each line that is typed to who wrote last (/to, /who)", options.chat)
      .exclusive({"answering", "threads or chat"});
  table.flag("--stamp", "be a STAMP session-reflector (RFC 8762, RFC 8972)", options.stamp).exclusive({"answering"});
  table
      .value("--stamp-key", "FILE", "with --stamp: only authentic packets, by the key in FILE",
             [this](const std::string& word) { options.stamp_key = word; })
      .takes(Takes::file)
      .only_with("--stamp");
}

void Listen::declare(OptionTable& table) {
  table.about("listen", "[options] ENDPOINT...",
              "Receive on one or more ports; a record for each datagram says who sent it.\n"
              "ENDPOINT: PORT, ADDRESS:PORT, [V6ADDRESS%ZONE]:PORT, *:PORT, fd:N or fd:NAME;\n0: a free port; fd: a "
              "socket that was handed over (systemd).",
              "  udptool listen 41234                     both families, every address\n"
              "  udptool listen -c 1 -w 5 127.0.0.1:0     one datagram, or status 1 after 5 s\n"
              "  udptool listen -j 5140 | jq -r 'select(.event == \"message\").text'\n"
              "  udptool listen -r 9000 > dump            payload bytes, nothing else\n"
              "  udptool listen --echo 7777               an echo server");
  declare_answering(table);
  bind_forward(table, options.forward);
  table.repeatable("--allow", "CIDR", "hear only senders in this network (repeatable)",
                   [this](const std::string& word) { options.filter.allowed.push_back(net::Network::parse(word)); });
  table.repeatable("--deny", "CIDR", "ignore senders in this network (repeatable; wins)",
                   [this](const std::string& word) { options.filter.denied.push_back(net::Network::parse(word)); });
  table.group("Streams");
  bind_streams(table, options.streams);
  table.group("Socket");
  bind_family(table, options.family);
  bind_interface(table, options.socket);
  options.socket.receive_buffer = std::size_t{4} << 20;
  bind_socket(table, options.socket, 1);
  table.flag("--reuse-address", "share the port: SO_REUSEADDR", options.socket.reuse_address);
  table.flag("--reuse-port", "share the port: SO_REUSEPORT", options.socket.reuse_port);
  // Those are judged by the order of all that comes, or have one end only.
  table
      .value("--threads", "N", "receive with N threads, a socket each (SO_REUSEPORT)",
             [this](const std::string& word) { options.threads = base::parse_integer(word, 1, run::max_threads); })
      .exclusive({"threads or exec", "threads or chat", "threads or rtp", "threads or sequence", "threads or impair"});
  bind_receiving(table, options.stop, options.output, options.stats);
  bind_metrics(table, options.metrics);
  bind_privileges(table, options.privileges);
}

void Listen::settle_threads() {
  if (options.threads == 1) return;
  for (const net::EndpointWord& endpoint : options.endpoints) {
    if (endpoint.inherited) throw refusal("", endpoint.host, "one socket was handed over: --threads takes one each");
  }
  options.forward.max_sessions = std::max<std::size_t>(options.forward.max_sessions / options.threads, 1);
}

void Listen::settle_reply() const {
  const bool over_ipv4 = options.family != net::Family::ipv6 &&
                         std::any_of(options.endpoints.begin(), options.endpoints.end(), [](const auto& one) {
                           return !one.inherited && one.host.find(':') == one.host.npos;
                         });
  const std::size_t max = net::max_payload(over_ipv4 ? net::Family::ipv4 : net::Family::ipv6);
  if (!options.reply || options.reply->size() <= max) return;
  throw base::UsageError(fmt::format("--reply has {} bytes; a datagram holds at most {}", options.reply->size(), max));
}

void Listen::settle(const std::vector<std::string>& typed) {
  const std::vector<std::string> words = typed.empty() ? net::handed_over() : typed;
  if (words.empty()) throw base::UsageError("no ENDPOINT given");
  settle_forward(options.forward);
  for (const std::string& word : words) {
    const net::EndpointWord endpoint = endpoint_of(word, options.family);
    const bool known = std::ranges::any_of(options.endpoints,
                                           [&](const net::EndpointWord& one) { return are_one_socket(one, endpoint); });
    if (known) throw refusal("", word, "this ENDPOINT is given twice");
    options.endpoints.push_back(endpoint);
  }
  settle_reply();
  settle_threads();
}

}  // namespace cli
