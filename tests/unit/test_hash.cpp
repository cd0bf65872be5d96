// SPDX-License-Identifier: MIT
#include "support/check.hpp"

#include <string>

#include "base/hash.hpp"

namespace {

std::string hex(const base::Sha256::Digest& digest) {
  constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (const std::uint8_t byte : digest) {
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

std::string sha256(std::string_view bytes) { return hex(base::Sha256().add(bytes).digest()); }
std::string hmac(std::string_view key, std::string_view bytes) { return hex(base::Hmac(key).of(bytes)); }

}  // namespace

TEST_CASE("SHA-256: FIPS 180-4's examples") {
  CHECK(sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(sha256(std::string(1'000'000, 'a')) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("SHA-256: the pieces that bytes are added in make no difference") {
  std::string bytes;
  for (int i = 0; i < 200; ++i) bytes += static_cast<char>(i * 7);
  const std::string whole = sha256(bytes);
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    base::Sha256 hash;
    hash.add(std::string_view(bytes).substr(0, cut)).add(std::string_view(bytes).substr(cut));
    CHECK(hex(hash.digest()) == whole);
  }
}

TEST_CASE("HMAC-SHA-256: RFC 4231's cases") {
  CHECK(hmac(std::string(20, '\x0b'), "Hi There") ==
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  CHECK(hmac("Jefe", "what do ya want for nothing?") ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  CHECK(hmac(std::string(20, '\xaa'), std::string(50, '\xdd')) ==
        "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
  CHECK(hmac("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19",
             std::string(50, '\xcd')) == "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
  CHECK(hmac(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First") ==
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  CHECK(hmac(std::string(131, '\xaa'),
             "This is a test using a larger than block-size key and a larger than block-size data. The key needs to be "
             "hashed before being used by the HMAC algorithm.") ==
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

TEST_CASE("HMAC: one of two pieces is that of both") {
  const base::Hmac key("key");
  CHECK(hex(key.of("abc", "def")) == hex(key.of("abcdef")));
}

TEST_CASE("the comparison that tells no time tells the rest") {
  CHECK(base::same_in_constant_time("", ""));
  CHECK(base::same_in_constant_time("\xff\x01", "\xff\x01"));
  CHECK_FALSE(base::same_in_constant_time("\xff\x01", "\x7f\x01"));
  CHECK_FALSE(base::same_in_constant_time("abc", "abd"));
  CHECK_FALSE(base::same_in_constant_time("abc", "ab"));
}
