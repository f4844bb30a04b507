// One HTTP request and its response, on the backend's side: the decision, the attempts, the
// request's bytes as sent, the response's bytes as received. The only place that decides on a
// retry. Owned by the client's side that it serves, recycled by Core.
//
//   kRest ─ Prepare ─► kPrepared ─ Go ─► kConnect ─ backend ─► kSend ─ head ─► kRespond ─► kRest
//                                           ▲                    │ │
//                                           └── retry, hedge ────┘ └─ 101 ─► kTunnel ─► kRest
//
// Hedging: an attempt without an answer is set aside as a rival, and a further copy of the request
// goes to the next candidate. Whichever is heard of first goes on as the exchange's own attempt;
// the others end once its response begins, and are fallen back to if it fails before.
// A route that answers by itself goes from kPrepared by kAnswer to kRest. Ending, it tells the
// client as its very last act: the client may put it to rest and use it again at once.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "proxy/client_stream.h"
#include "proxy/connector.h"
#include "proxy/core.h"

namespace meridian::proxy {

struct ExchangeInput {
  ClientStream* client = nullptr;
  Hold hold;
  // Of the hold's snapshot. Without a target the route answers, and `query` says nothing.
  const snapshot::Route* route = nullptr;
  const snapshot::RouteTarget* target = nullptr;
  routing::Query query;
  const codec::Head* head = nullptr;  // during Prepare only
  std::optional<Duration> deadline;   // how long the client waits for the whole, where it said so
  Forwarding forwarding;
  const AccessOrigin* access = nullptr;  // during Prepare only; null: no line in the access log
};

class Exchange final : private ConnectorOwner,
                       private Http2CallOwner,
                       private net::StreamHandler,
                       private net::TimerHandler {
 public:
  explicit Exchange(Core& core);
  ~Exchange() { Rest(); }

  // Decides and writes down the request's head. Then body pieces and the end that are at hand
  // already, then Go.
  void Prepare(const ExchangeInput& input);
  // A copy of the request goes along from here on; it says so when it has ended.
  void GoWith(Mirror& mirror) { mirror_ = &mirror; }
  void MirrorEnded() { mirror_ = nullptr; }
  void Go();
  // The request's body as parsed, in order; may pause the client.
  void RequestBody(std::string_view data);
  void RequestEnd(std::span<const codec::Field> trailers);
  // After an upgrade: bytes either way.
  void TunnelData(std::string_view bytes);
  void TunnelEnd();
  // The client's pending bytes have gone.
  void ClientDrained();
  // Drops everything, whatever the state; nothing is told.
  void Rest();
  // The client's side gives the request up for this, and puts the exchange to rest: for the access
  // log.
  void Refused(Failure failure);
  // For a tunnel whose endpoint a check found dead, and a response of a site that is no longer the
  // active one.
  bool EndpointGone() const;
  // Whether, if so, it goes at once: another site is active now. Else its tunnel ends in its turn.
  bool LeavesAtOnce() const { return MustLeave(); }
  // A direction may have changed: what waits for it goes on, what has no response yet moves. May
  // end the exchange.
  void HealthChanged();
  bool IsAt(std::string_view service, std::string_view site) const;

 private:
  // What makes up an attempt that has not been heard of.
  struct Attempt {
    net::StreamPtr stream;      // either this, for HTTP/1,
    Http2Call* call = nullptr;  // or this, for HTTP/2
    Use use;
    routing::Choice choice;
    MonotonicTime due{};  // when its response has taken too long
    Duration connect{};
    bool reused = false, hedge = false;
  };
  // An attempt set aside for a further copy of the request: whichever is heard of first becomes the
  // exchange's own.
  struct Rival final : net::StreamHandler, Http2CallOwner {
    void OnRead(std::string_view bytes) override;
    void OnEnd() override { exchange->RivalFailed(*this); }
    void OnDrained() override {}
    void OnError(const Error&) override { exchange->RivalFailed(*this); }
    void OnCallHead(const codec::Head& head, bool end) override;
    void OnCallBody(std::string_view) override {}
    void OnCallEnd(std::span<const codec::Field>) override {}
    void OnCallDrained() override {}
    void OnCallRefused() override;
    void OnCallLost(bool untouched) override;
    bool active() const { return attempt.stream != nullptr || attempt.call != nullptr; }
    void Hold(Attempt taken);
    void Drop();

    Exchange* exchange = nullptr;
    Attempt attempt;
  };
  static constexpr size_t kMaxRivals = 2;

  enum class State : uint8_t { kRest, kPrepared, kAnswer, kConnect, kSend, kRespond, kTunnel };
  static constexpr size_t kReplayBytes = 64 * 1024;
  static constexpr codec::HttpLimits kResponseLimits{64 * 1024, codec::kMaxFields};

  void OnBackend(net::StreamPtr stream, const routing::Choice& choice, Use use,
                 bool reused) override;
  void OnHttp2Backend(Http2Backend& backend, const routing::Choice& choice, Use use,
                      bool reused) override;
  void OnNoBackend(Failure failure) override;
  void OnCallHead(const codec::Head& head, bool end) override;
  void OnCallBody(std::string_view bytes) override;
  void OnCallEnd(std::span<const codec::Field> trailers) override;
  void OnCallDrained() override { OnDrained(); }
  void OnCallRefused() override;
  void OnCallLost(bool untouched) override;
  void OnRead(std::string_view bytes) override;
  void OnEnd() override;
  void OnDrained() override;
  void OnError(const Error& error) override;
  void OnTimer(net::Timer& timer) override;

  void BeginAttempt(const routing::Choice& choice, Use use, bool reused);
  void SendBody(std::span<const std::string_view> slices);
  void KeepTrailers(std::span<const codec::Field> trailers);
  void EndCall();
  size_t unsent_bytes() const {
    return call_ != nullptr ? call_->pending_bytes() : backend_->pending_bytes();
  }
  void ArmForRequest();
  void ArmWait();
  void Wait();
  bool CheckPath();
  Duration HedgeAfter() const;
  bool Hedge();
  Attempt TakeAttempt();
  void Promote(Rival& rival);
  // True: it is the exchange's own attempt now.
  bool RivalHeard(Rival& rival);
  void RivalFailed(Rival& rival);
  // False: there is none.
  bool FallBack();
  void DropRivals(bool beaten);
  void MoveCounters();
  void DeadlinePassed();
  // Each gives false when the exchange has ended or moved to another attempt: nothing more is to be
  // done.
  bool ReadHead(std::string_view& bytes);
  bool HandleHead(const codec::Head& head);
  bool PassInterim(const codec::Head& head);
  void HeedRetryAfter(const codec::Head& head);
  bool RetryStatus(uint16_t status);
  void StartResponse(const codec::Head& head);
  void PrepareAnswer(const codec::Head& head);
  void GoAnswer();
  void DropBody();
  void Answer();
  void StartTunnel(const codec::Head& head, std::string_view rest);
  void StartCallTunnel(const codec::Head& head);
  void TunnelBackendEnded();
  void ForwardBody(std::string_view bytes);
  void AttemptFailed(Failure failure, health::Outcome outcome);
  // Whether nobody has heard of the attempt's endpoint since it was sent, or soon after: it is not
  // slow for this request alone.
  bool Unheard() const;
  // Where a further attempt would go. After one whose endpoint is `unheard` of, others that have
  // been silent for about as long are no better: a whole site may hang.
  Connector::Next PeekNext(bool unheard);
  // `unheard`: it comes instead of what that endpoint has to answer, so that it adds no load and,
  // if there is a good one to go to, costs no budget.
  bool MayRetry(bool allowed_by_policy, bool unheard = false);
  void ResetBackend();
  void DropBackend();
  void Complete(bool reusable);
  void Broken(Failure failure);
  void Failed(Failure failure);
  void CountDecision();
  void CountOut(size_t bytes) {
    counters_->bytes_out.Add(bytes);
    record_.outcome.bytes_out += bytes;
  }
  void LogAccess();
  bool MustLeave() const { return MustLeave(choice_.site); }
  bool MustLeave(SiteId site) const;
  const topology::Service& policy() const { return hold_.table().service(service_); }
  const topology::Timeouts& timeouts() const { return target_->timeouts; }
  const topology::RetryPolicy& retries() const { return target_->retries; }
  const routing::Endpoint& endpoint() const { return hold_.table().endpoint(choice_.endpoint); }
  std::string_view method() const { return std::string_view(request_).substr(0, method_bytes_); }
  bool connects() const { return upgrade_ && method() == "CONNECT"; }  // its answer is 2xx, not 101

  Core& core_;
  ClientStream* client_ = nullptr;
  Mirror* mirror_ = nullptr;
  Hold hold_;
  ServiceId service_;
  const snapshot::Route* route_ = nullptr;         // of hold_'s snapshot, as is
  const snapshot::RouteTarget* target_ = nullptr;  // null: the route answers
  Connector connector_;
  net::StreamPtr backend_;     // either this, for HTTP/1,
  Http2Call* call_ = nullptr;  // or this, for HTTP/2
  codec::Http1Parser parser_;
  net::Timer timer_;
  net::Timer deadline_;
  AccessRecord record_;
  Use use_;
  routing::Choice choice_;
  RouteCounters* counters_ = nullptr;
  std::string request_;   // the head as sent, without AppendAttempt's part
  std::string body_;      // what of the body must still be sent, or may have to be sent again
  std::string trailers_;  // of the request, for HTTP/2: name, NUL, value, NUL …
  std::string response_;  // a head that has not come whole
  std::string cookie_;    // a Set-Cookie value being written
  std::string_view via_;  // our name, of hold_'s snapshot
  std::string own_via_;   // a Via value being written
  MonotonicTime active_{};
  std::array<Rival, kMaxRivals> rivals_;
  // With the request complete: when its response has taken too long, when its path is looked at,
  // when a further copy starts.
  MonotonicTime response_due_{}, check_at_{}, hedge_at_{};
  uint64_t received_bytes_ = 0;  // of the request's body
  uint32_t retries_ = 0;
  uint16_t method_bytes_ = 0;
  uint8_t interims_ = 0;  // of this attempt
  State state_ = State::kRest;
  bool is_read_ = false;
  bool idempotent_ = false, chunked_request_ = false, request_complete_ = false, replayable_ = true;
  bool secure_ = false;            // the client speaks TLS
  bool expects_continue_ = false;  // of a route's own answer
  bool hedging_ = false;           // the connector looks for a further copy's server
  bool hedge_ = false;             // the attempt is a further copy
  bool http2_ = false;             // spoken to the backend
  bool te_trailers_ = false;       // the client takes trailers
  bool upgrade_ = false, reused_ = false, heard_ = false, stale_tried_ = false;
  bool backend_keeps_ = false, tunnel_client_ended_ = false, tunnel_backend_ended_ = false;
};

}  // namespace meridian::proxy
