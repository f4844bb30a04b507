// Options of a command, the table of commands and its refusals.
#include "app/command_line.h"

#include <gtest/gtest.h>

#include "app/commands.h"

namespace meridian::app {
namespace {

struct Parsed {
  std::optional<int> status;
  std::string file = "before", out, err;
  bool json = false;
  std::vector<std::string> headers, words;
};

Parsed Parse(const std::vector<std::string>& arguments, bool with_words = false) {
  Parsed parsed;
  CommandLine line("check", "validates", "Example: none");
  line.Option("-c,--config", parsed.file, "FILE", "the file", CommandLine::Need::kRequired);
  line.Option("--header", parsed.headers, "N:V", "a header");
  line.Flag("--json", parsed.json, "as JSON");
  if (with_words) line.Positional("WORD", parsed.words, "words");
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  parsed.status = line.Parse(arguments);
  parsed.out = testing::internal::GetCapturedStdout();
  parsed.err = testing::internal::GetCapturedStderr();
  return parsed;
}

struct Dispatched {
  int status = 0;
  std::string out, err;
};

Dispatched Call(const std::vector<std::string>& arguments) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const int status = Dispatch(arguments);
  return {status, testing::internal::GetCapturedStdout(), testing::internal::GetCapturedStderr()};
}

TEST(CommandLine, TakesOptionsInAnyOrder) {
  const Parsed parsed = Parse({"--json", "--header", "A: b", "-c", "x.yaml", "--header=C:d"});
  EXPECT_FALSE(parsed.status.has_value());
  EXPECT_EQ(parsed.file, "x.yaml");
  EXPECT_TRUE(parsed.json);
  EXPECT_EQ(parsed.headers, (std::vector<std::string>{"A: b", "C:d"}));
}

TEST(CommandLine, KeepsDefaultsOfWhatIsNotGiven) {
  const Parsed parsed = Parse({"-c", "x"});
  EXPECT_FALSE(parsed.json);
  EXPECT_TRUE(parsed.headers.empty());
}

TEST(CommandLine, NamesWhatIsMissing) {
  const Parsed parsed = Parse({});
  EXPECT_EQ(parsed.status, kUsage);
  EXPECT_NE(parsed.err.find("--config is required"), std::string::npos) << parsed.err;
  EXPECT_TRUE(parsed.out.empty());
}

TEST(CommandLine, SuggestsTheNearestOption) {
  const Parsed parsed = Parse({"--confg", "x.yaml"});
  EXPECT_EQ(parsed.status, kUsage);
  EXPECT_NE(parsed.err.find("did you mean '--config'?"), std::string::npos) << parsed.err;
}

TEST(CommandLine, RefusesWordsItDoesNotExpect) {
  const Parsed parsed = Parse({"-c", "x", "more"});
  EXPECT_EQ(parsed.status, kUsage);
  EXPECT_NE(parsed.err.find("'more'"), std::string::npos) << parsed.err;
}

TEST(CommandLine, TakesWordsItExpects) {
  const Parsed parsed = Parse({"-c", "x", "site/dallas", "up"}, true);
  EXPECT_FALSE(parsed.status.has_value());
  EXPECT_EQ(parsed.words, (std::vector<std::string>{"site/dallas", "up"}));
}

TEST(CommandLine, HelpGoesToStandardOutputAndSucceeds) {
  const Parsed parsed = Parse({"--help"});
  EXPECT_EQ(parsed.status, kDone);
  EXPECT_NE(parsed.out.find("--config"), std::string::npos);
  EXPECT_NE(parsed.out.find("Example: none"), std::string::npos);
  EXPECT_TRUE(parsed.err.empty());
}

TEST(Dispatch, SuggestsTheNearestCommand) {
  const Dispatched run = Call({"chek"});
  EXPECT_EQ(run.status, kUsage);
  EXPECT_NE(run.err.find("did you mean 'check'?"), std::string::npos) << run.err;
}

TEST(Dispatch, RefusesCommandsOfLaterByName) {
  const Dispatched run = Call({"sessions", "-c", "x"});
  EXPECT_EQ(run.status, kUsage);
  EXPECT_NE(run.err.find("not supported yet"), std::string::npos) << run.err;
}

TEST(Dispatch, WithoutArgumentsShowsHelpAsBadUsage) {
  const Dispatched run = Call({});
  EXPECT_EQ(run.status, kUsage);
  EXPECT_NE(run.out.find("Usage: meridian COMMAND"), std::string::npos);
}

TEST(Dispatch, EveryCommandHasHelpAndTakesJson) {
  for (const Command& command : Commands()) {
    const Dispatched run = Call({command.name, "--help"});
    EXPECT_EQ(run.status, kDone) << command.name;
    EXPECT_NE(run.out.find("--json"), std::string::npos) << command.name;
    EXPECT_NE(run.out.find("Example"), std::string::npos) << command.name;
  }
}

TEST(Dispatch, SaysWhatToDoWhenNobodyListens) {
  const Dispatched run = Call({"status", "--socket", "/nonexistent/admin.sock"});
  EXPECT_EQ(run.status, kFailed);
  EXPECT_NE(run.err.find("no meridian is listening on /nonexistent/admin.sock"), std::string::npos)
      << run.err;
}

TEST(Dispatch, CheckOfAMissingFileFails) {
  const Dispatched run = Call({"check", "-c", "/nonexistent/meridian.yaml"});
  EXPECT_EQ(run.status, kFailed);
  EXPECT_NE(run.err.find("1 error, 0 warnings"), std::string::npos) << run.err;
}

}  // namespace
}  // namespace meridian::app
