// HMAC-SHA256 (RFC 2104) with a prepared key: no allocation per message, safe from any thread.
// Signs session cookies.
#pragma once

#include <meridian/base/result.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace meridian::tls {

using Digest = std::array<uint8_t, 32>;

class HmacKey {
 public:
  explicit HmacKey(std::string_view secret);
  // Thirty-two bytes from the operating system.
  static HmacKey Ephemeral();
  Digest Sign(std::string_view message) const;
  // In constant time; `mac` may be the digest's first bytes, at least 16.
  bool Verify(std::string_view message, std::string_view mac) const;

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

// The keys of a key file, so that one can take another's place without a signature being refused:
// the new one becomes the second line everywhere, then the first, and the old one goes when all
// that it signed has expired.
struct HmacKeys {
  HmacKey signs;                   // and is accepted
  std::optional<HmacKey> accepts;  // only

  // One or two lines of text, each a key of at least 16 bytes. Errors: kIo; kInvalid for a line
  // that is too short or has control characters, and for a third one; kTooLarge.
  static Result<HmacKeys> FromFile(const std::string& path);
};

}  // namespace meridian::tls
