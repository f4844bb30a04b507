// A session pinned to a site went to an endpoint of weight 0 there, new to it, when those with a
// weight had failed. Zero means zero; only a site that is phased out as a whole keeps its sessions.
#include "unit/routing/world.h"

#include <gtest/gtest.h>

namespace meridian::routing {
namespace {

class SiteSession : public testing::Test {
 protected:
  void SetUp() override {
    world_.AddSite("atlanta", 33.7, -84.4, 2);
    world_.AddSite("dallas", 32.8, -96.8, 2);
    world_.web().session.by = topology::SessionBy::kCookie;
    world_.web().session.scope = topology::SessionScope::kSite;
    Weigh(0, 1, 0);
    cookie_.resize(kCookieBytes);
    world_.Build();
    cookie_.resize(
        MakeCookie(world_.table(), world_.service(), EndpointId{0}, world_.wall, cookie_.data()));
  }
  void Weigh(size_t site, uint32_t first, uint32_t second) {
    world_.topology.sites[site].services["web"][0].weight = first;
    world_.topology.sites[site].services["web"][1].weight = second;
  }
  std::vector<Choice> All() {
    return AllChoices(world_.table(), world_.QueryOf(net::IpAddress::V4(1), 1, cookie_));
  }

  World world_;
  std::string cookie_;
};

TEST_F(SiteSession, LeavesItsSiteRatherThanTakingAnEndpointWithoutWeight) {
  world_.SetUp(world_.table().endpoint(EndpointId{0}), false);
  EXPECT_EQ(world_.SiteName(All().at(0).site), "dallas");
  for (const Choice& choice : All()) EXPECT_NE(choice.endpoint, EndpointId{1});
}

TEST_F(SiteSession, StaysWhereNoEndpointHasAWeightAnyMore) {
  Weigh(0, 0, 0);
  world_.Build();
  EXPECT_EQ(world_.SiteName(All().at(0).site), "atlanta");
}

TEST_F(SiteSession, StaysWithADrainingEndpointBeforeOneWithoutWeight) {
  world_.SetIntent("atlanta", health::Intent::kDrain, world_.wall + std::chrono::minutes(1));
  EXPECT_EQ(All().at(0).endpoint, EndpointId{0});
  EXPECT_EQ(world_.SiteName(All().at(1).site), "dallas");
}

}  // namespace
}  // namespace meridian::routing
