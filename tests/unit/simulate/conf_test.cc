// The scenarios under conf/scenarios: each plays on its configuration and all it expects holds,
// whatever the seed.
#include "unit/simulate/playing.h"

namespace meridian::simulate {
namespace {

Report PlayFile(const std::string& config_file, const std::string& scenario_file, uint64_t seed) {
  const std::string conf = std::string(MERIDIAN_SOURCE_DIR) + "/conf/";
  const config::Loaded loaded = config::LoadFile(conf + config_file);
  if (!loaded.config) ADD_FAILURE() << config_file;
  if (!loaded.config) return {};
  const auto scenario = config::LoadScenario(conf + "scenarios/" + scenario_file, *loaded.config);
  for (const auto& diagnostic : scenario.diagnostics) ADD_FAILURE() << diagnostic.ToString();
  if (!scenario.scenario) return {};
  const Outcome outcome = Run(*loaded.config, *scenario.scenario, seed);
  if (!outcome.report) return {};
  for (const std::string& failure : outcome.report->failures) {
    ADD_FAILURE() << "seed " << seed << ": " << failure;
  }
  return *outcome.report;
}

TEST(Scenarios, RegionLossHoldsWithEverySeed) {
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    const Report report = PlayFile("active-active.yaml", "region-loss.yaml", seed);
    EXPECT_GT(report.expectations, 10u);
    Find(report, "eu-west (frankfurt, paris) goes down");
    Find(report, "paris is down for web");
    Find(report, "new-york is full (1,000 sessions)");
    for (const SiteReport& site : report.sites) EXPECT_TRUE(site.is_within_capacity());
    EXPECT_NEAR(static_cast<double>(report.services.at(0).moved), 480, 40);
  }
}

TEST(Scenarios, RecoveryDrillHoldsWithEverySeed) {
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    const Report report = PlayFile("disaster-recovery.yaml", "recovery-drill.yaml", seed);
    EXPECT_GT(report.expectations, 10u);
    Find(report, "dallas is down for billing");
    Find(report, "billing: atlanta is active, epoch 2 (automatic)");
    Find(report, "billing: the operator orders the failback");
    Find(report, "billing: dallas is active, epoch 3 (operator)");
    Find(report, "activating → blocked");
    Find(report, "at risk: acknowledged writes of the last 45s");
    Find(report, "billing: atlanta is active, epoch 4 (forced)");
    ASSERT_EQ(report.moves.size(), 3u);
    EXPECT_EQ(report.moves[0].lag_at_risk, std::chrono::seconds(2));
    EXPECT_EQ(report.moves[1].lag_at_risk, Duration(0));
    EXPECT_EQ(report.moves[2].lag_at_risk, std::chrono::seconds(45));
    EXPECT_TRUE(report.moves[0].timeline.first_error && report.moves[0].timeline.first_success);
  }
}

}  // namespace
}  // namespace meridian::simulate
