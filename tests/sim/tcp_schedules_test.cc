// A tcp session under random schedules, against a model of two streams of bytes: whatever is
// written, paused, finished, reset or killed on either side, and however reads and windows cut it,
// no byte is lost, doubled or out of order; an end is told behind the last byte, a break is a break
// on the other side, and nothing is left over. 2,000 schedules; 1,000,000 under MERIDIAN_FULL=1.
#include <gtest/gtest.h>

#include <cstdlib>

#include "testing/world.h"

namespace meridian::sim {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::string_view kConfig = R"(
geo: {default: {latitude: 33, longitude: -84}}
regions: {r: {sites: {s: {latitude: 33, longitude: -84, services: {db: ["10.1.0.1:80"]}}}}}
services: {db: {timeouts: {idle: 10m}}}
listeners: {l: {bind: "10.0.0.1:80", protocol: tcp, service: db}}
)";
constexpr uint64_t kSchedulesAWorld = 200;

// The byte at `at` of what a side sends.
char ByteAt(uint64_t key, size_t at) {
  return static_cast<char>(Mix(key + at / 8) >> (8 * (at % 8)));
}

// One end, and what the model knows of what it has sent and heard.
struct End final : net::StreamHandler {
  void OnRead(std::string_view bytes) override {
    for (const char byte : bytes) {
      if (byte != ByteAt(other->key, heard++)) wrong = true;
    }
    if (ended) wrong = true;
  }
  void OnEnd() override {
    if (!other->finished || heard != other->sent || ended) wrong = true;
    ended = true;
  }
  void OnDrained() override {}
  void OnError(const Error&) override { failed = true; }

  bool live() const { return stream && !failed && !broke; }
  void Write(size_t count) {
    std::string bytes(count, '\0');
    for (char& byte : bytes) byte = ByteAt(key, sent++);
    stream->Write(bytes);
  }

  End* other = nullptr;
  net::StreamPtr stream;
  uint64_t key = 0;
  size_t sent = 0, heard = 0;
  bool finished = false, ended = false, failed = false, wrong = false;
  bool broke = false;  // by its own reset, or its process died
};

// Accepts one connection a schedule.
struct Backend final : net::AcceptHandler {
  void OnAccept(net::StreamPtr stream) override {
    end->stream = std::move(stream);
    end->stream->SetHandler(end);
    end->stream->StartReading();
  }
  End* end = nullptr;
};

class Schedule {
 public:
  Schedule(fakes::World& world, Backend& backend) : world_(world) {
    client_.other = &server_;
    server_.other = &client_;
    client_.key = Draw();
    server_.key = Draw();
    backend.end = &server_;
    fakes::MemoryLoop& host = world.net.AddLoop(fakes::Ip("192.0.2.1"));
    client_.stream = std::move(*host.Connect(fakes::At("10.0.0.1:80"), {}, client_));
    client_.stream->StartReading();
  }

  void Play() {
    const uint64_t steps = 1 + Draw() % 40;
    for (uint64_t i = 0; i < steps; ++i) Step(Draw() % 2 == 0 ? client_ : server_);
    for (End* end : {&client_, &server_}) {
      if (!end->live()) continue;
      end->stream->StartReading();
      if (!end->finished && Draw() % 4 != 0) Finish(*end);
    }
    EXPECT_TRUE(world_.net.RunUntilIdle(seconds(60)));
    Judge(client_);
    Judge(server_);
    const bool over = client_.broke || server_.broke || (client_.finished && server_.finished);
    EXPECT_EQ(world_.workers[0]->clients(), over ? 0u : 1u);
    client_.stream.reset();
    server_.stream.reset();
    world_.net.Heal(fakes::At("10.1.0.1:80"));
    EXPECT_TRUE(world_.net.RunUntilIdle(seconds(60)));
    world_.net.RunFor(seconds(3));  // what lingers
    EXPECT_EQ(world_.workers[0]->clients(), 0u);
    EXPECT_EQ(world_.net.open_streams(), 0u);
  }

 private:
  uint64_t Draw() { return world_.random.Next(); }

  void Finish(End& end) {
    end.finished = true;
    end.stream->FinishWriting();
  }

  void Step(End& end) {
    const uint64_t what = Draw() % 32;
    if (what < 8 || !end.live()) {
      world_.net.RunFor(Duration(static_cast<int64_t>(Draw() % 5'000'000)));
    } else if (what < 22) {
      if (!end.finished) end.Write(1 + Draw() % (what < 12 ? 20'000 : 300));
    } else if (what < 25) {
      end.stream->StopReading();
    } else if (what < 29) {
      end.stream->StartReading();
    } else if (what < 30) {
      if (!end.finished) Finish(end);
    } else if (Draw() % 8 == 0) {
      end.broke = true;
      if (what == 30 || &end == &client_) {
        end.stream->Reset();
      } else {
        world_.net.Kill(fakes::At("10.1.0.1:80"));
      }
    }
  }

  // When nothing moves any more.
  void Judge(const End& end) {
    const End& other = *end.other;
    EXPECT_FALSE(end.wrong);
    EXPECT_LE(end.heard, other.sent);
    if (end.broke) return;
    if (!other.broke) {
      EXPECT_FALSE(end.failed);
      EXPECT_EQ(end.heard, other.sent);
      EXPECT_EQ(end.ended, other.finished);
    } else if (end.stream) {
      // A break behind both ends breaks nothing.
      EXPECT_TRUE(end.failed || (end.ended && end.finished));
    }
  }

  fakes::World& world_;
  End client_, server_;
};

TEST(TcpSchedules, LoseDoubleAndReorderNothing) {
  const char* full = std::getenv("MERIDIAN_FULL");
  const uint64_t worlds = full != nullptr && std::string(full) == "1" ? 5'000 : 10;
  const char* one = std::getenv("MERIDIAN_SEED");
  const uint64_t first = one != nullptr ? std::strtoull(one, nullptr, 10) : 1;
  for (uint64_t seed = first; seed < first + (one != nullptr ? 1 : worlds); ++seed) {
    SCOPED_TRACE("again with MERIDIAN_SEED=" + std::to_string(seed));
    fakes::MemoryNetOptions options;
    options.seed = seed;
    options.capacity = 500 + 1000 * (seed % 17);
    options.segment = 1 + 211 * (seed % 13);
    fakes::World world(kConfig, options);
    Backend backend;
    const auto listener =
        *world.net.AddLoop(fakes::Ip("10.1.0.1")).Listen(fakes::At("10.1.0.1:80"), {}, backend);
    for (uint64_t i = 0; i < kSchedulesAWorld && !HasFailure(); ++i) {
      SCOPED_TRACE("schedule " + std::to_string(i));
      Schedule(world, backend).Play();
    }
    if (HasFailure()) break;
  }
}

}  // namespace
}  // namespace meridian::sim
