// See http2_client.h.
#include "proxy/http2_client.h"

#include "proxy/http2_stream.h"
#include "proxy/request.h"

namespace meridian::proxy {
namespace {

constexpr Duration kLinger = std::chrono::seconds(1);
constexpr Duration kFirstIdle = std::chrono::seconds(60);
constexpr size_t kWriteBytes = 128 * 1024;
constexpr Duration kPaceCheck = std::chrono::seconds(1);

codec::Http2Limits LimitsOf(const snapshot::Listener& listener) {
  codec::Http2Limits limits;
  limits.head = HeadLimits(listener);
  return limits;
}

}  // namespace

Http2Client::Http2Client(Core& core, ListenerState& listener, Arrival arrival)
    : core_(core),
      listener_(listener),
      stream_(std::move(arrival.stream)),
      tls_(arrival.tls),
      connection_(codec::Http2Connection::Role::kServer, LimitsOf(*core.Config(listener)),
                  core.http2.shared(), *this),
      timer_(*this),
      pace_timer_(*this),
      cut_timer_(*this),
      peer_(arrival.client),
      began_(core.loop.Now()),
      idle_(kFirstIdle) {}

Http2Client::~Http2Client() = default;

void Http2Client::Begin(std::string_view bytes) {
  stream_->SetHandler(this);
  stream_->StartReading();
  OnRead(bytes);
}

codec::Http2Stream* Http2Client::NewStream() {
  std::unique_ptr<Http2ClientStream> stream = core_.TakeStream();
  stream->Begin(*this);
  fresh_.PushBack(*stream);
  return stream.release();  // in one of the two lists until Release
}

void Http2Client::Release(Http2ClientStream& stream) {
  stream.Unlink();
  core_.KeepStream(std::unique_ptr<Http2ClientStream>(&stream));
}

void Http2Client::OnRead(std::string_view bytes) {
  if (state_ == State::kLinger) return;
  connection_.Receive(bytes, core_.loop.Now());
  // Only now, so that what came with a request's head goes on with it, and one that was reset
  // behind its head costs no backend anything.
  while (!fresh_.empty()) {
    Http2ClientStream& stream = fresh_.front();
    stream.Unlink();
    streams_.PushBack(stream);
    stream.Go();
  }
  ArmTimer();
  Touch();
}

// The most that one turn brought goes in one write, and more only when that was taken whole.
void Http2Client::Flush() {
  if (state_ == State::kClosed || state_ == State::kLinger) return;
  while (stream_->pending_bytes() == 0) {
    core_.scratch.clear();
    connection_.Take(core_.scratch, kWriteBytes);
    if (core_.scratch.empty()) break;
    stream_->Write(core_.scratch);
  }
  if (connection_.done() || connection_.fault() != codec::Http2Fault::kNone) Linger();
}

void Http2Client::ExchangeEnded() {
  --exchanges_;
  if (exchanges_ == 0) ArmTimer();
}

// Runs while a head is cut off, and while no exchange is under way: exchanges have their own.
void Http2Client::ArmTimer() {
  if (state_ == State::kLinger || state_ == State::kClosed) return;
  const bool was_timing_head = std::exchange(timing_head_, connection_.in_head());
  if (timing_head_) {
    const snapshot::Listener* config = listener();
    const Duration wait = config == nullptr ? kLinger : config->config.limits.header_timeout;
    if (!was_timing_head) core_.loop.Arm(timer_, wait);
  } else if (exchanges_ > 0) {
    timer_.Disarm();
  } else {
    const bool still = state_ == State::kDraining && connection_.streams() == 0;
    core_.loop.Arm(timer_, still ? kLinger : idle_);
  }
}

void Http2Client::CountRequest(const config::Limits& limits) {
  if (++requests_ >= limits.requests_per_connection.value_or(UINT32_MAX)) Drain();
}

void Http2Client::WatchPace() {
  if (!pace_timer_.armed()) core_.loop.Arm(pace_timer_, kPaceCheck);
}

void Http2Client::CheckPaces() {
  const MonotonicTime now = core_.loop.Now();
  bool any = false;
  streams_.ForEach([&](Http2ClientStream& stream) { any |= stream.CheckPace(now); });
  if (any) WatchPace();
}

// Turns come one after the other: whose is before the timer's waits for that.
void Http2Client::WatchCuts(Duration delay) {
  if (!cut_timer_.armed()) core_.loop.Arm(cut_timer_, delay);
}

void Http2Client::CheckCuts() {
  const MonotonicTime now = core_.loop.Now();
  MonotonicTime next = MonotonicTime::max();
  streams_.ForEach([&](Http2ClientStream& stream) {
    const MonotonicTime turn = stream.CheckCut(now);
    if (turn != MonotonicTime{}) next = std::min(next, turn);
  });
  if (next != MonotonicTime::max()) WatchCuts(next - now);
}

void Http2Client::OnTimer(net::Timer& timer) {
  if (&timer == &pace_timer_) return CheckPaces();
  if (&timer == &cut_timer_) return CheckCuts();
  if (state_ == State::kLinger) return Close();
  if (timing_head_) Count(Failure::kHeaderTimeout);
  connection_.Terminate(timing_head_ ? codec::Http2Code::kEnhanceYourCalm
                                     : codec::Http2Code::kNoError);
  Touch();
}

void Http2Client::Drain() {
  if (state_ != State::kOpen) return;
  Advance(State::kDraining);
  connection_.BeginShutdown();
  ArmTimer();
  Touch();
}

void Http2Client::Linger() {
  if (connection_.fault() != codec::Http2Fault::kNone)
    listener_.counters->http2_faults[static_cast<size_t>(connection_.fault())].Add();
  Advance(State::kLinger);
  pace_timer_.Disarm();
  cut_timer_.Disarm();
  for (List<Http2ClientStream>* list : {&fresh_, &streams_}) {
    list->ForEach([](Http2ClientStream& stream) { stream.Rest(); });
  }
  stream_->FinishWriting();
  core_.loop.Arm(timer_, kLinger);
}

void Http2Client::OnEnd() {
  Close();
}

void Http2Client::OnError(const Error&) {
  Close();
}

void Http2Client::Abort() {
  if (state_ == State::kClosed) return;
  stream_->Reset();
  Close();
}

void Http2Client::HealthChanged() {
  streams_.ForEach([](Http2ClientStream& stream) { stream.HealthChanged(); });
}

void Http2Client::LeaveSite(std::string_view service, std::string_view site) {
  streams_.ForEach([&](Http2ClientStream& stream) {
    if (stream.IsAt(service, site)) GiveUp(stream);
  });
}

void Http2Client::GiveUp(Http2ClientStream& stream) {
  stream.Rest();
  connection_.Reset(stream, codec::Http2Code::kInternalError);
  Touch();
}

// The connection is not asked for anything any more, so its streams can go before it.
void Http2Client::Close() {
  if (state_ == State::kClosed) return;
  Advance(State::kClosed);
  for (List<Http2ClientStream>* list : {&fresh_, &streams_}) {
    while (!list->empty()) {
      const std::unique_ptr<Http2ClientStream> stream(&list->front());
      stream->Unlink();
      if (stream->Rest()) Count(Failure::kClientGone);
    }
  }
  timer_.Disarm();
  pace_timer_.Disarm();
  cut_timer_.Disarm();
  TurnTask::Unlink();
  stream_.reset();
  core_.Retire(*this, listener_);
}

void Http2Client::Advance(State next) {
  constexpr auto kBit = [](State state) {
    return static_cast<uint8_t>(1u << static_cast<unsigned>(state));
  };
  static constexpr uint8_t kLegal[] = {
      /* kOpen */ kBit(State::kDraining) | kBit(State::kLinger) | kBit(State::kClosed),
      /* kDraining */ kBit(State::kLinger) | kBit(State::kClosed),
      /* kLinger */ kBit(State::kClosed),
      /* kClosed */ 0,
  };
  MERIDIAN_CHECK((kLegal[static_cast<size_t>(state_)] & kBit(next)) != 0);
  state_ = next;
}

}  // namespace meridian::proxy
