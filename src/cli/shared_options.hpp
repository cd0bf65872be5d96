// The options that several commands share, each bound once to its field.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/command_app.hpp"
#include "net/options.hpp"
#include "output/options.hpp"
#include "run/loop.hpp"
#include "run/privileges.hpp"

namespace cli {

// -4 and -6; reading the second of them throws.
void bind_family(CommandApp& app, std::optional<net::Family>& family);
void bind_interface(CommandApp& app, net::SocketOptions& options);
// -t, --dscp, -b, --rcvbuf, --sndbuf
void bind_socket(CommandApp& app, net::SocketOptions& options, int least_ttl);
// -s, -p
void bind_source(CommandApp& app, std::optional<net::Address>& address, std::uint16_t& port);
// --no-loopback, --df
void bind_leaving(CommandApp& app, net::SocketOptions& options);
void bind_count(CommandApp& app, const std::string& help, run::StopOptions& options, std::uint64_t least);
// -w, -W
void bind_waits(CommandApp& app, const std::string& wait_help, run::StopOptions& options);
// -o, -j, -r, -T, -v, -q, --color
void bind_output(CommandApp& app, output::Options& options);
// -D of what is printed raw.
void bind_delimiter(CommandApp& app, output::Options& options);
// --user
void bind_user(CommandApp& app, run::PrivilegeOptions& options);
// --user, --no-sandbox: of the commands that confine themselves.
void bind_privileges(CommandApp& app, run::PrivilegeOptions& options);
// What `listen` and `join` share of when to end and what is printed: -c, -w, -W, the output's, -D, --stats.
void bind_receiving(CommandApp& app, run::StopOptions& stop, output::Options& output,
                    std::optional<base::Nanoseconds>& stats);

// Throws UsageError when both are given.
void exclude(bool first, const char* first_name, bool second, const char* second_name);

}  // namespace cli
