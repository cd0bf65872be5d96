// SPDX-License-Identifier: MIT
// One thread's share of `listen`: sockets of its own, and all that a datagram meets from there on.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "commands/forward.hpp"
#include "commands/intake.hpp"
#include "commands/listen/guard.hpp"
#include "commands/listen/listen.hpp"
#include "commands/listen/open.hpp"
#include "commands/listen/responder.hpp"
#include "commands/stage.hpp"
#include "commands/streams/report.hpp"
#include "output/records.hpp"
#include "traffic/transmitter.hpp"

namespace commands {

class Worker {
 public:
  // `pcap`: where threads record together; null: the only thread by itself.
  Worker(const ListenOptions& options, Stage& stage, output::RecordSink* pcap);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Opens what the options name, or the endpoints of `first` once more, so that each flow comes to one of both. Before
  // the sandbox. Throws as open_endpoints() does.
  void open(Worker* first);
  // From now on its loop sees to what arrives.
  void watch();
  // The end: nothing is begun any more, and what waits is taken.
  void finish();

  Intake& intake() { return intake_; }
  Forwarder* forwarder() { return forwarder_ ? &*forwarder_ : nullptr; }
  const Streams* streams() const { return streams_ ? &*streams_ : nullptr; }
  // Of --stats.
  void begin_interval() {
    if (streams_) streams_->begin_interval();
  }
  const Sockets& sockets() const { return sockets_; }
  bool responds() const { return responder_ != nullptr; }
  std::uint64_t answered(std::size_t socket) const { return ears_[socket].answers.sent(); }
  std::uint64_t not_answered() const;

 private:
  std::unique_ptr<Responder> make_responder();
  net::WantedMetadata wanted() const;

  const ListenOptions& options_;
  Stage& stage_;
  output::RecordWriter records_;
  RtpPayloads rtp_payloads_{records_};
  Intake intake_;
  std::optional<Streams> streams_;
  Sockets sockets_;
  AnswerGuard guard_;
  std::optional<std::string> stamp_key_;
  std::unique_ptr<Responder> responder_;
  bool first_ = true;
  bool leaves_many_ = false;  // to the first: what the kernel gives to every socket

  // What arrives at one of the sockets.
  struct Ear final : Client {
    Ear(Worker& its_worker, net::UdpSocket& its_socket, std::size_t its_number)
        : worker(its_worker), number(its_number), answers(its_socket) {}

    Admission admit(const net::Received& received) override;
    void take(const net::Received& received, const Admission&) override;
    std::size_t room() const override;
    void batch_done() override;
    void error(const net::TransportError& error) override;

    Worker& worker;
    std::size_t number;
    traffic::Transmitter answers;
    AnswerGuard::Time now{};
    ArrivalClock arrivals;
  };

  std::deque<Ear> ears_;
  std::optional<Forwarder> forwarder_;
};

}  // namespace commands
