// One request as its Exchange sees the client: where interim responses, the response and failures
// go, and whose body can be paused. HTTP/1 and HTTP/2 each implement it; framing, connection fields
// and what becomes of the connection are theirs, all else is the exchange's. Owned by the client's
// connection, which outlives the exchange. The worker's thread.
//
// Order: SendInterim any number of times, then either BeginResponse and SendBody until `end`, or
// StartTunnel; then OnResponseDone. OnFailed comes only before BeginResponse, OnBroken only after.
// The three that end it come when the exchange is at rest, as its very last act.
#pragma once

#include <meridian/codec/http1.h>

#include <span>
#include <string_view>

#include "proxy/http_head.h"

namespace meridian::proxy {

class ClientStream {
 public:
  static constexpr size_t kBodyPieces = 56;

  // A 1xx other than 101; `head` and its views are the caller's.
  virtual void SendInterim(const codec::Head& head) = 0;
  // A final response's head with what Meridian says besides. A call of SendBody follows before
  // anything else happens, so that both can go in one write.
  virtual void BeginResponse(const codec::Head& head, const ResponseEdit& edit) = 0;
  // At most kBodyPieces, maybe none; `end`: the body is complete, and `trailers` follow it where
  // the client's framing has room for them.
  virtual void SendBody(std::span<const std::string_view> pieces, bool end,
                        std::span<const codec::Field> trailers) = 0;

  // The backend has changed protocols: `head` is the 101, `rest` what came behind it. From now on
  // bytes go either way, until both sides have ended.
  virtual void StartTunnel(const codec::Head& head, std::string_view rest) = 0;
  virtual void SendTunnel(std::string_view bytes) = 0;
  virtual void EndTunnel() = 0;

  // What of the response still waits for the client; above zero the backend is not read, until
  // Exchange::ClientDrained.
  virtual size_t pending_bytes() const = 0;
  // The request's body (or the tunnel's bytes) must wait for the backend, or goes on.
  virtual void PauseRequest() = 0;
  virtual void ResumeRequest() = 0;

  // `idle`: how long the client's connection may now stay without a request.
  virtual void OnResponseDone(Duration idle) = 0;
  // No response: `failure` is to be answered.
  virtual void OnFailed(Failure failure) = 0;
  // The response is cut short behind its head, and the client must see that.
  virtual void OnBroken(Failure failure) = 0;

 protected:
  ~ClientStream() = default;
};

}  // namespace meridian::proxy
