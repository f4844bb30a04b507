// See tls/ticket_keys.h.
#include <meridian/base/check.h>
#include <meridian/base/format.h>
#include <meridian/base/text.h>
#include <meridian/tls/hmac.h>
#include <meridian/tls/ticket_keys.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
#include <atomic>
#include <cstring>

#include "tls/openssl.h"

namespace meridian::tls {
namespace {

constexpr size_t kLeastSecret = 32;

TicketKey Derive(std::string_view secret) {
  const HmacKey key(secret);
  TicketKey derived;
  const Digest name = key.Sign("meridian ticket name");
  std::copy_n(name.begin(), derived.name.size(), derived.name.begin());
  derived.cipher = key.Sign("meridian ticket cipher");
  derived.mac = key.Sign("meridian ticket mac");
  return derived;
}

TicketKey Fresh() {
  std::array<char, kLeastSecret> secret;
  MERIDIAN_CHECK(RAND_bytes(reinterpret_cast<uint8_t*>(secret.data()), secret.size()) == 1);
  const TicketKey key = Derive({secret.data(), secret.size()});
  OPENSSL_cleanse(secret.data(), secret.size());
  return key;
}

// An ephemeral key stands in the ring for four lives: one as the first, one as accepted, one in
// which nobody finds it any more but who found it before may finish, and one wiped.
constexpr size_t kRing = 4;

}  // namespace

struct TicketKeys::Shared {
  ~Shared() { OPENSSL_cleanse(keys.data(), keys.size() * sizeof(TicketKey)); }
  TicketKey& at(uint64_t number) { return keys[number % keys.size()]; }

  std::vector<TicketKey> keys;  // of a file: in its order; ephemeral: the ring, by number
  bool ephemeral = false;
  std::atomic<uint64_t> newest{0}, oldest{0};  // numbers of those that are accepted; ephemeral
  std::atomic<int64_t> renew_at_s{0};          // 0: the time has not begun
};

TicketKeys TicketKeys::Ephemeral() {
  auto shared = std::make_shared<Shared>();
  shared->ephemeral = true;
  shared->keys.resize(kRing);
  shared->keys.front() = Fresh();
  return TicketKeys(std::move(shared));
}

void TicketKeys::Renew(int64_t wall_s) const {
  Shared& shared = *shared_;
  int64_t due = shared.renew_at_s.load(std::memory_order_relaxed);
  if (!shared.ephemeral || wall_s < due) return;
  // Whoever moves the time on does the work.
  if (!shared.renew_at_s.compare_exchange_strong(due, wall_s + kLifeS)) return;
  if (due == 0) return;
  const uint64_t newest = shared.newest.load(std::memory_order_relaxed) + 1;
  shared.at(newest) = Fresh();
  shared.newest.store(newest, std::memory_order_release);
  shared.oldest.store(wall_s - due < kLifeS ? newest - 1 : newest, std::memory_order_release);
  OPENSSL_cleanse(&shared.at(newest + 1), sizeof(TicketKey));
}

const TicketKey& TicketKeys::first() const {
  return shared_->at(shared_->newest.load(std::memory_order_acquire));
}

std::optional<TicketKeys> TicketKeys::FromFile(const std::string& path, Problems& problems) {
  std::optional<std::string> text = ReadFile(path, problems);
  if (!text) return std::nullopt;
  auto shared = std::make_shared<Shared>();
  std::vector<TicketKey>& keys = shared->keys;
  std::string_view rest = *text;
  std::string problem;
  for (size_t line = 1; !rest.empty() && problem.empty(); ++line) {
    const std::string_view secret = TrimSpace(rest.substr(0, rest.find_first_of("\r\n")));
    const size_t end = rest.find('\n');
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    if (secret.empty()) continue;
    if (secret.size() < kLeastSecret) {
      problem = Format(
          "line {} has less than {} characters; expected a secret, such as from "
          "`openssl rand -base64 48`",
          line, kLeastSecret);
    } else if (keys.size() == kMost) {
      problem = Format("more than {} keys", kMost);
    } else {
      keys.push_back(Derive(secret));
    }
  }
  OPENSSL_cleanse(text->data(), text->size());
  if (problem.empty() && keys.empty()) problem = "holds no key; expected one secret a line";
  if (problem.empty()) return TicketKeys(std::move(shared));
  problems.errors.push_back(Format("{}: {}", path, problem));
  return std::nullopt;
}

const TicketKey* TicketKeys::Find(const uint8_t* name) const {
  const auto is_named = [name](const TicketKey& key) {
    return std::memcmp(key.name.data(), name, key.name.size()) == 0;
  };
  if (shared_->ephemeral) {
    const uint64_t newest = shared_->newest.load(std::memory_order_acquire);
    const uint64_t oldest = shared_->oldest.load(std::memory_order_acquire);
    if (is_named(shared_->at(newest))) return &shared_->at(newest);
    return oldest != newest && is_named(shared_->at(newest - 1)) ? &shared_->at(newest - 1)
                                                                 : nullptr;
  }
  const auto found = std::find_if(shared_->keys.begin(), shared_->keys.end(), is_named);
  return found == shared_->keys.end() ? nullptr : &*found;
}

}  // namespace meridian::tls
