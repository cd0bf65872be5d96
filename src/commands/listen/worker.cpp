// SPDX-License-Identifier: MIT
#include "commands/listen/worker.hpp"

#include <algorithm>
#include <vector>

#include "commands/listen/chat.hpp"
#include "commands/listen/exec.hpp"
#include "commands/listen/stamp.hpp"
#include "commands/stamp_key.hpp"
#include "net/interfaces.hpp"
#include "net/route.hpp"

namespace commands {

namespace {

// The kernel takes its time to tell of each datagram by which interface it came: it is not asked where only one can be.
unsigned sole_interface(const ListenOptions& options) {
  if (options.socket.interface) return options.socket.interface->index;
  for (const net::EndpointWord& word : options.endpoints) {
    const auto address = word.inherited ? std::nullopt : net::parse_address(word.host);
    if (!address || !address->is_loopback()) return 0;
  }
  for (const net::Interface& one : net::interfaces()) {
    if (one.loopback) return one.index;
  }
  return 0;
}

// Not what is bound to the address of a single host.
bool hears_groups_and_broadcasts(const std::unique_ptr<net::UdpSocket>& socket) {
  const net::Address address = socket->local_endpoint().address();
  return address.is_unspecified() || address.is_multicast() || net::route_to(address).broadcast;
}

StreamOptions stream_options(const ListenOptions& options) {
  StreamOptions streams = options.streams;
  streams.sole_interface = sole_interface(options);
  return streams;
}

}  // namespace

Worker::Worker(const ListenOptions& options, Stage& stage, output::RecordSink* pcap)
    : options_(options),
      stage_(stage),
      records_(options.output, stage.sink),
      intake_(stage, options.stop.count),
      streams_(options.streams.any() ? std::make_optional<Streams>(stream_options(options)) : std::nullopt),
      guard_(!options.filter.allowed.empty()) {
  intake_.record_as(options.output, rtp_payloads_.or_whole(options.streams, options.output), pcap);
}

void Worker::open(Worker* first) {
  first_ = first == nullptr;
  // Once: it may come by a pipe.
  if (options_.stamp_key) stamp_key_ = first_ ? read_stamp_key(*options_.stamp_key, stage_.report) : first->stamp_key_;
  responder_ = make_responder();
  if (!options_.forward.targets.empty()) {
    forwarder_.emplace(stage_, options_.forward, options_.socket, options_.socket.interface);
  }
  net::SocketOptions socket_options = options_.socket;
  if (responder_ && !options_.chat) socket_options.broadcast = false;  // a forged sender may be everybody
  if (!first_) {
    leaves_many_ = std::any_of(first->sockets_.begin(), first->sockets_.end(), hears_groups_and_broadcasts);
  }
  sockets_ = first_ ? open_endpoints(options_, socket_options, wanted(), stage_)
                    : open_shared(first->sockets_, socket_options, wanted(), stage_);
  std::vector<net::Endpoint> own;
  own.reserve(sockets_.size());
  for (const auto& socket : sockets_) own.push_back(socket->local_endpoint());
  for (const net::Endpoint& one : own) guard_.answers_at(one);
  if (forwarder_) forwarder_->open(own, first_ ? nullptr : &*first->forwarder_);
}

void Worker::watch() {
  for (const auto& socket : sockets_) {
    Ear& ear = ears_.emplace_back(*this, *socket, ears_.size());
    if (responder_) responder_->opened(ear.answers);
    if (options_.chat) socket->report_transport_errors(true);
    intake_.watch(*socket, ear);
  }
}

void Worker::finish() {
  if (responder_) responder_->finish();
  intake_.take_what_waits();
}

std::uint64_t Worker::not_answered() const {
  std::uint64_t count = guard_.refused();
  for (const Ear& ear : ears_) count += ear.answers.failed();
  return count;
}

std::unique_ptr<Responder> Worker::make_responder() {
  const std::optional<int> ttl = options_.socket.ttl;
  if (options_.exec.command) return std::make_unique<Exec>(guard_, ttl, options_.exec, stage_, intake_);
  if (options_.chat) return std::make_unique<Chat>(guard_, stage_, options_.socket.interface);
  if (options_.stamp) {
    return std::make_unique<StampReflector>(
        guard_,
        StampReflector::Settings{ttl, options_.socket.dscp.has_value(), !options_.filter.allowed.empty(), stamp_key_});
  }
  if (options_.echo || options_.reply) return std::make_unique<Echo>(guard_, ttl, options_.reply);
  return nullptr;
}

net::WantedMetadata Worker::wanted() const {
  net::WantedMetadata wanted = output::wanted_metadata(options_.output);
  if (responder_) wanted.add(responder_->needs());
  if (forwarder_) wanted.add(Forwarder::needs());
  if (streams_) wanted.add(Streams::needs(streams_->options()));
  if (leaves_many_) wanted.destination = true;
  return wanted;
}

// What was sent to many comes to the sockets of all threads: one takes it.
Admission Worker::Ear::admit(const net::Received& received) {
  if (worker.leaves_many_ && net::reached_many(received.metadata)) return {.in = false, .counts = false};
  const SenderFilter& filter = worker.options_.filter;
  return {.in = filter.admits_all() || filter.admits(received.sender->address())};
}

void Worker::Ear::take(const net::Received& received, const Admission&) {
  if (worker.streams_) worker.streams_->add(number, received, arrivals.of(received));
  if (worker.forwarder_) worker.forwarder_->take(received, answers);
  if (!worker.responder_) return;
  if (now == AnswerGuard::Time{}) now = AnswerGuard::Time::clock::now();  // once a batch
  if (worker.responder_->admits(received, now)) worker.responder_->answer(received, answers);
}

void Worker::Ear::error(const net::TransportError& error) {
  if (worker.responder_) worker.responder_->error(error);
}

std::size_t Worker::Ear::room() const { return worker.responder_ ? worker.responder_->room() : Client::room(); }

void Worker::Ear::batch_done() {
  arrivals.batch_done();
  if (worker.forwarder_) worker.forwarder_->batch_done();
  if (!worker.responder_) return;
  worker.responder_->depart();
  answers.transmit_or_drop();
  while (const auto error = answers.news()) {
    if (traffic::is_want_of_room(*error)) continue;
    worker.stage_.report.notice(base::failure(*error, "not everybody can be answered").message());
  }
  now = {};
  while (const auto text = worker.guard_.news()) worker.stage_.report.notice(*text);
}

}  // namespace commands
