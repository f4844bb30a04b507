// What nghttp2 calls, as one constant table. Private to the HTTP/2 connection.
#pragma once

#include <nghttp2/nghttp2.h>

namespace meridian::codec {

const nghttp2_session_callbacks* SessionCallbacks();

// A data provider's: source->ptr is the Http2Stream.
ssize_t ReadBody(nghttp2_session* session, int32_t id, uint8_t* buffer, size_t room,
                 uint32_t* flags, nghttp2_data_source* source, void* user);

}  // namespace meridian::codec
