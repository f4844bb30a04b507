// See http_client.h.
#include "proxy/http_client.h"

#include <charconv>

#include "proxy/client_address.h"
#include "proxy/client_limits.h"
#include "proxy/http2_client.h"
#include "proxy/request.h"

namespace meridian::proxy {
namespace {

constexpr size_t kMaxWaiting = 64 * 1024;
constexpr Duration kLinger = std::chrono::seconds(1);
constexpr Duration kFirstIdle = std::chrono::seconds(60);

}  // namespace

HttpClient::HttpClient(Core& core, ListenerState& listener, Arrival arrival)
    : core_(core),
      listener_(listener),
      stream_(std::move(arrival.stream)),
      tls_(arrival.tls),
      timer_(*this),
      peer_(arrival.client),
      began_(core.loop.Now()),
      idle_(kFirstIdle),
      first_(tls_ == nullptr || tls_->alpn() == "h2") {}

HttpClient::~HttpClient() {
  DropInbound();
}

HttpInbound& HttpClient::inbound() {
  if (inbound_) return *inbound_;
  inbound_ = core_.TakeInbound();
  const snapshot::Listener* listener = core_.Config(listener_);
  inbound_->Begin(listener != nullptr ? HeadLimits(*listener) : codec::HttpLimits());
  return *inbound_;
}

void HttpClient::DropInbound() {
  if (inbound_) core_.KeepInbound(std::move(inbound_));
}

void HttpClient::Begin() {
  const config::Listener& config = core_.Config(listener_)->config;
  stream_->SetHandler(this);
  if (tls_ == nullptr && Preface::Wanted(config, peer_)) {
    preface_ = std::make_unique<Preface>();
  } else {
    Advance(State::kIdle);
  }
  core_.loop.Arm(timer_, config.limits.header_timeout);
  stream_->StartReading();
  if (!preface_) EnterClient();
}

// The client's address is known: is this one connection too many of it? Those of a proxy are not.
void HttpClient::EnterClient() {
  const config::Listener& config = core_.Config(listener_)->config;
  if (Trusted(peer_, config.trusted_proxies)) return;
  if (EnterConnection(core_, config, peer_, place_)) return;
  if (tls_ == nullptr || tls_->alpn() != "h2") return Refuse(Failure::kTooManyConnections, {});
  listener_.counters->failures[static_cast<size_t>(Failure::kTooManyConnections)].Add();
  stream_->Reset();
  Close();
}

void HttpClient::OnRead(std::string_view bytes) {
  if (state_ == State::kPreface) return ReadPreface(bytes);
  Take(bytes);
}

void HttpClient::ReadPreface(std::string_view bytes) {
  const snapshot::Listener* listener = core_.Config(listener_);
  if (listener == nullptr) return Close();
  const auto step = preface_->Feed(bytes, listener->config, peer_);
  if (!step) {
    listener_.counters->failures[static_cast<size_t>(Failure::kProxyHeader)].Add();
    stream_->Reset();
    return Close();
  }
  if (*step == Preface::Step::kNeedMore) return;
  const auto preface = std::move(preface_);
  Advance(State::kIdle);
  EnterClient();
  if (state_ == State::kIdle && !preface->rest().empty()) Take(preface->rest());
}

// Uses what it can of `bytes` behind what waits already, and keeps the rest.
void HttpClient::Take(std::string_view bytes) {
  feeding_ = true;
  std::string& input = inbound().waiting;
  if (input.empty()) {
    const size_t used = Feed(bytes);
    if (used < bytes.size()) input.assign(bytes.substr(used));
  } else {
    input.append(bytes);
    input.erase(0, Feed(input));
  }
  feeding_ = false;
  if (state_ == State::kClosed) return;
  if (state_ == State::kIdle && input.empty()) {
    DropInbound();
  } else if (state_ == State::kIdle) {
    Advance(State::kHead);
    core_.loop.Arm(timer_, core_.Config(listener_) != nullptr
                               ? core_.Config(listener_)->config.limits.header_timeout
                               : kLinger);
  } else if (state_ == State::kWait && input.size() >= kMaxWaiting) {
    PauseRequest();
  }
}

size_t HttpClient::Feed(std::string_view bytes) {
  size_t at = 0;
  while (at < bytes.size()) {
    const std::string_view rest = bytes.substr(at);
    switch (state_) {
      case State::kIdle:
      case State::kHead: {
        const size_t used = ReadHead(rest);
        if (used == 0) return at;
        at += used;
        break;
      }
      case State::kBody:
        at += ReadBody(rest);
        break;
      case State::kTunnel:
        exchange_->TunnelData(rest);
        return bytes.size();
      case State::kWait:
        return at;
      case State::kPreface:
      case State::kLinger:
      case State::kClosed:
        return bytes.size();
    }
  }
  return at;
}

// A whole request head, with what of its body is there, or nothing (0).
size_t HttpClient::ReadHead(std::string_view bytes) {
  if (first_) {
    const codec::Http2Preface preface = codec::ReadHttp2Preface(bytes);
    if (preface == codec::Http2Preface::kMaybe) return 0;
    first_ = false;
    if (preface == codec::Http2Preface::kYes) {
      BecomeHttp2(bytes);
      return bytes.size();
    }
    if (tls_ != nullptr) {  // the handshake settled on HTTP/2, and this is not its preface
      listener_.counters->failures[static_cast<size_t>(Failure::kBadRequest)].Add();
      Close();
      return bytes.size();
    }
  }
  const auto parsed = inbound_->parser.ParseHead(bytes, core_.head);
  if (!parsed) {
    Refuse(FailureOfHead(parsed.error()), parsed.error().context);
    return bytes.size();
  }
  if (parsed->progress == codec::Progress::kNeedMore) return 0;
  timer_.Disarm();
  if (!BeginRequest(core_.head)) return bytes.size();
  size_t used = parsed->consumed;
  used += ReadBody(bytes.substr(used));
  if (exchange_) exchange_->Go();
  ArmPace();
  return used;
}

// The client speaks HTTP/2: another session takes its place.
void HttpClient::BecomeHttp2(std::string_view bytes) {
  if (core_.Config(listener_) == nullptr) return Close();
  timer_.Disarm();
  Advance(State::kClosed);
  auto session =
      std::make_unique<Http2Client>(core_, listener_, Arrival{std::move(stream_), peer_, tls_});
  session->Take(std::move(place_));
  core_.Replace(*this, *session);
  session.release()->Begin(bytes);  // in core_.sessions until it retires
}

bool HttpClient::BeginRequest(const codec::Head& head) {
  Advance(State::kBody);
  http10_ = head.minor == 0;
  close_ = !head.keep_alive;
  head_only_ = head.method == "HEAD";
  response_begun_ = false;
  inbound_->body_bytes = 0;
  const snapshot::Listener* listener = core_.Config(listener_);
  if (listener == nullptr) {
    Close();
    return false;
  }
  const config::Limits& limits = listener->config.limits;
  inbound_->body_limit = limits.body_bytes.value_or(UINT64_MAX);
  inbound_->pace.Begin(limits, core_.loop.Now());
  if (head.method == "CONNECT") close_ = true;  // what follows is not for us, even if it is refused
  if (++requests_ >= limits.requests_per_connection.value_or(UINT32_MAX)) close_ = true;
  auto started = StartRequest(core_, {listener, peer_, stream_.get(), tls_, &head, this});
  if (started) {
    exchange_ = std::move(*started);
    return true;
  }
  refusal_ = started.error();
  // The connection may go on when nothing of the request is left to come: then it is answered when
  // its (empty) body has been read.
  if (head.framing == codec::Framing::kNone) return true;
  Refuse(refusal_, {});
  return false;
}

// Body bytes to the exchange, until the request ends or the bytes do; with no bytes, a request
// without body ends.
size_t HttpClient::ReadBody(std::string_view bytes) {
  size_t used = 0;
  for (;;) {
    const auto piece = inbound_->parser.ParseBody(bytes.substr(used));
    if (!piece) {
      Refuse(Failure::kBadRequest, piece.error().context);
      return bytes.size();
    }
    used += piece->consumed;
    inbound_->body_bytes += piece->data.size();
    inbound_->pace.Add(piece->data.size());
    if (inbound_->body_bytes > inbound_->body_limit) {
      Refuse(Failure::kBodyTooLarge, {});
      return bytes.size();
    }
    if (exchange_) exchange_->RequestBody(piece->data);
    if (piece->done) {
      timer_.Disarm();
      Advance(State::kWait);
      if (exchange_) {
        exchange_->RequestEnd(inbound_->parser.ReadTrailers(core_.head));
      } else {
        Answer(refusal_, DetailOf(refusal_), close_);
      }
      return used;
    }
    if (used == bytes.size()) return used;
  }
}

void HttpClient::SendInterim(const codec::Head& head) {
  if (http10_) return;
  core_.scratch.clear();
  AppendInterimHead(head, core_.scratch);
  stream_->Write(core_.scratch);
}

void HttpClient::BeginResponse(const codec::Head& head, const ResponseEdit& edit) {
  // A body that HTTP/2 ended with the head, without a length, must be seen to be empty.
  const bool unsaid = head.framing == codec::Framing::kNone && !head_only_ && head.status != 204 &&
                      head.status != 304 && head.Find(codec::FieldId::kContentLength) == nullptr;
  const bool unknown_length = unsaid || head.framing == codec::Framing::kChunked ||
                              head.framing == codec::Framing::kUntilClose;
  framing_ = ResponseFraming::kAsReceived;
  if (unknown_length) framing_ = http10_ ? ResponseFraming::kUntilClose : ResponseFraming::kChunked;
  // A response before the request's end leaves no way to find the next request: the connection ends
  // with it.
  close_ |= core_.draining || state_ == State::kBody || framing_ == ResponseFraming::kUntilClose;
  close_ |= edit.drains_since > began_;
  ResponseEdit whole = edit;
  whole.framing = framing_;
  whole.client_http10 = http10_;
  whole.close = close_;
  whole.keep_length = !unknown_length && head.status != 204;
  core_.scratch.clear();
  AppendResponseHead(head, whole, core_.scratch);
  response_begun_ = head_waits_ = true;
}

void HttpClient::SendBody(std::span<const std::string_view> pieces, bool end,
                          std::span<const codec::Field> trailers) {
  std::array<std::string_view, kBodyPieces + 4> slices;
  size_t count = 0, total = 0;
  if (std::exchange(head_waits_, false)) slices[count++] = core_.scratch;
  for (const std::string_view piece : pieces) total += piece.size();
  const bool chunked = framing_ == ResponseFraming::kChunked;
  char size[20];
  if (chunked && total > 0) {
    char* after = std::to_chars(size, size + 16, total, 16).ptr;
    *after++ = '\r';
    *after++ = '\n';
    slices[count++] = std::string_view(size, static_cast<size_t>(after - size));
  }
  for (const std::string_view piece : pieces) slices[count++] = piece;
  if (chunked && total > 0) slices[count++] = "\r\n";
  if (chunked && end && trailers.empty()) slices[count++] = "0\r\n\r\n";
  stream_->Write(std::span(slices.data(), count));
  if (!chunked || trailers.empty()) return;
  core_.scratch.clear();
  AppendLastChunk(trailers, core_.scratch);
  stream_->Write(core_.scratch);
}

// While a body is read the timer is that of its pace, if it has to keep one.
void HttpClient::ArmPace() {
  if (state_ != State::kBody) return;
  const MonotonicTime next = inbound_->pace.next();
  if (next == MonotonicTime::max()) return;
  core_.loop.Arm(timer_, std::max(next - core_.loop.Now(), Duration(0)));
}

void HttpClient::PauseRequest() {
  paused_ = true;
  if (inbound_) inbound_->pace.Pause(core_.loop.Now());
  stream_->StopReading();
}

void HttpClient::ResumeRequest() {
  if (!paused_) return;
  paused_ = false;
  if (inbound_) inbound_->pace.Resume(core_.loop.Now());
  ArmPace();
  stream_->StartReading();
}

void HttpClient::StartTunnel(const codec::Head& head, std::string_view rest) {
  core_.scratch.clear();
  AppendInterimHead(head, core_.scratch);
  const std::array<std::string_view, 2> slices{core_.scratch, rest};
  stream_->Write(slices);
  Advance(State::kTunnel);
  timer_.Disarm();
  ResumeRequest();
  if (waiting()) {
    exchange_->TunnelData(inbound_->waiting);
    inbound_->waiting.clear();
  }
  if (ended_) exchange_->TunnelEnd();  // before the answer came
}

void HttpClient::OnResponseDone(Duration idle) {
  core_.KeepExchange(std::move(exchange_));
  idle_ = idle;
  if (close_ || state_ == State::kTunnel || core_.draining) {
    // With nothing unread, closing cannot cost the client its answer; else the kernel would reset.
    if (state_ != State::kBody && !waiting()) return Close();
    return Linger();
  }
  NextRequest();
}

void HttpClient::NextRequest() {
  if (ended_ && !waiting()) return Close();
  response_begun_ = head_only_ = false;  // a refusal of the next head is answered, with its body
  Advance(State::kIdle);
  core_.loop.Arm(timer_, idle_);
  ResumeRequest();
  if (feeding_) return;
  if (!waiting()) return DropInbound();
  const std::string rest = std::move(inbound_->waiting);
  inbound_->waiting.clear();
  Take(rest);
}

void HttpClient::OnFailed(Failure failure) {
  core_.KeepExchange(std::move(exchange_));
  Answer(failure, {}, close_ || state_ == State::kBody || core_.draining);
}

void HttpClient::OnBroken(Failure failure) {
  core_.KeepExchange(std::move(exchange_));
  listener_.counters->failures[static_cast<size_t>(failure)].Add();
  stream_->Reset();
  Close();
}

// The request cannot be understood or taken: answered, and the connection ended, since what follows
// on it is unknown.
void HttpClient::Refuse(Failure failure, std::string_view detail) {
  timer_.Disarm();
  if (exchange_) {
    exchange_->Refused(failure);
    exchange_->Rest();
    core_.KeepExchange(std::move(exchange_));
  } else if (state_ != State::kBody) {
    LogRefusal(core_, {core_.Config(listener_), peer_, stream_.get(), tls_, nullptr, this}, failure,
               detail);
  }
  if (response_begun_) {
    stream_->Reset();
    return Close();
  }
  Answer(failure, detail, true);
}

void HttpClient::Answer(Failure failure, std::string_view detail, bool close) {
  listener_.counters->failures[static_cast<size_t>(failure)].Add();
  std::string response;
  AppendError(failure, detail, close, head_only_, response);
  stream_->Write(response);
  if (close) return Linger();
  NextRequest();
}

// Everything has been answered: send FIN, and read on a little, so that a reset does not destroy
// what was sent (RFC 9112 section 9.6).
void HttpClient::Linger() {
  Advance(State::kLinger);
  if (inbound_) inbound_->waiting.clear();
  if (ended_) return Close();
  stream_->FinishWriting();
  core_.loop.Arm(timer_, kLinger);
  ResumeRequest();
}

void HttpClient::OnEnd() {
  ended_ = true;
  switch (state_) {
    case State::kWait:
      return;  // it may still want its answer
    case State::kTunnel:
      return exchange_->TunnelEnd();
    case State::kBody:
    case State::kHead:
      listener_.counters->failures[static_cast<size_t>(Failure::kClientGone)].Add();
      return Close();
    default:
      return Close();
  }
}

void HttpClient::OnDrained() {
  if (exchange_) exchange_->ClientDrained();
}

void HttpClient::OnError(const Error&) {
  if (exchange_) listener_.counters->failures[static_cast<size_t>(Failure::kClientGone)].Add();
  Close();
}

void HttpClient::OnTimer(net::Timer&) {
  if (state_ == State::kHead) return Refuse(Failure::kHeaderTimeout, {});
  if (state_ == State::kTunnel) {  // its turn to go, if that still holds
    if (exchange_ && exchange_->EndpointGone()) Abort();
    return;
  }
  if (state_ != State::kBody) return Close();
  const Failure failure = inbound_->pace.Check(core_.loop.Now());
  if (failure != Failure::kCount) return Refuse(failure, {});
  ArmPace();
}

void HttpClient::Drain() {
  if (state_ == State::kIdle || state_ == State::kPreface) return Close();
  close_ = true;
}

void HttpClient::Abort() {
  if (state_ == State::kClosed) return;
  stream_->Reset();
  Close();
}

void HttpClient::HealthChanged() {
  if (!exchange_) return;
  if (!exchange_->EndpointGone()) return exchange_->HealthChanged();
  if (state_ == State::kTunnel && timer_.armed() && !exchange_->LeavesAtOnce()) return;
  const Duration delay = exchange_->LeavesAtOnce() ? Duration(0) : core_.CutDelay();
  if (delay == Duration(0)) return Abort();
  core_.loop.Arm(timer_, delay);
}

void HttpClient::LeaveSite(std::string_view service, std::string_view site) {
  if (exchange_ && exchange_->IsAt(service, site)) Abort();
}

void HttpClient::Close() {
  if (state_ == State::kClosed) return;
  Advance(State::kClosed);
  timer_.Disarm();
  if (exchange_) {
    exchange_->Rest();
    core_.KeepExchange(std::move(exchange_));
  }
  stream_.reset();
  core_.Retire(*this, listener_);
}

void HttpClient::Advance(State next) {
  constexpr auto kBit = [](State state) {
    return static_cast<uint8_t>(1u << static_cast<unsigned>(state));
  };
  constexpr uint8_t kEnd = kBit(State::kLinger) | kBit(State::kClosed);
  static constexpr uint8_t kLegal[] = {
      /* kPreface */ kBit(State::kIdle) | kEnd,
      /* kIdle */ kBit(State::kHead) | kBit(State::kBody) | kEnd,
      /* kHead */ kBit(State::kBody) | kEnd,
      /* kBody */ kBit(State::kWait) | kBit(State::kIdle) | kBit(State::kTunnel) | kEnd,
      /* kWait */ kBit(State::kIdle) | kBit(State::kTunnel) | kEnd,
      /* kTunnel */ kEnd,
      /* kLinger */ kBit(State::kClosed),
      /* kClosed */ 0,
  };
  MERIDIAN_CHECK((kLegal[static_cast<size_t>(state_)] & kBit(next)) != 0);
  state_ = next;
}

}  // namespace meridian::proxy
