// SPDX-License-Identifier: MIT
// In a program that is linked statically no library can be loaded.
#include <cerrno>

#include "base/error.hpp"
#include "commands/send/capture_file.hpp"

namespace commands {

struct CaptureFile::State {};

// NOLINTNEXTLINE(performance-unnecessary-value-param): the constructor that reads keeps it
CaptureFile::CaptureFile(int, bool, std::string, const std::string&, const std::string&) {
  throw base::Failure(ENOTSUP, "--replay of a capture is not in a static build: it needs libpcap, which is loaded");
}
CaptureFile::~CaptureFile() = default;
int CaptureFile::link() const { return 0; }
std::optional<CapturedPacket> CaptureFile::next() { return std::nullopt; }
bool CaptureFile::has_more_at_once() const { return false; }

std::string libpcap_version() { return "not in a static build"; }

}  // namespace commands
