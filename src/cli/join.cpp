#include <limits>

#include "base/error.hpp"
#include "base/units.hpp"
#include "cli/commands.hpp"
#include "cli/shared_options.hpp"
#include "commands/join/join.hpp"

namespace cli {

Invocation join_invocation(const std::vector<std::string>& arguments) {
  commands::JoinOptions options;
  options.socket.receive_buffer = std::size_t{4} << 20;
  CommandApp app("join", "join [options] GROUP...",
                 "Receive multicast, on every interface that can, or on those named with -i.\n"
                 "GROUP: [SOURCE,]GROUP[+N][:PORT]; default port 41234; +N: N groups in a row.");
  app.group("Multicast");
  app.value("--leave-after", "DURATION", "leave the groups after so long, but go on",
            [&](const std::string& word) { options.leave_after = base::parse_duration(word); });
  app.flag("--rtp", "loss, reordering and jitter of RTP streams", options.rtp);
  app.value("--clock-rate", "HZ", "RTP clock of dynamic payload types (90000)", [&](const std::string& word) {
    options.clock_rate =
        static_cast<std::uint32_t>(base::parse_integer(word, 1, std::numeric_limits<std::uint32_t>::max()));
  });
  app.flag("--explain", "say first what may stand in the way", options.explain);
  app.group("Socket");
  bind_family(app, options.family);
  app.repeatable("-i,--interface", "NAME", "join on this interface (repeatable)",
                 [&](const std::string& word) { options.interfaces.push_back(net::find_interface(word)); });
  bind_socket(app, options.socket, 0);
  bind_receiving(app, options.stop, options.output, options.stats);
  bind_privileges(app, options.privileges);
  app.examples(
      "  udptool join 239.1.1.1                   every interface, port 41234\n"
      "  udptool join -i eth0 239.1.1.1+8:5000    eight groups on one interface\n"
      "  udptool join 10.0.0.9,232.1.1.1:5000     from one source only\n"
      "  udptool join '[ff15::7]:5000'            IPv6\n"
      "  udptool join --explain -w 10 239.1.1.1   why does nothing arrive?");
  if (!app.parse(arguments)) return {};
  if (app.words().empty()) throw base::UsageError("no GROUP given");
  for (const std::string& word : app.words()) options.groups.push_back(net::parse_group(word));
  return invocation_of(std::move(options), &commands::join);
}

}  // namespace cli
