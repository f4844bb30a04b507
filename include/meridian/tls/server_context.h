// How a listener speaks TLS: certificates by server name, versions, ALPN, client certificates,
// tickets, stapled OCSP responses. Made on the control thread from files, constant afterwards,
// shared by all workers; a reload makes a new one, and what is established keeps the one it began
// with.
#pragma once

#include <meridian/tls/problems.h>
#include <meridian/tls/ticket_keys.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace meridian::tls {

enum class Version : uint8_t { kNone, kTls12, kTls13 };
const char* Name(Version version);  // "1.2"

struct CertificateFiles {
  std::string certificate;  // PEM: the server's own, then its issuers in order
  std::string key;          // PEM, without passphrase
  std::string ocsp;         // DER response to staple; empty: none
};

struct ServerOptions {
  // By server name (RFC 6066): exact before wildcard ("*.example.com": one label), the first listed
  // before later ones; certificates of one name with different kinds of key stand side by side. The
  // first is for clients that name no one, or someone unknown.
  std::vector<CertificateFiles> certificates;
  Version min_version = Version::kTls12;
  std::vector<std::string> alpn;      // what we speak, preferred first; empty: ALPN is not answered
  std::string client_ca;              // file; not empty: a client needs a certificate of theirs
  std::optional<TicketKeys> tickets;  // empty: an ephemeral key
};

class ServerContext {
 public:
  // Null when there is an error; both are reported.
  static std::shared_ptr<const ServerContext> Create(const ServerOptions& options,
                                                     Problems& problems);
  ~ServerContext();

  struct State;
  const State& state() const { return *state_; }

 private:
  explicit ServerContext(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace meridian::tls
