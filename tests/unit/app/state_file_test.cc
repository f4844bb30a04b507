// Intents on disk: what is written is read again, what is damaged is not believed, and a crash
// between the steps leaves the old file or the new one.
#include "app/state_file.h"

#include <gtest/gtest.h>
#include <meridian/base/format.h>
#include <meridian/base/hash.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/demo_config.h"

namespace meridian::app {
namespace {

health::IntentRecord Drain(const std::string& author, const std::string& reason) {
  return {.intent = health::Intent::kDrain,
          .author = author,
          .reason = reason,
          .since = WallTime(std::chrono::seconds(1'700'000'000)),
          .deadline = WallTime(std::chrono::seconds(1'700'000'300)),
          .expires = WallTime(std::chrono::seconds(1'700'007'200))};
}

void ExpectSame(const Intents& a, const Intents& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].first, b[i].first);
    EXPECT_EQ(a[i].second.intent, b[i].second.intent);
    EXPECT_EQ(a[i].second.author, b[i].second.author);
    EXPECT_EQ(a[i].second.reason, b[i].second.reason);
    EXPECT_EQ(a[i].second.since, b[i].second.since);
    EXPECT_EQ(a[i].second.deadline, b[i].second.deadline);
    EXPECT_EQ(a[i].second.expires, b[i].second.expires);
  }
}

Intents Sample() {
  Intents intents{{"dallas", Drain("ops", "kernel\tupdate\nof \\all\\ hosts")},
                  {"atlanta/10.0.0.1:80", Drain("", "")}};
  intents[1].second.intent = health::Intent::kOut;
  intents[1].second.deadline = intents[1].second.expires = {};
  return intents;
}

class StateFileTest : public testing::Test {
 protected:
  std::string directory() const { return directory_.path() + "/state"; }

  TemporaryDirectory directory_;
  StateFile file_{directory_.path() + "/state"};
};

TEST(IntentsText, ReadsBackWhatWasWritten) {
  const auto read = ReadIntents(WriteIntents(Sample()));
  ASSERT_TRUE(read.has_value());
  ExpectSame(*read, Sample());
}

TEST(IntentsText, ReadsAFileOfBeforeThereWasAnExpiry) {
  std::string text =
      "meridian-intents 1\n"
      "dallas\tdrain\t1700000000000000000\t1700000300000000000\tops\tkernel update\n";
  text += Format("end\t1\t{:016x}\n", Hash(text));
  const auto read = ReadIntents(text);
  ASSERT_TRUE(read.has_value());
  ASSERT_EQ(read->size(), 1u);
  EXPECT_EQ((*read)[0].second.reason, "kernel update");
  EXPECT_EQ((*read)[0].second.deadline, WallTime(std::chrono::seconds(1'700'000'300)));
  EXPECT_EQ((*read)[0].second.expires, WallTime{});
}

TEST(IntentsText, ReadsBackNone) {
  const auto read = ReadIntents(WriteIntents({}));
  ASSERT_TRUE(read.has_value());
  EXPECT_TRUE(read->empty());
}

TEST(IntentsText, IsRefusedWhenCutAnywhere) {
  const std::string text = WriteIntents(Sample());
  for (size_t length = 0; length < text.size(); ++length) {
    EXPECT_FALSE(ReadIntents(text.substr(0, length)).has_value()) << length;
  }
}

TEST(IntentsText, IsRefusedWhenAnyByteIsChanged) {
  const std::string text = WriteIntents(Sample());
  for (size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(ReadIntents(changed).has_value()) << i;
  }
}

TEST(IntentsText, IsRefusedWithAnythingBehindItsEnd) {
  EXPECT_FALSE(ReadIntents(WriteIntents(Sample()) + "dallas\n").has_value());
}

TEST_F(StateFileTest, HoldsNothingBeforeItIsWritten) {
  const auto intents = file_.Load();
  ASSERT_TRUE(intents.has_value());
  EXPECT_TRUE(intents->empty());
}

TEST_F(StateFileTest, KeepsWhatWasSaved) {
  ASSERT_TRUE(file_.Save(Sample()).has_value());
  const auto intents = StateFile(directory()).Load();
  ASSERT_TRUE(intents.has_value());
  ExpectSame(*intents, Sample());
}

TEST_F(StateFileTest, SetsACorruptFileAside) {
  ASSERT_TRUE(file_.Save(Sample()).has_value());
  ASSERT_TRUE(WriteTextFile(file_.path(), "dallas\tdrain\n"));
  const auto intents = file_.Load();
  ASSERT_FALSE(intents.has_value());
  EXPECT_EQ(intents.error().code, ErrorCode::kMalformed);
  EXPECT_EQ(ReadTextFile(file_.path() + ".corrupt"), "dallas\tdrain\n");
  EXPECT_TRUE(file_.Load()->empty());
}

TEST_F(StateFileTest, IgnoresATemporaryThatACrashLeft) {
  ASSERT_TRUE(file_.Save(Sample()).has_value());
  ASSERT_TRUE(WriteTextFile(file_.path() + ".new", "half of a rec"));
  const auto intents = file_.Load();
  ASSERT_TRUE(intents.has_value());
  ExpectSame(*intents, Sample());
  ASSERT_TRUE(file_.Save({}).has_value());
  EXPECT_TRUE(file_.Load()->empty());
}

TEST_F(StateFileTest, KeepsTheOldFileWhenTheNewOneCannotBeWritten) {
  ASSERT_TRUE(file_.Save(Sample()).has_value());
  ASSERT_EQ(::mkdir((file_.path() + ".new").c_str(), 0700), 0);
  EXPECT_FALSE(file_.Save({}).has_value());
  const auto intents = file_.Load();
  ASSERT_TRUE(intents.has_value());
  ExpectSame(*intents, Sample());
  ::rmdir((file_.path() + ".new").c_str());
}

TEST(StateFile, SaysThatItsDirectoryCannotBeMade) {
  StateFile file("/proc/meridian/state");
  const auto saved = file.Save({});
  ASSERT_FALSE(saved.has_value());
  EXPECT_EQ(saved.error().code, ErrorCode::kIo);
}

}  // namespace
}  // namespace meridian::app
