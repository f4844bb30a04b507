// What the callbacks of a listener's contexts know: which certificates are for which name, tickets,
// ALPN, staples. Constant once made; any worker's thread. Private to the room.
#pragma once

#include <meridian/tls/server_context.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tls/credentials.h"
#include "tls/openssl.h"

namespace meridian::tls {

struct ServerContext::State {
  // For a client that asks for `server_name`; the default where nothing fits.
  SSL_CTX* Choose(std::string_view server_name) const;
  SSL_CTX* default_context() const { return contexts.front().get(); }

  std::vector<Credentials> credentials;
  std::vector<ContextPtr> contexts;  // one for each set of certificates; the default first
  std::vector<std::pair<std::string, SSL_CTX*>> names;  // sorted; wildcards as "*.example.com"
  std::string alpn;  // as on the wire: each with its length before it
  TicketKeys tickets = TicketKeys::Ephemeral();
  CipherPtr cipher;  // of tickets; fetched once, because looking it up takes a lock
};

// SSL_CTX callbacks; each finds the State by SSL_CTX_get_app_data.
int OnServerName(SSL* ssl, int* alert, void* argument);
int OnAlpn(SSL* ssl, const unsigned char** out, unsigned char* out_bytes, const unsigned char* in,
           unsigned in_bytes, void* argument);
int OnStatus(SSL* ssl, void* argument);
int OnTicket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
             EVP_MAC_CTX* mac, int encrypt);

}  // namespace meridian::tls
