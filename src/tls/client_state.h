// What stands behind a ClientContext and a SessionSlot. Private to the room.
#pragma once

#include <meridian/tls/client_context.h>

#include <string>

#include "tls/openssl.h"

namespace meridian::tls {

struct ClientContext::State {
  ContextPtr context;
  ClientOptions options;
  std::string fingerprint;
};

struct SessionSlot::Kept {
  SessionPtr session;
};

}  // namespace meridian::tls
