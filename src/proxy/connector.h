// From a decision to a connected backend: tries the candidates of one walk until one answers. A
// refused candidate is followed by the next at once, unless retries.on leaves out `connect`. One
// that has not answered after race_after is raced by the next; the first to connect wins, the
// others are closed and held suspect. Each attempt has the service's connect timeout. Where the
// backend speaks TLS, to connect is to have shaken hands.
//
//   Continue ─► attempt ─┬─ connected ─────────► OnBackend
//                 ▲      ├─ refused, timed out: the next candidate; with none left and none in
//                 │      │  flight ────────────► OnNoBackend
//                 └──────┴─ race_after passed, fewer than kMaxAttempts in flight: one more besides
//
// Disaster recovery: while a planned switch holds the service, a connector waits, within
// kMaxWaiting of its worker and until the hold should have ended; it goes on when the direction
// changes. An attempt under way to a site that is no longer the active one is given up.
#pragma once

#include <meridian/codec/proxy_header.h>
#include <meridian/routing/decide.h>

#include <array>

#include "proxy/core.h"

namespace meridian::proxy {

class ConnectorOwner {
 public:
  // The connector is idle again; `use` counts the endpoint as long as the owner keeps it. `reused`:
  // it is from a pool and may be stale.
  virtual void OnBackend(net::StreamPtr stream, const routing::Choice& choice, Use use,
                         bool reused) = 0;
  // The same for a service whose backends speak HTTP/2, when the owner said that it does too: the
  // connection has room for one more request.
  virtual void OnHttp2Backend(Http2Backend&, const routing::Choice&, Use, bool /*reused*/) {}
  virtual void OnNoBackend(Failure failure) = 0;

 protected:
  ~ConnectorOwner() = default;
};

class Connector final : private net::TimerHandler {
 public:
  // `http`: the owner makes requests, and can share a connection with others.
  Connector(Core& core, ConnectorOwner& owner, bool http);
  ~Connector() { Cancel(); }

  // Decides: begins a new walk, and connects to nothing yet. What `query` points to is needed only
  // during the call; `retries` lives as long as `hold`.
  void Start(const Hold& hold, const routing::Query& query, const topology::RetryPolicy& retries);
  // Before Continue: what a PROXY header says of the client, where the service's endpoints get one.
  // Site and epoch are filled in; lives as long as the connector is used.
  void Announce(codec::ProxyHeaderOut& header) { announced_ = &header; }
  // Before Continue: it is for a WebSocket, which an HTTP/2 server must have said that it takes.
  void OpensTunnel() { tunnel_ = true; }
  // Tries the walk's next candidates: the first time, and again after one failed later than its
  // connect. `pooled`: idle and spare connections may be used. May call the owner at once.
  void Continue(bool pooled);
  // Gives up what is in flight; nothing more is told.
  void Cancel();
  // A direction may have changed. May call the owner before it returns.
  void HealthChanged();

  const routing::Walk& walk() const { return walk_; }
  // Puts `choice` before the rest of the walk: the next Continue tries it first.
  void Again(const routing::Choice& choice) { again_ = choice; }
  // Takes the next candidate without trying it, for whoever must know whether there is one; Again
  // gives it back.
  bool Peek();
  // The same, for a retry: passes over those that have asked to be left alone and, as long as there
  // are others, those that have been silent for everybody since `silent_since`.
  enum class Next : uint8_t { kNone, kDoubtful, kGood };  // kGood: up, and not silent
  Next PeekWilling(MonotonicTime silent_since);
  MonotonicTime started() const { return started_; }
  // How long `choice` may take to be heard of before its path is in doubt.
  Duration RaceAfter(const routing::Choice& choice) const;
  // What the server of the connection last given has said already.
  std::string& greeting() { return greeting_; }
  uint32_t tried() const { return tried_; }
  // From Start to the first attempt, and how long the connection last given took to be made.
  Duration queued() const { return first_tried_ - started_; }
  Duration connect_time() const { return connect_time_; }

 private:
  static constexpr size_t kMaxAttempts = 4;
  static constexpr size_t kMaxWaiting = 4096;

  struct Attempt final : net::StreamHandler, Http2Waiter {
    void OnConnected() override { connector->Won(*this); }
    void OnRead(std::string_view) override {}
    void OnEnd() override {}
    void OnDrained() override {}
    void OnError(const Error& error) override { connector->Lost(*this, error); }

    void OnShared(Http2Backend& backend) override { connector->Share(*this, backend); }
    void OnShareFailed() override { connector->Lost(*this, {.code = ErrorCode::kRefused}); }
    void OnOwnTurn() override { connector->TakeTurn(*this); }
    bool NeedsSettings() const override { return connector->tunnel_; }
    bool active() const { return stream || linked(); }
    void Drop();

    Connector* connector = nullptr;
    net::StreamPtr stream;
    const tls::Stream* tls = nullptr;  // the stream, where it is TLS
    Http2Making making;                // with `stream`, where others may wait for it
    routing::Choice choice;
    Use use;
    MonotonicTime started{};
  };

  void TryNext();
  bool NextChoice(routing::Choice& choice);
  // True: no further candidate is needed now (one is in flight, or the owner was told).
  bool Try(const routing::Choice& choice);
  bool Dial(Attempt& attempt, const routing::Choice& choice);
  std::string_view ProxyHeaderFor(const routing::Choice& choice);
  bool Shares() const;
  Http2Backends::Key KeyOf(const routing::Choice& choice) const;
  void Won(Attempt& attempt);
  void Share(Attempt& attempt, Http2Backend& backend);
  void Resume();
  void TakeTurn(Attempt& attempt);
  void ObserveRace(const Attempt& winner);
  void Give(Http2Backend& backend, const routing::Choice& choice, Use use, bool reused);
  void Lost(Attempt& attempt, const Error& error);
  Failure Judge(const Attempt& attempt, const Error& error);
  net::StreamPtr TakeIdle(const routing::Choice& choice);
  void Deliver(net::StreamPtr stream, const routing::Choice& choice, Use use, bool reused);
  void Finish();
  bool Wait();
  void StopWaiting();
  void ArmTimer();
  void OnTimer(net::Timer& timer) override;
  size_t in_flight() const;
  RouteCounters& counters(const routing::Choice& choice) const;

  Core& core_;
  ConnectorOwner& owner_;
  Hold hold_;
  ServiceId service_;
  const topology::RetryPolicy* retries_ = nullptr;
  codec::ProxyHeaderOut* announced_ = nullptr;
  routing::Walk walk_;
  net::Timer timer_;
  std::array<Attempt, kMaxAttempts> attempts_;
  routing::Choice again_;
  MonotonicTime started_{}, first_tried_{};
  MonotonicTime race_at_{};
  std::string greeting_;
  Duration connect_time_{};
  Failure last_failure_ = Failure::kCount;
  uint32_t tried_ = 0;
  bool http_;
  bool pooled_ = false;
  bool tunnel_ = false;
  bool exhausted_ = false;
  bool waiting_ = false;  // for a switch to end; then nothing is in flight
};

// How long an endpoint of the service may take to be heard of before its path is in doubt: as the
// service says, else by the endpoint's usual connect time.
Duration RaceAfter(const topology::Service& service, const health::EndpointHealth& endpoint);
// The failure that a walk with nothing to give stands for.
Failure FailureOf(routing::NoChoice why);

}  // namespace meridian::proxy
