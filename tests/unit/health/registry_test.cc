// Identity, probe verdicts, intents and their listeners, and many threads at one registry.
#include <meridian/health/health.h>
#include <meridian/net/random.h>

#include <gtest/gtest.h>

#include <thread>

namespace meridian::health {
namespace {

using std::chrono::seconds;

MonotonicTime At(int second) {
  return MonotonicTime(seconds(1000 + second));
}
WallTime Wall(int second) {
  return WallTime(seconds(1'700'000'000 + second));
}
IntentRecord Drain(WallTime deadline = {}) {
  return {Intent::kDrain, "ops", "test", Wall(0), deadline};
}
IntentRecord Out() {
  return {Intent::kOut, "ops", "test", Wall(0), {}};
}

TEST(Registry, FindsAnEndpointAgainBySiteAddressAndCheck) {
  Registry registry;
  EndpointHealth& endpoint = registry.Endpoint("dallas", "10.0.0.1:80", "ready");
  EXPECT_EQ(&registry.Endpoint("dallas", "10.0.0.1:80", "ready"), &endpoint);
  EXPECT_NE(&registry.Endpoint("dallas", "10.0.0.1:80", "port"), &endpoint);
  EXPECT_NE(&registry.Endpoint("dallas", "10.0.0.2:80", "ready"), &endpoint);
  EXPECT_NE(&registry.Endpoint("paris", "10.0.0.1:80", "ready"), &endpoint);
  EXPECT_EQ(&registry.Site("dallas"), &registry.Site("dallas"));
}

TEST(Registry, TakesAnEndpointWithACheckAsDownUntilItsFirstGoodVerdict) {
  Registry registry;
  EndpointHealth& endpoint = registry.Endpoint("dallas", "a", "ready");
  EXPECT_EQ(endpoint.state(), State::kDown);
  EXPECT_EQ(endpoint.facts().probe, Probe::kUnknown);
  const uint32_t before = registry.version();
  registry.SetProbe(endpoint, Probe::kUp, At(1));
  EXPECT_EQ(endpoint.state(), State::kUp);
  EXPECT_EQ(endpoint.since(), At(1));
  EXPECT_NE(registry.version(), before);
  registry.SetProbe(endpoint, Probe::kDown, At(2));
  EXPECT_EQ(endpoint.state(), State::kDown);
  EXPECT_EQ(registry.Endpoint("dallas", "b", "").state(), State::kUp);
}

TEST(Registry, KeepsAnAgentsWordShareAndReason) {
  Registry registry;
  EndpointHealth& endpoint = registry.Endpoint("dallas", "a", "ready");
  registry.SetProbe(endpoint, Probe::kUp, At(1));
  std::vector<Change> changes;
  registry.OnChange([&](const Change& change) { changes.push_back(change); });
  registry.SetAgent(endpoint, Agent::kDrain, 100, "being replaced", At(2));
  EXPECT_EQ(endpoint.state(), State::kDraining);
  EXPECT_EQ(endpoint.since(), At(2));
  EXPECT_EQ(registry.AgentReason(endpoint), "being replaced");
  registry.SetAgent(endpoint, Agent::kMaint, 100, "", At(3));
  EXPECT_EQ(endpoint.state(), State::kOut);
  registry.SetIntent("dallas", Drain());
  registry.SetProbe(endpoint, Probe::kDown, At(4));
  EXPECT_EQ(endpoint.state(), State::kOut) << "facts are kept apart";
  registry.SetProbe(endpoint, Probe::kUp, At(4));
  registry.SetIntent("dallas", {});
  registry.SetAgent(endpoint, Agent::kUp, 100, "", At(5));
  EXPECT_EQ(endpoint.state(), State::kUp);
  const uint32_t before = registry.version();
  registry.SetAgent(endpoint, Agent::kUp, 30, "", At(6));
  EXPECT_EQ(endpoint.agent_share(), 30u);
  EXPECT_EQ(registry.version(), before) << "no sum depends on shares";
  EXPECT_EQ(changes.size(), 3u);
}

TEST(Registry, LeavesTheVersionAloneWhenNothingChanges) {
  Registry registry;
  EndpointHealth& endpoint = registry.Endpoint("dallas", "a", "ready");
  registry.SetProbe(endpoint, Probe::kUp, At(1));
  const uint32_t before = registry.version();
  registry.SetProbe(endpoint, Probe::kUp, At(2));
  registry.Sweep(At(3));
  EXPECT_EQ(registry.version(), before);
  EXPECT_EQ(endpoint.since(), At(1));
}

TEST(Registry, AppliesTheStrictestOfEndpointSiteAndRegionIntent) {
  Registry registry;
  registry.SetRegion("dallas", "us-south");
  EndpointHealth& a = registry.Endpoint("dallas", "a:1", "");
  EndpointHealth& b = registry.Endpoint("dallas", "b:1", "");
  EndpointHealth& elsewhere = registry.Endpoint("paris", "a:1", "");
  SiteHealth& site = registry.Site("dallas");
  registry.SetIntent("us-south", Drain());
  EXPECT_EQ(a.state(), State::kDraining);
  EXPECT_EQ(b.state(), State::kDraining);
  EXPECT_EQ(elsewhere.state(), State::kUp);
  EXPECT_EQ(site.intent.load(), static_cast<uint8_t>(Intent::kDrain));
  registry.SetIntent("dallas/a:1", Out());
  EXPECT_EQ(a.state(), State::kOut);
  EXPECT_EQ(b.state(), State::kDraining);
  registry.SetIntent("us-south", {});
  registry.SetIntent("dallas", Drain());
  EXPECT_EQ(a.state(), State::kOut);
  EXPECT_EQ(b.state(), State::kDraining);
  registry.SetIntent("dallas/a:1", {});
  EXPECT_EQ(a.state(), State::kDraining);
  registry.SetIntent("dallas", {});
  EXPECT_EQ(a.state(), State::kUp);
  EXPECT_EQ(site.intent.load(), static_cast<uint8_t>(Intent::kServe));
}

TEST(Registry, KeepsIntentsByTargetForWhoAsks) {
  Registry registry;
  registry.SetIntent("paris", Drain(Wall(60)));
  registry.SetIntent("dallas/a:1", Out());
  EXPECT_EQ(registry.IntentOf("paris"), Intent::kDrain);
  EXPECT_EQ(registry.IntentOf("dallas"), Intent::kServe);
  const auto all = registry.Intents();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].first, "dallas/a:1");
  EXPECT_EQ(all[1].second.author, "ops");
  EXPECT_EQ(all[1].second.deadline, Wall(60));
}

TEST(Registry, AppliesAnIntentToWhatIsMadeLater) {
  Registry registry;
  registry.SetIntent("us-south", Out());
  EndpointHealth& endpoint = registry.Endpoint("dallas", "a", "");
  EXPECT_EQ(endpoint.state(), State::kUp);
  registry.SetRegion("dallas", "us-south");
  EXPECT_EQ(endpoint.state(), State::kOut);
  EXPECT_EQ(registry.Endpoint("dallas", "b", "").state(), State::kOut);
  EXPECT_EQ(registry.Site("dallas").intent.load(), static_cast<uint8_t>(Intent::kOut));
}

TEST(Registry, ForgetsTheRegionASiteHasLeft) {
  Registry registry;
  registry.SetRegion("dallas", "us-south");
  EndpointHealth& endpoint = registry.Endpoint("dallas", "a", "");
  registry.SetIntent("us-south", Drain());
  registry.SetRegion("dallas", "us-west");
  EXPECT_EQ(endpoint.state(), State::kUp);
}

TEST(EndpointHealth, KeepsPinnedSessionsWhileItDrainsUntilTheDeadline) {
  Registry registry;
  EndpointHealth& endpoint = registry.Endpoint("dallas", "a", "");
  EXPECT_TRUE(endpoint.takes_new() && endpoint.takes_pinned(Wall(100)));
  registry.SetIntent("dallas", Drain(Wall(60)));
  EXPECT_FALSE(endpoint.takes_new());
  EXPECT_TRUE(endpoint.takes_pinned(Wall(59)));
  EXPECT_FALSE(endpoint.takes_pinned(Wall(60)));
  registry.SetIntent("dallas/a", Drain(Wall(30)));
  EXPECT_FALSE(endpoint.takes_pinned(Wall(30))) << "the drain that ends first counts";
  registry.SetIntent("dallas/a", {});
  registry.SetIntent("dallas", Drain());
  EXPECT_TRUE(endpoint.takes_pinned(Wall(1'000'000))) << "no deadline";
  registry.SetIntent("dallas", Out());
  EXPECT_FALSE(endpoint.takes_pinned(Wall(0)));
}

TEST(EndpointHealth, AveragesConnectTimeWithAnEighthOfEachSample) {
  Registry registry;
  EndpointHealth& endpoint = registry.Endpoint("dallas", "a", "");
  EXPECT_EQ(endpoint.connect_time(), Duration(0));
  endpoint.ObserveConnect(Duration(8000));
  EXPECT_EQ(endpoint.connect_time(), Duration(8000));
  endpoint.ObserveConnect(Duration(16000));
  EXPECT_EQ(endpoint.connect_time(), Duration(9000));
  endpoint.ObserveConnect(Duration(1000));
  EXPECT_EQ(endpoint.connect_time(), Duration(8000));
}

TEST(EndpointHealth, IsOneCacheLine) {
  EXPECT_EQ(sizeof(EndpointHealth), kCacheLine);
}

TEST(Registry, TellsEachChangeOfStateWithWhatMadeIt) {
  Registry registry;
  std::vector<Change> changes;
  registry.OnChange([&](const Change& change) { changes.push_back(change); });
  EndpointHealth& endpoint = registry.Endpoint("dallas", "a", "ready");
  registry.SetProbe(endpoint, Probe::kUp, At(1));
  registry.SetProbe(endpoint, Probe::kUp, At(2));
  registry.SetIntent("dallas", Drain(), At(3));
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_EQ(changes[0].before, State::kDown);
  EXPECT_EQ(changes[0].after, State::kUp);
  EXPECT_EQ(changes[0].site, "dallas");
  EXPECT_EQ(changes[0].address, "a");
  EXPECT_EQ(changes[0].check, "ready");
  EXPECT_EQ(changes[1].after, State::kDraining);
  EXPECT_STREQ(Cause(changes[1].facts), "intent");
  EXPECT_EQ(changes[1].endpoint, &endpoint);
  EXPECT_EQ(endpoint.since(), At(3));
}

TEST(Registry, MayBeCalledFromItsListeners) {
  Registry registry;
  registry.OnChange([&](const Change& change) {
    if (change.site == "dallas") registry.SetIntent("paris", Drain());
  });
  EndpointHealth& paris = registry.Endpoint("paris", "b", "");
  registry.Endpoint("dallas", "a", "");
  registry.SetIntent("dallas", Drain());
  EXPECT_EQ(paris.state(), State::kDraining);
}

// Every thread that writes, at once; a reader must never see a state that the facts do not give,
// and the end must be what the last word of each fact says.
TEST(Registry, StaysConsistentUnderManyThreads) {
  Registry registry;
  std::vector<EndpointHealth*> endpoints;
  for (int i = 0; i < 4; ++i)
    endpoints.push_back(&registry.Endpoint("dallas", std::to_string(i), "ready"));
  const std::vector<const EndpointHealth*> peers(endpoints.begin(), endpoints.end());
  std::atomic<uint64_t> told{0}, doubted{0};
  registry.OnChange([&](const Change& change) {
    told.fetch_add(change.before != change.after);
    EXPECT_EQ(Effective(change.facts), change.after);
  });
  registry.OnSuspect([&](EndpointHealth&) { doubted.fetch_add(1); });
  constexpr int kRounds = 4000;
  std::atomic<int> clock{0};
  const auto now = [&] {
    return MonotonicTime(std::chrono::milliseconds(1000 + clock.fetch_add(1)));
  };

  std::vector<std::thread> threads;
  for (uint64_t worker = 0; worker < 3; ++worker) {
    threads.emplace_back([&, worker] {
      net::Xoshiro random(worker + 1);
      topology::Outliers policy;
      policy.eject_for = std::chrono::milliseconds(20);
      for (int i = 0; i < kRounds; ++i) {
        EndpointHealth& endpoint = *endpoints[random.Next() % 4];
        endpoint.Begin();
        const auto outcome = static_cast<Outcome>(random.Next() % 5);
        registry.Report(endpoint, outcome, policy, peers.data(), peers.size(), now());
        endpoint.ObserveConnect(Duration(1000));
        endpoint.End();
      }
    });
  }
  threads.emplace_back([&] {
    net::Xoshiro random(99);
    for (int i = 0; i < kRounds; ++i) {
      registry.SetProbe(*endpoints[random.Next() % 4],
                        random.Next() % 2 ? Probe::kUp : Probe::kDown, now());
      if (i % 16 == 0) registry.Sweep(now());
    }
  });
  threads.emplace_back([&] {
    for (int i = 0; i < kRounds / 16; ++i) {
      registry.SetIntent("dallas/0", i % 2 ? IntentRecord{} : Drain());
      registry.Endpoint("paris", std::to_string(i), "");
    }
  });
  for (std::thread& thread : threads) thread.join();

  registry.SetIntent("dallas/0", {});
  for (EndpointHealth* endpoint : endpoints) {
    registry.SetProbe(*endpoint, Probe::kUp, now());
    EXPECT_EQ(endpoint->in_flight(), 0u);
    EXPECT_EQ(endpoint->state(), Effective(endpoint->facts()));
  }
  registry.Sweep(MonotonicTime(std::chrono::hours(1)));
  for (EndpointHealth* endpoint : endpoints) EXPECT_EQ(endpoint->state(), State::kUp);
  EXPECT_GT(told.load(), 0u);
  EXPECT_GT(doubted.load(), 0u);
}

}  // namespace
}  // namespace meridian::health
