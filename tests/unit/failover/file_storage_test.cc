// The record on a real file system.
#include <meridian/failover/storage.h>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace meridian::failover {
namespace {

struct Directory {
  Directory() {
    std::string pattern = testing::TempDir() + "failover-XXXXXX";
    path = ::mkdtemp(pattern.data());
  }
  ~Directory() { std::filesystem::remove_all(path); }
  std::string path;
};

TEST(FileStorage, HasNothingBeforeTheFirstSave) {
  const Directory directory;
  FileStorage storage(directory.path + "/failover", "billing");
  const auto loaded = storage.Load();
  ASSERT_TRUE(loaded);
  EXPECT_EQ(*loaded, std::nullopt);
}

TEST(FileStorage, KeepsTheLastSaveAndLeavesNoTemporary) {
  const Directory directory;
  FileStorage storage(directory.path + "/failover", "billing");
  EXPECT_EQ(SaveDurably(storage, "first, which is longer").saved, Saved::kDurable);
  EXPECT_EQ(SaveDurably(storage, "second").saved, Saved::kDurable);
  EXPECT_EQ(*FileStorage(directory.path + "/failover", "billing").Load(), "second");
  EXPECT_FALSE(std::filesystem::exists(storage.path() + ".new"));
}

TEST(FileStorage, ShowsTheOldRecordUntilTheNewOneIsPublished) {
  const Directory directory;
  FileStorage storage(directory.path, "billing");
  SaveDurably(storage, "old");
  ASSERT_TRUE(storage.WriteTemporary("new"));
  EXPECT_EQ(*storage.Load(), "old");
  ASSERT_TRUE(storage.SyncTemporary());
  EXPECT_EQ(*storage.Load(), "old");
  ASSERT_TRUE(storage.Publish());
  EXPECT_EQ(*storage.Load(), "new");
}

TEST(FileStorage, TruncatesATemporaryThatACrashLeft) {
  const Directory directory;
  FileStorage storage(directory.path, "billing");
  std::ofstream(storage.path() + ".new") << std::string(1000, 'x');
  EXPECT_EQ(SaveDurably(storage, "short").saved, Saved::kDurable);
  EXPECT_EQ(*storage.Load(), "short");
}

TEST(FileStorage, GivesEachServiceItsOwnFileInsideTheDirectory) {
  const Directory directory;
  FileStorage storage(directory.path, "../a/b.c");
  EXPECT_EQ(storage.path(), directory.path + "/%2E%2E%2Fa%2Fb%2Ec");
}

TEST(FileStorage, RefusesAFileThatIsTooLarge) {
  const Directory directory;
  FileStorage storage(directory.path, "billing");
  std::ofstream(storage.path()) << std::string(kMaxRecordBytes + 1, 'x');
  EXPECT_EQ(storage.Load().error().code, ErrorCode::kTooLarge);
}

TEST(FileStorage, ReportsADirectoryThatCannotBeMade) {
  const Directory directory;
  FileStorage storage(directory.path + "/missing/failover", "billing");
  const SaveOutcome outcome = SaveDurably(storage, "x");
  EXPECT_EQ(outcome.saved, Saved::kNot);
  EXPECT_EQ(outcome.error.system, ENOENT);
}

TEST(FileStorage, LeavesADoubtWhenTheRenameFails) {
  const Directory directory;
  FileStorage storage(directory.path, "billing");
  std::filesystem::create_directory(storage.path());
  EXPECT_EQ(SaveDurably(storage, "x").saved, Saved::kInDoubt);
}

}  // namespace
}  // namespace meridian::failover
