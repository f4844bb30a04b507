// From a snapshot to checks, and the calls from outside.
#include <gtest/gtest.h>
#include <meridian/config/load.h>
#include <meridian/probe/prober.h>

#include "backend.h"

namespace meridian::probe {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kYaml = R"(
health_checks:
  port: {type: tcp, port: 9000}
  own: {type: tcp}
  off: {type: none}
regions:
  south:
    sites:
      dallas:
        latitude: 32.78
        longitude: -96.80
        services: {web: ["10.1.0.1:80"], api: ["10.1.0.1:80"], raw: ["10.1.0.2:80"], free: ["10.1.0.3:80"]}
services:
  web: {health_check: port}
  api: {health_check: port}
  raw: {health_check: own}
  free: {health_check: off}
listeners:
  a: {bind: "127.0.0.1:0", protocol: tcp, service: web}
)";

struct ProberTest : public ::testing::Test {
  snapshot::SnapshotPtr Compile(std::string_view yaml, uint64_t generation) {
    config::Loaded loaded = config::LoadText(yaml, "test.yaml");
    for (const auto& diagnostic : loaded.diagnostics) {
      EXPECT_NE(diagnostic.severity, config::Diagnostic::Severity::kError) << diagnostic.ToString();
    }
    return snapshot::Compile(std::move(*loaded.config), generation, registry, keys).snapshot;
  }
  const routing::Endpoint& Of(const snapshot::SnapshotPtr& snapshot, std::string_view service) {
    const routing::Table& table = *snapshot->table;
    return table.Pool(table.FindService(service), SiteId{0})[0];
  }

  fakes::MemoryNet net;
  fakes::MemoryLoop& loop = net.AddLoop(net::IpAddress::V4(0x0a090001));
  Middle middle;
  health::Registry registry;
  snapshot::Keys keys;
};

TEST_F(ProberTest, ChecksWhatTheSnapshotNamesAtThePortOfTheCheck) {
  Backend checked(net, "10.1.0.1:9000"), own(net, "10.1.0.2:80"), free(net, "10.1.0.3:80");
  Prober prober(loop, middle, registry);
  const snapshot::SnapshotPtr snapshot = Compile(kYaml, 1);
  prober.Update(snapshot);
  net.RunFor(milliseconds(1000));
  EXPECT_EQ(checked.accepted, 1u);  // web and api share it
  EXPECT_EQ(own.accepted, 1u);
  EXPECT_EQ(free.accepted, 0u);
  EXPECT_EQ(Of(snapshot, "web").health->state(), health::State::kUp);
  EXPECT_EQ(Of(snapshot, "raw").health->state(), health::State::kUp);
  EXPECT_EQ(Of(snapshot, "free").health->facts().probe, health::Probe::kNotChecked);
}

TEST_F(ProberTest, KeepsGoingOverAReloadAfterTheOldSnapshotIsGone) {
  Backend checked(net, "10.1.0.1:9000"), own(net, "10.1.0.2:80");
  Prober prober(loop, middle, registry);
  prober.Update(Compile(kYaml, 1));
  net.RunFor(milliseconds(600));
  prober.Update(Compile(kYaml, 2));
  net.RunFor(milliseconds(2000));
  EXPECT_EQ(checked.accepted, 2u);  // at 500 and 2500
}

TEST_F(ProberTest, RechecksArePostedOnceForAllOfABatch) {
  Backend checked(net, "10.1.0.1:9000"), own(net, "10.1.0.2:80");
  Prober prober(loop, middle, registry);
  registry.OnSuspect([&](health::EndpointHealth& endpoint) { prober.Recheck(endpoint); });
  const snapshot::SnapshotPtr snapshot = Compile(kYaml, 1);
  prober.Update(snapshot);
  net.RunFor(milliseconds(1000));
  health::EndpointHealth& endpoint = *Of(snapshot, "web").health;
  const health::EndpointHealth* const peers[] = {&endpoint};
  registry.Report(endpoint, health::Outcome::kConnectFailed, {}, peers, 1, loop.Now());
  for (int i = 0; i < 100; ++i) prober.Recheck(endpoint);
  EXPECT_EQ(endpoint.state(), health::State::kDown);
  net.RunFor(milliseconds(30));
  EXPECT_EQ(endpoint.state(), health::State::kUp);
  EXPECT_EQ(checked.accepted, 2u);
}

TEST_F(ProberTest, SweepLetsASuspicionRunOut) {
  Prober prober(loop, middle, registry);
  const snapshot::SnapshotPtr snapshot = Compile(kYaml, 1);
  prober.Update(snapshot);
  health::EndpointHealth& endpoint = *Of(snapshot, "free").health;
  const health::EndpointHealth* const peers[] = {&endpoint};
  topology::Outliers policy;
  policy.eject_for = milliseconds(500);
  registry.Report(endpoint, health::Outcome::kConnectFailed, policy, peers, 1, loop.Now());
  EXPECT_EQ(endpoint.state(), health::State::kDown);
  net.RunFor(milliseconds(450));
  EXPECT_EQ(endpoint.state(), health::State::kDown);
  net.RunFor(milliseconds(250));
  EXPECT_EQ(endpoint.state(), health::State::kUp);
}

TEST_F(ProberTest, RecheckOnItsWayOutlivesTheProber) {
  const snapshot::SnapshotPtr snapshot = Compile(kYaml, 1);
  {
    Prober prober(loop, middle, registry);
    prober.Update(snapshot);
    prober.Recheck(*Of(snapshot, "web").health);
  }
  net.RunFor(milliseconds(100));
  EXPECT_EQ(net.open_streams(), 0u);
}

}  // namespace
}  // namespace meridian::probe
