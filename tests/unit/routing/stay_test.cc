// Sessions without a cookie that stay where they moved to (on_recovery: stay): what keeps them
// there, what moves them again, what is written and what is not.
#include "testing/allocations.h"
#include "unit/routing/world.h"

#include <gtest/gtest.h>
#include <meridian/routing/explain.h>

namespace meridian::routing {
namespace {

using health::Intent;
using topology::OnFailure;
using topology::OnRecovery;
using topology::SessionBy;
using topology::SessionScope;

class Stay : public testing::TestWithParam<SessionBy> {
 protected:
  struct Got {
    std::string site, endpoint;
    Reason reason{};
    Pin pin{};
    NoChoice why{};

    bool operator==(const Got&) const = default;
  };

  Stay() {
    world_.moved_sessions = std::make_shared<MovedSessions>(64);
    world_.AddSite("a", 0, 0, 3);
    world_.AddSite("b", 0, 30, 3);
    world_.AddSite("c", 0, 60, 3);
    client_ = world_.AddClient(0, -10);
    world_.web().session.by = GetParam();
    world_.web().session.on_recovery = OnRecovery::kStay;
    world_.Build();
    home_ = Use();
    EXPECT_EQ(home_.pin, Pin::kKept);
  }
  // A session's next connection: decides, and takes the first endpoint it is given.
  Got Use() {
    Walk walk;
    walk.Start(world_.table(), Asked());
    Choice choice;
    Got got;
    if (walk.Next(choice)) {
      walk.Settle(choice);
      got = {SiteOf(choice), world_.table().endpoint(choice.endpoint).address_text, choice.reason};
    }
    got.pin = walk.pin();
    got.why = walk.why();
    return got;
  }
  Query Asked() const {
    return world_.QueryOf(client_, 1, GetParam() == SessionBy::kSource ? "" : "user-1");
  }
  std::string SiteOf(const Choice& choice) const { return world_.SiteName(choice.site); }
  const Endpoint& EndpointOf(const Got& got) const {
    for (const Endpoint& endpoint : world_.table().endpoints()) {
      if (endpoint.address_text == got.endpoint) return endpoint;
    }
    MERIDIAN_CHECK(false);
  }
  topology::Site& SiteNamed(const std::string& name) {
    return *std::find_if(world_.topology.sites.begin(), world_.topology.sites.end(),
                         [&](const auto& site) { return site.name == name; });
  }
  // Away from home, which is back.
  Got MoveAway() {
    world_.SetSiteUp(home_.site, false);
    const Got away = Use();
    EXPECT_NE(away.site, home_.site);
    EXPECT_EQ(away.pin, Pin::kMoved);
    world_.SetSiteUp(home_.site, true);
    return away;
  }
  uint64_t entries() const { return world_.moved_sessions->entries(); }

  World world_;
  net::IpAddress client_;
  Got home_;
};

TEST_P(Stay, ASessionThatMovedIsFoundWhereItMovedTo) {
  const Got away = MoveAway();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Use(), (Got{away.site, away.endpoint, Reason::kSession, Pin::kKept}));
  }
  world_.Build();
  EXPECT_EQ(Use().endpoint, away.endpoint) << "after a reload";
  EXPECT_EQ(entries(), 1u);
}

TEST_P(Stay, WithoutItASessionReturns) {
  world_.web().session.on_recovery = OnRecovery::kReturn;
  world_.Build();
  MoveAway();
  EXPECT_EQ(Use().endpoint, home_.endpoint);
  EXPECT_EQ(entries(), 0u);
}

TEST_P(Stay, NothingIsWrittenUnlessASessionMoves) {
  for (int i = 0; i < 3; ++i) Use();
  EXPECT_EQ(entries(), 0u);
  world_.SetSiteUp(home_.site, false);
  Explain(world_.table(), Asked(), world_.wall);
  EXPECT_EQ(entries(), 0u) << "to explain is not to move";
  Walk walk;
  walk.Start(world_.table(), Asked());
  Choice choice;
  ASSERT_TRUE(walk.Next(choice));
  EXPECT_EQ(entries(), 0u) << "nor is to be given an endpoint";
  walk.Settle(choice);
  EXPECT_EQ(entries(), 1u);
}

TEST_P(Stay, ARaceThatHomeWinsMovesNothing) {
  Walk walk;
  walk.Start(world_.table(), Asked());
  Choice first, second;
  ASSERT_TRUE(walk.Next(first) && walk.Next(second));
  EXPECT_FALSE(first.moved);
  EXPECT_TRUE(second.moved);
  walk.Settle(first);
  EXPECT_EQ(entries(), 0u);
  EXPECT_EQ(Use().endpoint, home_.endpoint);
}

TEST_P(Stay, ItsPlaceFailingMovesItWithinTheSiteFirst) {
  const Got away = MoveAway();
  world_.SetUp(EndpointOf(away), false);
  const Got next = Use();
  EXPECT_EQ(next.site, away.site);
  EXPECT_NE(next.endpoint, away.endpoint);
  EXPECT_EQ(next.pin, Pin::kMoved);
  world_.SetUp(EndpointOf(away), true);
  EXPECT_EQ(Use().endpoint, next.endpoint);
  world_.SetSiteUp(away.site, false);
  const Got back = Use();
  EXPECT_NE(back.site, away.site);
  EXPECT_EQ(back.pin, Pin::kMoved);
  world_.SetSiteUp(away.site, true);
  EXPECT_EQ(Use().endpoint, back.endpoint);
}

TEST_P(Stay, ItsPlaceFailingRejectsItIfThePolicySaysSo) {
  const Got away = MoveAway();
  world_.web().session.on_failure = OnFailure::kReject;
  world_.Build();
  EXPECT_EQ(Use().endpoint, away.endpoint);
  world_.SetUp(EndpointOf(away), false);
  EXPECT_EQ(Use().why, NoChoice::kSessionRejected);
  world_.SetUp(EndpointOf(away), true);
  EXPECT_EQ(Use().endpoint, away.endpoint);
}

TEST_P(Stay, ADrainIsWaitedForUntilItsDeadline) {
  const Got away = MoveAway();
  world_.SetIntent(away.site, Intent::kDrain, world_.wall + std::chrono::minutes(5));
  EXPECT_EQ(Use().endpoint, away.endpoint);
  world_.wall += std::chrono::minutes(5);
  EXPECT_NE(Use().site, away.site);
}

TEST_P(Stay, APlaceThatIsConfiguredNoMoreIsLeft) {
  const Got away = MoveAway();
  auto& pool = SiteNamed(away.site).services["web"];
  std::erase_if(pool, [&](const auto& endpoint) { return endpoint.address == away.endpoint; });
  world_.Build();
  const Got next = Use();
  EXPECT_EQ(next.site, away.site);
  EXPECT_NE(next.endpoint, away.endpoint);
  EXPECT_EQ(next.pin, Pin::kMoved);
  SiteNamed(away.site).services.clear();
  world_.Build();
  EXPECT_NE(Use().site, away.site);
}

TEST_P(Stay, LastsAsLongAsACookieWould) {
  const Got away = MoveAway();
  world_.wall += world_.web().session.ttl;
  EXPECT_EQ(Use().endpoint, away.endpoint);
  world_.wall += std::chrono::seconds(1);
  EXPECT_EQ(Use().endpoint, home_.endpoint);
}

TEST_P(Stay, AStrictFenceIsNotLeftForIt) {
  const Got away = MoveAway();
  topology::Rule rule;
  rule.match.country = {"US"};
  rule.sites = {home_.site};
  rule.strict = true;
  world_.web().rules = {rule};
  world_.Build();
  EXPECT_EQ(Use().site, home_.site);
  world_.SetSiteUp(home_.site, false);
  EXPECT_EQ(Use().site, "");
}

TEST_P(Stay, WithScopeSiteAnyEndpointOfItWillDo) {
  world_.web().session.scope = SessionScope::kSite;
  world_.Build();
  const Got away = MoveAway();
  world_.SetUp(EndpointOf(away), false);
  const Got other = Use();
  EXPECT_EQ(other.site, away.site);
  EXPECT_EQ(other.pin, Pin::kKept);
  world_.SetSiteUp(away.site, false);
  EXPECT_NE(Use().site, away.site);
}

TEST_P(Stay, ExplainSaysThatItStays) {
  const Got away = MoveAway();
  const Explanation explanation = Explain(world_.table(), Asked(), world_.wall);
  ASSERT_TRUE(explanation.choice.has_value());
  EXPECT_EQ(explanation.endpoint, away.endpoint);
  const auto chosen = std::find_if(explanation.sites.begin(), explanation.sites.end(),
                                   [](const SiteVerdict& site) { return site.chosen; });
  ASSERT_NE(chosen, explanation.sites.end());
  EXPECT_EQ(chosen->verdict, "chosen: session, endpoint " + away.endpoint + " (where it moved to)");
}

TEST_P(Stay, AllocatesNothing) {
  MoveAway();
  const fakes::Allocations allocations;
  for (int i = 0; i < 10; ++i) {
    Walk walk;
    walk.Start(world_.table(), Asked());
    Choice choice;
    walk.Next(choice);
    walk.Next(choice);
    walk.Settle(choice);
  }
  EXPECT_EQ(allocations.count(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Keys, Stay,
                         testing::Values(SessionBy::kSource, SessionBy::kHeader, SessionBy::kQuery,
                                         SessionBy::kSni),
                         [](const auto& by) { return std::string(topology::Name(by.param)); });

}  // namespace
}  // namespace meridian::routing
