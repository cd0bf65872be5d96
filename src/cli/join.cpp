// SPDX-License-Identifier: MIT
#include "base/units.hpp"
#include "cli/commands.hpp"
#include "cli/shared.hpp"
#include "cli/words.hpp"

namespace cli {

void Join::declare(OptionTable& table) {
  table.about("join", "[options] GROUP...",
              "Receive multicast, on every interface that can, or on those named with -i.\n"
              "GROUP: [SOURCE,]GROUP[+N][:PORT]; default port 41234; +N: N groups in a row.",
              "  udptool join 239.1.1.1                   every interface, port 41234\n"
              "  udptool join -i eth0 239.1.1.1+8:5000    eight groups on one interface\n"
              "  udptool join 10.0.0.9,232.1.1.1:5000     from one source only\n"
              "  udptool join '[ff15::7]:5000'            IPv6\n"
              "  udptool join --explain -w 10 239.1.1.1   why does nothing arrive?");
  table.group("Multicast");
  table.value("--leave-after", "DURATION", "leave the groups after so long, but go on",
              [this](const std::string& word) { options.leave_after = base::parse_duration(word); });
  table.value("--rejoin", "DURATION", "leave and join again each so long", [this](const std::string& word) {
    options.rejoin = base::parse_duration(word);
    if (*options.rejoin < std::chrono::milliseconds(100)) throw base::UsageError("at least 100ms");
  });
  bind_streams(table, options.streams);
  bind_forward(table, options.forward);
  table.flag("--explain", "say first what may stand in the way", options.explain);
  table.group("Socket");
  bind_family(table, options.family);
  table
      .repeatable("-i,--interface", "NAME", "join on this interface (repeatable)",
                  [this](const std::string& word) { options.interfaces.push_back(net::find_interface(word)); })
      .takes(Takes::interface);
  options.socket.receive_buffer = std::size_t{4} << 20;
  bind_socket(table, options.socket, 0);
  bind_receiving(table, options.stop, options.output, options.stats);
  bind_metrics(table, options.metrics);
  bind_privileges(table, options.privileges);
}

void Join::settle(const std::vector<std::string>& words) {
  if (words.empty()) throw base::UsageError("no GROUP given");
  settle_forward(options.forward);
  for (const std::string& word : words) options.groups.push_back(group_of(word, options.family));
}

}  // namespace cli
