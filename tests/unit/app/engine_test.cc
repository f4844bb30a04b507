// The engine as a whole, on a real loop with real workers and free ports: what a reload, a stop and
// a drain do to each other. No backend is needed.
#include "app/engine.h"

#include <gtest/gtest.h>

#include "app/demo_config.h"

namespace meridian::app {
namespace {

constexpr std::string_view kYaml = R"(
process: {state_directory: state, drain_timeout: 2s, workers: 2, startup_grace: 1s}
log: {level: error}
regions:
  south:
    sites:
      atlanta: {latitude: 33.7, longitude: -84.4, services: {web: ["127.0.0.1:9", "127.0.0.1:10"]}}
      dallas: {latitude: 32.8, longitude: -96.8, services: {web: ["127.0.0.1:9", "127.0.0.1:10"]}}
      miami: {latitude: 25.8, longitude: -80.2, services: {web: ["127.0.0.1:9", "127.0.0.1:10"]}}
services: {web: {}}
listeners:
  web: {bind: "127.0.0.1:0", service: web}
admin: {socket: admin.sock}
)";

class EngineTest : public testing::Test {
 protected:
  EngineTest() {
    auto loop = uvio::UvLoop::Create();
    EXPECT_TRUE(loop.has_value());
    loop_ = std::move(*loop);
    Write(kYaml);
  }

  std::string file() const { return directory_.path() + "/meridian.yaml"; }
  void Write(std::string_view yaml) { ASSERT_TRUE(WriteTextFile(file(), yaml)); }
  static std::string Replaced(std::string_view what, std::string_view by) {
    std::string text(kYaml);
    return text.replace(text.find(what), what.size(), by);
  }

  // Runs an engine until it stops; `play` begins once it serves.
  void Play(const std::function<void(Engine&)>& play) {
    Engine* running = nullptr;
    bool served = false;
    Engine engine(*loop_, {.config_file = file(), .on_serving = [&] {
                             served = true;
                             play(*running);
                           }});
    running = &engine;
    testing::internal::CaptureStdout();
    ASSERT_TRUE(engine.Start());
    loop_->Run();
    testing::internal::GetCapturedStdout();
    EXPECT_TRUE(served);
  }

  TemporaryDirectory directory_;
  std::unique_ptr<uvio::UvLoop> loop_;
};

TEST_F(EngineTest, TellsWhereItListens) {
  Play([](Engine& engine) {
    const admin::ProcessStatus status = engine.status();
    EXPECT_EQ(status.state, "serving");
    EXPECT_EQ(status.generation, 1u);
    ASSERT_EQ(status.listeners.size(), 1u);
    EXPECT_NE(net::Address::Parse(status.listeners[0].second)->port(), 0);
    engine.Stop(false);
  });
}

TEST_F(EngineTest, DoesNotStartOnABadFile) {
  Write(Replaced("latitude: 33.7", "latitude: 133.7"));
  Engine engine(*loop_, {.config_file = file(), .on_serving = {}});
  testing::internal::CaptureStderr();
  EXPECT_FALSE(engine.Start());
  EXPECT_NE(testing::internal::GetCapturedStderr().find("1 error"), std::string::npos);
}

TEST_F(EngineTest, ReloadsOneAfterTheOther) {
  std::vector<uint64_t> generations;
  Play([&](Engine& engine) {
    const std::string before = engine.status().listeners[0].second;
    for (int i = 0; i < 3; ++i) {
      engine.Reload(false, [&, before, i](const admin::ReloadResult& result) {
        EXPECT_TRUE(result.accepted);
        generations.push_back(result.generation);
        EXPECT_EQ(engine.status().listeners[0].second, before);
        if (i == 2) engine.Stop(false);
      });
    }
  });
  EXPECT_EQ(generations, (std::vector<uint64_t>{2, 3, 4}));
}

TEST_F(EngineTest, RefusesABadFileAndGoesOn) {
  Play([&](Engine& engine) {
    Write(Replaced("services: {web: {}}", "services: {web: {steering: neares}}"));
    engine.Reload(false, [&](const admin::ReloadResult& result) {
      EXPECT_FALSE(result.accepted);
      EXPECT_EQ(result.generation, 1u);
      ASSERT_EQ(result.diagnostics.size(), 1u);
      EXPECT_NE(result.diagnostics[0].message.find("did you mean 'nearest'?"), std::string::npos);
      EXPECT_EQ(engine.status().reloads_refused, 1u);
      engine.Stop(false);
    });
  });
}

TEST_F(EngineTest, RefusesAListenerThatCannotListenAndLeavesTheOthers) {
  Play([&](Engine& engine) {
    Write(Replaced("admin:", "  zoo: {bind: \"203.0.113.1:1\", service: web}\nadmin:"));
    engine.Reload(false, [&](const admin::ReloadResult& result) {
      EXPECT_FALSE(result.accepted);
      ASSERT_EQ(result.errors.size(), 1u);
      EXPECT_NE(result.errors[0].find("203.0.113.1:1"), std::string::npos);
      EXPECT_EQ(engine.status().listeners.size(), 1u);
      engine.Stop(false);
    });
  });
}

TEST_F(EngineTest, RefusesToRemoveMostSitesUnlessForced) {
  Play([&](Engine& engine) {
    std::string text = Replaced("atlanta:", "newark:");
    text.replace(text.find("dallas:"), 7, "boston:");
    Write(text);
    engine.Reload(false, [&](const admin::ReloadResult& result) {
      EXPECT_FALSE(result.accepted);
      engine.Reload(true, [&](const admin::ReloadResult& forced) {
        EXPECT_TRUE(forced.accepted);
        engine.Stop(false);
      });
    });
  });
}

TEST_F(EngineTest, AStopDuringAReloadEndsBoth) {
  int told = 0;
  Play([&](Engine& engine) {
    engine.Reload(false, [&](const admin::ReloadResult&) { ++told; });
    engine.Stop(false);
  });
  EXPECT_LE(told, 1);
}

TEST_F(EngineTest, KeepsADrainOverARestart) {
  Play([&](Engine& engine) {
    EXPECT_TRUE(engine.SetIntent("dallas", {.intent = health::Intent::kDrain,
                                            .author = "ops",
                                            .reason = "fans",
                                            .since = engine.WallNow(),
                                            .deadline = {}}));
    engine.Stop(true);
  });
  Play([&](Engine& engine) {
    EXPECT_EQ(engine.registry().IntentOf("dallas"), health::Intent::kDrain);
    const auto intents = engine.registry().Intents();
    ASSERT_EQ(intents.size(), 1u);
    EXPECT_EQ(intents[0].second.reason, "fans");
    engine.Stop(true);
  });
}

TEST_F(EngineTest, TakesADrainedSiteOutAtItsDeadline) {
  class Patience final : public net::TimerHandler {
   public:
    Patience(uvio::UvLoop& loop, Engine& engine) : loop_(loop), engine_(engine), timer_(*this) {
      loop_.Arm(timer_, std::chrono::milliseconds(1));
    }

   private:
    void OnTimer(net::Timer&) override {
      const auto intents = engine_.registry().Intents();
      if (++turns_ < 5000 && intents[0].second.intent != health::Intent::kOut) {
        return loop_.Arm(timer_, std::chrono::milliseconds(1));
      }
      EXPECT_EQ(intents[0].second.intent, health::Intent::kOut);
      EXPECT_EQ(intents[0].second.author, "ops");
      EXPECT_EQ(intents[0].second.reason, "drain deadline passed");
      engine_.Stop(true);
    }

    uvio::UvLoop& loop_;
    Engine& engine_;
    net::Timer timer_;
    int turns_ = 0;
  };
  std::unique_ptr<Patience> patience;
  Play([&](Engine& engine) {
    EXPECT_TRUE(engine.SetIntent("dallas", {.intent = health::Intent::kDrain,
                                            .author = "ops",
                                            .reason = "",
                                            .since = engine.WallNow(),
                                            .deadline = engine.WallNow() + Duration(5'000'000)}));
    patience = std::make_unique<Patience>(*loop_, engine);
  });
}

}  // namespace
}  // namespace meridian::app
