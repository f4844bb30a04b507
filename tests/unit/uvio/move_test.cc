// Bulk from one socket to another, unread: nothing is lost, doubled or out of order, whoever is
// slow, writes in between, ends or breaks.
#include <gtest/gtest.h>

#include <cstring>

#include "worlds.h"

namespace meridian::uvio {
namespace {

// Each four bytes tell where they are.
std::string Pattern(size_t bytes) {
  std::string pattern(bytes, '\0');
  for (uint32_t i = 0; i < bytes / 4; ++i) std::memcpy(&pattern[4 * i], &i, 4);
  return pattern;
}

// source ══► near │ far ══► sink: what arrives at `near` goes to `far`, and the other way round.
struct Relayed {
  struct Side final : net::StreamHandler {
    void OnRead(std::string_view bytes) override {
      other->stream->Write(bytes);
      Took();
    }
    net::Stream* MovesTo() override { return other->stream.get(); }
    void OnMoved(size_t bytes) override {
      moved += bytes;
      Took();
    }
    void Took() {
      if (other->stream->pending_bytes() > 0) stream->StopReading();
    }
    void OnEnd() override { other->stream->FinishWriting(); }
    void OnDrained() override {
      ++drained;
      other->stream->StartReading();
    }
    void OnError(const Error& told) override { error = told; }

    Side* other = nullptr;
    net::StreamPtr stream;
    size_t moved = 0, drained = 0;
    std::optional<Error> error;
  };

  Relayed() {
    near_listener = *world.loop().Listen(net::Address(kLoopback, 0), {}, near_server);
    far_listener = *world.loop().Listen(net::Address(kLoopback, 0), {}, far_server);
    source.stream = *world.loop().Connect(near_listener->address(), {}, source);
    far.stream = *world.loop().Connect(far_listener->address(), {}, far);
    EXPECT_TRUE(world.RunUntil([this] {
      return source.Heard("connected") && !near_server.peers.empty() && !far_server.peers.empty();
    }));
    near.stream = std::move(near_server.peers[0]->stream);
    near.other = &far;
    far.other = &near;
    for (Side* side : {&near, &far}) {
      side->stream->SetHandler(side);
      side->stream->StartReading();
    }
    source.stream->StartReading();
  }
  Peer& sink() { return *far_server.peers[0]; }
  bool Received(size_t bytes) {
    return world.RunUntil([this, bytes] { return sink().received.size() >= bytes; });
  }
  // The sink reads nothing, and what was moved waits for it.
  void Clog(const std::string& sent) {
    sink().stream->StopReading();
    source.stream->Write(sent);
    EXPECT_TRUE(world.RunUntil([this] { return moved() > 0 && far.stream->pending_bytes() > 0; }));
  }
  uint64_t moved() { return world.loop().counters().moved_bytes.value(); }

  RealWorld world;
  Server near_server, far_server;
  std::unique_ptr<net::Listener> near_listener, far_listener;
  Peer source;
  Side near, far;
};

constexpr size_t kMuch = 32 * 1024 * 1024;

TEST(Moves, BulkArrivesAsItWas) {
  Relayed relayed;
  const std::string sent = Pattern(kMuch);
  relayed.source.stream->Write(sent);
  relayed.source.stream->FinishWriting();
  EXPECT_TRUE(relayed.world.RunUntil([&] { return relayed.sink().Heard("end"); }));
  EXPECT_TRUE(relayed.sink().received == sent);
  EXPECT_GT(relayed.moved(), kMuch / 2);
  EXPECT_EQ(relayed.near.moved, relayed.moved());
  relayed.sink().stream->Write("thanks");
  EXPECT_TRUE(relayed.world.RunUntil([&] { return relayed.source.received == "thanks"; }));
}

TEST(Moves, WhatWaitsForASlowReaderKeepsItsOrder) {
  Relayed relayed;
  const std::string sent = Pattern(kMuch);
  relayed.Clog(sent);
  EXPECT_LE(relayed.far.stream->pending_bytes(), 1024u * 1024);
  relayed.world.Settle();
  const size_t before = relayed.near.moved;
  relayed.far.stream->Write("between");  // behind what waits
  relayed.sink().stream->StartReading();
  ASSERT_TRUE(relayed.Received(kMuch + 7));
  const size_t at = relayed.sink().received.find("between");
  ASSERT_NE(at, std::string::npos);
  EXPECT_GE(at, before);
  EXPECT_TRUE(relayed.sink().received.erase(at, 7) == sent);
  EXPECT_EQ(relayed.far.stream->pending_bytes(), 0u);
  EXPECT_GT(relayed.far.drained, 0u);
}

TEST(Moves, MessagesAreRead) {
  Relayed relayed;
  for (int i = 0; i < 1000; ++i) {
    relayed.source.stream->Write(std::string(1000, 'm'));
    ASSERT_TRUE(relayed.Received(1000 * (i + 1)));
  }
  EXPECT_EQ(relayed.moved(), 0u);
}

TEST(Moves, BothWaysAtOnce) {
  Relayed relayed;
  const std::string sent = Pattern(kMuch);
  relayed.source.stream->Write(sent);
  relayed.sink().stream->Write(sent);
  EXPECT_TRUE(relayed.world.RunUntil([&] {
    return relayed.source.received.size() == kMuch && relayed.sink().received.size() == kMuch;
  }));
  EXPECT_TRUE(relayed.source.received == sent);
  EXPECT_TRUE(relayed.sink().received == sent);
  EXPECT_GT(relayed.near.moved, 0u);
  EXPECT_GT(relayed.far.moved, 0u);
}

TEST(Moves, WhatWaitsIsSentWhenTheStreamIsDestroyed) {
  Relayed relayed;
  const std::string sent = Pattern(kMuch);
  relayed.Clog(sent);
  relayed.near.stream->StopReading();
  relayed.far.stream.reset();
  relayed.sink().stream->StartReading();
  EXPECT_TRUE(relayed.world.RunUntil([&] { return relayed.sink().Heard("end"); }));
  const std::string& received = relayed.sink().received;
  EXPECT_GE(received.size(), relayed.near.moved);
  EXPECT_TRUE(std::string_view(sent).starts_with(received));
}

TEST(Moves, AReaderThatGoesIsAFailureOfItsSideAlone) {
  Relayed relayed;
  relayed.source.stream->Write(Pattern(kMuch));
  EXPECT_TRUE(relayed.world.RunUntil([&] { return relayed.moved() > 0; }));
  relayed.sink().stream->Reset();
  EXPECT_TRUE(relayed.world.RunUntil([&] { return relayed.far.error.has_value(); }));
  EXPECT_EQ(relayed.far.error->code, ErrorCode::kReset);
  EXPECT_EQ(relayed.far.stream->pending_bytes(), 0u);
  EXPECT_FALSE(relayed.near.error.has_value());
}

TEST(Moves, AResetOfTheSourceIsNoEnd) {
  Relayed relayed;
  relayed.source.stream->Write(Pattern(kMuch));
  EXPECT_TRUE(relayed.world.RunUntil([&] { return relayed.moved() > 0; }));
  relayed.source.stream->Reset();
  EXPECT_TRUE(relayed.world.RunUntil([&] { return relayed.near.error.has_value(); }));
  EXPECT_EQ(relayed.near.error->code, ErrorCode::kReset);
  relayed.world.Settle();
  EXPECT_FALSE(relayed.sink().Heard("end"));
}

}  // namespace
}  // namespace meridian::uvio
