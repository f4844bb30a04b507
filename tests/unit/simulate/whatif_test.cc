// What-if: its answers are those of the live walk and of explain, on topologies from seeds.
#include "unit/simulate/playing.h"

#include <meridian/health/health.h>
#include <meridian/net/random.h>
#include <meridian/routing/explain.h>
#include <meridian/snapshot/snapshot.h>

namespace meridian::simulate {
namespace {

TEST(WhatIf, SessionsOfADeadRegionGoToTheNextSitesAndTheOthersStay) {
  const Answer answer =
      WhatIf(ConfigOf(kThreeSites), {.down = {"east"}, .sessions = uint64_t{100}});
  ASSERT_TRUE(answer.report);
  const WhatIfReport& report = *answer.report;
  EXPECT_TRUE(report.holds());
  EXPECT_EQ(report.population, "2 networks of geo.networks");
  ASSERT_EQ(report.sites.size(), 3u);
  EXPECT_EQ(report.sites[0].before, 50u);
  EXPECT_EQ(report.sites[0].after, 50u);
  EXPECT_EQ(report.sites[1].after, 50u);
  EXPECT_EQ(report.sites[2].state, "down");
  EXPECT_EQ(report.sites[2].after, 0u);
  EXPECT_GT(report.detected_after, std::chrono::seconds(3));
  EXPECT_LE(report.detected_after, std::chrono::milliseconds(5300));
  ASSERT_EQ(report.flows.size(), 2u);
}

TEST(WhatIf, TakesSixtyPercentOfTheCapacityUnlessTold) {
  const Answer answer = WhatIf(ConfigOf(kThreeSites), {});
  ASSERT_TRUE(answer.report);
  EXPECT_EQ(answer.report->sessions_before, 180u);
  EXPECT_EQ(answer.report->sessions_after, 180u);
}

TEST(WhatIf, SaysWhenTheRestCannotCarryTheLoad) {
  const Answer answer =
      WhatIf(ConfigOf(kThreeSites), {.down = {"west"}, .rate = 1.5, .sessions = uint64_t{100}});
  ASSERT_TRUE(answer.report);
  EXPECT_FALSE(answer.report->holds());
  ASSERT_EQ(answer.report->unserved.size(), 1u);
  EXPECT_EQ(answer.report->unserved[0].first, "every candidate is full");
  EXPECT_EQ(answer.report->unserved[0].second, 50u);
  EXPECT_EQ(answer.report->sessions_after, 150u);
  EXPECT_NE(Describe(*answer.report, false).find("NO SITE"), std::string::npos);
}

TEST(WhatIf, AStrictFenceLeavesItsClientsWithoutASite) {
  std::string yaml(kThreeSites);
  yaml.replace(
      yaml.find("{web: {health_check: ready}}"), 28,
      "{web: {health_check: ready, rules: [{match: {country: JP}, sites: c, strict: true}]}}");
  const Answer answer = WhatIf(ConfigOf(yaml), {.down = {"c"}, .sessions = uint64_t{100}});
  ASSERT_TRUE(answer.report);
  ASSERT_EQ(answer.report->unserved.size(), 1u);
  EXPECT_EQ(answer.report->unserved[0].second, 50u);
}

// A topology from a seed: sites anywhere, some with a capacity, clients anywhere.
std::string RandomConfig(net::Random& random) {
  const auto pick = [&](uint64_t below) { return random.Next() % below; };
  const auto place = [&] {
    return Format("latitude: {}, longitude: {}", static_cast<int>(pick(160)) - 80,
                  static_cast<int>(pick(360)) - 180);
  };
  std::string yaml = "geo:\n  networks:\n";
  for (uint64_t i = 0; i < 20; ++i) {
    yaml += Format("    10.{}.0.0/16: {{{}, country: {}}}\n", i, place(), pick(2) ? "FR" : "JP");
  }
  yaml += "    10.200.0.0/16: {country: DE}\n";  // of unknown coordinates
  yaml += "health_checks: {ready: {type: tcp}}\nregions:\n";
  const uint64_t regions = 2 + pick(3);
  for (uint64_t r = 0; r < regions; ++r) {
    yaml += Format("  r{}:\n    sites:\n", r);
    const uint64_t sites = 1 + pick(3);
    for (uint64_t s = 0; s < sites; ++s) {
      yaml += Format("      r{}s{}: {{{}, weight: {}, {}services: {{web: [", r, s, place(),
                     1 + pick(200), pick(2) ? Format("capacity: {}, ", 20 + pick(80)) : "");
      const uint64_t endpoints = 1 + pick(3);
      for (uint64_t e = 0; e < endpoints; ++e) {
        yaml += Format("{}\"10.{}.{}.{}:80\"", e ? ", " : "", 100 + r, s, e + 1);
      }
      yaml += "]}}\n";
    }
  }
  const char* const steerings[] = {"nearest", "weighted", "ordered"};
  yaml += Format("services: {{web: {{health_check: ready, steering: {}", steerings[pick(3)]);
  if (pick(2)) yaml += ", session: {by: source}";
  if (pick(3) == 0) {
    yaml += Format(", rules: [{{match: {{country: FR}}, sites: [r0s0, r1s0], strict: {}}}]",
                   pick(2) ? "true" : "false");
  }
  return yaml + "}}\nlisteners: {l: {bind: \"0.0.0.0:80\", service: web}}\n";
}

// The live side: a snapshot and a registry of their own, counted by hand.
class Live {
 public:
  explicit Live(const config::Config& config) {
    snapshot_ = snapshot::Compile(config, 1, registry_, keys_).snapshot;
    SetAll("", health::Probe::kUp);
  }
  void SetAll(std::string_view region, health::Probe verdict) {
    for (const routing::Endpoint& endpoint : table().endpoints()) {
      if (region.empty() || table().site(endpoint.site).region == region) {
        registry_.SetProbe(*endpoint.health, verdict, MonotonicTime(Duration(1)));
      }
    }
  }
  // Where it goes, or nothing; explain must say the same.
  std::string Decide(const net::IpAddress& client) {
    const routing::Query query{
        .service = table().FindService("web"), .client = client, .session_key = {}, .draw = 1};
    const auto explained = routing::Explain(table(), query, WallTime{});
    routing::Walk walk;
    walk.Start(table(), query);
    routing::Choice choice;
    const bool is_found = walk.Next(choice);
    EXPECT_EQ(explained.choice.has_value(), is_found);
    if (!is_found) return {};
    EXPECT_EQ(explained.choice->site, choice.site);
    return table().site(choice.site).name;
  }
  void Count(const std::string& site, int change) {
    if (!site.empty()) registry_.Site(site).sessions += static_cast<uint32_t>(change);
  }
  std::string RegionOf(const std::string& site) const {
    return site.empty() ? "" : table().site(table().FindSite(site)).region;
  }
  const routing::Table& table() const { return *snapshot_->table; }

 private:
  health::Registry registry_;
  snapshot::Keys keys_;
  snapshot::SnapshotPtr snapshot_;
};

TEST(WhatIf, SaysOfEachClientWhatExplainAndTheLiveWalkSay) {
  for (uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(Format("seed {}", seed));
    net::Xoshiro random(seed);
    const config::Config config = ConfigOf(RandomConfig(random));
    const double rate = random.Next() % 2 ? 1.0 : 1.4;
    const Answer answer =
        WhatIf(config, {.down = {"r0"}, .rate = rate, .sessions = 100 + random.Next() % 200});
    ASSERT_TRUE(answer.report);
    const std::vector<Placement>& placements = answer.report->placements;
    Live live(config);
    std::vector<std::string> at;
    for (const Placement& placement : placements) {
      if (at.size() == answer.report->sessions_before) break;
      at.push_back(live.Decide(placement.client));
      live.Count(at.back(), 1);
      EXPECT_EQ(at.back(), placement.before);
    }
    live.SetAll("r0", health::Probe::kDown);
    for (size_t i = 0; i < placements.size(); ++i) {
      if (i >= at.size()) at.emplace_back();
      if (at[i].empty() || live.RegionOf(at[i]) == "r0") {
        live.Count(at[i], -1);
        at[i] = live.Decide(placements[i].client);
        live.Count(at[i], 1);
      }
      EXPECT_EQ(at[i], placements[i].after) << placements[i].client.ToString();
    }
  }
}

TEST(WhatIf, CountsInPacksWhereThereAreVeryMany) {
  const Answer answer = WhatIf(ConfigOf(kThreeSites), {.sessions = uint64_t{1'000'000}});
  ASSERT_TRUE(answer.report);
  EXPECT_EQ(answer.report->placements.size(), 100'000u);
  EXPECT_EQ(answer.report->placements[0].sessions, 10u);
}

}  // namespace
}  // namespace meridian::simulate
