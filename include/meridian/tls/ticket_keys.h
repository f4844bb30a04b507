// The keys of session tickets (RFC 5077, RFC 8446 section 4.6.1): the first encrypts, all of them
// decrypt. Instances that share the file resume each other's sessions.
//
// The file has one secret a line, of at least 32 characters (`openssl rand -base64 48`); from each
// a name, an AES-256 key and an HMAC key are derived (HMAC-SHA256 with a label). To rotate without
// a full handshake anywhere: add the new line at the end everywhere, reload, then move it to the
// top. A value: copies share the keys, any thread may use them.
#pragma once

#include <meridian/tls/problems.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace meridian::tls {

struct TicketKey {
  std::array<uint8_t, 16> name;
  std::array<uint8_t, 32> cipher;  // AES-256-CBC
  std::array<uint8_t, 32> mac;     // HMAC-SHA256
};

class TicketKeys {
 public:
  static constexpr size_t kMost = 16;

  // One key from the operating system.
  static TicketKeys Ephemeral();
  // Empty: what is wrong with the file is reported.
  static std::optional<TicketKeys> FromFile(const std::string& path, Problems& problems);

  const TicketKey& first() const { return keys_->front(); }
  // The key of that name (16 bytes), or null.
  const TicketKey* Find(const uint8_t* name) const;

 private:
  using Keys = std::vector<TicketKey>;
  explicit TicketKeys(std::shared_ptr<const Keys> keys) : keys_(std::move(keys)) {}

  std::shared_ptr<const Keys> keys_;
};

}  // namespace meridian::tls
