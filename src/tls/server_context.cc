// See tls/server_context.h: from files to one SSL_CTX for each set of certificates. What happens in
// a handshake is in server_callbacks.cc.
#include <meridian/tls/server_context.h>

#include <meridian/base/format.h>

#include <openssl/sha.h>

#include <algorithm>
#include <map>
#include <set>

#include "tls/server_state.h"

namespace meridian::tls {
namespace {

// Indices of credentials that serve one name, one for each kind of key.
using Set = std::vector<size_t>;

// The wildcard that covers `name`: one for its first label. Empty: none can.
std::string WildcardOf(const std::string& name) {
  const size_t dot = name.find('.');
  return dot == std::string::npos || name.starts_with("*.") ? std::string()
                                                            : "*" + name.substr(dot);
}

Set SetFor(const std::vector<Credentials>& all, const std::string& name) {
  Set set;
  std::set<int> kinds;
  for (const std::string& wanted : {name, WildcardOf(name)}) {
    for (size_t i = 0; i < all.size() && !wanted.empty(); ++i) {
      if (all[i].Names(wanted) && kinds.insert(all[i].kind()).second) set.push_back(i);
    }
  }
  std::sort(set.begin(), set.end());
  return set;
}

// The first listed, and what stands beside it under its first name.
Set DefaultSet(const std::vector<Credentials>& all) {
  if (all.front().names.empty()) return {0};
  Set set{0};
  for (const size_t i : SetFor(all, all.front().names.front())) {
    if (i != 0 && all[i].kind() != all.front().kind()) set.push_back(i);
  }
  return set;
}

bool Use(SSL_CTX* context, const Credentials& credentials) {
  STACK_OF(X509)* chain = sk_X509_new_null();
  for (const CertificatePtr& issuer : credentials.chain) sk_X509_push(chain, issuer.get());
  const bool used = SSL_CTX_use_cert_and_key(context, credentials.leaf.get(), credentials.key.get(),
                                             chain, 1) == 1;
  sk_X509_free(chain);
  return used;
}

// Sessions are resumed only where the same clients would be let in: the context's name covers whose
// certificates are asked for.
bool NameContext(SSL_CTX* context, const std::string& client_ca_text) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  const std::string text = "meridian " + client_ca_text;
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  return SSL_CTX_set_session_id_context(context, digest, sizeof digest) == 1;
}

bool RequireClientCertificates(SSL_CTX* context, const std::string& path, Problems& problems) {
  if (!TrustFile(context, path, problems)) return false;
  STACK_OF(X509_NAME)* names = SSL_load_client_CA_file(path.c_str());
  ERR_clear_error();
  if (names != nullptr) SSL_CTX_set_client_CA_list(context, names);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return true;
}

class Maker {
 public:
  Maker(const ServerOptions& options, ServerContext::State& state, Problems& problems)
      : options_(options), state_(state), problems_(problems) {}

  bool Make() {
    if (!LoadAll()) return false;
    state_.alpn = AlpnOnTheWire(options_.alpn);
    if (options_.tickets) state_.tickets = *options_.tickets;
    state_.cipher.reset(EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr));
    if (!state_.cipher || !ContextOf(DefaultSet(state_.credentials))) return false;
    std::set<std::string> names;
    for (const Credentials& credentials : state_.credentials) {
      names.insert(credentials.names.begin(), credentials.names.end());
    }
    for (const std::string& name : names) {
      SSL_CTX* context = ContextOf(SetFor(state_.credentials, name));
      if (context == nullptr) return false;
      state_.names.emplace_back(name, context);  // in order, as the set is
    }
    WarnOfUnused();
    return true;
  }

 private:
  bool LoadAll() {
    bool all = true;
    for (const CertificateFiles& files : options_.certificates) {
      auto credentials = LoadCredentials(files, problems_);
      all = all && credentials;
      if (credentials) state_.credentials.push_back(std::move(*credentials));
    }
    if (!options_.client_ca.empty()) {
      const auto text = ReadFile(options_.client_ca, problems_);
      if (!text) return false;
      client_ca_text_ = *text;
    }
    return all && !state_.credentials.empty();
  }

  void WarnOfUnused() {
    std::set<size_t> used;
    for (const auto& [set, context] : made_) used.insert(set.begin(), set.end());
    for (size_t i = 0; i < state_.credentials.size(); ++i) {
      if (used.contains(i) || state_.credentials[i].names.empty()) continue;
      problems_.warnings.push_back(
          Format("{}: is never used: others with a key of the same kind come first for its names",
                 options_.certificates[i].certificate));
    }
  }

  SSL_CTX* ContextOf(const Set& set) {
    const auto found = made_.find(set);
    if (found != made_.end()) return found->second;
    ContextPtr context(SSL_CTX_new(TLS_server_method()));
    if (!context || !SetUp(context.get()) || !UseAll(context.get(), set)) return nullptr;
    made_.emplace(set, context.get());
    state_.contexts.push_back(std::move(context));
    return state_.contexts.back().get();
  }

  bool UseAll(SSL_CTX* context, const Set& set) {
    for (const size_t i : set) {
      if (Use(context, state_.credentials[i])) continue;
      problems_.errors.push_back(
          Format("{}: cannot be used ({})", options_.certificates[i].certificate, TakeErrorText()));
      return false;
    }
    return true;
  }

  bool SetUp(SSL_CTX* context) {
    SetCommonOptions(context,
                     options_.min_version == Version::kTls13 ? TLS1_3_VERSION : TLS1_2_VERSION);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);  // tickets alone: nothing is kept
    SSL_CTX_set_app_data(context, &state_);
    SSL_CTX_set_tlsext_servername_callback(context, OnServerName);
    SSL_CTX_set_tlsext_ticket_key_evp_cb(context, OnTicket);
    SSL_CTX_set_tlsext_status_cb(context, OnStatus);
    if (!state_.alpn.empty()) SSL_CTX_set_alpn_select_cb(context, OnAlpn, nullptr);
    if (!options_.client_ca.empty() &&
        !RequireClientCertificates(context, options_.client_ca, problems_)) {
      return false;
    }
    return NameContext(context, client_ca_text_);
  }

  const ServerOptions& options_;
  ServerContext::State& state_;
  Problems& problems_;
  std::string client_ca_text_;
  std::map<Set, SSL_CTX*> made_;
};

}  // namespace

const char* Name(Version version) {
  switch (version) {
    case Version::kTls12:
      return "1.2";
    case Version::kTls13:
      return "1.3";
    case Version::kNone:
      break;
  }
  return "none";
}

ServerContext::ServerContext(std::unique_ptr<State> state) : state_(std::move(state)) {}
ServerContext::~ServerContext() = default;

std::shared_ptr<const ServerContext> ServerContext::Create(const ServerOptions& options,
                                                           Problems& problems) {
  auto state = std::make_unique<State>();
  const bool made = Maker(options, *state, problems).Make();
  ERR_clear_error();
  if (!made) return nullptr;
  return std::shared_ptr<const ServerContext>(new ServerContext(std::move(state)));
}

}  // namespace meridian::tls
