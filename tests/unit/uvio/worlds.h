// The two implementations of net::Loop under one face, for the conformance suite: real sockets on
// loopback (bounded by a real deadline), and a MemoryNet.
#pragma once

#include <gtest/gtest.h>
#include <meridian/net/loop.h>
#include <meridian/net/random.h>
#include <meridian/uvio/loop.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "testing/memory_net.h"

namespace meridian::uvio {

inline constexpr net::IpAddress kLoopback = net::IpAddress::V4(0x7f000001);

class World {
 public:
  virtual ~World() = default;
  virtual net::Loop& loop() = 0;
  // Runs until `condition` holds; false: it did not in a time that is ample for it.
  virtual bool RunUntil(const std::function<bool()>& condition) = 0;
  // Runs so long that what was going to happen at once has happened.
  void Settle();
};

struct Alarm final : net::TimerHandler {
  Alarm() : timer(*this) {}
  void OnTimer(net::Timer&) override { ++rings; }
  net::Timer timer;
  int rings = 0;
};

inline void World::Settle() {
  Alarm alarm;
  loop().Arm(alarm.timer, std::chrono::milliseconds(20));
  EXPECT_TRUE(RunUntil([&alarm] { return alarm.rings > 0; }));
}

class RealWorld final : public World {
 public:
  RealWorld() : loop_(std::move(*UvLoop::Create())) {}
  UvLoop& loop() override { return *loop_; }
  bool RunUntil(const std::function<bool()>& condition) override {
    Alarm deadline;
    loop_->Arm(deadline.timer, std::chrono::seconds(20));
    while (!condition() && deadline.rings == 0) loop_->RunTurn();
    return condition();
  }

 private:
  std::unique_ptr<UvLoop> loop_;
};

class MemoryWorld final : public World {
 public:
  net::Loop& loop() override { return loop_; }
  bool RunUntil(const std::function<bool()>& condition) override {
    return net_.RunUntil(condition, std::chrono::seconds(20));
  }

 private:
  fakes::MemoryNet net_;
  fakes::MemoryLoop& loop_ = net_.AddLoop(kLoopback);
};

// Keeps what a stream tells, and lets a test act inside of a call.
struct Peer final : net::StreamHandler {
  void OnConnected() override {
    log += "connected ";
    if (when_connected) when_connected();
  }
  void OnRead(std::string_view bytes) override {
    received += bytes;
    if (when_read) when_read();
  }
  void OnEnd() override {
    log += "end ";
    if (when_ended) when_ended();
  }
  void OnDrained() override {
    log += "drained ";
    if (when_drained) when_drained();
  }
  void OnError(const Error& told) override {
    log += "error ";
    error = told;
    if (when_failed) when_failed();
  }

  bool Heard(std::string_view word) const { return log.find(word) != std::string::npos; }

  net::StreamPtr stream;
  std::string log;  // every call but OnRead
  std::string received;
  Error error;
  std::function<void()> when_connected, when_read, when_ended, when_drained, when_failed;
};

// Accepts, and keeps each connection with its Peer. Reading is on unless told otherwise.
struct Server final : net::AcceptHandler {
  void OnAccept(net::StreamPtr stream) override {
    Peer& peer = *peers.emplace_back(std::make_unique<Peer>());
    peer.stream = std::move(stream);
    peer.stream->SetHandler(&peer);
    if (reading) peer.stream->StartReading();
    if (when_accepted) when_accepted(peer);
  }

  bool reading = true;
  std::vector<std::unique_ptr<Peer>> peers;
  std::function<void(Peer&)> when_accepted;
};

}  // namespace meridian::uvio
