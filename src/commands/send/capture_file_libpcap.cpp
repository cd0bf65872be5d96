// SPDX-License-Identifier: MIT
#include <dlfcn.h>
#include <fmt/format.h>
#include <stdio_ext.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ending.hpp"
#include "base/error.hpp"
#include "base/file.hpp"
#include "base/text.hpp"
#include "commands/send/capture_file.hpp"

namespace commands {
namespace {

using base::Failure;
using base::UsageError;

// The part of libpcap's interface that is used here, as pcap(3PCAP) has it: its headers need not be there to build.
constexpr std::size_t error_size = 256;
constexpr unsigned nanosecond_precision = 1;
constexpr std::uint32_t unknown_netmask = 0xffffffff;
struct Handle;
struct PacketHeader {
  timeval time;  // tv_usec holds nanoseconds
  std::uint32_t captured;
  std::uint32_t length;
};
struct Program {
  unsigned size;
  void* instructions;
};

struct Library {
  Handle* (*fopen_offline)(std::FILE*, unsigned precision, char* error);
  int (*next_ex)(Handle*, PacketHeader**, const unsigned char**);
  int (*datalink)(Handle*);
  const char* (*datalink_name)(int);
  char* (*geterr)(Handle*);
  int (*compile)(Handle*, Program*, const char* filter, int optimize, std::uint32_t netmask);
  int (*setfilter)(Handle*, Program*);
  void (*freecode)(Program*);
  void (*close)(Handle*);
};

template <class Function>
bool find(void* library, const char* name, Function*& function) {
  void* const symbol = dlsym(library, name);
  static_assert(sizeof symbol == sizeof function);
  std::memcpy(&function, &symbol, sizeof symbol);
  return symbol != nullptr;
}

// Null where it is not installed.
void* load_libpcap() {
  void* handle = nullptr;
  for (const char* name : {"libpcap.so.0.8", "libpcap.so.1", "libpcap.so"}) {
    if (handle == nullptr) handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  }
  return handle;
}

const Library& library() {
  static const Library loaded = [] {
    void* const handle = load_libpcap();
    Library found{};
    if (handle == nullptr || !find(handle, "pcap_fopen_offline_with_tstamp_precision", found.fopen_offline) ||
        !find(handle, "pcap_next_ex", found.next_ex) || !find(handle, "pcap_datalink", found.datalink) ||
        !find(handle, "pcap_datalink_val_to_name", found.datalink_name) || !find(handle, "pcap_geterr", found.geterr) ||
        !find(handle, "pcap_compile", found.compile) || !find(handle, "pcap_setfilter", found.setfilter) ||
        !find(handle, "pcap_freecode", found.freecode) || !find(handle, "pcap_close", found.close)) {
      throw Failure(ENOTSUP, "--replay of a capture needs libpcap, which is not here: install the package libpcap0.8");
    }
    return found;
  }();
  return loaded;
}

constexpr std::size_t block = 256 * 1024;

// What was read of the descriptor, of which libpcap has taken so much.
struct Input {
  int descriptor;
  std::string bytes;
  std::size_t taken = 0;

  bool has_more() const { return taken < bytes.size(); }
};

ssize_t read_input(void* cookie, char* buffer, std::size_t size) {
  Input& input = *static_cast<Input*>(cookie);
  if (!input.has_more()) {
    if (size >= block) return base::read_on(input.descriptor, buffer, size);
    input.bytes.resize(block);
    const ssize_t got = base::read_on(input.descriptor, input.bytes.data(), block);
    input.bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    input.taken = 0;
    if (got <= 0) return got;
  }
  const std::size_t copied = input.bytes.copy(buffer, size, input.taken);
  input.taken += copied;
  return static_cast<ssize_t>(copied);
}

void refuse_compressed(std::string_view begun, const std::string& name) {
  if (begun.starts_with("\x1f\x8b")) throw Failure(EINVAL, fmt::format("{} is compressed: gunzip it first", name));
  if (begun.starts_with("\x28\xb5\x2f\xfd"))
    throw Failure(EINVAL, fmt::format("{} is compressed: unzstd it first", name));
}

}  // namespace

struct CaptureFile::State {
  ~State() {
    if (handle != nullptr) library().close(handle);  // and the stream with it
  }
  std::string name;
  Input input;
  std::vector<char> buffer = std::vector<char>(block);  // glibc takes no size for one that it is to allocate
  Handle* handle = nullptr;
};

CaptureFile::CaptureFile(int descriptor, bool regular, std::string begun, const std::string& name,
                         const std::string& filter)
    : state_(std::make_unique<State>()) {
  refuse_compressed(begun, name);
  const Library& pcap = library();
  state_->name = name;
  state_->input = {descriptor, std::move(begun)};
  std::FILE* const stream = fopencookie(&state_->input, "rb", {&read_input, nullptr, nullptr, nullptr});
  if (stream == nullptr) throw base::failure(errno, "cannot read " + name);
  // A stream without a buffer keeps nothing from has_more_at_once(), and takes 2.3 us a packet instead of 0.2.
  setvbuf(stream, state_->buffer.data(), regular ? _IOFBF : _IONBF, state_->buffer.size());
  __fsetlocking(stream, FSETLOCKING_BYCALLER);  // nobody else reads it, and there are two reads a packet
  std::array<char, error_size> error{};
  state_->handle = pcap.fopen_offline(stream, nanosecond_precision, error.data());
  if (state_->handle == nullptr) {
    std::fclose(stream);
    if (base::end_ticks != 0) throw base::Ended(fmt::format("cannot read {}: its end has not come", name));
    throw Failure(
        EINVAL, fmt::format("{} is no capture, and nothing that -j printed: {}", name, base::printable(error.data())));
  }
  if (!CaptureDecoder::is_supported(link())) {
    const char* const known = pcap.datalink_name(link());
    throw UsageError(
        fmt::format("{} was captured on a link of type {}; Ethernet, raw IP, null, loop, SLL and SLL2 are "
                    "understood",
                    name, known != nullptr ? std::string(known) : std::to_string(link())));
  }
  if (filter.empty()) return;
  Program program{};
  if (pcap.compile(state_->handle, &program, filter.c_str(), 1, unknown_netmask) != 0) {
    throw UsageError(fmt::format("--filter '{}': {}; see pcap-filter(7)", base::printable(filter),
                                 base::printable(pcap.geterr(state_->handle))));
  }
  const bool set = pcap.setfilter(state_->handle, &program) == 0;
  pcap.freecode(&program);
  if (!set) throw Failure(EINVAL, fmt::format("--filter: {}", base::printable(pcap.geterr(state_->handle))));
}

CaptureFile::~CaptureFile() = default;

int CaptureFile::link() const { return library().datalink(state_->handle); }

bool CaptureFile::has_more_at_once() const { return state_->input.has_more(); }

std::optional<CapturedPacket> CaptureFile::next() {
  PacketHeader* header = nullptr;
  const unsigned char* bytes = nullptr;
  const int got = library().next_ex(state_->handle, &header, &bytes);
  if (got == 1) {
    const void* const start = bytes;
    return CapturedPacket{{static_cast<const char*>(start), header->captured},
                          header->length,
                          std::chrono::seconds(header->time.tv_sec) + base::Nanoseconds(header->time.tv_usec)};
  }
  if (got == -2) return std::nullopt;  // PCAP_ERROR_BREAK: the end of the file
  std::string why = base::printable(library().geterr(state_->handle));
  if (why.find("different from the type") != std::string::npos) why += ": write one file for each interface first";
  throw Failure(EIO, fmt::format("{}: {}", state_->name, why));
}

std::string libpcap_version() {
  void* const handle = load_libpcap();
  const char* (*version)() = nullptr;
  if (handle == nullptr || !find(handle, "pcap_lib_version", version)) return "not found (install libpcap0.8)";
  const std::string_view text = version();  // "libpcap version 1.10.3 (with TPACKET_V3)"
  constexpr std::string_view before = "libpcap version ";
  return base::printable(text.starts_with(before) ? text.substr(before.size()) : text);
}

}  // namespace commands
