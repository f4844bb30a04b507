// See tls/ticket_keys.h.
#include <meridian/base/check.h>
#include <meridian/base/format.h>
#include <meridian/base/text.h>
#include <meridian/tls/hmac.h>
#include <meridian/tls/ticket_keys.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
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

}  // namespace

TicketKeys TicketKeys::Ephemeral() {
  std::array<char, kLeastSecret> secret;
  MERIDIAN_CHECK(RAND_bytes(reinterpret_cast<uint8_t*>(secret.data()), secret.size()) == 1);
  auto keys = std::make_shared<Keys>(1, Derive({secret.data(), secret.size()}));
  OPENSSL_cleanse(secret.data(), secret.size());
  return TicketKeys(std::move(keys));
}

std::optional<TicketKeys> TicketKeys::FromFile(const std::string& path, Problems& problems) {
  std::optional<std::string> text = ReadFile(path, problems);
  if (!text) return std::nullopt;
  auto keys = std::make_shared<Keys>();
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
    } else if (keys->size() == kMost) {
      problem = Format("more than {} keys", kMost);
    } else {
      keys->push_back(Derive(secret));
    }
  }
  OPENSSL_cleanse(text->data(), text->size());
  if (problem.empty() && keys->empty()) problem = "holds no key; expected one secret a line";
  if (problem.empty()) return TicketKeys(std::move(keys));
  problems.errors.push_back(Format("{}: {}", path, problem));
  return std::nullopt;
}

const TicketKey* TicketKeys::Find(const uint8_t* name) const {
  for (const TicketKey& key : *keys_) {
    if (std::memcmp(key.name.data(), name, key.name.size()) == 0) return &key;
  }
  return nullptr;
}

}  // namespace meridian::tls
