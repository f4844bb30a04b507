// Disaster recovery in the process: verdicts from the health view, directions to the workers,
// reloads. Virtual time; the records are real files in a folder of the test's own.
#include "app/recovery.h"

#include <gtest/gtest.h>
#include <meridian/config/load.h>
#include <meridian/snapshot/observe.h>
#include <testing/memory_net.h>

#include <filesystem>

namespace meridian::app {
namespace {

using failover::Role;
using failover::State;
using failover::Verdict;
using health::Admission;
using std::chrono::milliseconds;
using std::chrono::seconds;

std::string Yaml(const std::string& standby) {
  return R"(
health_checks: {port: {type: tcp}}
regions:
  south:
    sites:
      atlanta: {latitude: 33, longitude: -84, services: {db: ["10.1.0.1:80", "10.1.0.2:80"]}}
      dallas: {latitude: 32, longitude: -96, services: {db: ["10.2.0.1:80"]}}
      san-jose: {latitude: 37, longitude: -121, services: {db: ["10.3.0.1:80"]}}
services:
  db:
    mode: disaster-recovery
    primary: atlanta
    standby: )" +
         standby + R"(
    health_check: port
    reads: nearest
    replication: {check: {interval: 1s}}
    failover: {after: 1s}
listeners: {l: {bind: "10.0.0.1:80", service: db}}
)";
}

class RecoveryTest : public testing::Test {
 protected:
  RecoveryTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "meridian-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    Restart();
    Load("[dallas, san-jose]");
  }
  ~RecoveryTest() override {
    recovery_.reset();
    std::filesystem::remove_all(directory_);
  }
  void Restart() {
    recovery_ = std::make_unique<Recovery>(
        loop_, registry_,
        Recovery::Orders{
            .look = [this](std::function<void()> done) { looks_.push_back(done); },
            .leave = [this](const std::string&, const std::string& site) { left_.push_back(site); },
            .tell = [this](const admin::Event& event) { told_.push_back(event); }});
    recovery_->Open(directory_, metrics_);
  }
  tl::expected<void, std::string> Load(const std::string& standby) {
    config::Loaded loaded = config::LoadText(Yaml(standby), "test.yaml");
    EXPECT_EQ(loaded.errors(), 0u);
    const auto next =
        snapshot::Compile(std::move(*loaded.config), ++generation_, registry_, keys_).snapshot;
    auto adopted = recovery_->Adopt(next);
    if (!adopted) return adopted;
    snapshot_ = next;
    recovery_->Settle(next);
    return {};
  }
  void SetProbe(const std::string& site, health::Probe probe) {
    const routing::Table& table = *snapshot_->table;
    for (const auto& endpoint : table.Pool(table.FindService("db"), table.FindSite(site))) {
      registry_.SetProbe(*endpoint.health, probe, net_.Now());
    }
  }
  void SetAllUp() {
    for (const char* const site : {"atlanta", "dallas", "san-jose"}) {
      SetProbe(site, health::Probe::kUp);
    }
  }
  // One second, in which each standby tells its lag and workers look at directions.
  void Pass(Duration lag = Duration(0)) {
    for (int i = 0; i < 10; ++i) {
      for (const char* const site : {"dallas", "san-jose"}) {
        failover::ReplicationStatus status;
        status.at = net_.Now();
        status.role = Role::kStandby;
        status.lag = lag;
        recovery_->OnStatus({"db", site, status});
      }
      net_.RunFor(milliseconds(100));
      for (const auto& done : std::exchange(looks_, {})) done();
    }
  }
  health::ServiceDirection direction() { return registry_.Service("db").direction(); }
  std::string active() { return recovery_->Find("db")->record().active; }
  failover::Observation Seen(const std::string& site) {
    const routing::Table& table = *snapshot_->table;
    return snapshot::ObserveSite(table, table.FindService("db"), table.FindSite(site));
  }

  fakes::MemoryNet net_;
  fakes::MemoryLoop& loop_ = net_.AddLoop(*net::IpAddress::Parse("10.0.0.1"));
  health::Registry registry_;
  proxy::Metrics metrics_{1};
  snapshot::Keys keys_;
  snapshot::SnapshotPtr snapshot_;
  uint64_t generation_ = 0;
  std::string directory_;
  std::vector<std::function<void()>> looks_;
  std::vector<std::string> left_;
  std::vector<admin::Event> told_;
  std::unique_ptr<Recovery> recovery_;
};

TEST_F(RecoveryTest, ThePrimaryIsPublishedAsSoonAsItIsOnTheDisk) {
  EXPECT_EQ(direction(),
            (health::ServiceDirection{Admission::kRoute, registry_.Site("atlanta").ordinal, 1}));
  EXPECT_TRUE(std::filesystem::exists(directory_ + "/failover/db"));
}

TEST_F(RecoveryTest, VerdictsAreThoseOfChecksAndIntent) {
  EXPECT_EQ(Seen("atlanta").verdict, Verdict::kUnknown);
  SetProbe("atlanta", health::Probe::kUp);
  EXPECT_EQ(Seen("atlanta").verdict, Verdict::kUp);
  SetProbe("atlanta", health::Probe::kDown);
  EXPECT_EQ(Seen("atlanta").verdict, Verdict::kDown);
  registry_.SetIntent("atlanta", {health::Intent::kDrain, "ops", "", {}, {}});
  EXPECT_EQ(Seen("atlanta").verdict, Verdict::kOut);
}

TEST_F(RecoveryTest, WhatTrafficShowsMovesNoRole) {
  SetAllUp();
  const routing::Table& table = *snapshot_->table;
  const ServiceId db = table.FindService("db");
  const auto peers = table.PoolHealth(db, table.FindSite("atlanta"));
  for (health::EndpointHealth* endpoint : peers) {
    registry_.Report(*endpoint, health::Outcome::kConnectFailed, table.service(db).outliers,
                     peers.data(), peers.size(), net_.Now());
  }
  EXPECT_EQ(table.SiteState(db, table.FindSite("atlanta")), health::State::kDown);
  EXPECT_EQ(Seen("atlanta").verdict, Verdict::kUp);
}

TEST_F(RecoveryTest, ADeadPrimaryIsReplacedAndARestartRemembersIt) {
  SetAllUp();
  Pass();
  SetProbe("atlanta", health::Probe::kDown);
  for (int i = 0; i < 5; ++i) Pass();
  EXPECT_EQ(active(), "dallas");
  EXPECT_EQ(direction(),
            (health::ServiceDirection{Admission::kRoute, registry_.Site("dallas").ordinal, 2}));
  EXPECT_TRUE(registry_.Service("db").TakesReads(registry_.Site("san-jose").ordinal));
  EXPECT_FALSE(registry_.Service("db").TakesReads(registry_.Site("atlanta").ordinal));
  EXPECT_TRUE(std::any_of(told_.begin(), told_.end(), [](const admin::Event& event) {
    return event.kind == "failover" && event.service == "db" && event.site == "dallas" &&
           event.grave;
  }));
  Restart();
  ASSERT_TRUE(Load("[dallas, san-jose]"));
  EXPECT_EQ(active(), "dallas");
  EXPECT_EQ(recovery_->Find("db")->record().epoch, 2u);
}

TEST_F(RecoveryTest, PastMaxLagNothingMoves) {
  SetAllUp();
  Pass(seconds(60));
  SetProbe("atlanta", health::Probe::kDown);
  for (int i = 0; i < 5; ++i) Pass(seconds(60));
  EXPECT_EQ(active(), "atlanta");
  EXPECT_EQ(recovery_->Find("db")->state(), State::kBlocked);
  const auto done =
      recovery_->Command("db", {admin::RecoveryCommand::Order::kFailover, "dallas", true, "ops"});
  EXPECT_TRUE(done.has_value());
  EXPECT_EQ(direction().site, registry_.Site("dallas").ordinal) << "told at once";
}

TEST_F(RecoveryTest, APlannedSwitchHoldsThenClosesThenMoves) {
  SetAllUp();
  Pass(seconds(1));
  ASSERT_TRUE(
      recovery_->Command("db", {admin::RecoveryCommand::Order::kFailover, "dallas", false, "ops"}));
  EXPECT_EQ(direction().admission, Admission::kHold);
  for (int i = 0; i < 3; ++i) Pass(seconds(1));
  EXPECT_EQ(left_, std::vector<std::string>{"atlanta"}) << "once, when half of the hold has passed";
  Pass();
  Pass();
  EXPECT_EQ(direction(),
            (health::ServiceDirection{Admission::kRoute, registry_.Site("dallas").ordinal, 2}));
}

TEST_F(RecoveryTest, AReloadThatTakesTheActiveSiteAwayIsRefusedAndChangesNothing) {
  SetAllUp();
  Pass();
  SetProbe("atlanta", health::Probe::kDown);
  for (int i = 0; i < 5; ++i) Pass();
  ASSERT_EQ(active(), "dallas");
  const auto refused = Load("san-jose");
  ASSERT_FALSE(refused.has_value());
  EXPECT_TRUE(refused.error().starts_with("services.db: ")) << refused.error();
  EXPECT_EQ(active(), "dallas");
  EXPECT_TRUE(Load("[san-jose, dallas]").has_value());
}

TEST_F(RecoveryTest, AnOrderToWhatHasNoRecoveryIsNotFound) {
  const auto done = recovery_->Command("web", {});
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, ErrorCode::kNotFound);
}

TEST_F(RecoveryTest, AutomationIsSwitchedForAll) {
  SetAllUp();
  ASSERT_TRUE(
      recovery_->Command("", {admin::RecoveryCommand::Order::kAutomationOff, "", false, "ops"}));
  EXPECT_FALSE(recovery_->Find("db")->GetStatus().is_all_automation_on);
}

}  // namespace
}  // namespace meridian::app
