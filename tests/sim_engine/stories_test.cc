// The stories of the contract, as they are told there, over the engine's real parts together.
#include <meridian/config/load.h>

#include "stage.h"

namespace meridian::failover {
namespace {

using topology::Panic;

Policy NothingMayBeLost() {
  Policy policy = WithReads(ThreeSites());
  policy.max_lag = 0s;
  return policy;
}

// atlanta is cut off for all, and the standbys are seconds behind.
void Partition(Stage& stage) {
  stage.Pass(10s);
  ASSERT_EQ(stage.Write(), "atlanta");
  stage.Kill("atlanta");
  stage.drill.Follow("dallas", 2s, false);
  stage.drill.Follow("san-jose", 3s, false);
}

TEST(Story, APartitionOf43SecondsWithLagAboveZeroDoesNotPromote) {
  Stage stage(NothingMayBeLost());
  Partition(stage);
  for (int second = 0; second < 43; ++second) {
    stage.Pass(1s);
    EXPECT_EQ(stage.Write(), "all_down") << "after " << second << " s";
    EXPECT_EQ(stage.drill.active(), "atlanta");
  }
  EXPECT_EQ(stage.drill.state(), State::kBlocked);
  stage.Revive("atlanta");
  stage.drill.Claim("atlanta", 1);
  stage.Pass(1s);
  EXPECT_EQ(stage.drill.state(), State::kNormal);
  EXPECT_EQ(stage.Write(), "atlanta");
  EXPECT_EQ(stage.epoch_of_writes(), 1u);
}

TEST(Story, ForcedAnywayFailbackStaysBlockedUntilReconciled) {
  Policy policy = NothingMayBeLost();
  policy.failback = topology::FailbackMode::kAutomatic;
  policy.hold = 1s;
  Stage stage(policy);
  Drill& drill = stage.drill;
  Partition(stage);
  stage.Pass(20s);
  EXPECT_EQ(drill.controller->Assess("dallas")->lag_at_risk, Duration(2s)) << "told beforehand";
  ASSERT_TRUE(drill.controller->Failover({"dallas", true, "ops"}));
  drill.Claim("dallas", 2);
  stage.Pass(1s);
  EXPECT_EQ(stage.Write(), "dallas");
  EXPECT_EQ(stage.epoch_of_writes(), 2u);

  stage.Revive("atlanta");
  drill.Follow("atlanta", std::nullopt, false);
  stage.Pass(10min);
  EXPECT_EQ(drill.state(), State::kReconciling);
  EXPECT_FALSE(drill.controller->Failback("ops"));
  EXPECT_EQ(stage.Write(), "dallas");
  EXPECT_EQ(stage.Read(), "dallas") << "the nearest does not follow yet";

  drill.Follow("atlanta", 0s);
  stage.Pass(1s);
  EXPECT_EQ(drill.state(), State::kReady);
  EXPECT_EQ(stage.Read(), "atlanta");
  ASSERT_TRUE(drill.controller->Failback("ops"));
  stage.Pass(1s);
  EXPECT_EQ(stage.Write(), "held");
  drill.Drain("dallas");
  stage.Pass(2s);
  EXPECT_EQ(stage.Write(), "atlanta");
  EXPECT_EQ(stage.epoch_of_writes(), 3u);
}

TEST(Story, TheOldPrimaryReturnsWritableSplitBrainItsEpochIsRefusedNothingIsDiscarded) {
  Stage stage(WithReads(ThreeSites()));
  Drill& drill = stage.drill;
  stage.Pass(2s);
  stage.Kill("atlanta");
  stage.Pass(7s);
  drill.Claim("dallas", 2);
  stage.Pass(1s);
  ASSERT_EQ(stage.Write(), "dallas");
  drill.controller->TakeEvents();

  stage.Revive("atlanta");
  drill.Claim("atlanta", 1);
  for (int minute = 0; minute < 60; ++minute) {
    stage.Pass(1min);
    ASSERT_EQ(drill.state(), State::kSplitBrain);
    ASSERT_EQ(stage.Write(), "dallas");
    ASSERT_EQ(stage.epoch_of_writes(), 2u);
    ASSERT_NE(stage.Read(), "atlanta");
  }
  EXPECT_TRUE(drill.HasEvent(EventKind::kAlarm));
  EXPECT_EQ(drill.on_disk().claims, std::vector<std::string>{"atlanta"});
  EXPECT_FALSE(drill.controller->Failback("ops")) << "what either side holds stays there";

  drill.Restart();
  stage.Pass(2s);
  EXPECT_EQ(drill.state(), State::kSplitBrain) << "remembered";
  drill.Follow("atlanta", 1s);
  stage.Pass(2s);
  EXPECT_EQ(drill.state(), State::kReady) << "one side stepped down";
  EXPECT_EQ(stage.Write(), "dallas");
}

TEST(Story, TheStandbyIsIsolatedAndNeverServesWrites) {
  Stage stage(WithReads(ThreeSites()), Panic::kRoute);
  Drill& drill = stage.drill;
  stage.Pass(5s);
  EXPECT_EQ(stage.Read("dallas"), "dallas");
  // dallas sees nobody: its source is gone, Meridian still reaches it.
  drill.Follow("dallas", 1s, false);
  for (int second = 1; second < 600; ++second) {
    drill.places["dallas"].status.lag = second * 1s;
    stage.Pass(1s);
    ASSERT_EQ(stage.Write("dallas"), "atlanta");
  }
  EXPECT_EQ(stage.Read("dallas"), "atlanta");
  EXPECT_EQ(drill.controller->GetStatus().sites[1].channel.alarm, ChannelAlarm::kClosed);
  // Then Meridian loses it as well, and later the primary dies: it is still not chosen.
  stage.Check("dallas", false);
  drill.places["dallas"].tells = false;
  stage.Pass(10s);
  stage.Kill("atlanta");
  for (int second = 0; second < 20; ++second) {
    stage.Pass(1s);
    ASSERT_NE(stage.Write("dallas"), "dallas");
  }
  EXPECT_EQ(stage.Write("dallas"), "san-jose");
}

TEST(Story, EverySiteFailsItsChecksReadsFollowThePanicPolicyWritesAreRefused) {
  for (const Panic panic : {Panic::kRoute, Panic::kReject}) {
    Stage stage(WithReads(ThreeSites()), panic);
    stage.Pass(5s);
    for (const char* site : {"atlanta", "dallas", "san-jose"}) stage.Check(site, false);
    for (int second = 0; second < 60; ++second) {
      stage.Pass(1s);
      ASSERT_EQ(stage.Write(), "all_down");
      ASSERT_EQ(stage.Read("dallas"), panic == Panic::kRoute ? "atlanta" : "all_down");
    }
    EXPECT_EQ(stage.drill.epoch(), 1u);
  }
}

TEST(Story, MeridianItselfIsIsolatedAndMovesNothing) {
  Stage stage(ThreeSites());
  stage.Pass(5s);
  for (const char* site : {"atlanta", "dallas", "san-jose"}) {
    stage.Check(site, false);
    stage.drill.places[site].tells = false;
  }
  stage.Pass(10min);
  EXPECT_EQ(stage.drill.state(), State::kBlocked);
  EXPECT_EQ(stage.drill.epoch(), 1u);
}

TEST(Story, FreshStartNoClientReachesAnUnprobedStandby) {
  Stage stage(WithReads(ThreeSites()), Panic::kRoute);
  for (const char* site : {"dallas", "san-jose"}) {
    stage.Forget(site);
    stage.drill.Follow(site, 0s, false);
  }
  stage.Kill("atlanta");
  for (int second = 0; second < 60; ++second) {
    for (const char* from : {"atlanta", "dallas", "san-jose"}) {
      ASSERT_EQ(stage.Write(from), "all_down");
      ASSERT_EQ(stage.Read(from), "atlanta") << "in panic, and to no standby";
    }
    stage.Pass(1s);
  }
  stage.Check("san-jose", true);
  stage.Pass(1s);
  EXPECT_EQ(stage.Write(), "san-jose");
}

TEST(Story, AHalvedTopologyIsRefused) {
  Stage stage(ThreeSites());
  config::Config running, next;
  running.topology = next.topology = stage.world.topology;
  next.topology.sites.resize(1);
  EXPECT_EQ(config::TooDrastic(running, next), "it would remove 2 of 3 sites");
  // Nor may the active site go, forced or not.
  stage.Pass(2s);
  stage.Kill("atlanta");
  stage.Pass(10s);
  ASSERT_EQ(stage.Write(), "dallas");
  Policy without = ThreeSites();
  without.standby = {"san-jose"};
  EXPECT_EQ(stage.drill.controller->Reconfigure(without).error().code, ErrorCode::kConflict);
  EXPECT_EQ(stage.Write(), "dallas");
}

// Four sites on a line, each with a hundred places and sixty clients of its own; the first dies.
TEST(Story, TheNearestNeighbourOfADeadSiteIsNotDrowned) {
  routing::World world;
  std::vector<net::IpAddress> clients;
  for (int i = 0; i < 4; ++i) world.AddSite(Format("site-{}", i), 0, i * 10).capacity = 100;
  for (int i = 0; i < 240; ++i) clients.push_back(world.AddClient(1, i / 60 * 10));
  world.Build();
  std::vector<SiteId> at(clients.size());
  const auto arrive = [&](size_t client) {
    routing::Walk walk;
    walk.Start(world.table(), world.QueryOf(clients[client], Mix(client + 1)));
    routing::Choice choice;
    ASSERT_TRUE(walk.Next(choice)) << "headroom suffices: none is refused";
    at[client] = choice.site;
    const auto& site = world.table().site(choice.site);
    ASSERT_LE(site.health->sessions.fetch_add(1) + 1, site.capacity);
  };
  for (size_t client = 0; client < clients.size(); ++client) arrive(client);
  for (const routing::Site& site : world.table().sites()) ASSERT_EQ(site.health->sessions, 60u);

  world.SetSiteUp("site-0", false);
  world.SetSessions("site-0", 0);
  for (size_t client = 0; client < 60; ++client) arrive(client);
  const auto sessions = [&](const char* site) { return world.registry.Site(site).sessions.load(); };
  EXPECT_LE(sessions("site-1"), 100u);
  EXPECT_GT(sessions("site-2"), 60u) << "farther ones help";
  EXPECT_GT(sessions("site-3"), 60u);
  EXPECT_EQ(sessions("site-1") + sessions("site-2") + sessions("site-3"), 240u);
}

}  // namespace
}  // namespace meridian::failover
