// SRV records as they stand in a message, whole and cut.
#include "resolve/service_message.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace meridian::resolve {
namespace {

std::vector<uint8_t> Corpus(const std::string& name) {
  std::ifstream file(MERIDIAN_SOURCE_DIR "/tests/fuzz/corpus/service_message/" + name,
                     std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(ServiceMessage, RecordsComeWithTheLeastTime) {
  const Answer answer = ReadServices(Corpus("two"));
  EXPECT_EQ(answer.outcome, Outcome::kFound);
  EXPECT_EQ(answer.ttl, std::chrono::seconds(5));
  const std::vector<ServiceRecord> expected = {{10, 60, 8080, "one.app.internal"},
                                               {20, 0, 8081, "two.app.internal"}};
  EXPECT_EQ(answer.services, expected);
}

TEST(ServiceMessage, NamesMayPointBack) {
  const Answer answer = ReadServices(Corpus("pointer"));
  ASSERT_EQ(answer.services.size(), 1u);
  EXPECT_EQ(answer.services[0].target, "one.app.internal");
}

TEST(ServiceMessage, OtherRecordsArePassedOver) {
  const Answer answer = ReadServices(Corpus("cname"));
  ASSERT_EQ(answer.services.size(), 1u);
  EXPECT_EQ(answer.services[0].target, "a.b");
  EXPECT_EQ(answer.ttl, std::chrono::seconds(9));
}

TEST(ServiceMessage, ALoneDotIsNoServer) {
  EXPECT_EQ(ReadServices(Corpus("none")).outcome, Outcome::kEmpty);
  EXPECT_EQ(ReadServices(Corpus("empty")).outcome, Outcome::kEmpty);
}

TEST(ServiceMessage, ATimeWithItsHighestBitSetIsNone) {
  EXPECT_EQ(ReadServices(Corpus("long_ttl")).ttl, Duration(0));
}

TEST(ServiceMessage, WhatIsCutAnywhereIsMalformed) {
  const std::vector<uint8_t> whole = Corpus("two");
  ASSERT_GT(whole.size(), 60u);
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(ReadServices(std::span(whole).first(size)).outcome, Outcome::kFailed) << size;
  }
  for (const char* name : {"loop", "cut", "counts"}) {
    EXPECT_EQ(ReadServices(Corpus(name)).outcome, Outcome::kFailed) << name;
  }
}

}  // namespace
}  // namespace meridian::resolve
