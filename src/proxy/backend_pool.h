// Idle backend connections of one worker, by endpoint: kept after a response, taken by the next
// request to the same endpoint, most recently used first. One that the backend closes or writes to
// while idle is dropped at once. Endpoints are known by their health record, which outlives
// reloads, and by how they are spoken to: a connection serves those who would have made the same
// one (it holds its TLS context, so that the context's address stands for it).
#pragma once

#include <meridian/base/list.h>
#include <meridian/health/health.h>
#include <meridian/net/loop.h>
#include <meridian/tls/client_context.h>

#include <memory>
#include <unordered_map>
#include <vector>

namespace meridian::proxy {

class BackendPool final : private net::TimerHandler {
 public:
  explicit BackendPool(net::Loop& loop);
  ~BackendPool();

  // An idle connection to the endpoint, or null. Its handler is cleared, reading is on.
  net::StreamPtr Take(const health::EndpointHealth& endpoint, const tls::ClientContext* tls);
  struct Kept {
    net::StreamPtr stream;
    const tls::ClientContext* tls = nullptr;  // null: plain
    uint32_t max_idle = 0;
    Duration idle{};
  };
  // Keeps a stream for at most `idle`. What is more than `max_idle` per endpoint goes as soon as
  // nobody has needed it for a second: what was under way at once is soon under way again, and to
  // close it each time would cost a connect a request. 0 keeps none.
  void Keep(const health::EndpointHealth& endpoint, Kept kept);
  // Closes what is idle to endpoints that are no longer usable.
  void DropUnusable();
  void DropAll();
  size_t size() const { return size_; }

 private:
  struct Idle;
  struct Key {
    const health::EndpointHealth* endpoint;
    const tls::ClientContext* tls;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    size_t operator()(const Key& key) const {
      return std::hash<const void*>()(key.endpoint) * 31 + std::hash<const void*>()(key.tls);
    }
  };
  struct Shelf {
    List<Idle> idle;  // newest first
    uint32_t count = 0, max_idle = 0;
  };

  void Drop(Idle& entry);
  void Recycle(Idle& entry);
  void OnTimer(net::Timer& timer) override;

  net::Loop& loop_;
  net::Timer sweep_;
  std::unordered_map<Key, std::unique_ptr<Shelf>, KeyHash> shelves_;
  std::vector<std::unique_ptr<Idle>> spare_;
  size_t size_ = 0;
};

}  // namespace meridian::proxy
