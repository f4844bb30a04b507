// Why a handshake failed, as a name and in words.
#include <meridian/base/format.h>
#include <meridian/tls/stream.h>

#include "tls/openssl.h"

namespace meridian::tls {

const char* const kVerifyContext = "verify the certificate";

const char* Name(HandshakeFailure failure) {
  static constexpr const char* kNames[] = {
      "protocol",        "not-tls", "version", "cipher",  "alpn",    "no-certificate",
      "bad-certificate", "alert",   "closed",  "timeout", "overload"};
  static_assert(std::size(kNames) == static_cast<size_t>(HandshakeFailure::kCount));
  return failure < HandshakeFailure::kCount ? kNames[static_cast<size_t>(failure)] : "unknown";
}

HandshakeFailure FailureOf(const Error& error) {
  if (error.code == ErrorCode::kReset) return HandshakeFailure::kClosed;
  if (error.code == ErrorCode::kTimeout) return HandshakeFailure::kTimeout;
  if (error.code == ErrorCode::kOverloaded) return HandshakeFailure::kOverload;
  if (error.context == kVerifyContext) return HandshakeFailure::kBadCertificate;
  const int reason = ERR_GET_REASON(static_cast<unsigned long>(-error.system));
  if (reason >= SSL_AD_REASON_OFFSET) return HandshakeFailure::kAlert;
  switch (reason) {
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
    case SSL_R_WRONG_VERSION_NUMBER:
      return HandshakeFailure::kNotTls;
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
      return HandshakeFailure::kVersion;
    case SSL_R_NO_APPLICATION_PROTOCOL:
      return HandshakeFailure::kAlpn;
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return HandshakeFailure::kNoCertificate;
    default:
      break;
  }
  return error.code == ErrorCode::kUnsupported ? HandshakeFailure::kCipher
                                               : HandshakeFailure::kProtocol;
}

std::string Explain(const Error& error) {
  if (error.context == kVerifyContext) {
    return Format("{}: {}", error.context, X509_verify_cert_error_string(-error.system));
  }
  const char* reason = error.system < 0
                           ? ERR_reason_error_string(static_cast<unsigned long>(-error.system))
                           : nullptr;
  return reason != nullptr ? Format("{}: {}", error.context, reason) : Describe(error);
}

}  // namespace meridian::tls
