// HMAC-SHA256 (RFC 2104) with a prepared key: no allocation per message, safe from any thread.
// Signs session cookies.
#pragma once

#include <meridian/base/result.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace meridian::tls {

using Digest = std::array<uint8_t, 32>;

class HmacKey {
 public:
  explicit HmacKey(std::string_view secret);
  // Thirty-two bytes from the operating system.
  static HmacKey Ephemeral();
  // The file's bytes without trailing line ends; at least 16 of them. Errors: kIo, kInvalid.
  static Result<HmacKey> FromFile(const std::string& path);

  Digest Sign(std::string_view message) const;
  // In constant time; `mac` may be the digest's first bytes, at least 16.
  bool Verify(std::string_view message, std::string_view mac) const;

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

}  // namespace meridian::tls
