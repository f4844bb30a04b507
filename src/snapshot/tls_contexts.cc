// See tls_contexts.h.
#include "snapshot/tls_contexts.h"

#include <meridian/base/format.h>

#include <algorithm>

namespace meridian::snapshot {
namespace {

void Tell(const std::string& key, const tls::Problems& problems, Compiled& compiled) {
  for (const std::string& error : problems.errors) {
    compiled.errors.push_back(Format("{}: {}", key, error));
  }
  for (const std::string& warning : problems.warnings) {
    compiled.warnings.push_back(Format("{}: {}", key, warning));
  }
}

// One key for all listeners without a file, as long as the process.
const tls::TicketKeys& EphemeralTickets(Keys& keys) {
  if (!keys.tickets) keys.tickets = tls::TicketKeys::Ephemeral();
  return *keys.tickets;
}

std::shared_ptr<const tls::ServerContext> MakeServer(const config::ListenerTls& tls, Keys& keys,
                                                     tls::Problems& problems) {
  tls::ServerOptions options;
  for (const config::ListenerCertificate& files : tls.certificates) {
    options.certificates.push_back({files.certificate, files.key, files.ocsp});
  }
  options.min_version = tls.only_tls13 ? tls::Version::kTls13 : tls::Version::kTls12;
  options.alpn = tls.alpn;
  options.client_ca = tls.client_ca;
  options.tickets = tls.ticket_key_file.empty()
                        ? EphemeralTickets(keys)
                        : tls::TicketKeys::FromFile(tls.ticket_key_file, problems);
  auto made = tls::ServerContext::Create(options, problems);
  return problems.errors.empty() ? std::move(made) : nullptr;
}

std::shared_ptr<const tls::ClientContext> MakeClient(const topology::BackendTls& tls,
                                                     std::vector<std::string> alpn,
                                                     const std::string& key, Compiled& compiled) {
  tls::Problems problems;
  auto made = tls::ClientContext::Create({.server_name = tls.server_name,
                                          .ca = tls.ca,
                                          .certificate = tls.certificate,
                                          .key = tls.key,
                                          .verify = tls.verify,
                                          .alpn = std::move(alpn)},
                                         problems);
  Tell(key, problems, compiled);
  return made;
}

}  // namespace

TlsContexts MakeTlsContexts(const config::Config& config, Keys& keys, Compiled& compiled) {
  TlsContexts made;
  for (const config::Listener& listener : config.listeners) {
    made.listeners.emplace_back();
    if (!listener.tls) continue;
    tls::Problems problems;
    made.listeners.back() = MakeServer(*listener.tls, keys, problems);
    Tell(Format("listeners.{}.tls", listener.name), problems, compiled);
  }
  for (const topology::Service& service : config.topology.services) {
    made.services.emplace_back();
    if (!service.backend.tls) continue;
    const bool http2 = service.backend.protocol == topology::BackendProtocol::kHttp2;
    auto context = MakeClient(*service.backend.tls,
                              http2 ? std::vector<std::string>{"h2"} : std::vector<std::string>(),
                              Format("services.{}.backend.tls", service.name), compiled);
    if (!context) continue;
    const auto same = std::find_if(keys.backends.begin(), keys.backends.end(), [&](const auto& b) {
      return b->fingerprint() == context->fingerprint();
    });
    made.services.back() = same == keys.backends.end() ? std::move(context) : *same;
  }
  for (const topology::HealthCheck& check : config.topology.health_checks) {
    made.checks.emplace_back();
    if (!check.tls || check.type == topology::CheckType::kPostgresql) continue;
    std::vector<std::string> alpn;
    if (check.type == topology::CheckType::kHttps) alpn = {check.http2 ? "h2" : "http/1.1"};
    if (check.type == topology::CheckType::kGrpc) alpn = {"h2"};
    made.checks.back() = MakeClient(*check.tls, std::move(alpn),
                                    Format("health_checks.{}.tls", check.name), compiled);
  }
  if (!compiled.errors.empty()) return made;
  keys.backends.clear();
  for (const auto& context : made.services) {
    if (context) keys.backends.push_back(context);
  }
  return made;
}

}  // namespace meridian::snapshot
