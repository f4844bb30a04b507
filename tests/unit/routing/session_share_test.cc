// How many sessions move when an endpoint or a site comes or goes, for every key that is
// consistent-hashed: at most about one in N, and only those of what is lost.
#include "unit/routing/world.h"

#include <gtest/gtest.h>

namespace meridian::routing {
namespace {

using topology::SessionBy;

constexpr int kSessions = 3000;
// Of the sessions of other endpoints, by the Maglev table (its README).
constexpr double kDisruption = 0.025;

class SessionShare : public testing::TestWithParam<SessionBy> {
 protected:
  void Make(int sites, int endpoints) {
    for (int i = 0; i < sites; ++i) world_.AddSite(Format("site-{}", i), 0, 10 * i, endpoints);
    world_.web().session.by = GetParam();
    world_.Build();
  }
  // Where each session is.
  std::vector<std::string> Places() const {
    std::vector<std::string> places;
    for (int i = 0; i < kSessions; ++i) {
      const bool by_source = GetParam() == SessionBy::kSource;
      const auto client =
          net::IpAddress::V4(by_source ? 0x0b000000u + static_cast<uint32_t>(i) : 1);
      const std::string key = by_source ? "" : Format("user-{}", i);
      const auto choice = FirstChoice(world_.table(), world_.QueryOf(client, i + 1, key));
      places.push_back(choice ? world_.table().endpoint(choice->endpoint).address_text : "");
    }
    return places;
  }
  static int Moved(const std::vector<std::string>& before, const std::vector<std::string>& after) {
    int moved = 0;
    for (size_t i = 0; i < before.size(); ++i) moved += before[i] != after[i];
    return moved;
  }
  // One in `n`, as a count, with the table's disruption and the binomial's spread.
  static double Bound(double n) {
    const double share = 1 / n;
    return kSessions * (share + kDisruption) + 4.5 * std::sqrt(kSessions * share * (1 - share));
  }

  World world_;
};

TEST_P(SessionShare, LosingAnEndpointMovesOnlyItsOwn) {
  for (const int endpoints : {4, 10, 30}) {
    world_.topology.sites.clear();
    Make(1, endpoints);
    const auto before = Places();
    const Endpoint& lost = world_.table().endpoints()[static_cast<size_t>(endpoints) / 2];
    world_.SetUp(lost, false);
    const auto after = Places();
    for (size_t i = 0; i < before.size(); ++i) {
      EXPECT_EQ(before[i] == after[i], before[i] != lost.address_text) << before[i];
    }
    EXPECT_LE(Moved(before, after), Bound(endpoints));
    world_.SetUp(lost, true);
    EXPECT_EQ(Places(), before);
  }
}

TEST_P(SessionShare, AddingOrRemovingAnEndpointMovesAboutOneInN) {
  for (const int endpoints : {4, 10, 30}) {
    world_.topology.sites.clear();
    Make(1, endpoints);
    const auto before = Places();
    auto& pool = world_.topology.sites[0].services["web"];
    pool.push_back({"10.9.9.9:80", 1});
    world_.Build();
    EXPECT_LE(Moved(before, Places()), Bound(endpoints + 1)) << endpoints;
    EXPECT_GE(Moved(before, Places()), kSessions / (2 * endpoints));
    pool.pop_back();
    pool.erase(pool.begin() + endpoints / 2);
    world_.Build();
    EXPECT_LE(Moved(before, Places()), Bound(endpoints)) << endpoints;
  }
}

TEST_P(SessionShare, LosingASiteMovesOnlyItsOwn) {
  Make(5, 4);
  const auto before = Places();
  world_.SetSiteUp("site-2", false);
  const auto after = Places();
  for (size_t i = 0; i < before.size(); ++i) {
    EXPECT_EQ(before[i] == after[i], !before[i].starts_with("10.0.2.")) << before[i];
  }
  EXPECT_LE(Moved(before, after), Bound(5));
}

INSTANTIATE_TEST_SUITE_P(Keys, SessionShare,
                         testing::Values(SessionBy::kSource, SessionBy::kHeader, SessionBy::kQuery,
                                         SessionBy::kSni),
                         [](const auto& by) { return std::string(topology::Name(by.param)); });

}  // namespace
}  // namespace meridian::routing
