// See reception.h.
#include "proxy/reception.h"

#include <utility>

#include "proxy/client_limits.h"

namespace meridian::proxy {

Reception::Reception(Core& core, ListenerState& listener, net::StreamPtr stream,
                     ReceptionOwner& owner)
    : core_(core),
      listener_(listener),
      owner_(owner),
      stream_(std::move(stream)),
      timer_(*this),
      client_(stream_->peer().ip()) {}

void Reception::Begin() {
  const snapshot::Listener& listener = *core_.Config(listener_);
  const config::Listener& config = listener.config;
  stream_->SetHandler(this);
  if (Preface::Wanted(config, client_)) {
    preface_ = std::make_unique<Preface>();
  } else if (TurnedAway(listener)) {
    return;
  }
  core_.loop.Arm(timer_, config.limits.header_timeout);
  stream_->StartReading();
}

void Reception::OnRead(std::string_view bytes) {
  const snapshot::Listener* listener = core_.Config(listener_);
  if (listener == nullptr || listener->tls == nullptr) return Close();
  if (!preface_) return StartHandshake(*listener, bytes);
  const auto step = preface_->Feed(bytes, listener->config, client_);
  if (!step) {
    listener_.counters->failures[static_cast<size_t>(Failure::kProxyHeader)].Add();
    return Abort();
  }
  if (*step == Preface::Step::kNeedMore) return;
  const auto preface = std::move(preface_);
  if (TurnedAway(*listener)) return;
  if (!preface->rest().empty()) StartHandshake(*listener, preface->rest());
}

bool Reception::TurnedAway(const snapshot::Listener& listener) {
  if (listener.config.protocol != config::Protocol::kTcp) return false;
  const auto turn_away = [this](Failure why) {
    listener_.counters->failures[static_cast<size_t>(why)].Add();
    Abort();
    return true;
  };
  if (!listener.access.Admits(client_)) return turn_away(Failure::kDenied);
  if (!WithinRate(core_, listener.config, client_)) return turn_away(Failure::kRateLimited);
  return false;
}

void Reception::StartHandshake(const snapshot::Listener& listener, std::string_view bytes) {
  if (core_.handshakes >= kMaxHandshakes) {
    Count(tls::HandshakeFailure::kOverload);
    return Abort();
  }
  state_ = State::kHandshake;
  ++core_.handshakes;
  tls::StreamPtr stream = tls::Accept(core_.tls, listener.tls, std::move(stream_), bytes);
  tls_ = stream.get();
  stream_ = std::move(stream);
  stream_->SetHandler(this);
}

void Reception::OnConnected() {
  const bool is_new = tls_->version() == tls::Version::kTls13;
  listener_.counters->tls_versions[is_new ? 1 : 0].Add();
  if (tls_->resumed()) listener_.counters->tls_resumed.Add();
  Arrival arrival{std::move(stream_), client_, tls_};
  arrival.stream->SetHandler(nullptr);
  Leave();
  const bool still_there = core_.Config(listener_) != nullptr && !core_.draining;
  if (still_there) {
    core_.Bury(*this);
    return owner_.OnReceived(listener_, std::move(arrival));
  }
  core_.Retire(*this, listener_);
}

void Reception::OnError(const Error& error) {
  if (state_ == State::kHandshake) Count(tls::FailureOf(error));
  Close();
}

void Reception::OnTimer(net::Timer&) {
  Count(tls::HandshakeFailure::kTimeout);
  Close();
}

void Reception::Count(tls::HandshakeFailure failure) {
  listener_.counters->tls_failures[static_cast<size_t>(failure)].Add();
}

void Reception::Abort() {
  if (state_ == State::kClosed) return;
  stream_->Reset();
  Close();
}

void Reception::Close() {
  if (state_ == State::kClosed) return;
  stream_.reset();
  Leave();
  core_.Retire(*this, listener_);
}

void Reception::Leave() {
  if (state_ == State::kHandshake) --core_.handshakes;
  state_ = State::kClosed;
  timer_.Disarm();
}

}  // namespace meridian::proxy
