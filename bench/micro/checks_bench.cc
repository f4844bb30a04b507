// What active checks cost the probe thread: so many endpoints over real sockets on loopback, two
// thousand checks a second in all (10,000 endpoints every 5 s). The servers live on another thread;
// counted is the probe thread's CPU time alone, for each check and as a share of one core.
#include <meridian/net/random.h>
#include <meridian/uvio/loop.h>

#include <benchmark/benchmark.h>

#include "probe/schedule.h"

#include <sys/resource.h>
#include <time.h>

#include <atomic>
#include <list>
#include <string>
#include <thread>

namespace meridian::probe {
namespace {

constexpr double kChecksPerSecond = 2000;
constexpr std::string_view kResponse = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

// Answers GETs, or greets as an agent does.
class Servers final : public net::AcceptHandler {
 public:
  explicit Servers(bool agents) : agents_(agents), loop_(*uvio::UvLoop::Create()) {
    listener_ = *loop_->Listen(*net::Address::Parse("127.0.0.1:0"), {}, *this);
    address = listener_->address();
    thread_ = std::thread([this] { loop_->Run(); });
  }
  ~Servers() {
    loop_->Stop();
    thread_.join();
    links_.clear();
    listener_.reset();
  }
  void OnAccept(net::StreamPtr stream) override {
    accepted.fetch_add(1, std::memory_order_relaxed);
    links_.push_back(std::make_unique<Link>(*this, std::move(stream)));
  }

  net::Address address;
  std::atomic<uint64_t> accepted{0}, requests{0};

 private:
  struct Link final : net::StreamHandler {
    Link(Servers& owner, net::StreamPtr made) : servers(owner), stream(std::move(made)) {
      stream->SetHandler(this);
      stream->StartReading();
      if (!servers.agents_) return;
      stream->Write("up 100%\n");
      stream->FinishWriting();
    }
    void OnRead(std::string_view) override {
      servers.requests.fetch_add(1, std::memory_order_relaxed);
      stream->Write(kResponse);
    }
    void OnEnd() override { stream.reset(); }
    void OnDrained() override {}
    void OnError(const Error&) override { stream.reset(); }

    Servers& servers;
    net::StreamPtr stream;
  };

  const bool agents_;
  std::unique_ptr<uvio::UvLoop> loop_;
  std::unique_ptr<net::Listener> listener_;
  std::list<std::unique_ptr<Link>> links_;
  std::thread thread_;
};

double ThreadSeconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

void Checks(benchmark::State& state, topology::CheckType type) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  const auto endpoints = static_cast<size_t>(state.range(0));
  if (limit.rlim_cur < endpoints * 2 + 100) return state.SkipWithError("too few descriptors");

  Servers servers(type == topology::CheckType::kAgent);
  auto loop = *uvio::UvLoop::Create();
  net::Xoshiro random(1);
  health::Registry registry;
  topology::HealthCheck check;
  check.name = "ready";
  check.type = type;
  check.interval =
      Duration(static_cast<int64_t>(static_cast<double>(endpoints) / kChecksPerSecond * 1e9));
  check.timeout = std::min<Duration>(check.interval, std::chrono::seconds(1));
  std::list<std::string> names;
  std::vector<Target> targets;
  for (size_t i = 0; i < endpoints; ++i) {
    names.push_back("endpoint " + std::to_string(i));
    targets.push_back({.health = &registry.Endpoint("site", names.back(), check.name),
                       .site = "site",
                       .address_text = names.back(),
                       .address = servers.address,
                       .check = &check});
  }
  {
    Schedule schedule(*loop, random, registry, loop.get());
    schedule.Update(targets);
    const bool kept = type == topology::CheckType::kHttp;
    const auto asked = [&] { return (kept ? servers.requests : servers.accepted).load(); };
    while (asked() < endpoints * 2) loop->RunTurn();  // connections are there, and warm
    double seconds = 0;
    uint64_t answered = 0;
    for (auto _ : state) {
      const uint64_t before = asked();
      const double began = ThreadSeconds();
      while (asked() - before < 200) loop->RunTurn();
      const double took = ThreadSeconds() - began;
      state.SetIterationTime(took);
      seconds += took;
      answered += asked() - before;
    }
    const double each = seconds / static_cast<double>(answered);
    state.counters["us_per_check"] = each * 1e6;
    state.counters["share_of_core"] = each * kChecksPerSecond;
  }
}

void ChecksTcp(benchmark::State& state) {
  Checks(state, topology::CheckType::kTcp);
}
void ChecksHttp(benchmark::State& state) {
  Checks(state, topology::CheckType::kHttp);
}
void ChecksAgent(benchmark::State& state) {
  Checks(state, topology::CheckType::kAgent);
}
// A quarter of a minute each: by wall time the rate is fixed. Both ends of a connection are here:
// 10,000 would need more than 20,000 descriptors.
void Sizes(benchmark::internal::Benchmark* bench) {
  bench->Arg(200)->Arg(9900)->Iterations(50)->UseManualTime()->Unit(benchmark::kMillisecond);
}
BENCHMARK(ChecksTcp)->Apply(Sizes);
BENCHMARK(ChecksHttp)->Apply(Sizes);
BENCHMARK(ChecksAgent)->Apply(Sizes);

}  // namespace
}  // namespace meridian::probe
