// What every net::Loop promises, over real sockets and over the network in memory: one suite, so
// that a session which works in the simulation works on the wire.
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "worlds.h"

namespace meridian::uvio {
namespace {

using std::chrono::milliseconds;

struct Conformance : ::testing::TestWithParam<bool> {
  Conformance() {
    if (GetParam()) {
      world = std::make_unique<RealWorld>();
    } else {
      world = std::make_unique<MemoryWorld>();
    }
    listener = *world->loop().Listen(net::Address(kLoopback, 0), {}, server);
  }

  void Connect(Peer& peer) {
    peer.stream = *world->loop().Connect(listener->address(), {}, peer);
    peer.stream->StartReading();
  }
  // Connects `client` and returns the server's end.
  Peer& Establish() {
    Connect(client);
    EXPECT_TRUE(Until([this] { return client.Heard("connected") && !server.peers.empty(); }));
    return *server.peers.back();
  }
  bool Until(const std::function<bool()>& condition) { return world->RunUntil(condition); }

  std::unique_ptr<World> world;
  Server server;
  std::unique_ptr<net::Listener> listener;
  Peer client;
};

std::string Pattern(size_t size) {
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(Mix(i / 8) >> (i % 8 * 8));
  return bytes;
}

// Writes more than any socket buffer holds, until the stream says that bytes are pending.
std::string Fill(net::Stream& stream) {
  std::string written;
  while (stream.pending_bytes() == 0 && written.size() < (256u << 20)) {
    const std::string block = Pattern(1 << 20);
    stream.Write(block);
    written += block;
  }
  return written;
}

TEST_P(Conformance, ConnectTellsBothSidesWithTheirAddresses) {
  Peer& accepted = Establish();
  EXPECT_EQ(client.log, "connected ");
  EXPECT_EQ(accepted.log, "");
  EXPECT_EQ(client.stream->peer(), listener->address());
  EXPECT_EQ(accepted.stream->local(), listener->address());
  EXPECT_EQ(accepted.stream->peer(), client.stream->local());
  EXPECT_NE(listener->address().port(), 0);
}

TEST_P(Conformance, BytesArriveInOrderFromSeveralSlices) {
  Peer& accepted = Establish();
  const std::vector<std::string_view> slices{"one ", "", "two ", "three"};
  client.stream->Write(slices);
  client.stream->Write(" four");
  EXPECT_TRUE(Until([&] { return accepted.received == "one two three four"; }));
  accepted.stream->Write("answer");
  EXPECT_TRUE(Until([&] { return client.received == "answer"; }));
}

TEST_P(Conformance, WhatIsWrittenBeforeTheConnectEndsIsSentAfterIt) {
  Connect(client);
  client.stream->Write("early");
  EXPECT_EQ(client.stream->pending_bytes(), 5u);
  client.stream->FinishWriting();
  EXPECT_TRUE(Until([&] { return !server.peers.empty() && server.peers[0]->Heard("end"); }));
  EXPECT_EQ(server.peers[0]->received, "early");
  EXPECT_EQ(client.stream->pending_bytes(), 0u);
  EXPECT_EQ(client.log, "connected drained ");
}

TEST_P(Conformance, AConnectToNobodyIsRefused) {
  const net::Address nobody = listener->address();
  listener.reset();
  client.stream = *world->loop().Connect(nobody, {}, client);
  EXPECT_EQ(client.log, "");  // never from inside of Connect
  ASSERT_TRUE(Until([&] { return client.Heard("error"); }));
  EXPECT_EQ(client.log, "error ");
  EXPECT_EQ(client.error.code, ErrorCode::kRefused);
  EXPECT_EQ(client.error.side, Side::kBackend);
  EXPECT_EQ(client.error.retry, Retry::kSafe);
  EXPECT_EQ(client.error.system, ECONNREFUSED);
}

TEST_P(Conformance, HalfCloseLetsTheOtherDirectionGoOn) {
  Peer& accepted = Establish();
  client.stream->Write("question");
  client.stream->FinishWriting();
  ASSERT_TRUE(Until([&] { return accepted.Heard("end"); }));
  EXPECT_EQ(accepted.received, "question");
  world->Settle();
  EXPECT_EQ(client.log, "connected ");
  accepted.stream->Write("late answer");
  accepted.stream->FinishWriting();
  ASSERT_TRUE(Until([&] { return client.Heard("end"); }));
  EXPECT_EQ(client.received, "late answer");
  EXPECT_EQ(client.log, "connected end ");
}

TEST_P(Conformance, TheEndIsToldOnceAndOnlyWhileReading) {
  server.reading = false;
  Peer& accepted = Establish();
  client.stream->FinishWriting();
  world->Settle();
  EXPECT_EQ(accepted.log, "");
  accepted.stream->StartReading();
  ASSERT_TRUE(Until([&] { return accepted.Heard("end"); }));
  accepted.stream->StopReading();
  accepted.stream->StartReading();
  world->Settle();
  EXPECT_EQ(accepted.log, "end ");
}

TEST_P(Conformance, ResetIsToldToTheOtherSideAndNotToOneself) {
  Peer& accepted = Establish();
  client.stream->Reset();
  client.stream->Write("ignored");
  ASSERT_TRUE(Until([&] { return accepted.Heard("error"); }));
  EXPECT_EQ(accepted.error.code, ErrorCode::kReset);
  EXPECT_EQ(client.log, "connected ");
  EXPECT_EQ(accepted.log, "error ");
  client.stream.reset();
  accepted.stream.reset();
  world->Settle();
}

TEST_P(Conformance, ResetIsToldWhileReadingIsOff) {
  server.reading = false;
  Peer& accepted = Establish();
  world->Settle();
  client.stream->Reset();
  ASSERT_TRUE(Until([&] { return accepted.Heard("error"); }));
  EXPECT_EQ(accepted.error.code, ErrorCode::kReset);
}

TEST_P(Conformance, ResetIsToldAfterReadingWasStoppedByArrivingBytes) {
  Peer& accepted = Establish();
  accepted.stream->StopReading();
  client.stream->Write("unwanted");
  world->Settle();
  EXPECT_EQ(accepted.received, "");
  accepted.stream->StartReading();
  ASSERT_TRUE(Until([&] { return accepted.received == "unwanted"; }));
  accepted.stream->StopReading();
  client.stream->Reset();
  if (GetParam())
    accepted.stream->StartReading();  // lazily stopped: the reset waits for its reader
  ASSERT_TRUE(Until([&] { return accepted.Heard("error"); }));
}

TEST_P(Conformance, ResetBreaksWhatWaitsToBeWrittenThoughBytesAreUnread) {
  Peer& accepted = Establish();
  accepted.stream->StopReading();
  client.stream->StopReading();
  client.stream->Write("unread");
  world->Settle();
  Fill(*accepted.stream);
  client.stream->Reset();
  EXPECT_TRUE(Until([&] { return accepted.Heard("error"); }));
  EXPECT_EQ(accepted.error.code, ErrorCode::kReset);
  EXPECT_EQ(accepted.stream->pending_bytes(), 0u);
}

TEST_P(Conformance, BytesBeforeAResetAreReadBeforeItIsTold) {
  server.reading = false;
  Peer& accepted = Establish();
  client.stream->Write("last words");
  world->Settle();
  client.stream->Reset();
  world->Settle();
  EXPECT_EQ(accepted.log, "");
  accepted.stream->StartReading();
  ASSERT_TRUE(Until([&] { return accepted.Heard("error"); }));
  EXPECT_EQ(accepted.received, "last words");
}

TEST_P(Conformance, AnEarlyAnswerIsReadAlthoughWritingFails) {
  Peer& accepted = Establish();
  accepted.stream->Write("413");
  world->Settle();
  accepted.received.clear();
  client.received.clear();
  client.stream->StopReading();
  accepted.stream->Write("early answer");
  world->Settle();
  accepted.stream->Reset();
  world->Settle();
  client.stream->StartReading();
  client.stream->Write("body that nobody wants");
  ASSERT_TRUE(Until([&] { return client.Heard("error"); }));
  EXPECT_EQ(client.received, "early answer");
}

TEST_P(Conformance, AWriterWaitsForDrainedAndNothingIsLost) {
  server.reading = false;
  Peer& accepted = Establish();
  const std::string sent = Fill(*client.stream);
  ASSERT_GT(client.stream->pending_bytes(), 0u);
  world->Settle();
  EXPECT_FALSE(client.Heard("drained"));
  size_t pending_when_drained = 1;
  client.when_drained = [&] { pending_when_drained = client.stream->pending_bytes(); };
  accepted.stream->StartReading();
  ASSERT_TRUE(Until([&] { return accepted.received.size() == sent.size(); }));
  EXPECT_TRUE(accepted.received == sent);
  ASSERT_TRUE(Until([&] { return client.Heard("drained"); }));
  EXPECT_EQ(client.log, "connected drained ");
  EXPECT_EQ(pending_when_drained, 0u);
}

TEST_P(Conformance, FinComesAfterWhatIsPending) {
  server.reading = false;
  Peer& accepted = Establish();
  const std::string sent = Fill(*client.stream);
  client.stream->FinishWriting();
  accepted.stream->StartReading();
  ASSERT_TRUE(Until([&] { return accepted.Heard("end"); }));
  EXPECT_TRUE(accepted.received == sent);
}

TEST_P(Conformance, PendingBytesAreSentAfterTheStreamIsDestroyed) {
  server.reading = false;
  Peer& accepted = Establish();
  const std::string sent = Fill(*client.stream);
  client.stream.reset();
  accepted.stream->StartReading();
  ASSERT_TRUE(Until([&] { return accepted.Heard("end"); }));
  EXPECT_TRUE(accepted.received == sent);
  EXPECT_EQ(accepted.log, "end ");
}

TEST_P(Conformance, AStreamDestroyedWhileItsPeerSendsStillDeliversItsAnswer) {
  server.reading = false;
  Peer& accepted = Establish();
  client.stream->Write(Pattern(20'000));
  world->Settle();
  accepted.stream->Write("refused");
  accepted.stream.reset();
  client.stream->Write(Pattern(20'000));
  ASSERT_TRUE(Until([&] { return client.Heard("end"); }));
  EXPECT_EQ(client.received, "refused");
  EXPECT_FALSE(client.Heard("error"));
}

TEST_P(Conformance, StoppedReadingHoldsBytesAndStartedReadingTellsThem) {
  Peer& accepted = Establish();
  client.stream->Write("first");
  ASSERT_TRUE(Until([&] { return accepted.received == "first"; }));
  for (int round = 0; round < 3; ++round) {
    accepted.received.clear();
    accepted.stream->StopReading();
    client.stream->Write("held");
    world->Settle();
    EXPECT_EQ(accepted.received, "");
    accepted.stream->StartReading();
    ASSERT_TRUE(Until([&] { return accepted.received == "held"; }));
  }
}

TEST_P(Conformance, ReadingCanStopInsideOfOnRead) {
  Peer& accepted = Establish();
  int calls = 0;
  accepted.when_read = [&] {
    ++calls;
    accepted.stream->StopReading();
  };
  const std::string sent = Pattern(600'000);
  client.stream->Write(sent);
  int rounds = 0;
  ASSERT_TRUE(Until([&] {
    if (calls > rounds) {
      EXPECT_EQ(calls, ++rounds);
      accepted.stream->StartReading();
    }
    return accepted.received.size() == sent.size();
  }));
  EXPECT_TRUE(accepted.received == sent);
  EXPECT_GT(rounds, 1);
}

TEST_P(Conformance, AStreamMayBeDestroyedInsideOfAnyCall) {
  Peer one, two, three, four;
  Connect(one);
  one.when_connected = [&] { one.stream.reset(); };
  ASSERT_TRUE(Until([&] { return one.Heard("connected"); }));

  Connect(two);
  ASSERT_TRUE(Until([&] { return two.Heard("connected") && server.peers.size() == 2; }));
  two.when_read = [&] { two.stream.reset(); };
  server.peers[1]->stream->Write(Pattern(200'000));
  ASSERT_TRUE(Until([&] { return two.stream == nullptr; }));

  Connect(three);
  ASSERT_TRUE(Until([&] { return three.Heard("connected") && server.peers.size() == 3; }));
  three.when_ended = [&] { three.stream.reset(); };
  server.peers[2]->stream.reset();
  ASSERT_TRUE(Until([&] { return three.Heard("end"); }));

  Connect(four);
  ASSERT_TRUE(Until([&] { return four.Heard("connected") && server.peers.size() == 4; }));
  four.when_failed = [&] { four.stream.reset(); };
  server.peers[3]->stream->Reset();
  ASSERT_TRUE(Until([&] { return four.Heard("error"); }));
  world->Settle();
  EXPECT_EQ(one.log + two.log + three.log + four.log,
            "connected connected connected end connected error ");
}

TEST_P(Conformance, AStreamMayDestroyAnotherInsideOfACall) {
  Peer& accepted = Establish();
  client.when_read = [&] { accepted.stream.reset(); };
  accepted.when_read = [&] { client.stream.reset(); };
  client.stream->Write("x");
  accepted.stream->Write("y");
  ASSERT_TRUE(Until([&] { return client.stream == nullptr || accepted.stream == nullptr; }));
  world->Settle();
}

TEST_P(Conformance, AConnectUnderWayCanBeGivenUp) {
  Connect(client);
  client.stream.reset();
  world->Settle();
  EXPECT_EQ(client.log, "");
}

TEST_P(Conformance, AHandlerCanBeExchangedAndTakenAway) {
  Peer& accepted = Establish();
  Peer other;
  client.stream->SetHandler(&other);
  accepted.stream->Write("to the other");
  ASSERT_TRUE(Until([&] { return other.received == "to the other"; }));
  client.stream->SetHandler(nullptr);
  accepted.stream->Write("kept");
  world->Settle();
  client.stream->SetHandler(&client);
  ASSERT_TRUE(Until([&] { return client.received == "kept"; }));
}

TEST_P(Conformance, APausedListenerLeavesConnectionsInTheBacklog) {
  listener->Pause();
  Connect(client);
  client.stream->Write("patience");
  ASSERT_TRUE(Until([&] { return client.Heard("connected"); }));
  world->Settle();
  EXPECT_TRUE(server.peers.empty());
  listener->Resume();
  ASSERT_TRUE(
      Until([&] { return !server.peers.empty() && server.peers[0]->received == "patience"; }));
}

TEST_P(Conformance, AListenerMayBeDestroyedInsideOfOnAccept) {
  server.when_accepted = [&](Peer&) { listener.reset(); };
  Connect(client);
  ASSERT_TRUE(Until([&] { return server.peers.size() == 1; }));
  server.peers[0]->stream->Write("still here");
  ASSERT_TRUE(Until([&] { return client.received == "still here"; }));
}

TEST_P(Conformance, TheSameAddressIsNotListenedOnTwice) {
  Server second;
  const auto taken = world->loop().Listen(listener->address(), {}, second);
  ASSERT_FALSE(taken.has_value());
  EXPECT_EQ(taken.error().code, ErrorCode::kConflict);
  EXPECT_EQ(taken.error().system, EADDRINUSE);
}

TEST_P(Conformance, ListenersWithReusePortShareTheConnections) {
  net::ListenOptions options;
  options.reuse_port = true;
  Server a, b;
  const auto first = *world->loop().Listen(net::Address(kLoopback, 0), options, a);
  const auto second = *world->loop().Listen(first->address(), options, b);
  std::vector<std::unique_ptr<Peer>> clients;
  for (int i = 0; i < 64; ++i) {
    clients.push_back(std::make_unique<Peer>());
    clients.back()->stream = *world->loop().Connect(first->address(), {}, *clients.back());
  }
  ASSERT_TRUE(Until([&] { return a.peers.size() + b.peers.size() == 64; }));
  EXPECT_GT(a.peers.size(), 0u);
  EXPECT_GT(b.peers.size(), 0u);
}

TEST_P(Conformance, TheSourceAddressIsWhatTheServerSees) {
  net::ConnectOptions options;
  options.source = net::Address(net::IpAddress::V4(0x7f002101), 0);
  client.stream = *world->loop().Connect(listener->address(), options, client);
  ASSERT_TRUE(Until([&] { return !server.peers.empty() && client.Heard("connected"); }));
  EXPECT_EQ(server.peers[0]->stream->peer().ip(), options.source.ip());
  EXPECT_EQ(server.peers[0]->stream->peer(), client.stream->local());
}

TEST_P(Conformance, TimersFireInOrderAndNeverEarly) {
  struct Order final : net::TimerHandler {
    void OnTimer(net::Timer& timer) override { fired.push_back(&timer); }
    std::vector<net::Timer*> fired;
  } order;
  net::Timer late(order), soon(order), never(order);
  net::Loop& loop = world->loop();
  const MonotonicTime start = loop.Now();
  loop.Arm(late, milliseconds(30));
  loop.Arm(soon, milliseconds(10));
  loop.Arm(never, milliseconds(20));
  never.Disarm();
  ASSERT_TRUE(Until([&] { return order.fired.size() == 1; }));
  EXPECT_GE(loop.Now() - start, milliseconds(10));
  ASSERT_TRUE(Until([&] { return order.fired.size() == 2; }));
  EXPECT_GE(loop.Now() - start, milliseconds(30));
  EXPECT_EQ(order.fired, (std::vector<net::Timer*>{&soon, &late}));
  EXPECT_FALSE(never.armed());
}

TEST_P(Conformance, TurnTasksRunOnceAtTheEndOfTheTurnUnlessTheyLeave) {
  struct Task final : net::TurnTask {
    void OnTurnEnd() override {
      ++runs;
      if (again != nullptr) std::exchange(again, nullptr)->AtTurnEnd(*this);
    }
    int runs = 0;
    net::Loop* again = nullptr;
  } task, leaves;
  net::Loop& loop = world->loop();
  int seen = -1;
  loop.Post([&] {
    loop.AtTurnEnd(task);
    loop.AtTurnEnd(task);
    loop.AtTurnEnd(leaves);
    task.again = &loop;
    leaves.Unlink();
    seen = task.runs;
  });
  ASSERT_TRUE(Until([&] { return task.runs == 2; }));
  EXPECT_EQ(seen, 0);
  EXPECT_EQ(leaves.runs, 0);
  bool later = false;
  loop.Post([&] { later = true; });
  ASSERT_TRUE(Until([&] { return later; }));
  EXPECT_EQ(task.runs, 2);
}

TEST_P(Conformance, PostedTasksRunInOrderInALaterTurn) {
  std::string order;
  net::Loop& loop = world->loop();
  loop.Post([&] {
    order += "a";
    loop.Post([&] { order += "c"; });
  });
  loop.Post([&] { order += "b"; });
  EXPECT_EQ(order, "");
  ASSERT_TRUE(Until([&] { return order.size() == 3; }));
  EXPECT_EQ(order, "abc");
}

TEST_P(Conformance, RandomTrafficBothWaysArrivesWhole) {
  const uint64_t seed = 20260131;
  SCOPED_TRACE("seed " + std::to_string(seed));
  net::Xoshiro random(seed);
  Peer& accepted = Establish();
  const std::string sent = Pattern(3'000'000);
  size_t up = 0, down = 0;
  Alarm pause;
  const auto write = [&](net::Stream& stream, size_t& at) {
    if (stream.pending_bytes() > 0 || at == sent.size()) return;
    const size_t most = std::min<size_t>(sent.size() - at, 100'000);
    const size_t count = 1 + Reduce(random.Next(), static_cast<uint32_t>(most));
    stream.Write(std::string_view(sent).substr(at, count));
    at += count;
  };
  ASSERT_TRUE(Until([&] {
    write(*client.stream, up);
    write(*accepted.stream, down);
    Peer& toggled = random.Next() % 2 == 0 ? client : accepted;
    toggled.stream->StopReading();
    if (random.Next() % 4 != 0) toggled.stream->StartReading();
    world->loop().Arm(pause.timer, milliseconds(1));  // a turn comes though both are stopped
    return accepted.received.size() == sent.size() && client.received.size() == sent.size();
  }));
  EXPECT_TRUE(accepted.received == sent);
  EXPECT_TRUE(client.received == sent);
}

INSTANTIATE_TEST_SUITE_P(Loops, Conformance, ::testing::Values(true, false),
                         [](const auto& test) { return test.param ? "Uv" : "Memory"; });

}  // namespace
}  // namespace meridian::uvio
