// See http2_backend.h.
#include "proxy/http2_backend.h"

namespace meridian::proxy {
namespace {

constexpr size_t kWriteBytes = 128 * 1024;
constexpr size_t kMaxSpare = 1024;
// What one request may have under way towards us, and all of a connection.
constexpr uint32_t kStreamWindow = 256 * 1024;
constexpr uint32_t kConnectionWindow = 4 * 1024 * 1024;

codec::Http2Limits Limits() {
  codec::Http2Limits limits;
  limits.head.head_bytes = 64 * 1024;
  limits.head.fields = codec::kMaxFields;
  limits.stream_window = kStreamWindow;
  limits.connection_window = kConnectionWindow;
  return limits;
}

}  // namespace

Http2Backend::Http2Backend(Http2Backends& pool, Http2Backends::Shelf& shelf, net::StreamPtr stream,
                           Duration idle)
    : pool_(pool),
      shelf_(shelf),
      stream_(std::move(stream)),
      connection_(codec::Http2Connection::Role::kClient, Limits(), pool.memory_.shared(), *this),
      flusher_(*this),
      timer_(*this),
      making_(pool, shelf),
      idle_(idle) {
  stream_->SetHandler(this);
  stream_->StartReading();
  pool_.loop_.Arm(timer_, idle_);
  Touch();
}

Http2Backend::~Http2Backend() = default;

void Http2Backend::OnRead(std::string_view bytes) {
  heard_ = pool_.loop_.Now();
  connection_.Receive(bytes, heard_);
  if (connection_.ready()) making_.Release();
  if (state_ != State::kClosed) Touch();
}

void Http2Backend::Touch() {
  if (state_ != State::kClosed) pool_.loop_.AtTurnEnd(flusher_);
}

void Http2Backend::Flush() {
  if (state_ == State::kClosed) return;
  const bool left = state_ == State::kLeaving && connection_.streams() == 0;
  if (left) connection_.Terminate(codec::Http2Code::kNoError);
  std::string& out = pool_.scratch_;
  while (stream_->pending_bytes() == 0) {
    out.clear();
    connection_.Take(out, kWriteBytes);
    if (out.empty()) break;
    stream_->Write(out);
  }
  if (left || connection_.done() || connection_.fault() != codec::Http2Fault::kNone) Close();
}

Http2Call* Http2Backend::Begin(Http2CallOwner& owner, std::span<const codec::Field> fields,
                               bool end) {
  std::unique_ptr<Http2Call> call = pool_.TakeCall();
  if (!connection_.Request(*call, fields, end)) {
    pool_.KeepCall(std::move(call));
    return nullptr;
  }
  call->connection_ = this;
  call->owner_ = &owner;
  call->ended_ = false;
  calls_.PushBack(*call);
  timer_.Disarm();
  Touch();
  return call.release();  // in calls_ until its stream is closed
}

void Http2Backend::Ended(Http2Call& call) {
  call.Unlink();
  pool_.KeepCall(std::unique_ptr<Http2Call>(&call));
  if (calls_.empty()) pool_.loop_.Arm(timer_, idle_);
  pool_.Wake(shelf_);
  Touch();
}

void Http2Backend::Leave() {
  if (state_ != State::kOpen) return;
  state_ = State::kLeaving;
  making_.Release();
  Touch();
}

// The connection is asked for nothing any more, so that its calls may go before it.
void Http2Backend::Close() {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  making_.Fail();  // where it was not ready yet
  timer_.Disarm();
  flusher_.Unlink();
  stream_->SetHandler(nullptr);
  stream_.reset();
  pool_.Bury(*this);
  while (!calls_.empty()) {
    const std::unique_ptr<Http2Call> call(&calls_.front());
    call->Unlink();
    if (call->owner_ != nullptr) call->owner_->OnCallLost(false);
  }
}

void Http2Call::SendBody(std::span<const std::string_view> pieces, bool end) {
  connection_->connection_.SendBody(*this, pieces, end);
  connection_->Touch();
}

void Http2Call::AddTrailer(std::string_view name, std::string_view value) {
  connection_->connection_.AddTrailer(*this, name, value);
}

void Http2Call::Consumed() {
  connection_->connection_.Consumed(*this);
  connection_->Touch();
}

void Http2Call::Leave() {
  owner_ = nullptr;
  if (ended_ && connection_->connection_.SentAll(*this)) return;
  connection_->connection_.Consumed(*this);
  connection_->connection_.Reset(*this, codec::Http2Code::kCancel);
  connection_->Touch();
}

void Http2Call::OnHead(const codec::Head& head, bool end) {
  ended_ = end;
  if (owner_ != nullptr) owner_->OnCallHead(head, end);
}

void Http2Call::OnRefused(const Error&) {
  if (owner_ == nullptr) return;
  Http2CallOwner* const owner = owner_;
  Leave();
  owner->OnCallRefused();
}

void Http2Call::OnBody(std::string_view bytes) {
  if (owner_ == nullptr) return Consumed();
  owner_->OnCallBody(bytes);
}

void Http2Call::OnEnd(std::span<const codec::Field> trailers) {
  ended_ = true;
  if (owner_ != nullptr) owner_->OnCallEnd(trailers);
}

void Http2Call::OnDrained() {
  if (owner_ != nullptr) owner_->OnCallDrained();
}

void Http2Call::OnClosed(codec::Http2Code code) {
  Http2CallOwner* const owner = std::exchange(owner_, nullptr);
  connection_->Ended(*this);
  if (owner != nullptr) owner->OnCallLost(code == codec::Http2Code::kRefusedStream);
}

Http2Making::Http2Making(Http2Backends& pool, Http2Shelf& shelf) : pool_(&pool), shelf_(&shelf) {
  ++shelf.making;
}

void Http2Making::Release() {
  if (shelf_ == nullptr) return;
  Http2Shelf& shelf = *std::exchange(shelf_, nullptr);
  --shelf.making;
  pool_->Wake(shelf);
}

void Http2Making::Fail() {
  if (shelf_ != nullptr) shelf_->failed = !shelf_->waiters.empty();
  Release();
}

Http2Backends::Http2Backends(net::Loop& loop, codec::Http2Pool& memory)
    : loop_(loop), memory_(memory) {}

Http2Backends::~Http2Backends() {
  LeaveAll(true);
  graves_.clear();
}

Http2Backends::Shelf& Http2Backends::At(const Key& key) {
  std::unique_ptr<Shelf>& shelf = shelves_[key];
  if (!shelf) shelf = std::make_unique<Shelf>();
  return *shelf;
}

Http2Backend* Http2Backends::WithRoom(Shelf& shelf, bool ready) {
  Http2Backend* found = nullptr;
  shelf.connections.ForEach([&found, ready](Http2Backend& backend) {
    if (found == nullptr && backend.room() > 0 && (!ready || backend.ready())) found = &backend;
  });
  return found;
}

Http2Backend* Http2Backends::Find(const Key& key, bool ready) {
  const auto found = shelves_.find(key);
  return found == shelves_.end() ? nullptr : WithRoom(*found->second, ready);
}

bool Http2Backends::Wait(const Key& key, Http2Waiter& waiter) {
  Shelf& shelf = At(key);
  if (shelf.making == 0) return false;
  shelf.waiters.PushBack(waiter);
  return true;
}

Http2Making Http2Backends::Make(const Key& key) {
  return Http2Making(*this, At(key));
}

Http2Backend& Http2Backends::Adopt(const Key& key, net::StreamPtr stream, Duration idle) {
  Shelf& shelf = At(key);
  Wake(shelf);
  if (Http2Backend* other = WithRoom(shelf, false)) return *other;
  auto backend = std::make_unique<Http2Backend>(*this, shelf, std::move(stream), idle);
  shelf.connections.PushBack(*backend);
  return *backend.release();  // in its shelf until it is buried
}

// At the end of the turn, when nobody who might be told is in the middle of something.
void Http2Backends::Wake(Shelf& shelf) {
  if (shelf.waiters.empty() || shelf.linked()) return;
  to_serve_.PushBack(shelf);
  loop_.AtTurnEnd(*this);
}

void Http2Backends::OnTurnEnd() {
  graves_.clear();
  while (!to_serve_.empty()) {
    Shelf& shelf = to_serve_.front();
    shelf.Unlink();
    Serve(shelf);
  }
}

// Who waits gets what room there is. If none is coming since it could not be made, all are told so;
// if who made it has left, the first takes its turn, and the others wait on.
void Http2Backends::Serve(Shelf& shelf) {
  while (!shelf.waiters.empty()) {
    Http2Waiter& waiter = shelf.waiters.front();
    Http2Backend* const backend = WithRoom(shelf, waiter.NeedsSettings());
    if (backend == nullptr && shelf.making > 0) break;
    waiter.Unlink();
    if (backend != nullptr) {
      waiter.OnShared(*backend);
    } else if (shelf.failed) {
      waiter.OnShareFailed();
    } else {
      waiter.OnOwnTurn();
    }
  }
  shelf.failed = false;
}

void Http2Backends::Bury(Http2Backend& backend) {
  backend.Unlink();
  graves_.emplace_back(&backend);
  loop_.AtTurnEnd(*this);
}

template <class Visit>
void Http2Backends::ForEach(Visit visit) {
  for (auto& shelf : shelves_) {
    shelf.second->connections.ForEach([&](Http2Backend& backend) { visit(shelf.first, backend); });
  }
}

void Http2Backends::LeaveUnusable() {
  ForEach([](const Key& key, Http2Backend& backend) {
    if (!key.endpoint->takes_pinned()) backend.Leave();
  });
}

void Http2Backends::LeaveAll(bool now) {
  ForEach([now](const Key&, Http2Backend& backend) { now ? backend.Close() : backend.Leave(); });
}

std::unique_ptr<Http2Call> Http2Backends::TakeCall() {
  if (spare_.empty()) return std::make_unique<Http2Call>();
  std::unique_ptr<Http2Call> call = std::move(spare_.back());
  spare_.pop_back();
  return call;
}

void Http2Backends::KeepCall(std::unique_ptr<Http2Call> call) {
  if (spare_.size() < kMaxSpare) spare_.push_back(std::move(call));
}

}  // namespace meridian::proxy
