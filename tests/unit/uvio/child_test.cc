// Programs beside us: what they get, what is kept of what they say, how their end is told.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <optional>
#include <string>

#include "worlds.h"

namespace meridian::uvio {
namespace {

struct Ending final : net::ProgramHandler {
  void OnEnd(const net::ProgramEnd& told) override {
    end = told;
    program.reset();
  }
  std::unique_ptr<net::Program> program;
  std::optional<net::ProgramEnd> end;
};

struct ChildTest : testing::Test {
  ChildTest() : loop(std::move(*UvLoop::Create())) {}

  Result<> Start(const std::string& script, const std::string& input = "", size_t kept = 4096) {
    auto started = loop->StartProgram({.arguments = {"/bin/sh", "-c", script},
                                       .environment = {"PATH=/usr/bin:/bin", "GIVEN=this"},
                                       .input = input,
                                       .kept_bytes = kept},
                                      ending);
    if (!started) return tl::unexpected(started.error());
    ending.program = std::move(*started);
    return {};
  }
  net::ProgramEnd Run(const std::string& script, const std::string& input = "",
                      size_t kept = 4096) {
    EXPECT_TRUE(Start(script, input, kept));
    return Wait();
  }
  net::ProgramEnd Wait() {
    while (!ending.end) loop->RunTurn();
    return *ending.end;
  }

  std::unique_ptr<UvLoop> loop;
  Ending ending;
};

TEST_F(ChildTest, GetsItsInputAndNothingButItsEnvironment) {
  const net::ProgramEnd end = Run("cat; env | sort; echo wrong >&2; pwd; exit 3", "an event\n");
  EXPECT_EQ(end.status, 3);
  EXPECT_EQ(end.signal, 0);
  EXPECT_EQ(end.output, "an event\nGIVEN=this\nPATH=/usr/bin:/bin\nPWD=/\n/\n");
  EXPECT_EQ(end.errors, "wrong\n");
}

TEST_F(ChildTest, HoldsNoneOfOurDescriptors) {
  const int ours = open("/dev/null", O_RDONLY);  // without O_CLOEXEC
  EXPECT_EQ(Run("ls /proc/$$/fd | tr '\\n' ' '; :").output, "0 1 2 ");
  close(ours);
}

TEST_F(ChildTest, KeepsTheLastOfWhatItSays) {
  const net::ProgramEnd end = Run("seq 1 100000; seq 1 100000 >&2", "", 13);
  EXPECT_EQ(end.output, "99999\n100000\n");
  EXPECT_EQ(end.errors, "99999\n100000\n");
}

TEST_F(ChildTest, NeedNotReadItsInput) {
  EXPECT_EQ(Run("exit 0", std::string(1 << 20, 'x')).status, 0);
}

TEST_F(ChildTest, IsEndedWithItsWholeGroup) {
  ASSERT_TRUE(Start("sleep 1000 & echo $!; wait"));
  loop->RunTurn();
  ending.program->Signal(SIGTERM);
  const net::ProgramEnd end = Wait();
  EXPECT_EQ(end.signal, SIGTERM);
}

TEST_F(ChildTest, IsToldToHaveEndedThoughSomebodyHoldsItsOutput) {
  const net::ProgramEnd end = Run("setsid sleep 5 & exit 7");
  EXPECT_EQ(end.status, 7);
}

TEST_F(ChildTest, IsKilledWhenItIsLetGo) {
  ASSERT_TRUE(Start("trap '' TERM; sleep 1000"));
  ending.program.reset();
  loop.reset();
  EXPECT_FALSE(ending.end);
}

TEST_F(ChildTest, ThatCannotBeStartedIsAnError) {
  const auto started = loop->StartProgram({.arguments = {"/nowhere/at-all"}}, ending);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().system, ENOENT);
}

}  // namespace
}  // namespace meridian::uvio
