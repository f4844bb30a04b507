// UDP and disaster recovery: what a switch holds goes on to the site that is active then, and no
// session stays at one that is not.
#include <gtest/gtest.h>

#include "testing/udp_peers.h"

namespace meridian::fakes {
namespace {

using health::Admission;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view kYaml = R"(
regions:
  south:
    sites:
      atlanta: {latitude: 33, longitude: -84, services: {sip: ["10.1.0.1:5060"]}}
      dallas: {latitude: 32, longitude: -96, services: {sip: ["10.2.0.1:5060"]}}
services:
  sip:
    mode: disaster-recovery
    primary: atlanta
    standby: dallas
    failover: {automatic: false}
listeners:
  sip: {bind: "10.0.0.1:5060", protocol: udp, service: sip}
)";

struct UdpRecovery : testing::Test {
  void Direct(Admission admission, const std::string& site, uint64_t epoch, Duration hold = {}) {
    world.registry.Service("sip").Publish({admission, world.registry.Site(site).ordinal, epoch},
                                          "a test", world.net.Now() + hold);
    world.workers[0]->HealthChanged();
  }
  void TearDown() override {
    world.workers.clear();
    world.net.RunFor(milliseconds(10));
  }
  double Failures(const std::string& reason) {
    return MetricMap(world.metrics)["meridian_failures_total{listener=sip,reason=" + reason + "}"];
  }

  World world{kYaml};
  UdpServer atlanta{world.net, "10.1.0.1:5060", "atlanta"};
  UdpServer dallas{world.net, "10.2.0.1:5060", "dallas"};
  UdpClient client{world.net, "192.0.2.1", "10.0.0.1:5060"};
};

TEST_F(UdpRecovery, WhatIsHeldGoesToTheNewSite) {
  Direct(Admission::kHold, "atlanta", 1, seconds(5));
  EXPECT_EQ(client.Ask("one"), "");
  EXPECT_EQ(client.Ask("again"), "");  // the last of it is kept
  Direct(Admission::kRoute, "dallas", 2);
  world.net.RunFor(milliseconds(20));
  EXPECT_EQ(client.received, std::vector<std::string>{"dallas:again"});
}

TEST_F(UdpRecovery, AHoldThatDoesNotEndEndsTheSession) {
  Direct(Admission::kHold, "atlanta", 1, seconds(5));
  client.Ask("one");
  EXPECT_EQ(world.workers[0]->clients(), 1u);
  world.net.RunFor(seconds(6));
  EXPECT_EQ(world.workers[0]->clients(), 0u);
  EXPECT_EQ(Failures("switching"), 1);
}

TEST_F(UdpRecovery, NoSessionStaysAtASiteThatIsNotActive) {
  Direct(Admission::kRoute, "atlanta", 1);
  EXPECT_EQ(client.Ask("one"), "atlanta:one");
  atlanta.silent = true;
  client.Ask("unanswered");
  Direct(Admission::kRoute, "dallas", 2);
  world.net.RunFor(milliseconds(20));
  EXPECT_EQ(client.received, std::vector<std::string>{"dallas:unanswered"});
  world.workers[0]->LeaveSite("sip", "dallas");
  EXPECT_EQ(world.workers[0]->clients(), 0u);  // nothing was unanswered
  EXPECT_EQ(client.Ask("two"), "dallas:two");
}

TEST_F(UdpRecovery, UnsureOfTheActiveSiteNothingIsSent) {
  Direct(Admission::kRefuse, "atlanta", 1);
  EXPECT_EQ(client.Ask("one"), "");
  EXPECT_EQ(Failures("no-active-site"), 1);
  EXPECT_TRUE(atlanta.received.empty() && dallas.received.empty());
}

TEST_F(UdpRecovery, ADrainDoesNotWaitForWhatIsHeld) {
  Direct(Admission::kHold, "atlanta", 1, seconds(60));
  client.Ask("one");
  bool drained = false;
  world.workers[0]->Drain([&drained] { drained = true; });
  world.net.RunFor(milliseconds(20));
  EXPECT_TRUE(drained);
}

}  // namespace
}  // namespace meridian::fakes
