// The numbers that `check` prints, worked out by hand from the formulas' definition.
#include "app/worst_case.h"

#include <gtest/gtest.h>

namespace meridian::app {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

topology::Topology TwoSites(size_t endpoints) {
  topology::Topology topology;
  for (const char* name : {"atlanta", "dallas"}) {
    topology::Site site;
    site.name = name;
    site.services["web"].resize(endpoints);
    topology.sites.push_back(site);
  }
  topology::HealthCheck check;
  check.name = "ready";
  check.interval = seconds(2);
  check.fast_interval = milliseconds(500);
  check.timeout = seconds(1);
  check.fall = 3;
  topology.health_checks.push_back(check);
  return topology;
}

topology::Service Web() {
  topology::Service service;
  service.name = "web";
  service.health_check = "ready";
  return service;
}

TEST(WorstCase, RefusedIsFoundByChecksAfterIntervalAndFastIntervals) {
  const WorstCase worst = ComputeWorstCase(TwoSites(2), Web());
  EXPECT_EQ(worst.checks_refused, milliseconds(2200 + 2 * 550));
}

TEST(WorstCase, SilenceIsFoundByChecksOnlyWhenEachHasTimedOut) {
  const WorstCase worst = ComputeWorstCase(TwoSites(2), Web());
  EXPECT_EQ(worst.checks_silent, milliseconds(2200 + 2 * 1000 + 1000));
}

TEST(WorstCase, OneFailureSufficesWithAFallOfOne) {
  topology::Topology topology = TwoSites(2);
  topology.health_checks[0].fall = 1;
  const WorstCase worst = ComputeWorstCase(topology, Web());
  EXPECT_EQ(worst.checks_refused, milliseconds(2200));
  EXPECT_EQ(worst.checks_silent, milliseconds(3200));
}

TEST(WorstCase, ClientPaysOneRacePerEndpointOfTheDeadSite) {
  const WorstCase worst = ComputeWorstCase(TwoSites(2), Web());
  EXPECT_EQ(worst.client_refused, Duration(0));
  EXPECT_EQ(worst.client_silent, milliseconds(1000));
  EXPECT_EQ(worst.sites, 2u);
  EXPECT_EQ(worst.endpoints, 2u);
}

TEST(WorstCase, RaceAfterOfTheConfigurationReplacesTheBound) {
  topology::Service service = Web();
  service.timeouts.race_after = milliseconds(80);
  EXPECT_EQ(ComputeWorstCase(TwoSites(3), service).client_silent, milliseconds(240));
}

TEST(WorstCase, MoreThanFourEndpointsWaitForConnectTimeouts) {
  EXPECT_EQ(ComputeWorstCase(TwoSites(4), Web()).client_silent, seconds(2));
  EXPECT_EQ(ComputeWorstCase(TwoSites(6), Web()).client_silent, seconds(3));
}

TEST(WorstCase, HasNoDetectionByChecksWithoutChecks) {
  topology::Service service = Web();
  service.health_check.clear();
  const WorstCase worst = ComputeWorstCase(TwoSites(2), service);
  EXPECT_FALSE(worst.checks_refused.has_value());
  EXPECT_FALSE(worst.checks_silent.has_value());
}

TEST(FormatSeconds, IsShortAndExact) {
  EXPECT_EQ(FormatSeconds(Duration(0)), "0 s");
  EXPECT_EQ(FormatSeconds(milliseconds(250)), "250 ms");
  EXPECT_EQ(FormatSeconds(milliseconds(1500)), "1.5 s");
  EXPECT_EQ(FormatSeconds(seconds(2)), "2 s");
  EXPECT_EQ(FormatSeconds(milliseconds(5205)), "5.205 s");
}

TEST(WorstCase, AFailoverWaitsForChecksThenForAFreshStatusOrItsTime) {
  topology::Topology topology = TwoSites(1);
  topology::Service service = Web();
  service.mode = topology::Mode::kDisasterRecovery;
  topology::DisasterRecovery& recovery = service.disaster_recovery.emplace();
  recovery.primary = "atlanta";
  recovery.standby = {"dallas"};
  EXPECT_FALSE(ComputeWorstCase(topology, service).failover_silent) << "no lag is ever known";
  recovery.check.emplace();
  WorstCase worst = ComputeWorstCase(topology, service);
  EXPECT_EQ(worst.failover_refused, milliseconds(2200 + 2 * 550 + 5000 + 200));
  EXPECT_EQ(worst.failover_silent, milliseconds(2200 + 2 * 1000 + 1000 + 5000 + 200));
  recovery.after = seconds(1);
  worst = ComputeWorstCase(topology, service);
  EXPECT_EQ(worst.failover_refused, milliseconds(2200 + 2 * 550 + 1500 + 200));
  recovery.standby.push_back("reno");  // of two the fresher is wanted, so both are waited for
  worst = ComputeWorstCase(topology, service);
  EXPECT_EQ(worst.failover_refused, milliseconds(2200 + 2 * 550 + 3000 + 200));
  recovery.automatic = false;
  EXPECT_FALSE(ComputeWorstCase(topology, service).failover_silent);
}

TEST(WorstCase, OnlySitesThatMayBeActiveCount) {
  topology::Topology topology = TwoSites(1);
  topology.sites.push_back(topology.sites[0]);
  topology.sites.back().name = "tokyo";
  topology.sites.back().services["web"].resize(9);
  topology::Service service = Web();
  service.disaster_recovery.emplace().primary = "atlanta";
  service.disaster_recovery->standby = {"dallas"};
  const WorstCase worst = ComputeWorstCase(topology, service);
  EXPECT_EQ(worst.sites, 2u);
  EXPECT_EQ(worst.endpoints, 1u);
}

}  // namespace
}  // namespace meridian::app
