#include "commands/listen/listen.hpp"
#include "base/text.hpp"
#include "cli/commands.hpp"
#include "cli/shared_options.hpp"

namespace cli {

Invocation listen_invocation(const std::vector<std::string>& arguments) {
  commands::ListenOptions options;
  options.socket.receive_buffer = std::size_t{4} << 20;
  CommandApp app("listen", "listen [options] ENDPOINT...",
                 "Receive on one or more ports; a record for each datagram says who sent it.\n"
                 "ENDPOINT: PORT, ADDRESS:PORT, [V6ADDRESS%ZONE]:PORT or *:PORT; 0: a free port.");
  app.group("Answering");
  app.flag("--echo", "send each datagram back to its sender", options.echo);
  app.value("--reply", "TEXT", "answer each datagram with TEXT (C escapes)",
            [&](const std::string& word) { options.reply = base::parse_escapes(word); });
  app.repeatable("--allow", "CIDR", "hear only senders in this network (repeatable)",
                 [&](const std::string& word) { options.filter.allowed.push_back(net::Network::parse(word)); });
  app.repeatable("--deny", "CIDR", "ignore senders in this network (repeatable; wins)",
                 [&](const std::string& word) { options.filter.denied.push_back(net::Network::parse(word)); });
  app.group("Socket");
  bind_family(app, options.family);
  bind_interface(app, options.socket);
  bind_socket(app, options.socket, 1);
  app.flag("--reuse-address", "share the port: SO_REUSEADDR", options.socket.reuse_address);
  app.flag("--reuse-port", "share the port: SO_REUSEPORT", options.socket.reuse_port);
  bind_receiving(app, options.stop, options.output, options.stats);
  bind_privileges(app, options.privileges);
  app.examples(
      "  udptool listen 41234                     both families, every address\n"
      "  udptool listen -c 1 -w 5 127.0.0.1:0     one datagram, or status 1 after 5 s\n"
      "  udptool listen -j 5140 | jq -r .text     structured output\n"
      "  udptool listen -r 9000 > dump            payload bytes, nothing else\n"
      "  udptool listen --echo 7777               an echo server");
  if (!app.parse(arguments)) return {};
  if (app.words().empty()) throw base::UsageError("no ENDPOINT given");
  exclude(options.echo, "--echo", options.reply.has_value(), "--reply");
  for (const std::string& word : app.words()) options.endpoints.push_back(net::parse_endpoint(word));
  return invocation_of(std::move(options), &commands::listen);
}

}  // namespace cli
