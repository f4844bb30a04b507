// Replication checks from a snapshot to statuses, in virtual time.
#include <gtest/gtest.h>
#include <meridian/base/format.h>
#include <meridian/config/load.h>
#include <meridian/probe/prober.h>

#include "backend.h"

namespace meridian::probe {
namespace {

using failover::Role;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view kYaml = R"(
regions:
  south:
    sites:
      atlanta: {latitude: 33, longitude: -84, services: {db: ["10.1.0.1:80"]}}
      dallas: {latitude: 32, longitude: -96, services: {db: ["10.2.0.1:80", "10.2.0.2:80"]}}
services:
  db:
    mode: disaster-recovery
    primary: atlanta
    standby: dallas
    replication: {check: {port: 8008, path: /replication, interval: 1s, timeout: 300ms}}
listeners:
  a: {bind: "127.0.0.1:0", protocol: tcp, service: db}
)";

std::string Ok(std::string_view body, int status = 200) {
  return Format("HTTP/1.1 {} X\r\nContent-Length: {}\r\n\r\n{}", status, body.size(), body);
}

struct StatusScheduleTest : public ::testing::Test {
  StatusScheduleTest() {
    atlanta.response = Ok(R"({"role": "primary", "epoch": 1})");
    dallas.response = Ok(R"({"role": "standby", "lag_seconds": 2})");
    prober.OnStatus([this](const SiteStatus& status) { heard.push_back(status); });
  }
  snapshot::SnapshotPtr Compile(std::string_view yaml) {
    config::Loaded loaded = config::LoadText(yaml, "test.yaml");
    EXPECT_EQ(loaded.errors(), 0u);
    return snapshot::Compile(std::move(*loaded.config), ++generation, registry, keys).snapshot;
  }
  size_t Heard(std::string_view site) const {
    return static_cast<size_t>(std::count_if(
        heard.begin(), heard.end(), [&](const SiteStatus& status) { return status.site == site; }));
  }

  fakes::MemoryNet net;
  fakes::MemoryLoop& loop = net.AddLoop(net::IpAddress::V4(0x0a090001));
  Middle middle;
  health::Registry registry;
  snapshot::Keys keys;
  uint64_t generation = 0;
  Backend atlanta{net, "10.1.0.1:8008"}, dallas{net, "10.2.0.1:8008"}, second{net, "10.2.0.2:8008"};
  std::vector<SiteStatus> heard;
  Prober prober{loop, middle, registry};
};

TEST_F(StatusScheduleTest, EachSiteIsAskedEveryInterval) {
  prober.Update(Compile(kYaml));
  net.RunFor(milliseconds(3400));
  EXPECT_EQ(Heard("atlanta"), 3u);
  EXPECT_EQ(Heard("dallas"), 3u);
  EXPECT_TRUE(atlanta.last_request.starts_with("GET /replication HTTP/1.1\r\n"));
  EXPECT_EQ(atlanta.accepted, 1u) << "the connection is kept";
  EXPECT_EQ(second.requests, 0u);
  for (const SiteStatus& status : heard) {
    EXPECT_EQ(status.service, "db");
    EXPECT_EQ(status.status.role, status.site == "atlanta" ? Role::kPrimary : Role::kStandby);
  }
}

TEST_F(StatusScheduleTest, AStatusIsAsOldAsItsQuestion) {
  prober.Update(Compile(kYaml));
  net.RunUntil([&] { return !heard.empty(); }, seconds(2));
  ASSERT_FALSE(heard.empty());
  EXPECT_LT(heard[0].status.at, net.Now());
  EXPECT_NEAR(static_cast<double>(heard[0].status.at.time_since_epoch() / milliseconds(1)), 500, 8);
}

TEST_F(StatusScheduleTest, WhateverTheHttpStatusTheBodyCounts) {
  dallas.response = Ok(R"({"role": "standby", "lag_seconds": 2})", 503);
  dallas.piece = 3;
  prober.Update(Compile(kYaml));
  net.RunFor(seconds(1));
  EXPECT_EQ(Heard("dallas"), 1u);
}

TEST_F(StatusScheduleTest, WhatIsNotJsonOrTooLateTellsNothing) {
  atlanta.response = Ok("not json");
  dallas.response.clear();
  second.response.clear();
  prober.Update(Compile(kYaml));
  net.RunFor(seconds(4));
  EXPECT_TRUE(heard.empty());
  EXPECT_GE(atlanta.requests, 3u);
}

TEST_F(StatusScheduleTest, ASilentEndpointIsFollowedByTheSitesNext) {
  dallas.Close();
  second.response = Ok(R"({"role": "standby", "lag_seconds": 0})");
  prober.Update(Compile(kYaml));
  net.RunFor(milliseconds(3400));
  EXPECT_GE(Heard("dallas"), 2u);
  EXPECT_GE(second.requests, 2u);
}

TEST_F(StatusScheduleTest, AReloadKeepsWhatStaysAndStopsWhatGoes) {
  prober.Update(Compile(kYaml));
  net.RunFor(milliseconds(1400));
  std::string yaml(kYaml);
  prober.Update(Compile(yaml));
  net.RunFor(milliseconds(1000));
  EXPECT_EQ(atlanta.accepted, 1u);
  yaml.replace(yaml.find("    replication:"),
               yaml.find("listeners:") - yaml.find("    replication:"), "");
  prober.Update(Compile(yaml));
  heard.clear();
  net.RunFor(seconds(3));
  EXPECT_TRUE(heard.empty());
}

}  // namespace
}  // namespace meridian::probe
