// SPDX-License-Identifier: MIT
// Packets of a capture file, read by libpcap, which is loaded when one is opened and never before: linking it would
// cost every start 1.6 M instructions.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "commands/send/capture.hpp"

namespace commands {

class CaptureFile {
 public:
  // pcap or pcapng from the descriptor, a regular file's or not, of which `begun` has been read already; `name` is for
  // messages. `filter`: an expression as in pcap-filter(7), or "". Throws UsageError or Failure that name the cure: no
  // libpcap, no capture, a link that is not understood, a filter that does not compile.
  CaptureFile(int descriptor, bool regular, std::string begun, const std::string& name, const std::string& filter);
  ~CaptureFile();
  CaptureFile(const CaptureFile&) = delete;
  CaptureFile& operator=(const CaptureFile&) = delete;

  int link() const;  // DLT_ value

  // The next packet that the filter lets pass, good until the next call; nothing at the end. Throws Failure when the
  // file ends in the middle of one or is broken.
  std::optional<CapturedPacket> next();
  // False: the next one has to be read, and may have to be waited for. Of a regular file it is always false.
  bool has_more_at_once() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The version of the libpcap that would be loaded, or why there is none.
std::string libpcap_version();

}  // namespace commands
