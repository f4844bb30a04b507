// HMAC-SHA256 on OpenSSL's block-level SHA-256: the two padded key blocks are hashed once when the
// key is made, so that signing a short message costs two compressions and copies a hundred bytes.
// The EVP interface would allocate per message; the block-level one is deprecated but stays through
// OpenSSL 3.
#include <meridian/base/check.h>
#include <meridian/tls/hmac.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <vector>

#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

namespace meridian::tls {
namespace {

constexpr size_t kBlockBytes = SHA256_CBLOCK;
constexpr size_t kMinimumSecret = 16;
constexpr size_t kMaximumSecret = 64 * 1024;
constexpr size_t kMaximumKeys = 2;

Digest Finish(SHA256_CTX& context) {
  Digest digest;
  SHA256_Final(digest.data(), &context);
  return digest;
}

Result<std::string> ReadSecret(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) return Fail(ErrorCode::kIo, "open the session key", errno);
  std::string secret(kMaximumSecret + 1, '\0');
  file.read(secret.data(), static_cast<std::streamsize>(secret.size()));
  if (file.bad()) return Fail(ErrorCode::kIo, "read the session key", errno);
  secret.resize(static_cast<size_t>(file.gcount()));
  if (secret.size() > kMaximumSecret)
    return Fail(ErrorCode::kTooLarge, "session key of more than 64 KiB");
  return secret;
}

// The next line, without its end; it is taken away from `text`.
std::string_view TakeLine(std::string_view& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

Result<HmacKeys> ParseKeys(std::string_view text) {
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  std::vector<HmacKey> keys;
  do {
    const std::string_view line = TakeLine(text);
    const bool printable = std::none_of(line.begin(), line.end(), [](char c) {
      return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    });
    if (!printable) return Fail(ErrorCode::kInvalid, "session key that is not a line of text");
    if (line.size() < kMinimumSecret)
      return Fail(ErrorCode::kInvalid, "session key of less than 16 bytes");
    if (keys.size() == kMaximumKeys)
      return Fail(ErrorCode::kInvalid, "more than two session keys, one a line");
    keys.emplace_back(line);
  } while (!text.empty());
  return HmacKeys{keys[0], keys.size() > 1 ? std::optional(keys[1]) : std::nullopt};
}

}  // namespace

struct HmacKey::State {
  SHA256_CTX inner, outer;
};

HmacKey::HmacKey(std::string_view secret) {
  std::array<uint8_t, kBlockBytes> block{};
  if (secret.size() > kBlockBytes) {
    SHA256(reinterpret_cast<const uint8_t*>(secret.data()), secret.size(), block.data());
  } else {
    std::copy(secret.begin(), secret.end(), block.begin());
  }
  auto state = std::make_shared<State>();
  const auto prepare = [&block](SHA256_CTX& context, uint8_t pad) {
    std::array<uint8_t, kBlockBytes> padded;
    for (size_t i = 0; i < kBlockBytes; ++i) padded[i] = block[i] ^ pad;
    SHA256_Init(&context);
    SHA256_Update(&context, padded.data(), padded.size());
    OPENSSL_cleanse(padded.data(), padded.size());
  };
  prepare(state->inner, 0x36);
  prepare(state->outer, 0x5c);
  OPENSSL_cleanse(block.data(), block.size());
  state_ = std::move(state);
}

HmacKey HmacKey::Ephemeral() {
  std::array<char, 32> secret;
  MERIDIAN_CHECK(RAND_bytes(reinterpret_cast<uint8_t*>(secret.data()), secret.size()) == 1);
  HmacKey key(std::string_view(secret.data(), secret.size()));
  OPENSSL_cleanse(secret.data(), secret.size());
  return key;
}

Result<HmacKeys> HmacKeys::FromFile(const std::string& path) {
  Result<std::string> text = ReadSecret(path);
  if (!text) return tl::unexpected(text.error());
  Result<HmacKeys> keys = ParseKeys(*text);
  OPENSSL_cleanse(text->data(), text->size());
  return keys;
}

Digest HmacKey::Sign(std::string_view message) const {
  SHA256_CTX inner = state_->inner;
  SHA256_Update(&inner, message.data(), message.size());
  const Digest digest = Finish(inner);
  SHA256_CTX outer = state_->outer;
  SHA256_Update(&outer, digest.data(), digest.size());
  return Finish(outer);
}

bool HmacKey::Verify(std::string_view message, std::string_view mac) const {
  if (mac.size() < 16 || mac.size() > sizeof(Digest)) return false;
  const Digest digest = Sign(message);
  return CRYPTO_memcmp(digest.data(), mac.data(), mac.size()) == 0;
}

}  // namespace meridian::tls
