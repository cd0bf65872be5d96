// SPDX-License-Identifier: MIT
// The four commands. Each declares its options, bound to its own fields, then checks them against each other and takes
// the words; both throw UsageError. It stays where it is from declare() on.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/table.hpp"
#include "commands/join/join.hpp"
#include "commands/listen/listen.hpp"
#include "commands/probe/probe.hpp"
#include "commands/send/send.hpp"

namespace cli {

struct Listen {
  commands::ListenOptions options;

  void declare(OptionTable& table);
  void settle(const std::vector<std::string>& words);
  base::ExitStatus run() const { return commands::listen(options); }

 private:
  void declare_answering(OptionTable& table);
  void settle_reply() const;
  void settle_threads();
};

struct Send {
  commands::SendOptions options;
  std::optional<std::uint64_t> offset;

  void declare(OptionTable& table);
  void settle(const std::vector<std::string>& words);
  base::ExitStatus run() const { return commands::send(options); }

 private:
  void declare_payloads(OptionTable& table);
  void declare_pace(OptionTable& table);
  void declare_replay(OptionTable& table);
  commands::ReplayOptions& replay();
  void settle_replay() const;
  void settle_payloads();
};

struct Join {
  commands::JoinOptions options;

  void declare(OptionTable& table);
  void settle(const std::vector<std::string>& words);
  base::ExitStatus run() const { return commands::join(options); }
};

struct Probe {
  commands::ProbeOptions options;
  bool trace = false;
  bool mtu = false;
  bool stamp = false;
  bool list = false;
  bool hex = false;
  bool escapes = false;
  std::optional<std::string> data;
  std::optional<base::Nanoseconds> interval;

  void declare(OptionTable& table);
  void settle(const std::vector<std::string>& words);
  base::ExitStatus run() const { return list ? commands::list_payloads(options) : commands::probe(options); }

 private:
  void declare_modes(OptionTable& table);
  void declare_request(OptionTable& table);
  std::uint16_t default_port() const;
  void settle_request();
  void settle_series();
  void settle_mode();
  void settle_many();
  void settle_target(const std::vector<std::string>& words);
};

}  // namespace cli
