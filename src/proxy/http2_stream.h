// One request of an HTTP/2 client: between its frames and its exchange. Lives from the request's
// head until the connection says that the stream is closed; the exchange is often gone before.
// Taken from Core's spare ones and given back there.
#pragma once

#include <meridian/codec/http2.h>

#include <memory>

#include "proxy/body_pace.h"
#include "proxy/client_stream.h"
#include "proxy/core.h"
#include "proxy/exchange.h"

namespace meridian::proxy {

class Http2Client;

class Http2ClientStream final : public ListNode, public codec::Http2Stream, private ClientStream {
 public:
  ~Http2ClientStream() override = default;

  void Begin(Http2Client& client);
  // The request has come as far as it is there: on to a backend.
  void Go();
  // As Session's of that name: a stream is to its client what an HTTP/1 connection is.
  void HealthChanged();
  bool IsAt(std::string_view service, std::string_view site) const {
    return exchange_ != nullptr && exchange_->IsAt(service, site);
  }
  // Ends a request whose body comes too slowly. Whether there is one to look at again.
  bool CheckPace(MonotonicTime now);
  // Ends a tunnel at a dead site whose turn to go has come, if that still holds. When the turn of
  // one that waits will come; zero: it does not.
  MonotonicTime CheckCut(MonotonicTime now);
  // Nothing more is wanted from the backend. False: nothing was under way.
  bool Rest();

 private:
  void OnHead(const codec::Head& head, bool end) override;
  void OnRefused(const Error& error) override;
  void OnBody(std::string_view bytes) override;
  void OnEnd(std::span<const codec::Field> trailers) override;
  void OnDrained() override;
  void OnClosed(codec::Http2Code code) override;

  void SendInterim(const codec::Head& head) override;
  void BeginResponse(const codec::Head& head, const ResponseEdit& edit) override;
  void SendBody(std::span<const std::string_view> pieces, bool end,
                std::span<const codec::Field> trailers) override;
  void StartTunnel(const codec::Head& head, std::string_view rest) override;
  void SendTunnel(std::string_view bytes) override;
  void EndTunnel() override;
  size_t pending_bytes() const override { return Http2Stream::pending_bytes(); }
  void PauseRequest() override;
  void ResumeRequest() override;
  void OnResponseDone(Duration idle) override;
  void OnFailed(Failure failure) override;
  void OnBroken(Failure failure) override;

  void Refuse(Failure failure, std::string_view detail);
  void Answer(Failure failure, std::string_view detail);
  void AnswerCall(Failure failure, std::string_view sentence);

  Http2Client* client_ = nullptr;
  std::unique_ptr<Exchange> exchange_;
  BodyPace pace_;
  MonotonicTime cut_at_{};
  uint64_t body_bytes_ = 0, body_limit_ = UINT64_MAX;
  bool head_only_ = false, response_begun_ = false;
  bool grpc_ = false;    // a call, whose status goes in its trailers
  bool whole_ = false;   // the response has no body
  bool paused_ = false;  // the window stays shut
  bool opens_ = false;   // it wants a tunnel
  bool tunnel_ = false;  // and has one
  bool client_ended_ = false;
  std::string early_;  // of the tunnel, before it stands; at most a window
};

}  // namespace meridian::proxy
