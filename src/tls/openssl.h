// OpenSSL's types as owners, and its error queue as ours. Private to the room.
#pragma once

#include <meridian/base/result.h>
#include <meridian/tls/problems.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace meridian::tls {

// The context of an Error whose `system` is a negative X509_V_ERR_ code; compared by address.
extern const char* const kVerifyContext;

template <auto kFree>
struct FreeBy {
  template <class T>
  void operator()(T* object) const {
    kFree(object);
  }
};

inline void FreeBio(BIO* bio) {
  BIO_free(bio);
}

using BioPtr = std::unique_ptr<BIO, FreeBy<FreeBio>>;
using ContextPtr = std::unique_ptr<SSL_CTX, FreeBy<SSL_CTX_free>>;
using CertificatePtr = std::unique_ptr<X509, FreeBy<X509_free>>;
using CipherPtr = std::unique_ptr<EVP_CIPHER, FreeBy<EVP_CIPHER_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, FreeBy<EVP_PKEY_free>>;
using SessionPtr = std::unique_ptr<SSL_SESSION, FreeBy<SSL_SESSION_free>>;
using SslPtr = std::unique_ptr<SSL, FreeBy<SSL_free>>;

// OpenSSL's latest error, which is the outermost, for Error::system: negative, so that it is never
// taken for an errno. Empties the queue.
inline int TakeErrorCode() {
  const auto code = static_cast<int>(ERR_peek_last_error() & 0x7fffffff);
  ERR_clear_error();
  return -code;
}

// The same as text: "no start line".
std::string TakeErrorText();

// The whole of a regular file of at most 1 MiB; a failure is reported as "PATH: why".
std::optional<std::string> ReadFile(const std::string& path, Problems& problems);

// What server and client contexts have in common: versions, ciphers, no compression, no
// renegotiation, buffers given back while idle.
void SetCommonOptions(SSL_CTX* context, int min_version);

// Protocols as the extension has them (RFC 7301 section 3.1): each with its length before it.
std::string AlpnOnTheWire(const std::vector<std::string>& protocols);

// Every certificate of `path` becomes trusted by `context`. False: reported.
bool TrustFile(SSL_CTX* context, const std::string& path, Problems& problems);

}  // namespace meridian::tls
