// What only real sockets have: other threads, files of Unix sockets, socket options, descriptors
// that run out, TCP's own view of the path, and the cost of a message.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "testing/allocations.h"
#include "worlds.h"

namespace meridian::uvio {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A directory of its own, gone with the test.
struct Directory {
  Directory() { EXPECT_NE(mkdtemp(path), nullptr); }
  ~Directory() { rmdir(path); }
  char path[32] = "/tmp/meridian-uvio-XXXXXX";
};

struct Pair {
  explicit Pair(World& world, const net::Address& at = net::Address(kLoopback, 0)) {
    listener = *world.loop().Listen(at, {}, server);
    client.stream = *world.loop().Connect(listener->address(), {}, client);
    client.stream->StartReading();
    EXPECT_TRUE(
        world.RunUntil([this] { return client.Heard("connected") && !server.peers.empty(); }));
  }
  Server server;
  std::unique_ptr<net::Listener> listener;
  Peer client;
};

// Two ends of a socket that is nobody's but the test's.
struct Foreign final : net::DescriptorHandler {
  explicit Foreign(UvLoop& watching) : loop(watching) {
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  }
  ~Foreign() {
    watch.reset();
    close(ends[0]);
    close(ends[1]);
  }
  void Wait(bool write) {
    watch.reset();
    watch = std::move(*loop.Watch(ends[0], write, *this));
  }
  void OnReady() override {
    ++told;
    if (on_ready) on_ready();
  }

  UvLoop& loop;
  int ends[2] = {-1, -1};
  int told = 0;
  std::function<void()> on_ready;
  std::unique_ptr<net::DescriptorWatch> watch;
};

// Turns of a loop that an idle timer keeps from waiting for ever.
void Turns(UvLoop& loop, int count) {
  for (int i = 0; i < count; ++i) {
    loop.Post([] {});
    loop.RunTurn();
  }
}

TEST(Descriptors, AreToldOnceForEachWatch) {
  auto loop = *UvLoop::Create();
  Foreign foreign(*loop);
  foreign.Wait(false);
  Turns(*loop, 3);
  EXPECT_EQ(foreign.told, 0) << "there is nothing to read";
  ASSERT_EQ(write(foreign.ends[1], "x", 1), 1);
  Turns(*loop, 3);
  EXPECT_EQ(foreign.told, 1) << "though it can still be read";
  foreign.Wait(true);
  Turns(*loop, 3);
  EXPECT_EQ(foreign.told, 2);
}

TEST(Descriptors, AWatchMayEndAndBeginInsideOfAnother) {
  auto loop = *UvLoop::Create();
  Foreign foreign(*loop);
  foreign.on_ready = [&] {
    if (foreign.told < 5) foreign.Wait(true);
  };
  foreign.Wait(true);
  Turns(*loop, 12);
  EXPECT_EQ(foreign.told, 5);
}

TEST(Descriptors, AnEndedWatchTellsNothingAndTheNumberMayBeUsedAgain) {
  auto loop = *UvLoop::Create();
  Foreign foreign(*loop);
  foreign.Wait(true);
  foreign.watch.reset();
  Turns(*loop, 3);
  EXPECT_EQ(foreign.told, 0);
  const int before = foreign.ends[0];
  close(foreign.ends[0]);
  close(foreign.ends[1]);
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, foreign.ends), 0);
  EXPECT_EQ(foreign.ends[0], before);
  foreign.Wait(true);
  Turns(*loop, 3);
  EXPECT_EQ(foreign.told, 1);
  close(foreign.ends[1]);
  foreign.ends[1] = open("/dev/null", O_RDONLY);
  foreign.Wait(false);
  Turns(*loop, 3);
  EXPECT_EQ(foreign.told, 2) << "an end is something to read";
}

TEST(Descriptors, WhatCannotBeWaitedForIsAnError) {
  auto loop = *UvLoop::Create();
  Foreign foreign(*loop);
  EXPECT_FALSE(loop->Watch(-1, false, foreign));
}

TEST(UvLoop, TasksOfEachPosterRunInItsOrder) {
  constexpr int kThreads = 4, kTasks = 2000;
  auto loop = *UvLoop::Create();
  std::vector<int> next(kThreads, 0);
  int done = 0;
  std::vector<std::thread> posters;
  for (int thread = 0; thread < kThreads; ++thread) {
    posters.emplace_back([&, thread] {
      for (int task = 0; task < kTasks; ++task) {
        loop->Post([&, thread, task] {
          EXPECT_EQ(next[thread]++, task);
          if (++done == kThreads * kTasks) loop->Stop();
        });
      }
    });
  }
  loop->Run();
  for (std::thread& poster : posters) poster.join();
  EXPECT_EQ(done, kThreads * kTasks);
}

TEST(UvLoop, StopFromAnotherThreadEndsRunAndRunMayFollow) {
  auto loop = *UvLoop::Create();
  for (int round = 0; round < 2; ++round) {
    std::thread stopper([&loop] { loop->Stop(); });
    loop->Run();
    stopper.join();
  }
}

TEST(UvLoop, TasksThatNeverRanAreDropped) {
  const auto kept = std::make_shared<int>(1);
  {
    auto loop = *UvLoop::Create();
    loop->Post([kept] { FAIL(); });
    EXPECT_EQ(kept.use_count(), 2);
  }
  EXPECT_EQ(kept.use_count(), 1);
}

TEST(UvLoop, ASignalIsToldOnTheLoop) {
  RealWorld world;
  int heard = 0;
  ASSERT_TRUE(world.loop().WatchSignal(SIGUSR1, [&heard] { ++heard; }).has_value());
  std::raise(SIGUSR1);
  EXPECT_TRUE(world.RunUntil([&heard] { return heard == 1; }));
}

TEST(UvLoop, TimersOfTheSameTurnShareOneTime) {
  RealWorld world;
  world.loop().Post([&world] {
    const MonotonicTime first = world.loop().Now();
    std::string busy;
    for (int i = 0; i < 10'000; ++i) busy += 'x';
    EXPECT_EQ(world.loop().Now(), first);
  });
  world.Settle();
}

TEST(UvStream, NagleIsOffOnBothSides) {
  RealWorld world;
  const Pair pair(world);
  int checked = 0;
  for (int fd = 3; fd < 64; ++fd) {
    sockaddr_storage peer;
    socklen_t length = sizeof peer;
    if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &length) != 0) continue;
    if (peer.ss_family != AF_INET) continue;
    int on = 0;
    socklen_t size = sizeof on;
    ASSERT_EQ(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &size), 0);
    EXPECT_NE(on, 0);
    ++checked;
  }
  EXPECT_EQ(checked, 2);
}

TEST(UvStream, AMessageCostsNoAllocation) {
  RealWorld world;
  Pair pair(world);
  Peer& server = *pair.server.peers[0];
  const std::string request(700, 'q'), answer(3000, 'a');
  size_t answered = 0;
  Alarm idle;
  server.received.reserve(1 << 20);
  pair.client.received.reserve(1 << 22);
  server.when_read = [&] {
    const std::string_view slices[] = {std::string_view(answer).substr(0, 100),
                                       std::string_view(answer).substr(100)};
    server.stream->Write(slices);
    world.loop().Arm(idle.timer, seconds(60));
  };
  pair.client.when_read = [&] {
    if (pair.client.received.size() < (answered + 1) * answer.size()) return;
    ++answered;
    pair.client.stream->Write(request);
  };
  pair.client.stream->Write(request);
  ASSERT_TRUE(world.RunUntil([&] { return answered >= 10; }));
  const fakes::Allocations allocations;
  ASSERT_TRUE(world.RunUntil([&] { return answered >= 500; }));
  // One for the std::function that RunUntil is given.
  EXPECT_LE(allocations.count(), 1u);
}

TEST(UvStream, PathInfoKnowsTheRoundTripAndWhatIsUnacknowledged) {
  RealWorld world;
  Pair pair(world);
  pair.client.stream->Write("measure");
  ASSERT_TRUE(world.RunUntil([&] { return pair.server.peers[0]->received == "measure"; }));
  const net::PathInfo path = pair.client.stream->path_info();
  EXPECT_GT(path.round_trip, Duration(0));
  EXPECT_EQ(path.unacknowledged_bytes, 0u);
  EXPECT_EQ(path.retransmits, 0u);
}

TEST(UvStream, AConnectThatNoRouteLeadsToFailsAsUnreachable) {
  RealWorld world;
  Peer client;
  // TCP has no routes to groups: the kernel refuses without asking anyone.
  const net::Address group(net::IpAddress::V4(0xe0000001), 9);
  const auto started = world.loop().Connect(group, {}, client);
  ASSERT_TRUE(started.has_value());
  ASSERT_TRUE(world.RunUntil([&] { return client.Heard("error"); }));
  EXPECT_EQ(client.error.code, ErrorCode::kUnreachable);
  EXPECT_EQ(client.error.retry, Retry::kSafe);
  EXPECT_EQ(client.error.side, Side::kBackend);
}

TEST(UvStream, ASourceThatIsNotOursFailsAtOnce) {
  RealWorld world;
  Peer client;
  net::ConnectOptions options;
  options.source = net::Address(net::IpAddress::V4(0xc0000201), 0);
  const auto started = world.loop().Connect(net::Address(kLoopback, 9), options, client);
  ASSERT_FALSE(started.has_value());
  EXPECT_EQ(started.error().code, ErrorCode::kInvalid);
  world.Settle();
  EXPECT_EQ(client.log, "");
}

TEST(UvListener, Ipv6DoesNotTakeTheIpv4Port) {
  RealWorld world;
  Server six, four;
  const auto first = world.loop().Listen(*net::Address::Parse("[::]:0"), {}, six);
  if (!first.has_value()) GTEST_SKIP() << "no IPv6 on this machine";
  const net::Address same(net::IpAddress::V4(0), (*first)->address().port());
  EXPECT_TRUE(world.loop().Listen(same, {}, four).has_value());
}

TEST(UvListener, AnAddressThatIsNotOursIsTakenFreelyOrNot) {
  RealWorld world;
  Server server;
  for (const char* text : {"192.0.2.77:0", "[2001:db8::77]:0"}) {
    const net::Address at = *net::Address::Parse(text);
    const auto refused = world.loop().Listen(at, {}, server);
    ASSERT_FALSE(refused.has_value()) << text;
    if (refused.error().system == EAFNOSUPPORT) continue;  // no IPv6 on this machine
    EXPECT_EQ(refused.error().system, EADDRNOTAVAIL) << text;
    EXPECT_TRUE(world.loop().Listen(at, {.freebind = true}, server).has_value()) << text;
  }
}

// Set again on the socket that listens already, they hold from then on.
TEST(UvListener, ADeferredAcceptWaitsForBytes) {
  RealWorld world;
  Server server;
  const net::ListenOptions deferring{.backlog = 16, .fast_open = true, .defer_accept = true};
  const auto listener = *world.loop().Listen(net::Address(kLoopback, 0), deferring, server);
  Peer client;
  client.stream = std::move(*world.loop().Connect(listener->address(), {}, client));
  ASSERT_TRUE(world.RunUntil([&] { return client.Heard("connected"); }));
  world.Settle();
  EXPECT_TRUE(server.peers.empty());
  client.stream->Write("hello");
  ASSERT_TRUE(world.RunUntil([&] { return server.peers.size() == 1; }));
  ASSERT_TRUE(listener->Adjust({}).has_value());
  Peer silent;
  silent.stream = std::move(*world.loop().Connect(listener->address(), {}, silent));
  EXPECT_TRUE(world.RunUntil([&] { return server.peers.size() == 2; }));
}

TEST(UvListener, AUnixSocketCarriesBytesAndItsFileGoesWithIt) {
  const Directory directory;
  const net::Address at = net::Address::Unix(std::string(directory.path) + "/socket");
  RealWorld world;
  {
    Pair pair(world, at);
    struct stat info {};
    ASSERT_EQ(stat(at.path().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0660u);
    pair.client.stream->Write("hello");
    ASSERT_TRUE(world.RunUntil([&] { return pair.server.peers[0]->received == "hello"; }));
    pair.client.stream->FinishWriting();
    ASSERT_TRUE(world.RunUntil([&] { return pair.server.peers[0]->Heard("end"); }));
  }
  EXPECT_NE(access(at.path().c_str(), F_OK), 0);
}

TEST(UvListener, AStaleSocketFileIsReplacedAndALiveOneIsNot) {
  const Directory directory;
  const net::Address at = net::Address::Unix(std::string(directory.path) + "/socket");
  sockaddr_storage storage;
  const auto length = static_cast<socklen_t>(at.ToSockaddr(&storage));
  const int stale = socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_EQ(bind(stale, reinterpret_cast<sockaddr*>(&storage), length), 0);
  close(stale);
  ASSERT_EQ(access(at.path().c_str(), F_OK), 0);
  RealWorld world;
  Server server, second;
  const auto listener = world.loop().Listen(at, {}, server);
  ASSERT_TRUE(listener.has_value());
  const auto taken = world.loop().Listen(at, {}, second);
  ASSERT_FALSE(taken.has_value());
  EXPECT_EQ(taken.error().code, ErrorCode::kConflict);
  EXPECT_EQ(access(at.path().c_str(), F_OK), 0);
}

TEST(UvListener, AUnixSocketThatIsNotThereIsRefused) {
  RealWorld world;
  Peer client;
  const auto started = world.loop().Connect(
      net::Address::Unix("/tmp/meridian-uvio-no-such-directory/socket"), {}, client);
  ASSERT_TRUE(started.has_value());
  ASSERT_TRUE(world.RunUntil([&] { return client.Heard("error"); }));
  EXPECT_EQ(client.error.code, ErrorCode::kRefused);
}

TEST(UvListener, OutOfDescriptorsRestsAndThenAccepts) {
  RealWorld world;
  Server server;
  const auto listener = *world.loop().Listen(net::Address(kLoopback, 0), {}, server);
  Peer client;
  client.stream = *world.loop().Connect(listener->address(), {}, client);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{1, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const LoopCounters& counters = world.loop().counters();
  const bool paused = world.RunUntil([&] { return counters.accept_pauses.value() > 0; });
  Peer failing;
  const auto failed = world.loop().Connect(listener->address(), {}, failing);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(paused);
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().code, ErrorCode::kOverloaded);
  EXPECT_LT(counters.turns.value(), 1000u);
  EXPECT_TRUE(world.RunUntil([&] { return server.peers.size() == 1; }));
  EXPECT_EQ(counters.accepted.value(), 1u);
}

}  // namespace
}  // namespace meridian::uvio
