// See websocket.h.
#include <meridian/base/check.h>
#include <meridian/tls/websocket.h>

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <array>

namespace meridian::tls {

std::string WebSocketAccept(std::string_view key) {
  std::string text(key);
  text.append("258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
  std::array<uint8_t, SHA_DIGEST_LENGTH> digest;
  MERIDIAN_CHECK(
      EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha1(), nullptr) == 1);
  std::array<uint8_t, 32> encoded;  // 28 and a NUL
  const int size = EVP_EncodeBlock(encoded.data(), digest.data(), SHA_DIGEST_LENGTH);
  return {reinterpret_cast<const char*>(encoded.data()), static_cast<size_t>(size)};
}

}  // namespace meridian::tls
