// The record as text: what is written is read back, and nothing else is.
#include <meridian/failover/record.h>
#include <meridian/net/random.h>

#include <gtest/gtest.h>

#include <string>

namespace meridian::failover {
namespace {

Record Sample() {
  Record record;
  record.service = "billing\tand\\more\n";
  record.epoch = 8;
  record.active = "dallas";
  record.state = State::kSplitBrain;
  record.cause = Cause::kResolved;
  record.author = "ops";
  record.is_operator_choice = true;
  record.is_acknowledged = false;
  record.is_automation_on = false;
  record.since = WallTime(std::chrono::seconds(1'767'225'600));
  record.cooldown_from = WallTime(Duration(7));
  record.claims = {"atlanta"};
  record.refused_claims = {"san-jose", "tokyo"};
  return record;
}

TEST(Record, IsReadBackAsItWasWritten) {
  for (const Record& record : {Sample(), [] {
                                 Record plain;
                                 plain.service = "db";
                                 plain.active = "a";
                                 return plain;
                               }()}) {
    const auto read = ReadRecord(WriteRecord(record));
    ASSERT_TRUE(read);
    EXPECT_EQ(*read, record);
  }
}

TEST(Record, IsRefusedWhenAnyByteChanged) {
  const std::string text = WriteRecord(Sample());
  for (size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(ReadRecord(changed)) << i;
  }
}

TEST(Record, IsRefusedWhenCutOrLengthened) {
  const std::string text = WriteRecord(Sample());
  for (size_t size = 0; size < text.size(); ++size) EXPECT_FALSE(ReadRecord(text.substr(0, size)));
  EXPECT_FALSE(ReadRecord(text + "\n"));
  EXPECT_FALSE(ReadRecord(text + text));
  EXPECT_EQ(ReadRecord(std::string(1 << 20, 'x')).error().code, ErrorCode::kTooLarge);
}

TEST(Record, IsRefusedInAStateThatIsNotOneOfRest) {
  for (const State state :
       {State::kActivating, State::kBlocked, State::kSwitching, State::kReady}) {
    Record record = Sample();
    record.state = state;
    EXPECT_FALSE(ReadRecord(WriteRecord(record)));
  }
  Record record = Sample();
  record.epoch = 0;
  EXPECT_FALSE(ReadRecord(WriteRecord(record)));
}

TEST(Record, SaysWhatToDoWhenItCannotBeRead) {
  const auto read = ReadRecord("rubbish");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::kMalformed);
  EXPECT_NE(std::string(read.error().context).find("restore"), std::string::npos);
  EXPECT_NE(std::string(read.error().context).find("no active site is guessed"), std::string::npos);
}

TEST(Record, SurvivesRandomBytes) {
  constexpr uint64_t kSeed = 20260131;
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  net::Xoshiro random(kSeed);
  const std::string text = WriteRecord(Sample());
  for (int round = 0; round < 2000; ++round) {
    std::string changed = text;
    for (uint64_t i = random.Next() % 8; i-- > 0;) {
      changed[random.Next() % changed.size()] = static_cast<char>(random.Next());
    }
    const auto read = ReadRecord(changed);
    EXPECT_EQ(read.has_value(), changed == text);
  }
}

}  // namespace
}  // namespace meridian::failover
