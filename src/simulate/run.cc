// A scenario, played: its load becomes streams, its steps become tasks, and the world's answers a
// report.
#include <meridian/base/format.h>
#include <meridian/base/text.h>
#include <meridian/simulate/simulate.h>

#include <algorithm>

#include "simulate/expect.h"
#include "simulate/world.h"

namespace meridian::simulate {
namespace {

constexpr Duration kBeforeFirst = std::chrono::seconds(3);  // sessions are there by the start
constexpr Duration kSamplePeriod = std::chrono::seconds(1);
constexpr int64_t kMaxSamples = 1000;

// Places of the load become blocks of the documentation prefix 2001:db8::/32, so that they are
// located by the very tables that locate clients.
net::Prefix BlockOf(config::Config& config, const config::Load& load, uint16_t& next) {
  if (load.clients) return *load.clients;
  for (;;) {
    const std::array<uint8_t, 16> bytes{
        0x20, 0x01, 0x0d, 0xb8, static_cast<uint8_t>(next >> 8), static_cast<uint8_t>(next)};
    ++next;
    const net::Prefix block(net::IpAddress::V6(bytes), 48);
    auto& networks = config.geo.networks;
    const bool is_taken = std::any_of(networks.begin(), networks.end(), [&](const auto& known) {
      return known.first.Contains(block.ip()) || block.Contains(known.first.ip());
    });
    if (is_taken) continue;
    networks.emplace_back(block, *load.place);
    return block;
  }
}

class Play {
 public:
  Play(World& world, const config::Scenario& scenario, const std::vector<net::Prefix>& blocks)
      : world_(world), scenario_(scenario) {
    std::vector<Stream> streams;
    for (size_t i = 0; i < scenario.load.size(); ++i) {
      const config::Load& load = scenario.load[i];
      streams.push_back({world.table().FindService(load.service), blocks[i], load.rate,
                         load.session, load.reads});
    }
    world_.At(-kBeforeFirst, [this, streams] { world_.crowd().Open(streams); });
    world_.At(Duration(0), [this] { Start(); });
    for (const config::Step& step : scenario.steps) {
      world_.At(step.at, [this, &step] { Do(step); });
    }
  }

  Report Finish(uint64_t seed) {
    world_.RunUntil(scenario_.duration);
    Sample();
    report_.start = Agenda::kStart;
    report_.duration = scenario_.duration;
    report_.seed = seed;
    for (size_t i = 0; i < report_.sites.size(); ++i) {
      SiteReport& site = report_.sites[i];
      const SiteId id{static_cast<uint32_t>(i)};
      site.at_end = world_.crowd().SessionsAt(id);
      site.peak = world_.crowd().peak(id);
      site.peak_at = world_.crowd().peak_at(id);
    }
    for (size_t i = 0; i < world_.table().services().size(); ++i) AddService(i);
    report_.moves = world_.recovery().Moves();
    report_.dropped_moments = world_.chronicle().dropped();
    report_.moments = world_.chronicle().Take();
    return std::move(report_);
  }

 private:
  void Start() {
    world_.crowd().StartCounting();
    for (const routing::Site& site : world_.table().sites()) {
      SiteReport& told = report_.sites.emplace_back();
      told.name = site.name;
      told.region = site.region;
      if (site.capacity != UINT64_MAX) told.capacity = site.capacity;
      told.at_start = world_.crowd().SessionsAt(site.id);
    }
    SampleAgain();
  }

  void SampleAgain() {
    Sample();
    world_.agenda().After(std::max(kSamplePeriod, scenario_.duration / kMaxSamples),
                          [this] { SampleAgain(); });
  }

  void Sample(bool is_marked = false) {
    simulate::Sample sample;
    sample.at = world_.agenda().SinceStart();
    sample.unserved = world_.crowd().unserved();
    sample.is_marked = is_marked;
    for (const routing::Site& site : world_.table().sites()) {
      sample.sessions.push_back(world_.crowd().SessionsAt(site.id));
    }
    report_.samples.push_back(std::move(sample));
  }

  void Do(const config::Step& step) {
    if (step.at > Duration(0)) Sample(true);
    for (const std::string& target : step.down) world_.SetDown(target, true);
    for (const std::string& target : step.up) world_.SetDown(target, false);
    if (step.partition) world_.SetReach(*step.partition, false);
    if (step.heal) world_.SetReach(*step.heal, true);
    for (const auto& [site, lag] : step.lag) {
      world_.recovery().SetLag(site, lag);
      Tell(Format("replication to {} lags by {}", site, FormatDuration(lag)));
    }
    for (const auto& [site, growth] : step.lag_growth) {
      world_.recovery().SetLagGrowth(site, growth);
      Tell(Format("the lag of {} grows by {:g}s a second", site, growth));
    }
    for (const std::string& target : step.drain) world_.SetDrain(target, true, step.deadline);
    for (const std::string& target : step.undrain) world_.SetDrain(target, false, {});
    if (step.rate) {
      world_.crowd().SetRate(*step.rate);
      Tell(Format("clients come at {:g} times the rate", *step.rate));
    }
    if (!step.acknowledge.empty()) world_.recovery().Acknowledge(step.acknowledge);
    if (step.automation) world_.recovery().SetAutomation(*step.automation);
    if (step.failover) world_.recovery().Failover(*step.failover);
    if (!step.failback.empty()) world_.recovery().Failback(step.failback);
    Expect(step);
  }

  void Tell(std::string text) { world_.chronicle().Tell(Kind::kStep, std::move(text)); }

  // What holds is told in one line.
  void Expect(const config::Step& step) {
    std::string holding;
    for (const config::Expectation& expected : step.expect) {
      ++report_.expectations;
      const std::string mismatch = Mismatch(world_, expected);
      if (mismatch.empty()) {
        holding += (holding.empty() ? "as expected: " : "; ") + expected.text;
        continue;
      }
      world_.chronicle().Tell(Kind::kExpect,
                              Format("NOT as expected: {}; but {}", expected.text, mismatch), true);
      report_.failures.push_back(Format("{}: at {}: expected {}; but {}", expected.where,
                                        FormatDuration(step.at), expected.text, mismatch));
    }
    if (!holding.empty()) world_.chronicle().Tell(Kind::kExpect, std::move(holding));
  }

  void AddService(size_t index) {
    const ServiceId id{static_cast<uint32_t>(index)};
    ServiceReport told = world_.crowd().tally(id);
    const topology::Service& service = world_.table().service(id);
    told.name = service.name;
    told.mode = topology::Name(service.mode);
    told.longest_wait = world_.crowd().LongestWait(id);
    if (const failover::Controller* controller = world_.recovery().Find(service.name)) {
      told.active = controller->record().active;
      told.state = failover::Name(controller->state());
      told.epoch = controller->record().epoch;
    }
    report_.services.push_back(std::move(told));
  }

  World& world_;
  const config::Scenario& scenario_;
  Report report_;
};

}  // namespace

Outcome Run(const config::Config& config, const config::Scenario& scenario, uint64_t seed) {
  config::Config placed = config;
  std::vector<net::Prefix> blocks;
  uint16_t next = 0;
  for (const config::Load& load : scenario.load) blocks.push_back(BlockOf(placed, load, next));
  Outcome outcome;
  const std::unique_ptr<World> world = World::Make(placed, seed, outcome.errors);
  if (world == nullptr) return outcome;
  outcome.report = Play(*world, scenario, blocks).Finish(seed);
  return outcome;
}

uint64_t ServiceReport::refusals() const {
  uint64_t sum = 0;
  for (const auto& [reason, tries] : refused) sum += tries;
  return sum;
}

const char* Name(Kind kind) {
  switch (kind) {
    case Kind::kStep:
      return "step";
    case Kind::kHealth:
      return "health";
    case Kind::kFailover:
      return "failover";
    case Kind::kTraffic:
      return "traffic";
    case Kind::kCapacity:
      return "capacity";
    case Kind::kExpect:
      return "expect";
  }
  return "";
}

}  // namespace meridian::simulate
