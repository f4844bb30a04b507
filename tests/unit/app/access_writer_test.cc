// The writer thread of the access log on real files: everything is there after Stop, whole, through
// rotations; what cannot be written is counted.
#include "app/access_writer.h"

#include <gtest/gtest.h>
#include <meridian/base/format.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

namespace meridian::app {
namespace {

// A folder that goes with the test.
struct Folder {
  Folder() { path = ::mkdtemp(name); }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string At(const std::string& file) const { return path + "/" + file; }

  char name[32] = "/tmp/meridian-access-XXXXXX";
  std::string path;
};

std::string Read(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

struct Counts final : MetricSink {
  explicit Counts(const AccessWriter& writer) { writer.Collect(*this); }
  void Count(std::string_view name, std::string_view, Labels labels, uint64_t value) override {
    values[std::string(name) + (labels.size() > 0 ? std::string(labels.begin()->value) : "")] =
        value;
  }
  void Gauge(std::string_view, std::string_view, Labels, double) override {}
  void Distribution(std::string_view, std::string_view, Labels, const Histogram::Values&) override {
  }
  std::map<std::string, uint64_t> values;
};

void Use(AccessWriter& writer, const std::string& path) {
  config::AccessLog config;
  config.path = path;
  const auto prepared = writer.Prepare(config);
  ASSERT_TRUE(prepared) << prepared.error();
  writer.Commit();
}

TEST(AccessWriter, WritesWhatEveryWorkerQueuedByItsEnd) {
  const Folder folder;
  AccessWriter writer(2);
  Use(writer, folder.At("access.log"));
  writer.queue(0).Push("a\n");
  writer.queue(1).Push("b\n");
  writer.Stop();
  const std::string text = Read(folder.At("access.log"));
  EXPECT_TRUE(text == "a\nb\n" || text == "b\na\n") << text;
}

TEST(AccessWriter, AppendsToWhatIsThere) {
  const Folder folder;
  std::ofstream(folder.At("access.log")) << "before\n";
  AccessWriter writer(1);
  Use(writer, folder.At("access.log"));
  writer.queue(0).Push("after\n");
  writer.Stop();
  EXPECT_EQ(Read(folder.At("access.log")), "before\nafter\n");
}

TEST(AccessWriter, RotationsUnderLoadLoseAndTearNoLine) {
  constexpr int kLines = 50000, kRotations = 8;
  const Folder folder;
  AccessWriter writer(1);
  Use(writer, folder.At("access.log"));
  std::thread worker([&writer] {
    for (int i = 0; i < kLines; ++i) {
      const std::string line = Format("{} {}\n", i, std::string(static_cast<size_t>(i % 200), 'x'));
      while (!writer.queue(0).Push(line)) std::this_thread::yield();
    }
  });
  for (int i = 0; i < kRotations; ++i) {
    std::filesystem::rename(folder.At("access.log"), folder.At(Format("access.log.{}", i)));
    writer.Reopen();
  }
  worker.join();
  writer.Stop();
  std::string all;
  for (int i = 0; i < kRotations; ++i) all += Read(folder.At(Format("access.log.{}", i)));
  all += Read(folder.At("access.log"));
  std::istringstream lines(all);
  int next = 0;
  for (std::string line; std::getline(lines, line); ++next) {
    ASSERT_EQ(line, Format("{} {}", next, std::string(static_cast<size_t>(next % 200), 'x')));
  }
  EXPECT_EQ(next, kLines);
}

TEST(AccessWriter, AnotherPathTakesOverAndOffWritesNoMore) {
  const Folder folder;
  AccessWriter writer(1);
  Use(writer, folder.At("one"));
  writer.queue(0).Push("1\n");
  Use(writer, folder.At("two"));
  Use(writer, "");
  writer.Stop();
  EXPECT_EQ(Read(folder.At("one")) + Read(folder.At("two")), "1\n");
}

TEST(AccessWriter, AFileThatCannotBeOpenedIsNamedAndChangesNothing) {
  const Folder folder;
  AccessWriter writer(1);
  Use(writer, folder.At("log"));
  config::AccessLog config;
  config.path = folder.At("none/log");
  const auto prepared = writer.Prepare(config);
  ASSERT_FALSE(prepared);
  EXPECT_EQ(prepared.error(), Format("log.access.path: cannot open '{}': No such file or directory",
                                     folder.At("none/log")));
  writer.queue(0).Push("goes on\n");
  writer.Stop();
  EXPECT_EQ(Read(folder.At("log")), "goes on\n");
}

TEST(AccessWriter, APipeThatNobodyReadsIsRefused) {
  const Folder folder;
  ASSERT_EQ(::mkfifo(folder.At("pipe").c_str(), 0600), 0);
  AccessWriter writer(1);
  config::AccessLog config;
  config.path = folder.At("pipe");
  EXPECT_FALSE(writer.Prepare(config));
}

TEST(AccessWriter, WhatADiskDoesNotTakeIsCounted) {
  AccessWriter writer(1);
  Use(writer, "/dev/full");
  for (int i = 0; i < 3; ++i) writer.queue(0).Push("line\n");
  writer.Stop();
  const Counts counts(writer);
  EXPECT_EQ(counts.values.at("meridian_access_log_dropped_totalwrite-failed"), 3u);
  EXPECT_EQ(counts.values.at("meridian_access_log_dropped_totalqueue-full"), 0u);
  EXPECT_EQ(counts.values.at("meridian_access_log_lines_total"), 3u);
}

TEST(AccessWriter, LinesWithoutRoomInTheQueueAreCounted) {
  AccessWriter writer(1);
  const std::string line(proxy::AccessQueue::kBytes / 2 - 1, 'x');
  for (int i = 0; i < 4; ++i) writer.queue(0).Push(line + "\n");
  EXPECT_EQ(Counts(writer).values.at("meridian_access_log_dropped_totalqueue-full"), 2u);
}

}  // namespace
}  // namespace meridian::app
