// SPDX-License-Identifier: MIT
// The options that several commands share, each bound once to its field.
#pragma once

#include <optional>
#include <string>

#include "base/units.hpp"
#include "cli/table.hpp"
#include "commands/forward_options.hpp"
#include "commands/streams/streams.hpp"
#include "commands/target.hpp"
#include "net/options.hpp"
#include "output/options.hpp"
#include "run/privileges.hpp"
#include "run/stop.hpp"

namespace cli {

// -4 and -6.
void bind_family(OptionTable& app, std::optional<net::Family>& family);
void bind_interface(OptionTable& app, net::SocketOptions& options);
// How a socket sends, and its buffers.
void bind_socket(OptionTable& app, net::SocketOptions& options, int min_ttl);
// The same of a command that has a target, with what it sends from.
void bind_sending(OptionTable& app, commands::Target& target, net::SocketOptions& options);
void bind_count(OptionTable& app, std::string_view help, run::StopOptions& options, std::uint64_t min);
// `parse_wait`: what may wait for no time at all takes 0.
void bind_waits(OptionTable& app, std::string_view wait_help, run::StopOptions& options,
                base::Nanoseconds (*parse_wait)(std::string_view word) = base::parse_duration);
void bind_output(OptionTable& app, output::Options& options);
// What stands between the payloads that are printed raw.
void bind_delimiter(OptionTable& app, output::Options& options);
void bind_user(OptionTable& app, run::PrivilegeOptions& options);
// The same, of the commands that confine themselves.
void bind_privileges(OptionTable& app, run::PrivilegeOptions& options);
void bind_stats(OptionTable& app, std::string_view help, std::optional<base::Nanoseconds>& stats);
void bind_metrics(OptionTable& app, std::optional<std::string>& file);
// What `listen` and `join` share of when to end and what is printed.
void bind_receiving(OptionTable& app, run::StopOptions& stop, output::Options& output,
                    std::optional<base::Nanoseconds>& stats);

void bind_streams(OptionTable& app, commands::StreamOptions& options);
void bind_forward(OptionTable& app, commands::ForwardOptions& options);
void settle_forward(const commands::ForwardOptions& options);

}  // namespace cli
