// TLS to endpoints, of services and of their checks.
#include "config/build.h"

#include "config/values.h"

#include <meridian/base/format.h>
#include <meridian/net/address.h>

namespace meridian::config {

// A certificate stands with its key; verification needs a name or an address to verify.
topology::BackendTls BuildClientTls(Build& build, const View& view) {
  topology::BackendTls tls;
  Read(view, "server_name", tls.server_name);
  Read(view, "verify", tls.verify);
  if (const View ca = view["ca"]; ca && ca.text() != "system") {
    tls.ca = build.ExistingFile(view, "ca");
  }
  tls.certificate = build.ExistingFile(view, "certificate");
  tls.key = build.ExistingFile(view, "key");
  if (view.Has("certificate") != view.Has("key")) {
    const char* given = view.Has("key") ? "key" : "certificate";
    build.Error(view.at(), view.path(),
                Format("{} stands alone; expected a certificate and its key", given));
  }
  if (tls.server_name.starts_with("*") || net::IpAddress::Parse(tls.server_name)) {
    build.Error(view["server_name"].place(), view.path() + ".server_name",
                Format("{} is not one host's name; without it, the endpoint's address is verified",
                       Quote(tls.server_name)));
  }
  if (!tls.verify) {
    build.Warning(view["verify"].place(), view.path() + ".verify",
                  "whoever answers at an endpoint's address is taken for the backend");
  }
  return tls;
}

void CheckVerifiable(Build& build, const View& view, const std::string& service,
                     const topology::BackendTls& tls) {
  if (!tls.verify || !tls.server_name.empty()) return;
  const auto& sites = build.config.topology.sites;
  if (std::any_of(sites.begin(), sites.end(),
                  [&](const topology::Site& site) { return site.names.contains(service); })) {
    build.Warning(view.at(), view.path() + ".server_name",
                  Format("endpoints of {} that are names are verified by their addresses unless it "
                         "says whom to expect",
                         service));
  }
  for (const topology::Site& site : build.config.topology.sites) {
    const auto offered = site.services.find(service);
    if (offered == site.services.end()) continue;
    for (const topology::Endpoint& endpoint : offered->second) {
      if (!endpoint.address.starts_with("unix:")) continue;
      build.Error(view.at(), view.path() + ".server_name",
                  Format("is required to verify {}, which has no address of its own",
                         Quote(endpoint.address)));
      return;
    }
  }
}

}  // namespace meridian::config
