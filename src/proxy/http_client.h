// One client's HTTP/1 connection (an Http2Client takes over if it begins as HTTP/2): reads requests
// one after the other, hands each to an Exchange, and writes what comes back, in order. Requests
// that arrive while one is under way wait unparsed, within a bound.
//
//   kPreface ─► kIdle ─► kHead ─► kBody ─► kWait ─┐
//                 ▲        ▲        │        │    │
//                 └────────┴────────┴────────┴────┘
//
// kPreface (a PROXY header) is skipped where none is wanted. kHead: part of a head is there. kBody:
// the request's body is being read. kWait: the request is complete, its response is not. Besides,
// kTunnel after 101: bytes either way; kLinger: answered for the last time, what still comes is
// read and dropped, so that the answer arrives.
#pragma once

#include <memory>
#include <string>

#include "proxy/core.h"
#include "proxy/exchange.h"
#include "proxy/http_inbound.h"
#include "proxy/preface.h"

namespace meridian::proxy {

class HttpClient final : public Session,
                         private ClientStream,
                         private net::StreamHandler,
                         private net::TimerHandler {
 public:
  HttpClient(Core& core, ListenerState& listener, Arrival arrival);
  ~HttpClient() override;

  void Begin();
  void Drain() override;
  void Abort() override;
  void HealthChanged() override;
  void LeaveSite(std::string_view service, std::string_view site) override;

 private:
  enum class State : uint8_t { kPreface, kIdle, kHead, kBody, kWait, kTunnel, kLinger, kClosed };

  void SendInterim(const codec::Head& head) override;
  void BeginResponse(const codec::Head& head, const ResponseEdit& edit) override;
  void SendBody(std::span<const std::string_view> pieces, bool end,
                std::span<const codec::Field> trailers) override;
  void StartTunnel(const codec::Head& head, std::string_view rest) override;
  void SendTunnel(std::string_view bytes) override { stream_->Write(bytes); }
  void EndTunnel() override { stream_->FinishWriting(); }
  size_t pending_bytes() const override { return stream_->pending_bytes(); }
  void PauseRequest() override;
  void ResumeRequest() override;
  void OnResponseDone(Duration idle) override;
  void OnFailed(Failure failure) override;
  void OnBroken(Failure failure) override;

  void OnRead(std::string_view bytes) override;
  void OnEnd() override;
  void OnDrained() override;
  void OnError(const Error& error) override;
  void OnTimer(net::Timer& timer) override;

  void Take(std::string_view bytes);
  size_t Feed(std::string_view bytes);
  size_t ReadHead(std::string_view bytes);
  size_t ReadBody(std::string_view bytes);
  void BecomeHttp2(std::string_view bytes);
  bool BeginRequest(const codec::Head& head);
  HttpInbound& inbound();
  void DropInbound();
  bool waiting() const { return inbound_ != nullptr && !inbound_->waiting.empty(); }
  void ReadPreface(std::string_view bytes);
  void Refuse(Failure failure, std::string_view detail);
  void Answer(Failure failure, std::string_view detail, bool close);
  void NextRequest();
  void EnterClient();
  void ArmPace();
  void Linger();
  void Close();
  void Advance(State next);

  Core& core_;
  ListenerState& listener_;
  net::StreamPtr stream_;
  const tls::Stream* tls_;  // stream_, where it is TLS
  net::Timer timer_;
  std::unique_ptr<HttpInbound> inbound_;  // none while idle
  std::unique_ptr<Exchange> exchange_;
  std::unique_ptr<Preface> preface_;
  net::IpAddress peer_;
  snapshot::ConnectionTable::Place place_;  // among the client's connections
  MonotonicTime began_;
  Duration idle_;
  uint32_t requests_ = 0;
  State state_ = State::kPreface;
  Failure refusal_ = Failure::kNoRoute;  // of a request without an exchange
  ResponseFraming framing_ = ResponseFraming::kAsReceived;
  bool head_waits_ = false;  // the response's, in core_.scratch, for the call that follows
  bool http10_ = false, close_ = false, head_only_ = false, response_begun_ = false;
  bool first_;            // what comes first may be HTTP/2's preface: by ALPN, or without TLS
  bool ended_ = false;    // the client has sent its FIN
  bool paused_ = false;   // reading is off
  bool feeding_ = false;  // Feed is on the stack
};

}  // namespace meridian::proxy
