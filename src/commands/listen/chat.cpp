// SPDX-License-Identifier: MIT
#include "commands/listen/chat.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"
#include "base/units.hpp"
#include "commands/target.hpp"
#include "net/route.hpp"

namespace commands {
namespace {

constexpr std::size_t max_line = net::max_payload(net::Family::ipv6);

}  // namespace

Chat::Chat(AnswerGuard& guard, Stage& stage, std::optional<net::Interface> interface)
    : Responder(guard, {}), report_(stage.report), interface_(std::move(interface)) {
  stage.loop.on_readable(STDIN_FILENO, [this] { return read_input(); });
}

void Chat::answer(const net::Received& received, traffic::Transmitter& out) {
  const auto known = std::find_if(senders_.begin(), senders_.end(),
                                  [&](const Sender& one) { return net::identical(one.endpoint, *received.sender); });
  Sender sender;
  if (known != senders_.end()) {
    sender = std::move(*known);
    senders_.erase(known);
  }
  sender.endpoint = *received.sender;
  sender.route = route_to_sender(received);
  sender.route.ttl = -1;
  sender.out = &out;
  sender.datagrams += received.count();
  sender.heard = run::Clock::now();
  senders_.push_front(std::move(sender));
  if (senders_.size() > max_senders) senders_.pop_back();
}

bool Chat::read_input() {
  std::array<char, 65'536> buffer;
  const ssize_t got = read(STDIN_FILENO, buffer.data(), buffer.size());
  if (got < 0) return errno == EINTR || errno == EAGAIN;
  if (got == 0 && line_size_ > 0) end_line();
  take({buffer.data(), static_cast<std::size_t>(got)});
  return got > 0;
}

void Chat::take(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    line_.append(piece.substr(0, max_line - std::min(line_.size(), max_line)));
    line_size_ += piece.size();
    if (end == std::string_view::npos) return;
    end_line();
    bytes.remove_prefix(end + 1);
  }
}

void Chat::end_line() {
  const std::string text = std::exchange(line_, {});
  const std::size_t size = std::exchange(line_size_, 0);
  if (size > text.size()) {
    report_.notice(fmt::format("a line of {} bytes is more than a datagram holds: not sent", size));
  } else {
    line(text);
  }
}

void Chat::line(std::string_view text) {
  if (text.starts_with("//")) {
    send(text.substr(1));
  } else if (text.starts_with('/')) {
    command(text);
  } else {
    send(text);
  }
}

void Chat::command(std::string_view text) {
  const std::size_t end = std::min(text.find(' '), text.size());
  const std::string_view name = text.substr(0, end);
  std::string_view rest = text.substr(end);
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  if (name == "/who" && rest.empty()) return list();
  if (name == "/to" && !rest.empty()) return choose(rest);
  report_.notice(fmt::format("'{}' is neither /to ADDRESS:PORT nor /who; //TEXT sends /TEXT", base::printable(text)));
}

const Chat::Sender* Chat::partner() const {
  if (chosen_) return &*chosen_;
  return senders_.empty() ? nullptr : &senders_.front();
}

void Chat::send(std::string_view payload) {
  const Sender* const to = partner();
  if (to == nullptr) return report_.notice("nobody has written yet: not sent");
  const std::string name = net::to_string(to->endpoint);
  const std::size_t max_size = net::max_payload(net::family_of(to->endpoint));
  if (payload.size() > max_size) {
    return report_.notice(
        fmt::format("a line of {} bytes is more than a datagram holds ({}): not sent", payload.size(), max_size));
  }
  const int error = to->out->transmit_one(payload, to->route);
  if (error != 0) {
    const std::string hint = net::hint_of_sending(error, to->endpoint.address());
    return report_.notice(base::failure(error, "not sent to " + name, hint).message());
  }
  ++sent_;
  report_.notice(fmt::format("sent {} to {}", base::counted(payload.size(), "byte"), name));
}

// Anybody can send ICMP errors, and as many as he likes: no more are told than lines were sent.
void Chat::error(const net::TransportError& error) {
  if (sent_ == 0 || !error.is_refusal()) return;
  --sent_;
  report_.notice(fmt::format("{} refuses: {}", net::to_string(error.destination), net::to_string(error)));
}

// Whom it names: as it was heard, so that the address that it wrote to is the one that answers, or anew.
Chat::Sender Chat::sender_at(std::string_view word) const {
  const net::EndpointWord parsed = net::parse_endpoint(word);
  const std::optional<net::Address> address = net::parse_address(parsed.host);
  if (!address || parsed.port == 0) {
    throw base::UsageError(fmt::format("'{}' is not ADDRESS:PORT", base::printable(word)));
  }
  net::Endpoint wanted(*address, parsed.port);
  if (net::needs_zone(*address)) settle_zone(wanted, Whose::of_others, interface_, report_);
  const auto known =
      std::find_if(senders_.begin(), senders_.end(), [&](const Sender& one) { return one.endpoint == wanted; });
  if (known != senders_.end()) return *known;
  const net::Family family = net::family_of(wanted);
  const auto socket = std::find_if(sockets_.begin(), sockets_.end(),
                                   [&](const traffic::Transmitter* one) { return one->family() == family; });
  if (socket == sockets_.end()) throw base::UsageError(fmt::format("not listening over {}", net::name_of(family)));
  Sender sender;
  sender.endpoint = wanted;
  sender.route.to = wanted;
  sender.route.from.interface = net::zone_of_group(wanted.address());
  sender.out = *socket;
  return sender;
}

void Chat::choose(std::string_view word) {
  try {
    chosen_ = sender_at(word);
    report_.notice(fmt::format("lines go to {}", net::to_string(chosen_->endpoint)));
  } catch (const base::UsageError& error) {
    report_.notice(base::refusal("", word, error.what()).what());
  }
}

void Chat::list() {
  if (senders_.empty()) return report_.notice("nobody has written yet");
  for (const Sender& one : senders_) {
    report_.notice(fmt::format("{}: {}, the last {:.0f} s ago{}", net::to_string(one.endpoint),
                               base::counted(one.datagrams, "datagram"),
                               std::chrono::duration<double>(run::Clock::now() - one.heard).count(),
                               partner()->endpoint == one.endpoint ? ", lines go there" : ""));
  }
}

}  // namespace commands
