// The proof in a WebSocket's opening handshake that the server understood it (RFC 6455 section
// 4.2.2): base64 of the SHA-1 of the client's key and a constant. Here since it needs a digest.
#pragma once

#include <string>
#include <string_view>

namespace meridian::tls {

// What Sec-WebSocket-Accept says in answer to `key`, whatever its form: 28 characters.
std::string WebSocketAccept(std::string_view key);

}  // namespace meridian::tls
