// The callbacks of a handshake on the server's side. Workers' threads; each reads constant data.
#include <meridian/base/text.h>

#include <openssl/core_names.h>
#include <openssl/rand.h>

#include <algorithm>

#include "tls/server_state.h"

namespace meridian::tls {
namespace {

constexpr size_t kMaxName = 255;  // RFC 1035

const ServerContext::State& StateOf(SSL* ssl) {
  return *static_cast<const ServerContext::State*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
}

SSL_CTX* Find(const std::vector<std::pair<std::string, SSL_CTX*>>& names, std::string_view name) {
  const auto found = std::lower_bound(
      names.begin(), names.end(), name,
      [](const auto& entry, std::string_view n) { return std::string_view(entry.first) < n; });
  return found != names.end() && found->first == name ? found->second : nullptr;
}

}  // namespace

SSL_CTX* ServerContext::State::Choose(std::string_view server_name) const {
  if (server_name.ends_with('.')) server_name.remove_suffix(1);
  if (server_name.empty() || server_name.size() > kMaxName) return default_context();
  char lower[kMaxName];
  std::transform(server_name.begin(), server_name.end(), lower,
                 [](char c) { return LowerAscii(c); });
  const std::string_view name(lower, server_name.size());
  if (SSL_CTX* exact = Find(names, name)) return exact;
  const size_t dot = name.find('.');
  if (dot == 0 || dot == std::string_view::npos) return default_context();
  lower[dot - 1] = '*';
  SSL_CTX* wildcard = Find(names, name.substr(dot - 1));
  return wildcard != nullptr ? wildcard : default_context();
}

int OnServerName(SSL* ssl, int*, void*) {
  const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (name == nullptr) return SSL_TLSEXT_ERR_NOACK;
  SSL_CTX* chosen = StateOf(ssl).Choose(name);
  if (chosen != SSL_get_SSL_CTX(ssl)) SSL_set_SSL_CTX(ssl, chosen);
  return SSL_TLSEXT_ERR_OK;
}

// Our order counts. Nothing in common ends the handshake (RFC 7301 section 3.2).
int OnAlpn(SSL* ssl, const unsigned char** out, unsigned char* out_bytes, const unsigned char* in,
           unsigned in_bytes, void*) {
  const std::string& ours = StateOf(ssl).alpn;
  unsigned char* chosen = nullptr;
  const int result =
      SSL_select_next_proto(&chosen, out_bytes, reinterpret_cast<const unsigned char*>(ours.data()),
                            static_cast<unsigned>(ours.size()), in, in_bytes);
  if (result != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

int OnStatus(SSL* ssl, void*) {
  const X509* used = SSL_get_certificate(ssl);
  for (const Credentials& credentials : StateOf(ssl).credentials) {
    if (credentials.leaf.get() != used) continue;
    if (credentials.staple.empty() || credentials.staple_until < std::time(nullptr)) break;
    auto* copy = static_cast<unsigned char*>(
        OPENSSL_memdup(credentials.staple.data(), credentials.staple.size()));
    if (copy == nullptr) break;
    SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<long>(credentials.staple.size()));
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_NOACK;
}

// RFC 5077 section 4's construction. 1: done; 2: done, and the client should get a ticket under the
// first key; 0: no such key (a full handshake follows); below: failed.
int OnTicket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
             EVP_MAC_CTX* mac, int encrypt) {
  const ServerContext::State& state = StateOf(ssl);
  state.tickets.Renew(std::time(nullptr));
  const TicketKey& first = state.tickets.first();
  const TicketKey* key = encrypt != 0 ? &first : state.tickets.Find(name);
  if (key == nullptr) return 0;
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, const_cast<uint8_t*>(key->mac.data()),
                                        key->mac.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, const_cast<char*>("SHA256"), 0),
      OSSL_PARAM_construct_end()};
  if (EVP_MAC_CTX_set_params(mac, parameters) != 1) return -1;
  if (encrypt != 0) {
    std::copy(key->name.begin(), key->name.end(), name);
    const int iv_bytes = EVP_CIPHER_get_iv_length(state.cipher.get());
    if (RAND_bytes(iv, iv_bytes) != 1) return -1;
    return EVP_EncryptInit_ex2(cipher, state.cipher.get(), key->cipher.data(), iv, nullptr) == 1
               ? 1
               : -1;
  }
  if (EVP_DecryptInit_ex2(cipher, state.cipher.get(), key->cipher.data(), iv, nullptr) != 1)
    return -1;
  // Tickets of TLS 1.3 are for one use each (RFC 8446 appendix C.4).
  return key == &first && SSL_version(ssl) < TLS1_3_VERSION ? 1 : 2;
}

}  // namespace meridian::tls
