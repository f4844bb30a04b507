// Spare connections of one worker, opened ahead (services.*.backend.warm), so that a client whose
// server is far saves the round trips of connecting: `warm` to each endpoint of a service, up for
// new sessions, nobody's until one is taken. One that is taken, or that its server closed, is
// replaced; while connects fail, ever more slowly.
//
//   opening ── connected ──► ready ── Take ──► the session's
//      └── failed ──┐          ├── closed by its server, too old, endpoint takes nobody ──► gone
//                   ▼          └── bytes came: kept with it under warm_greeting; else the server
//              wait, again         speaks first, and gets no more spares until the next reload
//
// Spares go to endpoints of services that a tcp or http listener of the snapshot in force leads to,
// in a disaster-recovery service to the active site alone; a session that still goes by an older
// snapshot gets none. Nothing is sent on one, but for TLS's handshake, before it is taken. Bounds:
// kMost a worker, kMostGreeting bytes with each, timeouts.idle in age. They count in no health
// record, but a spare is not opened where the endpoint's max_connections would be passed.
#pragma once

#include <meridian/net/loop.h>
#include <meridian/proxy/metrics.h>
#include <meridian/routing/table.h>

#include <memory>
#include <string>
#include <vector>

namespace meridian::proxy {

class Core;
class Hold;

class WarmPool final : private net::TimerHandler {
 public:
  static constexpr size_t kMost = 4096;
  static constexpr size_t kMostGreeting = 16 * 1024;

  explicit WarmPool(Core& core);
  ~WarmPool();

  // Another snapshot is in force: what it has no use for goes.
  void Adopt();
  // Some endpoint's state, or a direction, changed.
  void HealthChanged();
  // All go, and none is opened any more.
  void Stop();

  // A spare connection to the endpoint of `hold`'s snapshot, or null. Its handler is cleared,
  // reading is on. `greeting`: gets what the server has said; null: only one that was silent.
  net::StreamPtr Take(const Hold& hold, EndpointId endpoint, std::string* greeting);
  size_t size() const { return size_; }

 private:
  struct Spare;
  struct Shelf;

  Shelf* ShelfOf(EndpointId endpoint) const;
  std::vector<bool> ServicesInUse() const;
  bool Wanted(const Shelf& shelf) const;  // by what is known of its endpoint
  bool Lacks(const Shelf& shelf) const;   // by number
  bool Open(Shelf& shelf);
  void Connected(Spare& spare);
  void Spoke(Spare& spare, std::string_view bytes);
  void Lost(Spare& spare, const Error& error);
  void Clear(Shelf& shelf);
  // Destroys it.
  void Drop(Spare& spare, WarmFate fate);
  net::StreamPtr Remove(Spare& spare);
  void Missing(Shelf& shelf, Duration wait);
  void Wake(Duration delay);
  void OnTimer(net::Timer& timer) override;
  void Sweep();

  Core& core_;
  net::Timer fill_, sweep_;
  MonotonicTime fill_at_{};
  std::vector<std::unique_ptr<Shelf>> shelves_;  // by EndpointId of the snapshot in force, or null
  List<Shelf> short_;                            // those that may lack something
  size_t size_ = 0;
  bool stopped_ = false;
};

}  // namespace meridian::proxy
