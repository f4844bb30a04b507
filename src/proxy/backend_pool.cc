// See backend_pool.h. Entries are recycled, so that keeping and taking allocate nothing in steady
// state.
#include "proxy/backend_pool.h"

namespace meridian::proxy {
namespace {
constexpr Duration kSweepEvery = std::chrono::seconds(1);
constexpr size_t kMaxSpare = 1024;
}  // namespace

struct BackendPool::Idle final : ListNode, net::StreamHandler {
  // Anything that an idle backend says ends it: bytes nobody asked for, the end, an error.
  void OnRead(std::string_view) override { pool->Drop(*this); }
  void OnEnd() override { pool->Drop(*this); }
  void OnDrained() override {}
  void OnError(const Error&) override { pool->Drop(*this); }

  BackendPool* pool = nullptr;
  Shelf* shelf = nullptr;
  net::StreamPtr stream;
  MonotonicTime since{}, expires{};
};

BackendPool::BackendPool(net::Loop& loop) : loop_(loop), sweep_(*this) {}

BackendPool::~BackendPool() {
  DropAll();
}

net::StreamPtr BackendPool::Take(const health::EndpointHealth& endpoint,
                                 const tls::ClientContext* tls) {
  const auto found = shelves_.find({&endpoint, tls});
  if (found == shelves_.end() || found->second->count == 0) return nullptr;
  Idle& entry = found->second->idle.front();
  net::StreamPtr stream = std::move(entry.stream);
  Recycle(entry);
  stream->SetHandler(nullptr);
  return stream;
}

void BackendPool::Keep(const health::EndpointHealth& endpoint, Kept kept) {
  if (kept.max_idle == 0) return;
  std::unique_ptr<Shelf>& shelf = shelves_[{&endpoint, kept.tls}];
  if (!shelf) shelf = std::make_unique<Shelf>();
  shelf->max_idle = kept.max_idle;
  std::unique_ptr<Idle> entry;
  if (spare_.empty()) {
    entry = std::make_unique<Idle>();
  } else {
    entry = std::move(spare_.back());
    spare_.pop_back();
  }
  entry->pool = this;
  entry->shelf = shelf.get();
  entry->stream = std::move(kept.stream);
  entry->since = loop_.Now();
  entry->expires = entry->since + kept.idle;
  entry->stream->SetHandler(entry.get());
  entry->stream->StartReading();
  shelf->idle.PushFront(*entry.release());  // owned by the shelf until Recycle
  ++shelf->count;
  ++size_;
  if (!sweep_.armed()) loop_.Arm(sweep_, kSweepEvery);
}

void BackendPool::Drop(Idle& entry) {
  const net::StreamPtr closing = std::move(entry.stream);
  Recycle(entry);
}

void BackendPool::Recycle(Idle& entry) {
  entry.Unlink();
  --entry.shelf->count;
  --size_;
  std::unique_ptr<Idle> owned(&entry);
  if (spare_.size() < kMaxSpare) spare_.push_back(std::move(owned));
}

void BackendPool::DropUnusable() {
  for (auto& [key, shelf] : shelves_) {
    if (key.endpoint->takes_pinned()) continue;
    while (shelf->count > 0) Drop(shelf->idle.front());
  }
}

void BackendPool::DropAll() {
  for (auto& [key, shelf] : shelves_) {
    while (shelf->count > 0) Drop(shelf->idle.front());
  }
}

void BackendPool::OnTimer(net::Timer&) {
  const MonotonicTime now = loop_.Now();
  for (auto& [key, shelf] : shelves_) {
    while (shelf->count > 0) {
      Idle& oldest = shelf->idle.back();
      const bool excess = shelf->count > shelf->max_idle && oldest.since <= now - kSweepEvery;
      if (!excess && oldest.expires > now) break;
      Drop(oldest);
    }
  }
  if (size_ > 0) loop_.Arm(sweep_, kSweepEvery);
}

}  // namespace meridian::proxy
