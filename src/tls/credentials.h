// A certificate with its chain, its key and what is stapled to it, read from files and judged:
// private to the room. Control thread.
#pragma once

#include <meridian/tls/server_context.h>

#include <ctime>
#include <optional>
#include <string>
#include <vector>

#include "tls/openssl.h"

namespace meridian::tls {

struct Credentials {
  CertificatePtr leaf;
  std::vector<CertificatePtr> chain;  // the issuers that are sent along
  KeyPtr key;
  std::vector<std::string> names;  // lower case; "*.example.com" holds for one label
  std::string staple;              // a DER OCSP response; empty: none
  std::time_t staple_until = 0;    // not stapled afterwards

  int kind() const { return EVP_PKEY_get_base_id(key.get()); }  // of key: RSA, EC, …
  bool Names(std::string_view name) const;
};

// Empty: an error was reported.
std::optional<Credentials> LoadCredentials(const CertificateFiles& files, Problems& problems);

// Reads certificates and key alone: what a client needs.
std::optional<Credentials> LoadChainAndKey(const std::string& certificate, const std::string& key,
                                           Problems& problems);

}  // namespace meridian::tls
