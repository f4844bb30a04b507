// One request to an HTTP/2 backend: a stream of a connection that others use too. Lives until the
// connection says that the stream is over, which may be after its owner has left it. Taken from the
// worker's spare ones and given back there.
#pragma once

#include <meridian/codec/http2.h>

namespace meridian::proxy {

class Http2Backend;

// Who made the request. May leave the call inside of any of these.
class Http2CallOwner {
 public:
  // Interim heads, then the response's; `end`: nothing follows.
  virtual void OnCallHead(const codec::Head& head, bool end) = 0;
  virtual void OnCallBody(std::string_view bytes) = 0;
  virtual void OnCallEnd(std::span<const codec::Field> trailers) = 0;
  // What was given of the request has been taken.
  virtual void OnCallDrained() = 0;
  // The response is malformed; the call is over.
  virtual void OnCallRefused() = 0;
  // Over before its end. `untouched`: the backend has not begun it, so it may be sent again.
  virtual void OnCallLost(bool untouched) = 0;

 protected:
  ~Http2CallOwner() = default;
};

class Http2Call final : public ListNode, public codec::Http2Stream {
 public:
  void SendBody(std::span<const std::string_view> pieces, bool end);
  // Before the SendBody that ends the request.
  void AddTrailer(std::string_view name, std::string_view value);
  // The response's body so far has gone on.
  void Consumed();
  // The owner is told nothing more, and the stream reset unless it has ended. `this` may be gone.
  void Leave();

  Http2Backend& connection() { return *connection_; }
  void SetOwner(Http2CallOwner& owner) { owner_ = &owner; }

 private:
  friend class Http2Backend;
  void OnHead(const codec::Head& head, bool end) override;
  void OnRefused(const Error& error) override;
  void OnBody(std::string_view bytes) override;
  void OnEnd(std::span<const codec::Field> trailers) override;
  void OnDrained() override;
  void OnClosed(codec::Http2Code code) override;

  Http2Backend* connection_ = nullptr;
  Http2CallOwner* owner_ = nullptr;
  bool ended_ = false;  // the response has come whole
};

}  // namespace meridian::proxy
