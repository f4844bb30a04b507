// One client's datagrams to one backend, over a socket of their own, and the answers back.
//
//   kTry ──► kOpen ──► kClosed
//    │ ▲──────┘           ▲
//    ▼ │                  │
//   kHeld ────────────────┘
//
// kTry: sent to a backend that has not answered yet. An ICMP error is a failed connect: the next
// candidate gets the datagram that is unanswered. kOpen: it has answered; an error then, or a site
// that goes down, takes a new decision by the snapshot in force, if something is unanswered, or
// else ends the session, so that the client's next datagram takes one. kHeld: disaster recovery, a
// planned switch holds the service.
// A session ends when nothing has come either way for timeouts.idle, without a word: UDP has none.
#pragma once

#include <memory>
#include <string_view>

#include "proxy/core.h"
#include "proxy/flow_table.h"
#include "proxy/udp_listener.h"

namespace meridian::proxy {

class UdpSession final : public Session,
                         public FlowEntry,
                         private net::DatagramHandler,
                         private net::TimerHandler {
 public:
  UdpSession(Core& core, ListenerState& listener, UdpListener& socket,
             snapshot::ConnectionTable::Place place);
  ~UdpSession() override = default;

  // With the client's first datagram. It may end the session.
  void Begin(std::string_view bytes);
  void FromClient(std::string_view bytes);

  void Drain() override;
  void Abort() override;
  void HealthChanged() override;
  void LeaveSite(std::string_view service, std::string_view site) override;

 private:
  enum class State : uint8_t { kTry, kOpen, kHeld, kClosed };

  void OnDatagram(const net::Flow&, std::string_view bytes) override;
  void OnUnreachable(const Error& error) override;
  void OnTimer(net::Timer& timer) override;
  void Remember(std::string_view bytes);
  void Decide();
  void TryNext();
  bool Try(const routing::Choice& choice);
  void Account(const routing::Choice& choice);
  void CountIn(size_t bytes) {
    counters_->bytes_in.Add(bytes);
    bytes_in_ += bytes;
  }
  bool Wait();
  void StopWaiting();
  void ArmIdle();
  void LeaveBackend();
  void Move();
  void Fail(Failure failure);
  void LogAccess() const;
  void Close();
  void Advance(State next);
  const routing::Endpoint& endpoint() const { return hold_.table().endpoint(endpoint_); }

  Core& core_;
  ListenerState& listener_;
  UdpListener& socket_;
  Hold hold_;
  std::unique_ptr<net::DatagramSocket> backend_;
  std::unique_ptr<UdpTrial> trial_;
  Use use_;
  snapshot::ConnectionTable::Place place_;  // among the client's sessions
  net::Timer timer_;
  MonotonicTime started_{}, active_{};
  RouteCounters* counters_ = nullptr;  // of the backend's site, while there is one
  ServiceId service_;
  EndpointId endpoint_;
  Failure last_failure_ = Failure::kCount;
  State state_ = State::kTry;
  // For the access log: of its last backend, but for the sums.
  routing::Reason reason_ = routing::Reason::kNearest;
  routing::Pin pin_ = routing::Pin::kNone;
  uint32_t attempts_ = 0;
  const char* failure_ = nullptr;  // why it ended, if not in silence
  uint64_t bytes_in_ = 0, bytes_out_ = 0;
  Duration queue_ = AccessLine::kNever, first_byte_ = AccessLine::kNever;
};

}  // namespace meridian::proxy
