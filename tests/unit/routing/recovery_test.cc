// Step 4: disaster recovery. Writes go to the active site or nowhere; reads where they are taken.
#include "unit/routing/world.h"

#include <meridian/routing/explain.h>

#include <gtest/gtest.h>

namespace meridian::routing {
namespace {

using health::Admission;
using health::Intent;
using topology::Panic;

class RecoveryTest : public testing::Test {
 protected:
  RecoveryTest() {
    world_.AddSite("atlanta", 33.749, -84.388);
    world_.AddSite("dallas", 32.777, -96.797);
    world_.AddSite("san-jose", 37.338, -121.886);
    world_.web().mode = topology::Mode::kDisasterRecovery;
    recovery().primary = "atlanta";
    recovery().standby = {"dallas", "san-jose"};
    world_.web().panic = Panic::kReject;
    client_ = world_.AddClient(37.3, -121.9);
    world_.Build();
  }
  topology::DisasterRecovery& recovery() {
    auto& recovery = world_.web().disaster_recovery;
    return recovery ? *recovery : recovery.emplace();
  }
  health::ServiceHealth& live() { return world_.registry.Service("web"); }
  void Direct(Admission traffic, const std::string& site, uint64_t epoch, const char* reason = "") {
    live().Publish({traffic, world_.registry.Site(site).ordinal, epoch}, reason);
  }
  void LetRead(const std::vector<std::string>& sites) {
    std::vector<health::SiteOrdinal> ordinals;
    for (const std::string& site : sites) ordinals.push_back(world_.registry.Site(site).ordinal);
    live().PublishReaders(ordinals);
  }
  Query Write(std::string_view key = {}) const { return world_.QueryOf(client_, 1, key); }
  Query Read(std::string_view key = {}) const {
    Query query = Write(key);
    query.is_read = true;
    return query;
  }
  // Names of the sites that a whole walk gives, each once, and why it ended.
  std::vector<std::string> SitesOf(const Query& query) {
    Walk walk;
    walk.Start(world_.table(), query);
    std::vector<std::string> names;
    for (Choice choice; walk.Next(choice);) {
      const std::string name = world_.SiteName(choice.site);
      if (names.empty() || names.back() != name) names.push_back(name);
    }
    why_ = walk.why();
    return names;
  }
  std::string CookieFor(const std::string& site) {
    const EndpointId endpoint =
        world_.table().Pool(world_.service(), world_.table().FindSite(site))[0].id;
    std::array<char, kCookieBytes> text;
    return {text.data(),
            MakeCookie(world_.table(), world_.service(), endpoint, world_.wall, text.data())};
  }

  using Names = std::vector<std::string>;
  World world_;
  net::IpAddress client_;
  NoChoice why_ = NoChoice::kNone;
};

TEST_F(RecoveryTest, NothingIsRoutedBeforeASiteWasDeclaredActive) {
  recovery().reads = topology::Reads::kNearest;
  world_.web().panic = Panic::kRoute;
  world_.Build();
  EXPECT_EQ(SitesOf(Write()), Names{});
  EXPECT_EQ(why_, NoChoice::kRefused);
  EXPECT_EQ(SitesOf(Read()), Names{});
  EXPECT_EQ(why_, NoChoice::kRefused);
}

TEST_F(RecoveryTest, FreshStartNoClientReachesAnUnprobedSite) {
  recovery().reads = topology::Reads::kNearest;
  world_.Build();
  for (const Endpoint& endpoint : world_.table().endpoints()) {
    world_.registry.SetProbe(*endpoint.health, health::Probe::kUnknown, MonotonicTime(Duration(1)));
  }
  Direct(Admission::kRoute, "atlanta", 1);
  LetRead({"atlanta", "dallas", "san-jose"});
  EXPECT_EQ(SitesOf(Write()), Names{});
  EXPECT_EQ(why_, NoChoice::kAllDown);
  EXPECT_EQ(SitesOf(Read()), Names{});
  world_.SetSiteUp("atlanta", true);
  EXPECT_EQ(SitesOf(Write()), Names{"atlanta"});
  EXPECT_EQ(SitesOf(Read()), Names{"atlanta"});
}

TEST_F(RecoveryTest, OnlyTheActiveSiteIsGivenUnderItsEpoch) {
  Direct(Admission::kRoute, "dallas", 7);
  net::Xoshiro random(7);
  for (int i = 0; i < 200; ++i) {
    Query query = world_.QueryOf(RandomClient(random), random.Next());
    query.is_read = i % 2 == 0;
    Walk walk;
    walk.Start(world_.table(), query);
    int given = 0;
    for (Choice choice; walk.Next(choice); ++given) {
      EXPECT_EQ(world_.SiteName(choice.site), "dallas");
      EXPECT_EQ(choice.reason, Reason::kActive);
      EXPECT_EQ(choice.epoch, 7u);
    }
    EXPECT_EQ(given, 2) << "both endpoints, then no other site";
    EXPECT_EQ(walk.why(), NoChoice::kExhausted);
  }
}

TEST_F(RecoveryTest, TheStandbyIsIsolatedAndNeverServesWrites) {
  world_.web().session.by = topology::SessionBy::kCookie;
  recovery().reads = topology::Reads::kNearest;
  for (const Panic panic : {Panic::kReject, Panic::kRoute}) {
    world_.web().panic = panic;
    world_.Build();
    Direct(Admission::kRoute, "atlanta", 1);
    LetRead({"dallas", "san-jose"});
    const std::string pinned = CookieFor("dallas");
    for (const bool up : {true, false}) {
      world_.SetSiteUp("atlanta", up);
      for (const std::string& key : {std::string(), pinned}) {
        EXPECT_EQ(SitesOf(Write(key)), up ? Names{"atlanta"} : Names{});
        EXPECT_EQ(why_, up ? NoChoice::kExhausted : NoChoice::kAllDown);
      }
    }
    Direct(Admission::kHold, "atlanta", 1);
    EXPECT_EQ(SitesOf(Write(pinned)), Names{});
    Direct(Admission::kRefuse, "atlanta", 1);
    EXPECT_EQ(SitesOf(Write(pinned)), Names{});
    world_.SetSiteUp("atlanta", true);
  }
}

TEST_F(RecoveryTest, WhenEverySiteFailsReadsFollowThePanicPolicyAndWritesAreRefused) {
  recovery().reads = topology::Reads::kNearest;
  for (const Panic panic : {Panic::kReject, Panic::kRoute}) {
    world_.web().panic = panic;
    world_.Build();
    for (const char* const site : {"atlanta", "dallas", "san-jose"}) world_.SetSiteUp(site, false);
    Direct(Admission::kRoute, "atlanta", 1);
    LetRead({"dallas"});
    EXPECT_EQ(SitesOf(Write()), Names{});
    EXPECT_EQ(why_, NoChoice::kAllDown);
    const Names tried = SitesOf(Read());
    EXPECT_EQ(tried, panic == Panic::kRoute ? (Names{"dallas", "atlanta"}) : Names{});
  }
}

TEST_F(RecoveryTest, ReadsGoToTheNearestSiteThatTakesThem) {
  recovery().reads = topology::Reads::kNearest;
  world_.Build();
  Direct(Admission::kRoute, "atlanta", 3);
  LetRead({"atlanta", "dallas", "san-jose"});
  EXPECT_EQ(SitesOf(Read()), (Names{"san-jose", "dallas", "atlanta"}));
  EXPECT_EQ(SitesOf(Write()), Names{"atlanta"});
  const auto choice = FirstChoice(world_.table(), Read());
  EXPECT_EQ(choice->reason, Reason::kNearest);
  LetRead({"dallas"});
  EXPECT_EQ(SitesOf(Read()), (Names{"dallas", "atlanta"}));
  world_.SetIntent("dallas", Intent::kDrain);
  EXPECT_EQ(SitesOf(Read()), Names{"atlanta"});
}

TEST_F(RecoveryTest, ReadsGoOnWhileWritesAreHeldOrRefused) {
  recovery().reads = topology::Reads::kNearest;
  world_.Build();
  Direct(Admission::kHold, "atlanta", 3);
  LetRead({"dallas"});
  EXPECT_EQ(SitesOf(Read()), Names{"dallas"});
  EXPECT_EQ(SitesOf(Write()), Names{});
  EXPECT_EQ(why_, NoChoice::kHeld);
  Direct(Admission::kRefuse, "atlanta", 3);
  EXPECT_EQ(SitesOf(Read()), Names{"dallas"});
  EXPECT_EQ(SitesOf(Write()), Names{});
  EXPECT_EQ(why_, NoChoice::kRefused);
}

TEST_F(RecoveryTest, WithReadsActiveTheyAreLikeWrites) {
  Direct(Admission::kRoute, "atlanta", 3);
  LetRead({"dallas", "san-jose"});
  EXPECT_EQ(SitesOf(Read()), Names{"atlanta"});
  world_.SetSiteUp("atlanta", false);
  EXPECT_EQ(SitesOf(Read()), Names{});
}

TEST_F(RecoveryTest, SessionsPinnedElsewhereMoveToTheActiveSite) {
  world_.web().session.by = topology::SessionBy::kCookie;
  for (const auto on_failure : {topology::OnFailure::kRepin, topology::OnFailure::kReject}) {
    world_.web().session.on_failure = on_failure;
    world_.Build();
    Direct(Admission::kRoute, "dallas", 2);
    const std::string cookie = CookieFor("atlanta");
    Walk walk;
    walk.Start(world_.table(), Write(cookie));
    Choice choice;
    ASSERT_TRUE(walk.Next(choice));
    EXPECT_EQ(world_.SiteName(choice.site), "dallas");
    EXPECT_EQ(choice.reason, Reason::kFailover);
    EXPECT_EQ(walk.pin(), Pin::kMoved);
    EXPECT_TRUE(walk.wants_cookie());
    walk.Start(world_.table(), Write(CookieFor("dallas")));
    ASSERT_TRUE(walk.Next(choice));
    EXPECT_EQ(walk.pin(), Pin::kKept);
  }
}

TEST_F(RecoveryTest, AHomeByHashIsAtTheActiveSite) {
  world_.web().session.by = topology::SessionBy::kSource;
  world_.web().session.on_failure = topology::OnFailure::kReject;
  world_.Build();
  Direct(Admission::kRoute, "dallas", 2);
  Walk walk;
  walk.Start(world_.table(), Write());
  Choice choice;
  ASSERT_TRUE(walk.Next(choice));
  EXPECT_EQ(world_.SiteName(choice.site), "dallas");
  EXPECT_EQ(walk.pin(), Pin::kKept);
  world_.SetSiteUp("dallas", false);
  EXPECT_EQ(SitesOf(Write()), Names{});
  EXPECT_EQ(why_, NoChoice::kSessionRejected);
}

TEST_F(RecoveryTest, AWalkUnderWayFollowsTheActiveSite) {
  Direct(Admission::kRoute, "atlanta", 1);
  Walk walk;
  walk.Start(world_.table(), Write());
  Choice choice;
  ASSERT_TRUE(walk.Next(choice));
  EXPECT_EQ(world_.SiteName(choice.site), "atlanta");
  Direct(Admission::kRoute, "dallas", 2);
  ASSERT_TRUE(walk.Next(choice));
  EXPECT_EQ(world_.SiteName(choice.site), "dallas");
  EXPECT_EQ(choice.reason, Reason::kFailover);
  EXPECT_EQ(choice.epoch, 2u);
  Direct(Admission::kHold, "dallas", 2);
  EXPECT_FALSE(walk.Next(choice));
  EXPECT_EQ(walk.why(), NoChoice::kHeld);
}

TEST_F(RecoveryTest, AHeldWalkGoesOnWhenItIsResumed) {
  Direct(Admission::kHold, "atlanta", 1);
  Walk walk;
  walk.Start(world_.table(), Write());
  Choice choice;
  EXPECT_FALSE(walk.Next(choice));
  walk.Resume();
  EXPECT_FALSE(walk.Next(choice));
  EXPECT_EQ(walk.why(), NoChoice::kHeld);
  Direct(Admission::kRoute, "dallas", 2);
  EXPECT_FALSE(walk.Next(choice)) << "not before it is resumed";
  walk.Resume();
  ASSERT_TRUE(walk.Next(choice));
  EXPECT_EQ(world_.SiteName(choice.site), "dallas");
  EXPECT_EQ(choice.epoch, 2u);
}

TEST_F(RecoveryTest, AChoiceIsCurrentAsLongAsItCouldBeGivenAgain) {
  Direct(Admission::kRoute, "atlanta", 1);
  Walk walk;
  walk.Start(world_.table(), Write());
  Choice choice;
  ASSERT_TRUE(walk.Next(choice));
  EXPECT_TRUE(walk.IsCurrent(choice));
  Direct(Admission::kHold, "atlanta", 1);
  EXPECT_FALSE(walk.IsCurrent(choice));
  Direct(Admission::kRoute, "atlanta", 2);
  EXPECT_FALSE(walk.IsCurrent(choice));
  Direct(Admission::kRoute, "dallas", 1);
  EXPECT_FALSE(walk.IsCurrent(choice));
}

TEST_F(RecoveryTest, WhatIsEstablishedStaysUntilAnotherSiteIsActive) {
  recovery().reads = topology::Reads::kNearest;
  const Table& table = world_.Build();
  const SiteId atlanta = table.FindSite("atlanta");
  for (const Admission admission : {Admission::kRoute, Admission::kHold, Admission::kRefuse}) {
    Direct(admission, "atlanta", 1);
    EXPECT_TRUE(table.Keeps(world_.service(), atlanta, false));
  }
  Direct(Admission::kRoute, "dallas", 2);
  EXPECT_FALSE(table.Keeps(world_.service(), atlanta, false));
  EXPECT_FALSE(table.Keeps(world_.service(), atlanta, true));
  LetRead({"atlanta"});
  EXPECT_FALSE(table.Keeps(world_.service(), atlanta, false));
  EXPECT_TRUE(table.Keeps(world_.service(), atlanta, true));
}

TEST_F(RecoveryTest, AStrictFenceHoldsAlsoAgainstTheActiveSite) {
  topology::Rule rule;
  rule.match.country = {"US"};
  rule.sites = {"san-jose"};
  for (const bool strict : {true, false}) {
    rule.strict = strict;
    world_.web().rules = {rule};
    world_.Build();
    Direct(Admission::kRoute, "atlanta", 1);
    EXPECT_EQ(SitesOf(Write()), strict ? Names{} : Names{"atlanta"});
    EXPECT_EQ(why_, strict ? NoChoice::kNoSites : NoChoice::kExhausted);
  }
}

TEST_F(RecoveryTest, IntentAndWeightHoldForTheActiveSite) {
  Direct(Admission::kRoute, "atlanta", 1);
  world_.SetIntent("atlanta", Intent::kDrain);
  EXPECT_EQ(SitesOf(Write()), Names{});
  EXPECT_EQ(why_, NoChoice::kAllDown);
  world_.SetIntent("atlanta", Intent::kOut);
  EXPECT_EQ(SitesOf(Write()), Names{});
  world_.SetIntent("atlanta", Intent::kServe);
  EXPECT_EQ(SitesOf(Write()), Names{"atlanta"});
  world_.topology.sites[0].weight = 0;
  world_.Build();
  EXPECT_EQ(SitesOf(Write()), Names{});
}

TEST_F(RecoveryTest, AtItsCapacityTheActiveSiteSpillsToNoOther) {
  world_.topology.sites[0].capacity = 5;
  world_.Build();
  Direct(Admission::kRoute, "atlanta", 1);
  world_.SetSessions("atlanta", 5);
  EXPECT_EQ(SitesOf(Write()), Names{});
  EXPECT_EQ(why_, NoChoice::kAtCapacity);
}

TEST_F(RecoveryTest, ADirectionOutlivesAReloadThatRenumbersSites) {
  Direct(Admission::kRoute, "dallas", 4);
  world_.AddSite("aachen", 50.8, 6.1);
  std::rotate(world_.topology.sites.begin(), world_.topology.sites.end() - 1,
              world_.topology.sites.end());
  recovery().standby.push_back("aachen");
  world_.Build();
  EXPECT_EQ(SitesOf(Write()), Names{"dallas"});
  recovery().standby = {"san-jose"};
  world_.Build();
  EXPECT_EQ(SitesOf(Write()), Names{}) << "neither primary nor standby any more";
}

TEST_F(RecoveryTest, ExplainTellsTheModesVerdict) {
  world_.AddSite("tokyo", 35.7, 139.7);
  recovery().reads = topology::Reads::kNearest;
  world_.Build();
  Direct(Admission::kRoute, "dallas", 7);
  LetRead({"dallas", "san-jose"});
  const auto verdicts = [&](const Query& query) {
    std::map<std::string, std::string> out;
    for (const SiteVerdict& verdict : Explain(world_.table(), query, world_.wall).sites) {
      out[verdict.name] = verdict.verdict;
    }
    return out;
  };
  auto seen = verdicts(Write());
  EXPECT_TRUE(seen["dallas"].starts_with("chosen: active, epoch 7, endpoint ")) << seen["dallas"];
  EXPECT_EQ(seen["atlanta"], "primary: dallas is active");
  EXPECT_EQ(seen["san-jose"], "standby: dallas is active, takes reads");
  EXPECT_EQ(seen["tokyo"], "never active: neither primary nor standby");
  seen = verdicts(Read());
  EXPECT_TRUE(seen["san-jose"].starts_with("chosen: nearest, epoch 7, endpoint "));
  EXPECT_EQ(seen["dallas"], "next: if san-jose fails");
  const Explanation held = [&] {
    Direct(Admission::kHold, "dallas", 7, "a planned switch is under way");
    return Explain(world_.table(), Write(), world_.wall);
  }();
  EXPECT_EQ(held.why, NoChoice::kHeld);
  EXPECT_EQ(held.mode, "disaster-recovery");
  for (const SiteVerdict& verdict : held.sites) {
    EXPECT_EQ(verdict.dropped_by, Step::kMode);
    EXPECT_EQ(verdict.verdict, verdict.name == "tokyo" ? "never active: neither primary nor standby"
                                                       : "held: a planned switch is under way");
  }
}

TEST_F(RecoveryTest, ExplainChoosesWhatIsRoutedForRandomInputs) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    net::Xoshiro random(seed);
    recovery().reads = static_cast<topology::Reads>(random.Next() % 2);
    auto& web = world_.web();
    web.session.by = static_cast<topology::SessionBy>(random.Next() % 4);
    web.session.on_failure = static_cast<topology::OnFailure>(random.Next() % 2);
    web.panic = static_cast<Panic>(random.Next() % 2);
    world_.Build();
    for (const Endpoint& endpoint : world_.table().endpoints()) {
      world_.SetUp(endpoint, random.Next() % 3 != 0);
    }
    const std::string active = world_.SiteName(SiteId{static_cast<uint32_t>(random.Next() % 3)});
    Direct(static_cast<Admission>(random.Next() % 3), active, seed);
    LetRead(random.Next() % 2 ? Names{"dallas", "san-jose"} : Names{});
    Query query = Write();
    const std::string cookie = CookieFor("dallas");
    query.is_read = random.Next() % 2;
    query.session_key = random.Next() % 2 ? std::string_view(cookie) : std::string_view();
    query.draw = random.Next();
    const Explanation explanation = Explain(world_.table(), query, world_.wall);
    Walk walk;
    walk.Start(world_.table(), query);
    Choice choice;
    const bool routed = walk.Next(choice);
    ASSERT_EQ(explanation.choice.has_value(), routed) << "seed " << seed;
    EXPECT_EQ(explanation.why, walk.why()) << "seed " << seed;
    EXPECT_EQ(explanation.sites.size(), 3u) << "seed " << seed;
    if (!routed) continue;
    EXPECT_EQ(explanation.choice->endpoint, choice.endpoint) << "seed " << seed;
    EXPECT_TRUE(query.is_read || world_.SiteName(choice.site) == active) << "seed " << seed;
  }
}

}  // namespace
}  // namespace meridian::routing
