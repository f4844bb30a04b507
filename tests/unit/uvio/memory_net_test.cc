// What only the network in memory has: virtual time, faults on demand, the same run from the same
// seed, and a count of allocations that leaves its own out.
#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "testing/allocations.h"
#include "testing/manual_clock.h"
#include "worlds.h"

namespace meridian::uvio {
namespace {

using fakes::MemoryNet;
using fakes::MemoryNetOptions;
using std::chrono::milliseconds;
using std::chrono::seconds;

const net::Address kServerAddress(net::IpAddress::V4(0x0a010001), 80);

struct Network {
  explicit Network(const MemoryNetOptions& options = {}) : net(options) {
    listener = *far.Listen(kServerAddress, {}, server);
  }
  Peer& Establish() {
    Connect(client);
    EXPECT_TRUE(net.RunUntil([this] { return client.Heard("connected") && !server.peers.empty(); },
                             seconds(1)));
    return *server.peers.back();
  }
  void Connect(Peer& peer) {
    peer.stream = *near.Connect(kServerAddress, {}, peer);
    peer.stream->StartReading();
  }

  MemoryNet net;
  fakes::MemoryLoop& near = net.AddLoop(net::IpAddress::V4(0x0a020001));
  fakes::MemoryLoop& far = net.AddLoop(net::IpAddress::V4(0x0a010001));
  Server server;
  std::unique_ptr<net::Listener> listener;
  Peer client;
};

TEST(MemoryNet, LatencyIsExactAndTimeMovesOnlyWhenRun) {
  MemoryNetOptions options;
  options.latency = milliseconds(40);
  Network network(options);
  const MonotonicTime start = network.near.Now();
  network.Connect(network.client);
  network.net.RunFor(milliseconds(80) - Duration(1));
  EXPECT_EQ(network.client.log, "");
  network.net.RunFor(Duration(1));
  EXPECT_EQ(network.client.log, "connected ");
  EXPECT_EQ(network.near.Now() - start, milliseconds(80));
  EXPECT_EQ(network.near.WallNow() - network.near.Now().time_since_epoch(),
            WallTime(seconds(1'767'225'600)));
}

TEST(MemoryNet, ARefusingAddressKeepsItsEstablishedStreams) {
  Network network;
  Peer& accepted = network.Establish();
  network.net.Refuse(kServerAddress);
  Peer second;
  network.Connect(second);
  network.client.stream->Write("still here");
  ASSERT_TRUE(network.net.RunUntilIdle(seconds(1)));
  EXPECT_EQ(second.error.code, ErrorCode::kRefused);
  EXPECT_EQ(accepted.received, "still here");
}

TEST(MemoryNet, ABlackHoleIsSilentUntilItHeals) {
  Network network;
  Peer& accepted = network.Establish();
  network.client.stream->Write("before ");
  network.net.BlackHole(kServerAddress);
  network.client.stream->Write("after ");
  accepted.stream->Write("answer");
  Peer second;
  network.Connect(second);
  network.net.RunFor(seconds(2));
  EXPECT_EQ(accepted.received + network.client.received + second.log, "");
  const net::PathInfo path = network.client.stream->path_info();
  EXPECT_EQ(path.unacknowledged_bytes, 13u);
  EXPECT_EQ(path.retransmits, 3u);  // at 200, 600 and 1400 ms
  network.net.Heal(kServerAddress);
  network.client.stream->Write("healed");
  ASSERT_TRUE(network.net.RunUntilIdle(seconds(1)));
  EXPECT_EQ(accepted.received, "before after healed");
  EXPECT_EQ(network.client.received, "answer");
  EXPECT_EQ(second.log, "connected ");
  EXPECT_EQ(network.client.stream->path_info().unacknowledged_bytes, 0u);
}

TEST(MemoryNet, AConnectIntoABlackHoleTimesOut) {
  Network network;
  network.net.BlackHole(kServerAddress);
  network.Connect(network.client);
  EXPECT_TRUE(network.net.RunUntilIdle(seconds(1)));
  network.net.RunFor(seconds(126));
  EXPECT_EQ(network.client.log, "");
  network.net.RunFor(seconds(2));
  EXPECT_EQ(network.client.error.code, ErrorCode::kTimeout);
  EXPECT_EQ(network.client.error.retry, Retry::kSafe);
}

TEST(MemoryNet, AKilledAddressResetsItsStreamsAndRefusesUntilItHeals) {
  Network network;
  Peer& accepted = network.Establish();
  network.net.Kill(kServerAddress);
  Peer second, third;
  network.Connect(second);
  ASSERT_TRUE(network.net.RunUntilIdle(seconds(1)));
  EXPECT_EQ(network.client.error.code, ErrorCode::kReset);
  EXPECT_EQ(accepted.error.code, ErrorCode::kReset);
  EXPECT_EQ(second.error.code, ErrorCode::kRefused);
  network.net.Heal(kServerAddress);
  network.Connect(third);
  ASSERT_TRUE(network.net.RunUntilIdle(seconds(1)));
  EXPECT_EQ(third.log, "connected ");
}

TEST(MemoryNet, AWildcardListenerAnswersEveryAddressOfItsPort) {
  Network network;
  Server wildcard;
  const auto listener = *network.far.Listen(net::Address(net::IpAddress::V4(0), 81), {}, wildcard);
  Peer client;
  client.stream =
      *network.near.Connect(net::Address(net::IpAddress::V4(0x0a636363), 81), {}, client);
  ASSERT_TRUE(network.net.RunUntilIdle(seconds(1)));
  EXPECT_EQ(client.log, "connected ");
  ASSERT_EQ(wildcard.peers.size(), 1u);
  EXPECT_EQ(wildcard.peers[0]->stream->peer().ip(), network.near.host());
}

TEST(MemoryNet, AFullBacklogDelaysTheConnect) {
  Network network;
  Server server;
  net::ListenOptions options;
  options.backlog = 1;
  const net::Address at(net::IpAddress::V4(0x0a010001), 82);
  const auto listener = *network.far.Listen(at, options, server);
  listener->Pause();
  Peer first, second;
  first.stream = *network.near.Connect(at, {}, first);
  second.stream = *network.near.Connect(at, {}, second);
  network.net.RunFor(milliseconds(500));
  EXPECT_EQ(first.log + second.log, "connected ");
  listener->Resume();
  network.net.RunFor(milliseconds(1500));
  EXPECT_EQ(server.peers.size(), 2u);
  EXPECT_EQ(second.log, "connected ");
}

TEST(MemoryNet, ADestroyedStreamWhosePeerNeverReadsIsCutAfterThirtySeconds) {
  Network network;
  network.server.reading = false;
  Peer& accepted = network.Establish();
  network.client.stream->Write(std::string(1 << 20, 'x'));
  network.client.stream.reset();
  network.net.RunFor(seconds(29));
  EXPECT_EQ(accepted.log, "");
  network.net.RunFor(seconds(2));
  accepted.stream->StartReading();
  network.net.RunFor(seconds(1));
  EXPECT_EQ(accepted.log, "error ");
}

// Where the reads of a transfer were cut.
std::vector<size_t> Cuts(uint64_t seed) {
  MemoryNetOptions options;
  options.seed = seed;
  Network network(options);
  Peer& accepted = network.Establish();
  std::vector<size_t> cuts;
  accepted.when_read = [&] { cuts.push_back(accepted.received.size()); };
  network.client.stream->Write(std::string(200'000, 'x'));
  EXPECT_TRUE(network.net.RunUntilIdle(seconds(10)));
  EXPECT_EQ(accepted.received.size(), 200'000u);
  return cuts;
}

TEST(MemoryNet, TheSameSeedCutsReadsAtTheSamePlaces) {
  EXPECT_EQ(Cuts(1), Cuts(1));
  EXPECT_NE(Cuts(1), Cuts(2));
  EXPECT_GT(Cuts(1).size(), 10u);
}

TEST(MemoryNet, ItsOwnAllocationsDoNotCountAndTheHandlersDo) {
  Network network;
  Peer& accepted = network.Establish();
  accepted.received.reserve(1024);
  const fakes::Allocations silent;
  network.client.stream->Write("hello");
  network.net.RunFor(seconds(1));
  EXPECT_EQ(silent.count(), 0u);
  EXPECT_EQ(accepted.received, "hello");
  std::unique_ptr<int> made;
  accepted.when_read = [&made] { made = std::make_unique<int>(1); };
  const fakes::Allocations one;
  network.client.stream->Write("again");
  network.net.RunUntil(network.net.Now() + milliseconds(2));
  EXPECT_GE(one.count(), 1u);
}

TEST(ManualClock, MovesOnlyWhenTold) {
  fakes::ManualClock clock;
  const MonotonicTime start = clock.Now();
  const WallTime wall = clock.WallNow();
  clock.Advance(seconds(5));
  EXPECT_EQ(clock.Now() - start, seconds(5));
  EXPECT_EQ(clock.WallNow() - wall, seconds(5));
  clock.SetWall(wall);
  EXPECT_EQ(clock.WallNow(), wall);
}

}  // namespace
}  // namespace meridian::uvio
