// HTTP/2 connections to backends, shared by the requests of one worker: few for each endpoint, each
// with as many streams as the backend admits. Endpoints are known by their health record, which
// outlives reloads.
//
//   kOpen ──(GOAWAY, endpoint unusable, path in doubt, worker drains)──► kLeaving ──► kClosed
//     └───────────────────(reset, fault, idle too long)──────────────────────────────────┘
//
// A request that finds no connection with room makes one, unless one is being made already: then it
// waits for that (Http2Waiter), so that a burst does not open a connection for each request.
//
// Owned by Core; one thread.
#pragma once

#include <meridian/base/list.h>
#include <meridian/codec/http2.h>
#include <meridian/health/health.h>
#include <meridian/net/loop.h>

#include <memory>
#include <unordered_map>
#include <vector>

#include "proxy/http2_call.h"

namespace meridian::proxy {

class Http2Backends;
struct Http2Shelf;

// One connection being made; counted as long as it lives.
class Http2Making {
 public:
  Http2Making() = default;
  Http2Making(Http2Backends& pool, Http2Shelf& shelf);
  Http2Making(Http2Making&& other) noexcept
      : pool_(other.pool_), shelf_(std::exchange(other.shelf_, nullptr)) {}
  Http2Making& operator=(Http2Making&& other) noexcept {
    std::swap(pool_, other.pool_);
    std::swap(shelf_, other.shelf_);
    return *this;
  }
  ~Http2Making() { Release(); }
  void Release();
  // Released because the endpoint cannot be reached: so it is for those who wait.
  void Fail();

 private:
  Http2Backends* pool_ = nullptr;
  Http2Shelf* shelf_ = nullptr;
};

class Http2Backend final : public ListNode,
                           private codec::Http2Handler,
                           private net::StreamHandler,
                           private net::TimerHandler {
 public:
  Http2Backend(Http2Backends& pool, Http2Shelf& shelf, net::StreamPtr stream, Duration idle);
  ~Http2Backend();

  // How many more requests it takes now.
  size_t room() const { return state_ == State::kOpen ? connection_.room() : 0; }
  // Its SETTINGS have come, and so it is known whether it takes extended CONNECT (RFC 8441).
  bool ready() const { return connection_.ready(); }
  bool takes_tunnels() const { return connection_.takes_tunnels(); }
  // Begins a request; `fields` begin with the pseudo-fields. Null: it took no more after all.
  Http2Call* Begin(Http2CallOwner& owner, std::span<const codec::Field> fields, bool end);
  // Takes no more requests, and ends when those under way have.
  void Leave();
  // At once; its calls are lost.
  void Close();
  net::PathInfo path_info() const { return stream_->path_info(); }
  MonotonicTime heard() const { return heard_; }

 private:
  friend class Http2Call;
  friend class Http2Backends;
  enum class State : uint8_t { kOpen, kLeaving, kClosed };
  struct Flusher final : net::TurnTask {
    explicit Flusher(Http2Backend& owner) : backend(owner) {}
    void OnTurnEnd() override { backend.Flush(); }
    Http2Backend& backend;
  };

  void OnRead(std::string_view bytes) override;
  void OnEnd() override { Close(); }
  void OnDrained() override { Flush(); }
  void OnError(const Error&) override { Close(); }
  void OnTimer(net::Timer&) override { Leave(); }

  void Ended(Http2Call& call);
  void Touch();
  void Flush();

  Http2Backends& pool_;
  Http2Shelf& shelf_;
  net::StreamPtr stream_;
  codec::Http2Connection connection_;
  Flusher flusher_;
  net::Timer timer_;  // runs while nothing is under way
  List<Http2Call> calls_;
  Http2Making making_;  // until its SETTINGS say how many requests it takes
  Duration idle_;
  MonotonicTime heard_{};
  State state_ = State::kOpen;
};

// Who needs a connection to an endpoint to which one is being made.
class Http2Waiter : public ListNode {
 public:
  // A connection with room.
  virtual void OnShared(Http2Backend& backend) = 0;
  // It could not be made.
  virtual void OnShareFailed() = 0;
  // Nobody makes one any more: it is for this one to do.
  virtual void OnOwnTurn() = 0;
  // Only a connection that is ready will do.
  virtual bool NeedsSettings() const { return false; }

 protected:
  ~Http2Waiter() = default;
};

// What there is for one endpoint.
struct Http2Shelf : ListNode {
  List<Http2Backend> connections;
  List<Http2Waiter> waiters;
  uint32_t making = 0;
  bool failed = false;  // the last that was being made
};

class Http2Backends final : private net::TurnTask {
 public:
  // Endpoint, and how it is spoken to (null: plain).
  struct Key {
    const health::EndpointHealth* endpoint = nullptr;
    const void* tls = nullptr;
    bool operator==(const Key&) const = default;
  };
  using Shelf = Http2Shelf;
  Http2Backends(net::Loop& loop, codec::Http2Pool& memory);
  ~Http2Backends();

  // One with room, or null. `ready`: whose SETTINGS have come.
  Http2Backend* Find(const Key& key, bool ready);
  // True: `waiter` waits for one that is being made; it leaves by Unlink. False: make one.
  bool Wait(const Key& key, Http2Waiter& waiter);
  Http2Making Make(const Key& key);
  // A connection has been made; if another has got room meanwhile, that is given instead.
  Http2Backend& Adopt(const Key& key, net::StreamPtr stream, Duration idle);
  void LeaveUnusable();
  // All end when their requests have; with `now` at once.
  void LeaveAll(bool now);

 private:
  friend class Http2Backend;
  friend class Http2Making;
  struct KeyHash {
    size_t operator()(const Key& key) const {
      return std::hash<const void*>()(key.endpoint) * 31 + std::hash<const void*>()(key.tls);
    }
  };

  void OnTurnEnd() override;
  Shelf& At(const Key& key);
  static Http2Backend* WithRoom(Shelf& shelf, bool ready);
  void Wake(Shelf& shelf);
  void Serve(Shelf& shelf);
  void Bury(Http2Backend& backend);
  std::unique_ptr<Http2Call> TakeCall();
  void KeepCall(std::unique_ptr<Http2Call> call);
  template <class Visit>
  void ForEach(Visit visit);

  net::Loop& loop_;
  codec::Http2Pool& memory_;
  std::unordered_map<Key, std::unique_ptr<Shelf>, KeyHash> shelves_;
  List<Shelf> to_serve_;
  std::vector<std::unique_ptr<Http2Backend>> graves_;
  std::vector<std::unique_ptr<Http2Call>> spare_;
  std::string scratch_;  // bytes on their way to a socket
};

}  // namespace meridian::proxy
