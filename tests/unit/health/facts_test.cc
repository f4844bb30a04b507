// The state of every combination of facts, against a table written from ROUTING.md's sentences
// rather than from the code.
#include <meridian/health/health.h>

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace meridian::health {
namespace {

constexpr Intent kIntents[] = {Intent::kServe, Intent::kDrain, Intent::kOut};
constexpr Probe kProbes[] = {Probe::kUnknown, Probe::kUp, Probe::kDown, Probe::kNotChecked};
constexpr Agent kAgents[] = {Agent::kNone, Agent::kUp, Agent::kDrain, Agent::kDown, Agent::kMaint};
constexpr Traffic kTraffics[] = {Traffic::kClear, Traffic::kSuspect, Traffic::kEjected};

// Each fact alone says the worst it can; the worst of the four wins, and `out` stands above all.
State Oracle(const Facts& facts) {
  const std::map<Intent, int> intent = {
      {Intent::kServe, 0}, {Intent::kDrain, 1}, {Intent::kOut, 3}};
  const std::map<Probe, int> probe = {
      {Probe::kUnknown, 2}, {Probe::kUp, 0}, {Probe::kDown, 2}, {Probe::kNotChecked, 0}};
  const std::map<Agent, int> agent = {{Agent::kNone, 0},
                                      {Agent::kUp, 0},
                                      {Agent::kDrain, 1},
                                      {Agent::kDown, 2},
                                      {Agent::kMaint, 3}};
  const std::map<Traffic, int> traffic = {
      {Traffic::kClear, 0}, {Traffic::kSuspect, 2}, {Traffic::kEjected, 2}};
  const int worst = std::max({intent.at(facts.intent), probe.at(facts.probe), agent.at(facts.agent),
                              traffic.at(facts.traffic)});
  const State states[] = {State::kUp, State::kDraining, State::kDown, State::kOut};
  return states[worst];
}

template <class Visit>
void ForAllFacts(Visit visit) {
  for (const Intent intent : kIntents) {
    for (const Probe probe : kProbes) {
      for (const Agent agent : kAgents) {
        for (const Traffic traffic : kTraffics) visit(Facts{intent, probe, agent, traffic});
      }
    }
  }
}

std::string Text(const Facts& facts) {
  return std::string(Name(facts.intent)) + ", " + Name(facts.probe) + ", " + Name(facts.agent) +
         ", " + Name(facts.traffic);
}

TEST(Facts, GiveTheStateOfTheOracleInEveryCombination) {
  int combinations = 0;
  ForAllFacts([&](const Facts& facts) {
    EXPECT_EQ(Effective(facts), Oracle(facts)) << Text(facts);
    ++combinations;
  });
  EXPECT_EQ(combinations, 3 * 4 * 5 * 3);
}

TEST(Facts, NameACauseExactlyWhenTheStateIsNotUp) {
  ForAllFacts([](const Facts& facts) {
    EXPECT_EQ(std::string(Cause(facts)).empty(), Effective(facts) == State::kUp) << Text(facts);
  });
}

TEST(Facts, BlameAFactThatAloneWouldGiveTheSameState) {
  ForAllFacts([](const Facts& facts) {
    const std::string cause = Cause(facts);
    if (cause.empty()) return;
    Facts alone{Intent::kServe, Probe::kUp, Agent::kNone, Traffic::kClear};
    if (cause == "intent") alone.intent = facts.intent;
    if (cause == "probe") alone.probe = facts.probe;
    if (cause == "agent") alone.agent = facts.agent;
    if (cause == "traffic") alone.traffic = facts.traffic;
    EXPECT_EQ(Effective(alone), Effective(facts)) << Text(facts) << ": " << cause;
  });
}

TEST(Facts, HaveDistinctNames) {
  std::set<std::string> states, intents, probes, agents, traffics;
  for (const State state :
       {State::kUp, State::kDegraded, State::kDraining, State::kDown, State::kOut}) {
    states.insert(Name(state));
  }
  for (const Intent intent : kIntents) intents.insert(Name(intent));
  for (const Probe probe : kProbes) probes.insert(Name(probe));
  for (const Agent agent : kAgents) agents.insert(Name(agent));
  for (const Traffic traffic : kTraffics) traffics.insert(Name(traffic));
  EXPECT_EQ(states.size() + intents.size() + probes.size() + agents.size() + traffics.size(),
            5u + 3u + 4u + 5u + 3u);
}

}  // namespace
}  // namespace meridian::health
