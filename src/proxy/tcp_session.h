// One client's connection relayed to one backend, byte for byte.
//
//   kPreface ──► kHello ──► kKey ──► kConnect ──► kRelay ──► kHalfClosed ──► kClosed
//      │           │         │          │            │            │             ▲
//      └───────────┴─────────┴──────────┴────────────┴── kDrain ──┴─────────────┘
//                                       ▲            │            │
//                                       └── Redial ──┴────────────┘
//
// kPreface waits for a PROXY header, kHello for a TLS ClientHello whose server name decides where
// to go, kKey for the first bytes that hold the session's key (a SIP Call-ID, say); each is skipped
// where none is wanted. Hello and key are relayed with all that follows. kDrain
// relays on, until the client or the backend ends, or the worker closes. Any error goes to kClosed,
// and what breaks on one side is reset on the other. What a backend does not acknowledge puts its
// endpoint in doubt. A session whose endpoint is down ends in its turn (Core::CutDelay).
// A spare connection may be one that its server has just closed: as long as it says nothing, what
// is sent to it is held (kMostHeld), and Redial goes back to kConnect, once, if none of that can
// have been read.
#pragma once

#include <memory>

#include "proxy/connector.h"
#include "proxy/core.h"
#include "proxy/preface.h"

namespace meridian::proxy {

class TcpSession final : public Session, private ConnectorOwner, private net::TimerHandler {
 public:
  TcpSession(Core& core, ListenerState& listener, Arrival arrival);
  ~TcpSession() override = default;

  void Begin();
  void Drain() override;
  void Abort() override;
  void HealthChanged() override;
  void LeaveSite(std::string_view service, std::string_view site) override;

 private:
  enum class State : uint8_t {
    kPreface,
    kHello,
    kKey,
    kConnect,
    kRelay,
    kHalfClosed,
    kDrain,
    kClosed
  };

  // One direction's reader: what arrives on `from` goes to `to`.
  struct Side final : net::StreamHandler {
    explicit Side(TcpSession& owner) : session(owner) {}
    void OnRead(std::string_view bytes) override { session.Forward(*this, bytes); }
    net::Stream* MovesTo() override { return session.Other(*this).stream.get(); }
    void OnMoved(size_t bytes) override { session.Moved(*this, bytes); }
    void OnEnd() override { session.Ended(*this); }
    void OnDrained() override { session.Drained(*this); }
    void OnError(const Error&) override { session.Broken(*this); }

    TcpSession& session;
    net::StreamPtr stream;
    bool ended = false;  // it has sent its FIN
  };
  struct Dial {  // what is needed only until the backend is there, or a spare one is heard of
    Dial(Core& core, ConnectorOwner& owner) : connector(core, owner, false) {}
    Preface preface;
    std::string early;  // what the client sent behind its PROXY header, for the backend
    routing::Choice choice;
    std::string server_name;
    std::array<char, 32> id;  // of the connection, in hexadecimal
    codec::ProxyHeaderOut announced;
    Connector connector;
  };

  void Forward(Side& from, std::string_view bytes);
  void Ended(Side& side);
  void Drained(Side& side);
  void Broken(Side& side);
  void Moved(Side& from, size_t bytes);
  void Deliver(std::string_view bytes);
  void Delivered(size_t bytes);
  void Sent(size_t bytes);
  void Keep(std::string_view bytes);
  bool Redial();
  void Await();
  Duration PathDoubt() const;
  void CheckPath();
  MonotonicTime RelayDue() const;
  void ArmRelay();
  bool MustLeave() const;
  void ReadPreface(std::string_view bytes);
  void Greet();
  void ReadHello(std::string_view bytes);
  void ChooseService(std::string_view server_name, std::string_view alpn);
  void ReadKey(std::string_view bytes);
  void Pick(std::string_view session_key);
  void Announce();
  void Account(const routing::Choice& choice);
  const snapshot::Listener& listener_config() const {
    return *hold_.snapshot().FindListener(listener_.name);
  }
  void OnBackend(net::StreamPtr stream, const routing::Choice& choice, Use use,
                 bool reused) override;
  void OnNoBackend(Failure failure) override;
  void OnTimer(net::Timer& timer) override;
  void Advance(State next);
  void Report(health::Outcome outcome);
  void Fail(Failure failure, bool reset);
  void LogAccess() const;
  void Close();
  Side& Other(Side& side) { return &side == &client_ ? backend_ : client_; }

  Core& core_;
  ListenerState& listener_;
  Hold hold_;
  Side client_, backend_;
  net::IpAddress client_ip_;
  snapshot::ConnectionTable::Place place_;  // among the client's connections
  std::unique_ptr<Dial> dial_;
  Use use_;
  net::Timer timer_;
  const tls::Stream* tls_;  // the client's, where it is TLS: what stands before is read
  MonotonicTime started_{}, active_{};
  MonotonicTime unheard_since_{};  // sent to the backend, which said nothing since; zero: it did
  MonotonicTime check_at_{};       // when to look whether it arrived, while watching_
  MonotonicTime cut_at_ =
      MonotonicTime::max();  // the endpoint is down: when this session's turn is
  RouteCounters* counters_ = nullptr;
  ServiceId service_;
  EndpointId endpoint_;
  State state_ = State::kPreface;
  bool heard_ = false;  // the backend has sent something, which its health was told
  bool watching_ = false, stalled_ = false;
  bool spare_ = false;  // the backend's connection was one, and has not been heard of
  // For the access log.
  uint64_t bytes_in_ = 0, bytes_out_ = 0;
  Duration queue_ = AccessLine::kNever, connect_ = AccessLine::kNever,
           first_byte_ = AccessLine::kNever;
  uint32_t attempts_ = 0;
  routing::Reason reason_ = routing::Reason::kNearest;
  routing::Pin pin_ = routing::Pin::kNone;
  const char* failure_ = nullptr;  // why it ended, if not by both sides' ends
};

}  // namespace meridian::proxy
