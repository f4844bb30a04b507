// What datagrams of a net::Loop promise, over real sockets and over the network in memory; and what
// only real sockets have: large ones, IPv6, the address asked, batches.
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "testing/allocations.h"
#include "worlds.h"

namespace meridian::uvio {
namespace {

// Keeps what arrives, and answers it if told to.
struct Receiver final : net::DatagramHandler {
  void OnDatagram(const net::Flow& flow, std::string_view bytes) override {
    received.emplace_back(bytes);
    flows.push_back(flow);
    if (answers != nullptr) answers->Answer(flow, bytes);
    if (when_told) when_told();
  }
  void OnUnreachable(const Error& error) override { errors.push_back(error); }

  std::vector<std::string> received;
  std::vector<net::Flow> flows;
  std::vector<Error> errors;
  net::DatagramListener* answers = nullptr;
  std::function<void()> when_told;
};

struct Client {
  Client(net::Loop& loop, const net::Address& to) : socket(*loop.ConnectDatagrams(to, heard)) {}
  Receiver heard;
  std::unique_ptr<net::DatagramSocket> socket;
};

struct Datagrams : ::testing::TestWithParam<bool> {
  Datagrams() {
    if (GetParam()) {
      world = std::make_unique<RealWorld>();
    } else {
      world = std::make_unique<MemoryWorld>();
    }
    Listen(net::Address(kLoopback, 0));
  }

  void Listen(const net::Address& at) {
    listener.reset();
    listener = *world->loop().ListenDatagrams(at, {}, server);
    server.answers = listener.get();
  }
  bool Until(const std::function<bool()>& condition) { return world->RunUntil(condition); }

  std::unique_ptr<World> world;
  Receiver server;
  std::unique_ptr<net::DatagramListener> listener;
};

TEST_P(Datagrams, ArriveWholeAndAreAnswered) {
  Client client(world->loop(), listener->address());
  ASSERT_TRUE(client.socket->Send("one"));
  ASSERT_TRUE(client.socket->Send(""));
  ASSERT_TRUE(client.socket->Send("three"));
  ASSERT_TRUE(Until([&] { return client.heard.received.size() == 3; }));
  EXPECT_EQ(server.received, (std::vector<std::string>{"one", "", "three"}));
  EXPECT_EQ(client.heard.received, server.received);
  EXPECT_EQ(server.flows[0].peer, kLoopback);
  EXPECT_NE(server.flows[0].peer_port, 0);
  EXPECT_EQ(server.flows[0], server.flows[2]);
  EXPECT_EQ(client.heard.flows[0].peer_port, listener->address().port());
}

TEST_P(Datagrams, AnswersComeFromTheAddressThatWasAsked) {
  Listen(net::Address(net::IpAddress::V4(0), 0));
  const net::IpAddress second = net::IpAddress::V4(0x7f000002);
  Client client(world->loop(), net::Address(second, listener->address().port()));
  ASSERT_TRUE(client.socket->Send("who is there"));
  ASSERT_TRUE(Until([&] { return !client.heard.received.empty(); }));  // connected: from no other
  EXPECT_EQ(server.flows[0].local, second);
}

TEST_P(Datagrams, ManyClientsAreToldApart) {
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 200; ++i) {
    clients.push_back(std::make_unique<Client>(world->loop(), listener->address()));
    ASSERT_TRUE(clients.back()->socket->Send("client " + std::to_string(i)));
  }
  ASSERT_TRUE(Until([&] {
    return std::all_of(clients.begin(), clients.end(),
                       [](const auto& client) { return client->heard.received.size() == 1; });
  }));
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(clients[i]->heard.received[0], "client " + std::to_string(i));
  }
}

TEST_P(Datagrams, AClosedPortIsTold) {
  const net::Address nobody = listener->address();
  listener.reset();
  Client client(world->loop(), nobody);
  ASSERT_TRUE(client.socket->Send("anyone?"));
  ASSERT_TRUE(Until([&] { return !client.heard.errors.empty(); }));
  EXPECT_EQ(client.heard.errors[0].code, ErrorCode::kRefused);
  EXPECT_EQ(client.heard.errors[0].side, Side::kBackend);
  EXPECT_EQ(client.heard.errors[0].system, ECONNREFUSED);
}

TEST_P(Datagrams, APausedListenerIsToldLater) {
  listener->Pause();
  Client client(world->loop(), listener->address());
  ASSERT_TRUE(client.socket->Send("x"));
  world->Settle();
  EXPECT_TRUE(server.received.empty());
  listener->Resume();
  EXPECT_TRUE(Until([&] { return client.heard.received.size() == 1; }));
}

TEST_P(Datagrams, AnAddressIsTakenOnceUnlessItIsShared) {
  Receiver other;
  const auto taken = world->loop().ListenDatagrams(listener->address(), {}, other);
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code, ErrorCode::kConflict);
  listener.reset();
  const net::DatagramListenOptions shared{.reuse_port = true};
  const auto first = world->loop().ListenDatagrams(net::Address(kLoopback, 0), shared, server);
  ASSERT_TRUE(first);
  server.answers = first->get();
  const auto second = world->loop().ListenDatagrams((*first)->address(), shared, other);
  ASSERT_TRUE(second);
  other.answers = second->get();
  for (int i = 0; i < 20; ++i) {  // each comes to one of the two, and always to the same
    const size_t before = server.received.size();
    Client client(world->loop(), (*first)->address());
    for (size_t sent = 1; sent <= 3; ++sent) {
      ASSERT_TRUE(client.socket->Send("x"));
      ASSERT_TRUE(Until([&] { return client.heard.received.size() == sent; }));
    }
    EXPECT_EQ((server.received.size() - before) % 3, 0u);
  }
}

TEST_P(Datagrams, AHandlerMayDestroyWhatTellsIt) {
  Client client(world->loop(), listener->address());
  server.when_told = [this] { listener.reset(); };
  ASSERT_TRUE(client.socket->Send("one"));
  ASSERT_TRUE(client.socket->Send("two"));
  ASSERT_TRUE(Until([&] { return server.received.size() == 1; }));
  world->Settle();
  EXPECT_EQ(server.received.size(), 1u);
}

TEST_P(Datagrams, ASocketMayGoInsideOfItsOwnCall) {
  Client client(world->loop(), listener->address());
  client.heard.when_told = [&client] { client.socket.reset(); };
  ASSERT_TRUE(client.socket->Send("one"));
  ASSERT_TRUE(client.socket->Send("two"));
  ASSERT_TRUE(Until([&] { return !client.heard.received.empty(); }));
  world->Settle();
  EXPECT_EQ(client.heard.received.size(), 1u);
}

TEST_P(Datagrams, WhatNoAddressFamilyCarriesIsRefused) {
  Client client(world->loop(), listener->address());
  const auto sent = client.socket->Send(std::string(65508, 'x'));
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(sent.error().side, Side::kSelf);
  ASSERT_TRUE(client.socket->Send(std::string(65507, 'x')));
  ASSERT_TRUE(Until([&] { return client.heard.received.size() == 1; }));
  EXPECT_EQ(client.heard.received[0], std::string(65507, 'x'));
  listener->Answer(server.flows[0], std::string(65508, 'x'));
  world->Settle();
  EXPECT_EQ(listener->TakeUnsent(), 1u);
  EXPECT_EQ(listener->TakeUnsent(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Loops, Datagrams, ::testing::Bool(),
                         [](const auto& loop) { return loop.param ? "uvio" : "memory"; });

TEST(UdpSockets, Ipv6FromTheAddressAsked) {
  RealWorld world;
  Receiver server;
  const auto listener =
      world.loop().ListenDatagrams(net::Address(net::IpAddress::V6({}), 0), {}, server);
  ASSERT_TRUE(listener);
  server.answers = listener->get();
  std::array<uint8_t, 16> loopback{};
  loopback[15] = 1;
  const net::IpAddress one = net::IpAddress::V6(loopback);
  Client client(world.loop(), net::Address(one, (*listener)->address().port()));
  ASSERT_TRUE(client.socket->Send("six"));
  ASSERT_TRUE(world.RunUntil([&] { return client.heard.received.size() == 1; }));
  EXPECT_EQ(server.flows[0].local, one);
  EXPECT_EQ(server.flows[0].peer, one);
}

TEST(UdpSockets, ABurstIsToldAndAnsweredInOrderWithoutAllocating) {
  RealWorld world;
  Receiver server;
  const auto listener = world.loop().ListenDatagrams(net::Address(kLoopback, 0), {}, server);
  server.answers = listener->get();
  Client client(world.loop(), (*listener)->address());
  for (Receiver* receiver : {&server, &client.heard}) {
    receiver->received.reserve(1000);
    receiver->flows.reserve(1000);
  }
  const auto burst = [&](size_t total) {
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(client.socket->Send("short enough"));
    ASSERT_TRUE(world.RunUntil([&] { return client.heard.received.size() == total; }));
  };
  burst(100);
  const fakes::Allocations allocations;
  burst(200);
  // RunUntil's own condition is a std::function; nothing is for each of the datagrams.
  EXPECT_LE(allocations.count(), 2u);
}

TEST(MemoryDatagrams, AreLostAndOvertakenAsAsked) {
  fakes::MemoryNetOptions options;
  options.datagram_loss = 0.25;
  options.datagram_jitter = std::chrono::milliseconds(5);
  fakes::MemoryNet net(options);
  fakes::MemoryLoop& loop = net.AddLoop(kLoopback);
  {
    Receiver server;
    const auto listener = loop.ListenDatagrams(net::Address(kLoopback, 53), {}, server);
    Client client(loop, (*listener)->address());
    for (int i = 0; i < 1000; ++i) ASSERT_TRUE(client.socket->Send(std::to_string(1000 + i)));
    net.RunFor(std::chrono::seconds(1));
    EXPECT_NEAR(static_cast<double>(server.received.size()), 750, 60);
    EXPECT_FALSE(std::is_sorted(server.received.begin(), server.received.end()));
  }
}

}  // namespace
}  // namespace meridian::uvio
