// Rise and fall, answer by answer.
#include <meridian/health/verdict.h>

#include <gtest/gtest.h>

namespace meridian::health {
namespace {

TEST(Verdict, FirstAnswerIsTheVerdictEitherWay) {
  Verdict good, bad;
  EXPECT_TRUE(good.Observe(true, 5, 5));
  EXPECT_EQ(good.value(), Probe::kUp);
  EXPECT_TRUE(bad.Observe(false, 5, 5));
  EXPECT_EQ(bad.value(), Probe::kDown);
}

TEST(Verdict, UnknownIsInDoubt) {
  EXPECT_TRUE(Verdict().in_doubt());
}

TEST(Verdict, GoesDownAfterFallBadAnswersInARow) {
  Verdict verdict;
  verdict.Observe(true, 2, 3);
  EXPECT_FALSE(verdict.Observe(false, 2, 3));
  EXPECT_TRUE(verdict.in_doubt());
  EXPECT_FALSE(verdict.Observe(false, 2, 3));
  EXPECT_TRUE(verdict.Observe(false, 2, 3));
  EXPECT_EQ(verdict.value(), Probe::kDown);
  EXPECT_FALSE(verdict.in_doubt());
}

TEST(Verdict, OneGoodAnswerBetweenStartsTheCountAgain) {
  Verdict verdict;
  verdict.Observe(true, 2, 3);
  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(verdict.Observe(false, 2, 3));
    EXPECT_FALSE(verdict.Observe(false, 2, 3));
    EXPECT_FALSE(verdict.Observe(true, 2, 3));
    EXPECT_FALSE(verdict.in_doubt());
  }
  EXPECT_EQ(verdict.value(), Probe::kUp);
}

TEST(Verdict, ComesUpAfterRiseGoodAnswersInARow) {
  Verdict verdict;
  verdict.Observe(false, 2, 3);
  EXPECT_FALSE(verdict.Observe(true, 2, 3));
  EXPECT_FALSE(verdict.Observe(false, 2, 3));
  EXPECT_FALSE(verdict.Observe(true, 2, 3));
  EXPECT_TRUE(verdict.Observe(true, 2, 3));
  EXPECT_EQ(verdict.value(), Probe::kUp);
}

TEST(Verdict, AssumedOneNeedsTheFullCountToChange) {
  Verdict verdict;
  verdict.Assume(Probe::kUp);
  EXPECT_FALSE(verdict.in_doubt());
  EXPECT_FALSE(verdict.Observe(false, 2, 2));
  EXPECT_TRUE(verdict.Observe(false, 2, 2));
}

}  // namespace
}  // namespace meridian::health
