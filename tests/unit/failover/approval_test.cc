// Moves that somebody must approve: on record before the question, made after a yes, blocked or
// back where they were after a no, given up when what they were for is no longer so.
#include "drill.h"

namespace meridian::failover {
namespace {

using Storage = fakes::MemoryStorage;

Policy Approved() {
  Policy policy = ThreeSites();
  policy.approval = "promote";
  return policy;
}

struct Approval : testing::Test {
  // atlanta dies; dallas is asked about.
  void AskAboutDallas() {
    drill.Pass(2s);
    drill.Kill("atlanta");
    drill.Pass(6s);
    ASSERT_TRUE(controller().question());
    ASSERT_EQ(controller().question()->to, "dallas");
  }
  void Say(bool is_yes, const std::string& reason = "hook promote: exit 1: no quorum") {
    ASSERT_TRUE(controller().question());
    controller().Approve(controller().question()->number, {is_yes, reason});
  }
  // As the database does when it is promoted.
  void Promote(const std::string& name) { drill.Claim(name, 0); }
  bool HasText(const std::string& part) {
    for (const Event& event : controller().TakeEvents()) {
      if (event.text.find(part) != std::string::npos) return true;
    }
    return false;
  }
  Controller& controller() { return *drill.controller; }
  Traffic traffic() { return controller().direction().traffic; }
  bool IsBegunOnDisk() { return drill.on_disk().begun.has_value(); }

  Drill drill{Approved()};
};

TEST_F(Approval, IsAskedOnceTheMoveIsOnRecordAndNothingIsRoutedMeanwhile) {
  AskAboutDallas();
  const Question question = *controller().question();
  EXPECT_EQ(question.hook, "promote");
  EXPECT_EQ(question.from, "atlanta");
  EXPECT_EQ(question.epoch, 2u);
  EXPECT_EQ(question.cause, Cause::kAutomatic);
  EXPECT_FALSE(question.is_planned);
  EXPECT_EQ(question.lag, Duration(0));
  ASSERT_TRUE(IsBegunOnDisk());
  EXPECT_EQ(drill.on_disk().begun->to, "dallas");
  EXPECT_EQ(drill.on_disk().active, "atlanta");
  EXPECT_EQ(drill.state(), State::kActivating);
  EXPECT_NE(traffic(), Traffic::kRoute);
  EXPECT_EQ(controller().Foresee().text, "dallas becomes active when hook promote says so");
  drill.Pass(1min);
  EXPECT_EQ(traffic(), Traffic::kRefuse);
  EXPECT_EQ(controller().question(), question);
}

TEST_F(Approval, AYesOpensTheSiteEvenIfItWasPromotedMeanwhile) {
  AskAboutDallas();
  Promote("dallas");
  drill.Pass(2s);
  ASSERT_TRUE(controller().question());
  Say(true);
  EXPECT_EQ(drill.active(), "dallas");
  EXPECT_EQ(drill.epoch(), 2u);
  EXPECT_EQ(drill.state(), State::kFailedOver);
  EXPECT_EQ(traffic(), Traffic::kRoute);
  EXPECT_FALSE(IsBegunOnDisk());
  drill.Pass(5s);
  EXPECT_EQ(drill.state(), State::kFailedOver);
}

TEST_F(Approval, ANoBlocksAndIsAskedAgainAfterAWhileOrByAnOrder) {
  AskAboutDallas();
  const uint64_t first = controller().question()->number;
  Say(false);
  EXPECT_EQ(drill.state(), State::kBlocked);
  EXPECT_EQ(drill.active(), "atlanta");
  ASSERT_TRUE(controller().GetStatus().veto);
  EXPECT_EQ(controller().GetStatus().veto->reason, "hook promote: exit 1: no quorum");
  EXPECT_NE(controller().Foresee().text.find("exit 1: no quorum"), std::string::npos);
  EXPECT_EQ(controller().Foresee().hindrances, std::vector{Hindrance::kVetoed});
  drill.Pass(9s);
  EXPECT_FALSE(controller().question());
  drill.Pass(2s);
  ASSERT_TRUE(controller().question());
  EXPECT_GT(controller().question()->number, first);
  EXPECT_EQ(controller().question()->epoch, 2u);
  Say(false);
  drill.Pass(15s);
  EXPECT_FALSE(controller().question()) << "the second wait is longer";
  ASSERT_TRUE(controller().Failover({"", false, "ops"}));
  Say(true);
  EXPECT_EQ(drill.active(), "dallas");
}

TEST_F(Approval, ASitePromotedBeforeANoIsStillTheCandidate) {
  AskAboutDallas();
  Promote("dallas");
  drill.Pass(1s);
  Say(false);
  drill.Pass(11s);
  ASSERT_TRUE(controller().question());
  EXPECT_EQ(controller().question()->to, "dallas");
  Say(true);
  EXPECT_EQ(drill.active(), "dallas");
}

TEST_F(Approval, AnActiveSiteThatReturnsEndsTheQuestion) {
  AskAboutDallas();
  const uint64_t number = controller().question()->number;
  drill.Revive("atlanta");
  drill.Claim("atlanta", 0);
  drill.Pass(100ms);
  EXPECT_FALSE(controller().question());
  EXPECT_EQ(drill.state(), State::kNormal);
  EXPECT_EQ(traffic(), Traffic::kRoute);
  EXPECT_FALSE(IsBegunOnDisk());
  EXPECT_TRUE(HasText("is given up: atlanta is not known to be dead any more"));
  controller().Approve(number, {true, "hook promote: exit 0"});
  EXPECT_EQ(drill.active(), "atlanta");
  EXPECT_TRUE(HasText("an answer that counts no more: hook promote: exit 0"));
}

TEST_F(Approval, TheActiveSiteIsNotRoutedToBeforeTheDiskSaysThatTheMoveIsGivenUp) {
  AskAboutDallas();
  drill.storage.FailStep(Storage::Step::kSync, 1);
  drill.Revive("atlanta");
  drill.Pass(100ms);
  EXPECT_EQ(drill.state(), State::kNormal);
  EXPECT_TRUE(IsBegunOnDisk());
  EXPECT_EQ(traffic(), Traffic::kRefuse);
  drill.Pass(2s);
  EXPECT_FALSE(IsBegunOnDisk());
  EXPECT_EQ(traffic(), Traffic::kRoute);
}

TEST_F(Approval, ASiteThatWasPromotedAndAnActiveSiteThatReturnsAreASplitBrain) {
  AskAboutDallas();
  Promote("dallas");
  drill.Pass(1s);
  drill.Revive("atlanta");
  drill.Claim("atlanta", 0);
  drill.Pass(2s);
  EXPECT_EQ(drill.state(), State::kSplitBrain);
  EXPECT_EQ(drill.active(), "atlanta");
}

TEST_F(Approval, ACandidateThatGoesDownIsReplacedUnderANewEpoch) {
  AskAboutDallas();
  drill.places["dallas"].verdict = Verdict::kDown;
  drill.Pass(100ms);
  ASSERT_TRUE(controller().question());
  EXPECT_EQ(controller().question()->to, "san-jose");
  EXPECT_EQ(controller().question()->epoch, 3u);
  Say(true);
  EXPECT_EQ(drill.active(), "san-jose");
  EXPECT_EQ(drill.epoch(), 3u);
}

TEST_F(Approval, ACandidateThatWasPromotedAndGoesDownKeepsAutomationFromASecondPrimary) {
  AskAboutDallas();
  Promote("dallas");
  drill.Pass(1s);
  drill.Kill("dallas");
  drill.Pass(20s);
  EXPECT_FALSE(controller().question());
  EXPECT_EQ(drill.state(), State::kBlocked);
  EXPECT_EQ(drill.active(), "atlanta");
}

TEST_F(Approval, AutomationThatIsSwitchedOffEndsAnAutomaticQuestion) {
  AskAboutDallas();
  ASSERT_TRUE(controller().SetAutomation(AutomationScope::kService, false, "ops"));
  EXPECT_FALSE(controller().question());
  EXPECT_EQ(drill.state(), State::kBlocked);
  drill.Pass(1min);
  EXPECT_EQ(drill.active(), "atlanta");
}

TEST_F(Approval, AReloadDuringTheQuestionIsRefusedUnlessItIsOfTheHook) {
  AskAboutDallas();
  const uint64_t number = controller().question()->number;
  Policy policy = Approved();
  policy.max_lag = 1s;
  EXPECT_EQ(controller().Reconfigure(policy).error().code, ErrorCode::kConflict);
  policy = Approved();
  policy.approval = "other";
  ASSERT_TRUE(controller().Reconfigure(policy));
  controller().Approve(number, {true, "hook promote: exit 0"});
  EXPECT_EQ(drill.active(), "atlanta");
  ASSERT_TRUE(controller().question());
  EXPECT_EQ(controller().question()->hook, "other");
  policy.approval = "";
  ASSERT_TRUE(controller().Reconfigure(policy));
  EXPECT_EQ(drill.active(), "dallas") << "nobody needs to be asked";
}

TEST_F(Approval, AMachineThatStoodStillConfirmsTheDeathAnew) {
  AskAboutDallas();
  const uint64_t number = controller().question()->number;
  drill.clock.Advance(1h);
  controller().Approve(number, {true, "hook promote: exit 0"});
  EXPECT_EQ(drill.active(), "atlanta");
}

struct PlannedApproval : Approval {
  // dallas is active; atlanta follows, and is asked about once dallas is drained.
  void AskAboutAtlanta() {
    drill.Pass(2s);
    drill.Kill("atlanta");
    drill.Pass(6s);
    Say(true);
    ASSERT_EQ(drill.active(), "dallas");
    drill.Claim("dallas", 0);
    drill.Reconcile();
    ASSERT_TRUE(controller().Failback("ops"));
    ASSERT_FALSE(controller().question());
    drill.Drain("dallas");
    drill.Pass(2s);
    ASSERT_TRUE(controller().question());
    ASSERT_TRUE(controller().question()->is_planned);
    ASSERT_EQ(drill.state(), State::kSwitching);
    EXPECT_EQ(traffic(), Traffic::kHold);
  }
};

TEST_F(PlannedApproval, OutlastsTheHoldAndTheEndOfTheOldActiveSite) {
  AskAboutAtlanta();
  drill.Kill("dallas");
  Promote("atlanta");
  drill.Pass(10s);
  ASSERT_TRUE(controller().question());
  EXPECT_EQ(traffic(), Traffic::kRefuse);
  Say(true);
  EXPECT_EQ(drill.active(), "atlanta");
  EXPECT_EQ(drill.state(), State::kNormal);
  EXPECT_EQ(drill.epoch(), 3u);
  EXPECT_EQ(traffic(), Traffic::kRoute);
}

TEST_F(PlannedApproval, ANoLeadsBackToWhereItWas) {
  AskAboutAtlanta();
  Say(false);
  EXPECT_EQ(drill.active(), "dallas");
  EXPECT_NE(drill.state(), State::kSwitching);
  EXPECT_EQ(traffic(), Traffic::kRoute);
  EXPECT_FALSE(IsBegunOnDisk());
  ASSERT_TRUE(controller().GetStatus().veto);
  EXPECT_TRUE(HasText("the switch to atlanta was given up: hook promote: exit 1: no quorum"));
  const auto hindrances = controller().Foresee().hindrances;
  EXPECT_EQ(std::count(hindrances.begin(), hindrances.end(), Hindrance::kVetoed), 0)
      << "a failover is another question";
}

TEST_F(PlannedApproval, AThirdSiteThatClaimsTheRoleEndsIt) {
  AskAboutAtlanta();
  Promote("san-jose");
  drill.Pass(1s);
  EXPECT_FALSE(controller().question());
  EXPECT_EQ(drill.active(), "dallas");
}

TEST_F(Approval, ForceAsksButIsNotStoppedByANo) {
  drill.Follow("dallas", 2min);
  drill.Pass(2s);
  drill.Kill("atlanta");
  drill.Pass(1s);
  ASSERT_TRUE(controller().Failover({"dallas", true, "ops"}));
  ASSERT_TRUE(controller().question());
  EXPECT_EQ(controller().question()->lag, Duration(2min));
  EXPECT_EQ(drill.active(), "atlanta");
  drill.Pass(10s);
  controller().TakeEvents();
  Say(false);
  EXPECT_EQ(drill.active(), "dallas");
  EXPECT_TRUE(HasText("hook promote: exit 1: no quorum: ops forced dallas all the same"));
}

TEST_F(Approval, ForcingAgainDoesNotWait) {
  AskAboutDallas();
  ASSERT_TRUE(controller().Failover({"dallas", true, "ops"}));
  EXPECT_EQ(drill.active(), "atlanta");
  EXPECT_EQ(drill.on_disk().begun->cause, Cause::kForced);
  ASSERT_TRUE(controller().Failover({"dallas", true, "ops"}));
  EXPECT_EQ(drill.active(), "dallas");
  EXPECT_FALSE(controller().question());
}

TEST_F(Approval, AnOrderWaitsForTheHookThatIsAskedAlready) {
  AskAboutDallas();
  EXPECT_EQ(controller().Failover({"dallas", false, "ops"}).error().code, ErrorCode::kConflict);
}

// After a crash at any moment of the move the same site is active, or the move completes.
TEST(ApprovalPersistence, ACrashBetweenAnyTwoStepsKeepsTheSiteOrCompletesTheMove) {
  for (int steps = 0; steps <= 2 * Storage::kSteps; ++steps) {
    for (const bool is_promoted : {false, true}) {
      for (const bool has_returned : {false, true}) {
        SCOPED_TRACE(testing::Message() << steps << " steps, " << is_promoted << has_returned);
        Drill drill(Approved());
        drill.Pass(2s);
        drill.Kill("atlanta");
        drill.storage.CrashAfter(steps);
        drill.Pass(6s);
        if (drill.controller->question()) {
          if (is_promoted) drill.Claim("dallas", 0);
          drill.Pass(1s);
          drill.controller->Approve(drill.controller->question()->number, {true, "exit 0"});
        }
        const bool is_made = drill.active() == "dallas";
        EXPECT_EQ(is_made, steps == 2 * Storage::kSteps);
        if (is_made) continue;
        const bool is_claimed = drill.places["dallas"].status.role == Role::kPrimary;
        drill.Restart(Storage::Crash::kProcess);
        EXPECT_EQ(drill.active(), drill.on_disk().active);
        if (has_returned && drill.active() == "atlanta") {
          drill.Revive("atlanta");
          drill.Claim("atlanta", 0);
          drill.Pass(10s);
          EXPECT_EQ(drill.active(), "atlanta");
          EXPECT_EQ(drill.state(), is_claimed ? State::kSplitBrain : State::kNormal);
          EXPECT_FALSE(drill.on_disk().begun);
          EXPECT_EQ(drill.controller->direction().traffic, Traffic::kRoute);
          continue;
        }
        drill.Pass(10s);
        if (drill.active() == "dallas") continue;  // it was saved after all
        ASSERT_TRUE(drill.controller->question());
        EXPECT_EQ(drill.controller->question()->to, "dallas");
        EXPECT_NE(drill.controller->direction().traffic, Traffic::kRoute);
        drill.controller->Approve(drill.controller->question()->number, {true, "exit 0"});
        EXPECT_EQ(drill.active(), "dallas");
      }
    }
  }
}

// The program has made atlanta a standby and dallas the primary: only the record is missing.
TEST(ApprovalPersistence, AStartFinishesAMoveWhoseActiveSiteHasSteppedDown) {
  Drill drill(Approved());
  drill.Pass(2s);
  drill.Kill("atlanta");
  drill.Pass(6s);
  ASSERT_TRUE(drill.controller->question());
  drill.Claim("dallas", 0);
  drill.Restart();
  drill.Revive("atlanta");
  drill.Follow("atlanta", 0s);
  drill.Pass(3s);
  ASSERT_TRUE(drill.controller->question());
  EXPECT_EQ(drill.controller->question()->epoch, 2u);
  drill.controller->Approve(drill.controller->question()->number, {true, "exit 0"});
  EXPECT_EQ(drill.active(), "dallas");
}

TEST(ApprovalPersistence, AnEpochThatWasGivenToOneSiteIsNeverAnothersAfterARestart) {
  Drill drill(Approved());
  drill.Pass(2s);
  drill.Kill("atlanta");
  drill.Pass(6s);
  ASSERT_EQ(drill.controller->question()->epoch, 2u);
  drill.Revive("atlanta");
  drill.Claim("atlanta", 0);
  drill.Pass(2s);
  drill.Restart();
  drill.Pass(2s);
  drill.places["dallas"].verdict = Verdict::kDown;
  drill.Kill("atlanta");
  drill.Pass(7s);
  ASSERT_TRUE(drill.controller->question());
  EXPECT_EQ(drill.controller->question()->to, "san-jose");
  EXPECT_EQ(drill.controller->question()->epoch, 3u);
}

TEST(ApprovalPersistence, AMoveWhoseBeginningIsInDoubtOnDiskIsNotRoutedPast) {
  Drill drill(Approved());
  drill.Pass(2s);
  drill.storage.FailStep(Storage::Step::kSyncDirectory, 1, true);
  drill.Kill("atlanta");
  drill.Pass(5100ms);
  EXPECT_FALSE(drill.controller->question());
  EXPECT_EQ(drill.controller->direction().traffic, Traffic::kRefuse);
}

}  // namespace
}  // namespace meridian::failover
