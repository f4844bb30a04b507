// A client of a TLS listener before its session: the PROXY header where one is wanted, then the
// handshake. Whoever has shaken hands is handed on, and this ends.
//
//   kFirstBytes ── PROXY header read, bytes there ──► kHandshake ── done ──► handed on
//        └──────────── left, refused, timed out ───────────┴─────────────────► closed
//
// Bounded in time by the listener's header_timeout, from accept to the end of the handshake, and in
// number by kMaxHandshakes a worker: who comes then is refused before anything is allocated for
// TLS. A client that has sent nothing yet does not count, so that silence alone keeps nobody out.
#pragma once

#include <memory>

#include "proxy/core.h"
#include "proxy/preface.h"

namespace meridian::proxy {

class ReceptionOwner {
 public:
  // The client's session may begin; it is counted already.
  virtual void OnReceived(ListenerState& listener, Arrival arrival) = 0;

 protected:
  ~ReceptionOwner() = default;
};

class Reception final : public Session, private net::StreamHandler, private net::TimerHandler {
 public:
  static constexpr size_t kMaxHandshakes = 1024;

  Reception(Core& core, ListenerState& listener, net::StreamPtr stream, ReceptionOwner& owner);
  ~Reception() override = default;

  void Begin();
  void Drain() override { Close(); }
  void Abort() override;
  void HealthChanged() override {}
  void LeaveSite(std::string_view, std::string_view) override {}

 private:
  enum class State : uint8_t { kFirstBytes, kHandshake, kClosed };

  void OnConnected() override;
  void OnRead(std::string_view bytes) override;
  void OnEnd() override { Close(); }
  void OnDrained() override {}
  void OnError(const Error& error) override;
  void OnTimer(net::Timer& timer) override;

  // Whether who is not wanted was turned away; http tells him why after the handshake.
  bool TurnedAway(const snapshot::Listener& listener);
  void StartHandshake(const snapshot::Listener& listener, std::string_view bytes);
  void Count(tls::HandshakeFailure failure);
  void Close();
  void Leave();

  Core& core_;
  ListenerState& listener_;
  ReceptionOwner& owner_;
  net::StreamPtr stream_;
  tls::Stream* tls_ = nullptr;  // stream_, once there are bytes for it
  std::unique_ptr<Preface> preface_;
  net::Timer timer_;
  net::IpAddress client_;
  State state_ = State::kFirstBytes;
};

}  // namespace meridian::proxy
