// SPDX-License-Identifier: MIT
// Reading a stranger's bytes field by field, never past their end, and writing fields.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace base {

// Writes the lowest `size` bytes of `value`, at most 8, in network byte order.
inline void store_number(char* to, std::uint64_t value, std::size_t size) {
  for (std::size_t i = size; i > 0; --i, value >>= 8) to[i - 1] = static_cast<char>(value & 0xff);
}

// Of a byte that is there.
inline std::uint8_t byte_at(std::string_view bytes, std::size_t at) { return static_cast<std::uint8_t>(bytes[at]); }

// A place in a datagram. A read that does not fit returns 0 or "", takes nothing, and makes ok() false from then on,
// so that a decoder reads all its fields and asks once.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}

  bool ok() const { return ok_; }
  std::size_t left() const { return bytes_.size(); }
  void fail() {
    ok_ = false;
    bytes_ = {};
  }

  // Unsigned integers in network byte order.
  std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
  std::uint64_t u64() { return number(8); }
  std::uint64_t number(std::size_t size) {  // of at most 8 bytes
    std::uint64_t value = 0;
    for (const char byte : take(size)) value = value << 8 | static_cast<std::uint8_t>(byte);
    return value;
  }

  std::string_view take(std::size_t size) {
    if (size > bytes_.size()) {
      fail();
      return {};
    }
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  void skip(std::size_t size) { take(size); }
  std::string_view rest() { return take(left()); }

  // What stands before `end`, which is taken as well; everything that is left when `end` does not come.
  std::string_view until(char end) {
    const std::size_t at = bytes_.find(end);
    if (at == std::string_view::npos) return rest();
    const std::string_view taken = take(at);
    skip(1);
    return taken;
  }

 private:
  std::string_view bytes_;
  bool ok_ = true;
};

}  // namespace base
