#include "commands/listen/responder.hpp"

#include <cerrno>

namespace commands {
namespace {

// The address that was asked; for a group or broadcast the interface's own, which the kernel picks.
net::Source source_of(const net::Metadata& metadata) {
  net::Source source;
  source.address = metadata.local;
  const bool by_interface = metadata.destination && metadata.destination->is_v6() &&
                            (!metadata.local || metadata.local->to_v6().is_link_local());
  if (by_interface) source.interface = metadata.interface.value_or(0);
  return source;
}

}  // namespace

void Responder::answer(const net::Received& received) {
  if (batch_.empty()) now_ = AnswerGuard::Time::clock::now();  // once a batch
  for (std::size_t i = 0; i < received.count(); ++i) {
    const std::string_view payload = received.payload(i);
    const std::string_view answer = reply_ ? std::string_view(*reply_) : payload;
    if (!guard_.may_answer(received, payload, answer, now_)) continue;
    batch_.set_route({*received.sender, source_of(received.metadata), -1});
    batch_.add(answer);
  }
}

void Responder::flush(net::UdpSocket& socket) {
  while (!batch_.empty()) {
    const net::SendResult result = socket.send(batch_);
    if (result.error == EAGAIN) break;
    if (result.error != 0) batch_.drop_first();
  }
  batch_.reset();
}

}  // namespace commands
