// The keys of session tickets (RFC 5077, RFC 8446 section 4.6.1): the first encrypts, all of them
// decrypt. Instances that share the file resume each other's sessions.
//
// The file has one secret a line, of at least 32 characters (`openssl rand -base64 48`); from each
// a name, an AES-256 key and an HMAC key are derived (HMAC-SHA256 with a label). To rotate without
// a full handshake anywhere: add the new line at the end everywhere, reload, then move it to the
// top.
//
// Ephemeral keys, where there is no file, renew themselves: one encrypts for kLife and decrypts for
// kLife more, then it is forgotten, so that who takes the process's memory learns nothing of what
// was before. Whoever makes a ticket sees to it; nothing waits and nothing is locked.
//
// A value: copies share the keys, any thread may use them.
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
  static constexpr int64_t kLifeS = 12 * 3600;

  // Keys from the operating system, renewed as Renew is called.
  static TicketKeys Ephemeral();
  // Empty: what is wrong with the file is reported.
  static std::optional<TicketKeys> FromFile(const std::string& path, Problems& problems);

  // What these two give is good for kLifeS at least.
  const TicketKey& first() const;
  // The key of that name (16 bytes), or null.
  const TicketKey* Find(const uint8_t* name) const;
  // Ephemeral keys: puts a new one first if the first has served its time at `wall_s`, and forgets
  // what has served twice that. The first call begins the time. Keys of a file stay as they are.
  void Renew(int64_t wall_s) const;

 private:
  struct Shared;
  explicit TicketKeys(std::shared_ptr<Shared> shared) : shared_(std::move(shared)) {}

  std::shared_ptr<Shared> shared_;
};

}  // namespace meridian::tls
