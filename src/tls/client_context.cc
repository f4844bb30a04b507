// See tls/client_context.h.
#include <meridian/base/format.h>

#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include "tls/client_state.h"
#include "tls/credentials.h"
#include "tls/tls_stream.h"

namespace meridian::tls {
namespace {

// Called for each ticket of the server; 1: the session is ours now.
int OnSession(SSL* ssl, SSL_SESSION* session) {
  return static_cast<TlsStream*>(SSL_get_app_data(ssl))->KeepSession(session) ? 1 : 0;
}

bool UseOwnCertificate(SSL_CTX* context, const ClientOptions& options, Problems& problems) {
  const auto credentials = LoadChainAndKey(options.certificate, options.key, problems);
  if (!credentials) return false;
  STACK_OF(X509)* chain = sk_X509_new_null();
  for (const CertificatePtr& issuer : credentials->chain) sk_X509_push(chain, issuer.get());
  const bool used = SSL_CTX_use_cert_and_key(context, credentials->leaf.get(),
                                             credentials->key.get(), chain, 1) == 1;
  sk_X509_free(chain);
  if (!used) {
    problems.errors.push_back(
        Format("{}: cannot be used ({})", options.certificate, TakeErrorText()));
  }
  return used;
}

bool SetVerification(SSL_CTX* context, const ClientOptions& options, Problems& problems) {
  SSL_CTX_set_verify(context, options.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (!options.verify) return true;
  if (options.ca.empty()) {
    SSL_CTX_set_default_verify_paths(context);
  } else if (!TrustFile(context, options.ca, problems)) {
    return false;
  }
  if (options.server_name.empty()) return true;
  X509_VERIFY_PARAM* parameters = SSL_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return X509_VERIFY_PARAM_set1_host(parameters, options.server_name.data(),
                                     options.server_name.size()) == 1;
}

std::string Fingerprint(const ClientOptions& options, Problems& problems) {
  std::string text = Format("{}\n{}\n", options.server_name, options.verify);
  text += AlpnOnTheWire(options.alpn) + "\n";
  for (const std::string& path : {options.ca, options.certificate, options.key}) {
    std::string content;
    if (!path.empty()) content = ReadFile(path, problems).value_or(std::string());
    text += Format("{}\n{}\n", path, content.size());
    text += content;
  }
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  OPENSSL_cleanse(text.data(), text.size());
  return {reinterpret_cast<const char*>(digest), sizeof digest};
}

}  // namespace

ClientContext::ClientContext(std::unique_ptr<State> state) : state_(std::move(state)) {}
ClientContext::~ClientContext() = default;

const std::string& ClientContext::fingerprint() const {
  return state_->fingerprint;
}

std::shared_ptr<const ClientContext> ClientContext::Create(const ClientOptions& options,
                                                           Problems& problems) {
  auto state = std::make_unique<State>();
  const size_t before = problems.errors.size();
  state->options = options;
  state->fingerprint = Fingerprint(options, problems);
  if (problems.errors.size() > before) return nullptr;
  state->context.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* context = state->context.get();
  SetCommonOptions(context, TLS1_2_VERSION);
  // Sessions are kept by us, for each backend and worker; OpenSSL's own store would take a lock.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, OnSession);
  const std::string alpn = AlpnOnTheWire(options.alpn);
  if (!alpn.empty()) {
    SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(alpn.data()),
                            static_cast<unsigned>(alpn.size()));
  }
  const bool verifies = SetVerification(context, options, problems);
  const bool known = options.certificate.empty() || UseOwnCertificate(context, options, problems);
  ERR_clear_error();
  if (!verifies || !known) return nullptr;
  return std::shared_ptr<const ClientContext>(new ClientContext(std::move(state)));
}

SessionSlot::SessionSlot() : kept_(std::make_unique<Kept>()) {}
SessionSlot::~SessionSlot() = default;

bool SessionSlot::empty() const {
  return kept_->session == nullptr;
}

void SessionSlot::Clear() {
  kept_->session.reset();
}

}  // namespace meridian::tls
