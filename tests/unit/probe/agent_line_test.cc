// An agent's line, and what all its lines together come to.
#include "probe/agent_line.h"

#include <gtest/gtest.h>

namespace meridian::probe {
namespace {

using health::Agent;
using Admin = AgentLine::Admin;

TEST(AgentLine, HasWordsInAnyOrderAndCase) {
  const auto line = ParseAgentLine("75%,UP\tReady");
  ASSERT_TRUE(line);
  EXPECT_EQ(line->percent, 75);
  EXPECT_EQ(line->up, true);
  EXPECT_EQ(line->admin, Admin::kReady);
  EXPECT_EQ(line->reason, "");
}

TEST(AgentLine, ReasonIsBehindTheHashOrTheWordItself) {
  EXPECT_EQ(ParseAgentLine("down # disk full ")->reason, "disk full");
  EXPECT_EQ(ParseAgentLine("fail")->reason, "fail");
  EXPECT_EQ(ParseAgentLine("stopped #\tby hand\r\nup")->reason, "by hand");
  EXPECT_EQ(ParseAgentLine("drain #")->reason, "");
  EXPECT_EQ(ParseAgentLine("up # \x01\xc3\xa9")->reason, "???");
  EXPECT_EQ(ParseAgentLine("up #" + std::string(500, 'x'))->reason.size(), 120u);
}

TEST(AgentLine, WithoutAWordThatMeansSomethingIsNone) {
  for (const char* line : {"", " ", "#up", "upp", "hello there", "%", "-1%", "1.5%", "maxconn:30",
                           "99999999999999999999%"}) {
    EXPECT_FALSE(ParseAgentLine(line)) << line;
  }
  EXPECT_TRUE(ParseAgentLine("maxconn:30 up")) << "what is not known is passed over";
}

Agent Word(std::initializer_list<const char*> lines) {
  AgentMemory memory;
  for (const char* line : lines) memory.Hear(*ParseAgentLine(line));
  return memory.word();
}

TEST(AgentMemory, EachWordHoldsUntilItsOppositeIsSaid) {
  EXPECT_EQ(AgentMemory().word(), Agent::kNone);
  EXPECT_EQ(Word({"up"}), Agent::kUp);
  EXPECT_EQ(Word({"50%"}), Agent::kUp);
  for (const char* down : {"down", "fail", "failed", "stopped"}) {
    EXPECT_EQ(Word({down}), Agent::kDown);
    EXPECT_EQ(Word({down, "ready"}), Agent::kDown) << "ready says nothing of being up";
    EXPECT_EQ(Word({down, "up"}), Agent::kUp);
  }
  EXPECT_EQ(Word({"drain"}), Agent::kDrain);
  EXPECT_EQ(Word({"drain", "up"}), Agent::kDrain) << "up says nothing of being ready";
  EXPECT_EQ(Word({"drain", "ready"}), Agent::kUp);
  EXPECT_EQ(Word({"maint", "down", "up"}), Agent::kMaint);
  EXPECT_EQ(Word({"maint", "ready up"}), Agent::kUp);
  EXPECT_EQ(Word({"drain down"}), Agent::kDown);
}

TEST(AgentMemory, NoWeightIsADrain) {
  AgentMemory memory;
  memory.Hear(*ParseAgentLine("up 30%"));
  EXPECT_EQ(memory.share(), 30);
  memory.Hear(*ParseAgentLine("0%"));
  EXPECT_EQ(memory.word(), Agent::kDrain);
  memory.Hear(*ParseAgentLine("up"));
  EXPECT_EQ(memory.word(), Agent::kDrain);
  memory.Hear(*ParseAgentLine("250%"));
  EXPECT_EQ(memory.word(), Agent::kUp);
  EXPECT_EQ(memory.share(), 100);
}

}  // namespace
}  // namespace meridian::probe
