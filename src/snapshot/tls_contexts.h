// The part of Compile that reads certificates: every listener's, every service's and every check's
// TLS. Private to the room; control thread.
#pragma once

#include <meridian/snapshot/snapshot.h>

#include <memory>
#include <vector>

namespace meridian::snapshot {

struct TlsContexts {
  std::vector<std::shared_ptr<const tls::ServerContext>> listeners;  // in order; null: plain
  std::vector<std::shared_ptr<const tls::ClientContext>> services;   // likewise
  std::vector<std::shared_ptr<const tls::ClientContext>> checks;     // likewise
};

// What cannot be used goes to compiled.errors with the key it belongs to. Contexts of backends
// whose options and files are as before are taken from `keys`, so that pooled connections stay
// good.
TlsContexts MakeTlsContexts(const config::Config& config, Keys& keys, Compiled& compiled);

}  // namespace meridian::snapshot
