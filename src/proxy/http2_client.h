// One client's HTTP/2 connection: its frames to its streams, what the streams answer to its socket,
// in one write a turn. Takes over from HttpClient when that finds the preface.
//
//   kOpen ──(drain, listener gone)──► kDraining ──┐
//     │                                           ├─► kLinger ─► kClosed
//     └──(fault, GOAWAY, idle)────────────────────┘
//
// kDraining: GOAWAY in two steps, what is under way is served. kLinger: all is sent; what still
// comes is read and dropped, so that the last frames arrive.
#pragma once

#include <meridian/codec/http2.h>

#include "proxy/core.h"

namespace meridian::proxy {

class Http2ClientStream;

class Http2Client final : public Session,
                          private codec::Http2Handler,
                          private net::StreamHandler,
                          private net::TimerHandler,
                          private net::TurnTask {
 public:
  // Precondition: the listener is in the current snapshot.
  Http2Client(Core& core, ListenerState& listener, Arrival arrival);
  ~Http2Client() override;

  // In Core::sessions by now; `bytes` have been read already.
  void Begin(std::string_view bytes);
  // Its place among the client's connections.
  void Take(snapshot::ConnectionTable::Place place) { place_ = std::move(place); }
  void Drain() override;
  void Abort() override;
  void HealthChanged() override;
  void LeaveSite(std::string_view service, std::string_view site) override;

  // For its streams.
  Core& core() { return core_; }
  codec::Http2Connection& connection() { return connection_; }
  net::Stream& stream() { return *stream_; }
  const tls::Stream* tls() const { return tls_; }
  const net::IpAddress& peer() const { return peer_; }
  MonotonicTime began() const { return began_; }
  const snapshot::Listener* listener() const { return core_.Config(listener_); }
  void Count(Failure failure) { listener_.counters->failures[static_cast<size_t>(failure)].Add(); }
  // Something is to be sent, at the end of this turn.
  void Touch() { core_.loop.AtTurnEnd(*this); }
  void ExchangeBegun() { ++exchanges_; }
  void ExchangeEnded();
  void SetIdle(Duration idle) { idle_ = idle; }
  // One more request has begun: it may be the last that the listener allows.
  void CountRequest(const config::Limits& limits);
  // A body has begun that must keep a pace.
  void WatchPace();
  // A tunnel is to end so long from now.
  void WatchCuts(Duration delay);
  void Release(Http2ClientStream& stream);
  // Its backend is given up, and the client sees that.
  void GiveUp(Http2ClientStream& stream);

 private:
  enum class State : uint8_t { kOpen, kDraining, kLinger, kClosed };

  codec::Http2Stream* NewStream() override;
  void OnMalformed() override { Count(Failure::kBadRequest); }
  void OnRead(std::string_view bytes) override;
  void OnEnd() override;
  void OnDrained() override { Flush(); }
  void OnError(const Error& error) override;
  void OnTimer(net::Timer& timer) override;
  void OnTurnEnd() override { Flush(); }

  void Flush();
  void ArmTimer();
  void CheckPaces();
  void CheckCuts();
  void Linger();
  void Close();
  void Advance(State next);

  Core& core_;
  ListenerState& listener_;
  net::StreamPtr stream_;
  const tls::Stream* tls_;  // stream_, where it is TLS
  codec::Http2Connection connection_;
  net::Timer timer_;
  net::Timer pace_timer_;  // while there are bodies that must keep a pace
  net::Timer cut_timer_;   // while tunnels at a dead site wait for their turn to end
  snapshot::ConnectionTable::Place place_;
  uint64_t requests_ = 0;
  List<Http2ClientStream> fresh_;  // their requests came with this read, and have not gone on
  List<Http2ClientStream> streams_;
  net::IpAddress peer_;
  MonotonicTime began_;
  Duration idle_;
  size_t exchanges_ = 0;  // under way
  State state_ = State::kOpen;
  bool timing_head_ = false;
};

}  // namespace meridian::proxy
