// SPDX-License-Identifier: MIT
// Checkers of protocols whose answers are mostly text.
#include <fmt/format.h>

#include "base/bytes.hpp"
#include "commands/probe/payloads/checks.hpp"

namespace commands {
namespace {

// The first line, without its end.
std::string_view first_line(std::string_view text) { return text.substr(0, text.find_first_of("\r\n")); }

// "200 OK" of "SIP/2.0 200 OK\r\n...": three digits, and what follows them on the line.
Fact status_of(std::string_view reply, std::string_view version) {
  if (!reply.starts_with(version)) return std::nullopt;
  const std::string_view status = first_line(reply.substr(version.size()));
  const auto is_digit = [&](std::size_t i) { return i < status.size() && status[i] >= '0' && status[i] <= '9'; };
  const bool three = is_digit(0) && is_digit(1) && is_digit(2);
  if (!three || (status.size() > 3 && status[3] != ' ')) return std::nullopt;
  return shortened(status.size() > 4 ? status : status.substr(0, 3));
}

// The value of the first header line `name`, which is in capitals and ends in a colon.
std::string_view header_value(std::string_view reply, std::string_view name) {
  for (base::ByteReader lines(reply); lines.left() > 0;) {
    std::string_view line = first_line(lines.until('\n'));
    std::size_t same = 0;
    while (same < name.size() && same < line.size()) {
      const char c = line[same];
      if ((c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c) != name[same]) break;
      ++same;
    }
    if (same < name.size()) continue;
    line.remove_prefix(same);
    while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
    return line;
  }
  return {};
}

}  // namespace

// The token and the empty datagram: any reply.
Fact check_token(std::string_view request, std::string_view reply, const ReplyContext&) {
  return is_echo(request, reply) ? "echoed" : "reply";
}

// RFC 862: what was sent, and nothing else.
Fact check_echo(std::string_view request, std::string_view reply, const ReplyContext&) {
  if (reply != request) return std::nullopt;
  return "echoed";
}

// RFC 3261, 8.1.3.3: the branch that a client put into Via is in every response.
Fact check_sip(std::string_view request, std::string_view reply, const ReplyContext&) {
  const std::string_view branch = request.substr(request.find("branch="));
  if (reply.find(branch.substr(0, branch.find(';'))) == std::string_view::npos) return std::nullopt;
  return status_of(reply, "SIP/2.0 ");
}

// UPnP Device Architecture 2.0, 1.3.3.
Fact check_ssdp(std::string_view, std::string_view reply, const ReplyContext&) {
  Fact status = status_of(reply, "HTTP/1.1 ");
  const std::string_view server = header_value(reply, "SERVER:");
  if (!status || *status != "200 OK" || server.empty()) return status;
  return *status + ", " + shortened(server);
}

// RFC 1350, 5. The file does not exist, so an ERROR is the answer; a server that has it all the same sends DATA.
Fact check_tftp(std::string_view, std::string_view reply, const ReplyContext&) {
  base::ByteReader in(reply);
  const std::uint16_t operation = in.u16();
  const std::uint16_t number = in.u16();
  if (!in.ok()) return std::nullopt;
  if (operation == 3 && number == 1) return "data";
  if (operation != 5) return std::nullopt;
  const std::string_view message = in.until('\0');
  return fmt::format("error {}{}{}", number, message.empty() ? "" : " ", shortened(message));
}

// memcached, doc/protocol.txt: the UDP frame header repeats the request's id.
Fact check_memcached(std::string_view request, std::string_view reply, const ReplyContext&) {
  base::ByteReader in(reply);
  const bool ours = in.take(2) == request.substr(0, 2);
  const std::uint16_t sequence = in.u16();
  in.skip(4);  // datagrams in all, reserved
  const std::string_view line = first_line(in.rest());
  if (!in.ok() || !ours || sequence != 0) return std::nullopt;
  constexpr std::string_view version = "VERSION ";
  if (line.starts_with(version)) return "version " + shortened(line.substr(version.size()));
  if (line.find("ERROR") == std::string_view::npos) return std::nullopt;
  return shortened(line);
}

// Valve's server queries: a challenge, or the information at once.
Fact check_a2s(std::string_view, std::string_view reply, const ReplyContext&) {
  base::ByteReader in(reply);
  const std::uint32_t whole = in.u32();
  const std::uint8_t kind = in.u8();
  if (!in.ok() || whole != 0xffffffff) return std::nullopt;
  if (kind == 'A' && in.left() == 4) return "challenge";
  in.skip(1);  // protocol
  if (kind != 'I' || !in.ok()) return std::nullopt;
  return "info " + shortened(in.until('\0'));
}

}  // namespace commands
