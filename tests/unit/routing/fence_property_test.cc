// Whatever fails, a client whose first matching rule is strict gets nothing but that rule's sites:
// random rules, failures, drains, weights, capacities, panic, retries until nothing is left,
// cookies earned elsewhere, sessions that moved elsewhere. Which rule matches is worked out anew
// here, from integers and texts.
#include "unit/routing/world.h"

#include <gtest/gtest.h>

#include <set>

namespace meridian::routing {
namespace {

using health::Intent;
using topology::SessionBy;

template <class T>
const T& OneOf(net::Random& random, const std::vector<T>& values) {
  return values[random.Next() % values.size()];
}
bool Chance(net::Random& random, uint64_t percent) {
  return random.Next() % 100 < percent;
}

// A client as it is, not as the code under test sees it.
struct Client {
  uint32_t ip = 0;
  std::string country, continent, subdivision;
  uint32_t asn = 0;
  std::map<std::string, std::string> headers;
};

class ClientHeaders final : public HeaderSource {
 public:
  explicit ClientHeaders(const Client& client) : client_(client) {}
  std::string_view Header(std::string_view name) const override {
    const auto found = client_.headers.find(std::string(name));
    return found == client_.headers.end() ? std::string_view() : found->second;
  }

 private:
  const Client& client_;
};

// A rule with its networks as numbers.
struct Facts {
  topology::Rule rule;
  std::vector<std::pair<uint32_t, int>> networks;
};

template <class T>
bool IsIn(const std::vector<T>& list, const T& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}
// A list without entries asks for nothing.
template <class T>
bool Misses(const std::vector<T>& list, const T& value) {
  return !list.empty() && !IsIn(list, value);
}

bool Holds(const Facts& facts, const Client& client, uint32_t ip) {
  const topology::Match& match = facts.rule.match;
  if (Misses(match.country, client.country) || Misses(match.continent, client.continent) ||
      Misses(match.subdivision, client.subdivision) || Misses(match.asn, client.asn)) {
    return false;
  }
  bool in_network = facts.networks.empty();
  for (const auto& [base, length] : facts.networks) {
    in_network |= length == 0 || (ip ^ base) >> (32 - length) == 0;
  }
  if (!in_network) return false;
  return std::all_of(match.header.begin(), match.header.end(), [&](const auto& header) {
    const auto found = client.headers.find(header.first);
    return found != client.headers.end() && found->second == header.second;
  });
}

class Trial {
 public:
  explicit Trial(uint64_t seed) : random_(seed) {
    world_.moved_sessions = std::make_shared<MovedSessions>(64);
    MakeSites();
    MakeClients();
    MakePolicy();
    world_.Build();
    // Sessions everywhere, before there is any fence.
    for (const Endpoint& endpoint : world_.table().endpoints()) {
      std::array<char, kCookieBytes> text;
      const size_t bytes =
          MakeCookie(world_.table(), world_.service(), endpoint.id, world_.wall, text.data());
      cookies_.emplace_back(text.data(), bytes);
    }
    for (int i = 0; i < 100; ++i) {
      Disturb();
      Walk walk;
      const Client& client = OneOf(random_, clients_);
      const std::string key = Key();
      walk.Start(world_.table(), Asked(client, key, nullptr));
      for (Choice choice; walk.Next(choice);) walk.Settle(choice);
    }
    MakeRules();
    world_.Build();
  }

  // Returns how many choices were held to a strict rule.
  size_t Run() {
    size_t held = 0;
    for (int i = 0; i < 40; ++i) {
      Disturb();
      const Client& client = OneOf(random_, clients_);
      const ClientHeaders headers(client);
      const std::string key = Key();
      const Facts* rule = RuleOf(client);
      Walk walk;
      walk.Start(world_.table(), Asked(client, key, &headers));
      for (Choice choice; walk.Next(choice, random_.Next());) {
        if (Chance(random_, 30)) walk.Settle(choice);
        if (rule == nullptr || !rule->rule.strict) continue;
        ++held;
        const std::string site = world_.SiteName(choice.site);
        EXPECT_TRUE(IsIn(rule->rule.sites, site)) << "leaks to " << site;
      }
    }
    return held;
  }

  // With nothing wrong and no session, a rule's sites come first, strict or not.
  void RunCalm() {
    Pass(std::chrono::hours(1));
    for (const Endpoint& endpoint : world_.table().endpoints()) SetUp(endpoint, true);
    for (const Site& site : world_.table().sites()) {
      world_.SetIntent(site.name, Intent::kServe);
      world_.SetSessions(site.name, 0);
    }
    for (const Client& client : clients_) {
      const ClientHeaders headers(client);
      const Facts* rule = RuleOf(client);
      if (rule == nullptr) continue;
      const auto choice = FirstChoice(world_.table(), Asked(client, "", &headers));
      const bool taken = std::any_of(
          world_.topology.sites.begin(), world_.topology.sites.end(),
          [&](const auto& site) { return IsIn(rule->rule.sites, site.name) && Takes(site); });
      const bool inside = choice && IsIn(rule->rule.sites, world_.SiteName(choice->site));
      if (world_.web().session.by != SessionBy::kSource || stays_empty_) {
        EXPECT_TRUE(inside == taken || (!taken && !choice)) << taken;
      }
    }
  }

 private:
  static bool Takes(const topology::Site& site) {
    const auto& pool = site.services.at("web");
    return site.weight != 0 && std::any_of(pool.begin(), pool.end(),
                                           [](const auto& endpoint) { return endpoint.weight; });
  }

  void MakeSites() {
    world_.AddSites(static_cast<int>(2 + random_.Next() % 12),
                    static_cast<int>(1 + random_.Next() % 3), random_);
    for (topology::Site& site : world_.topology.sites) {
      site.weight = Chance(random_, 10) ? 0 : static_cast<uint32_t>(1 + random_.Next() % 100);
      site.bias = static_cast<int>(random_.Next() % 199) - 99;
      if (Chance(random_, 30)) site.capacity = 1 + random_.Next() % 3;
      for (auto& endpoint : site.services["web"]) {
        endpoint.weight = static_cast<uint32_t>(random_.Next() % 4);
      }
    }
  }

  void MakeClients() {
    for (uint32_t i = 0; i < 12; ++i) {
      Client client;
      client.country = OneOf(random_, countries_);
      client.continent = OneOf(random_, continents_);
      client.subdivision = OneOf(random_, subdivisions_);
      client.asn = static_cast<uint32_t>(64500 + random_.Next() % 4);
      if (Chance(random_, 50)) client.headers["X-Tenant"] = OneOf(random_, values_);
      client.ip = 0xc6000000u + i * 256;
      geo::Location location;
      location.has_coordinates = Chance(random_, 80);
      location.point = *geo::Point::At(Unit(random_.Next()) * 180 - 90, 10);
      location.country = *geo::CountryCode::Parse(client.country);
      location.continent = *geo::ContinentCode::Parse(client.continent);
      location.subdivision = *geo::SubdivisionCode::Parse(client.subdivision);
      location.asn = client.asn;
      world_.places.push_back({net::Prefix(net::IpAddress::V4(client.ip), 24), location});
      client.ip += static_cast<uint32_t>(random_.Next() % 256);
      clients_.push_back(std::move(client));
    }
  }

  void MakePolicy() {
    topology::Service& web = world_.web();
    using enum topology::Steering;
    web.steering = OneOf<topology::Steering>(random_, {kNearest, kWeighted, kRandom, kOrdered});
    web.balance = static_cast<topology::Balance>(random_.Next() % 4);
    web.panic = Chance(random_, 70) ? topology::Panic::kRoute : topology::Panic::kReject;
    web.session.by = static_cast<SessionBy>(random_.Next() % 6);
    web.session.scope = static_cast<topology::SessionScope>(random_.Next() % 2);
    web.session.on_failure = static_cast<topology::OnFailure>(random_.Next() % 2);
    web.session.on_recovery = static_cast<topology::OnRecovery>(random_.Next() % 2);
    web.session.source_prefix_v4 = Chance(random_, 50) ? 32 : 24;
    stays_empty_ = web.session.on_recovery == topology::OnRecovery::kReturn;
  }

  void MakeRules() {
    const size_t count = 1 + random_.Next() % 5;
    for (size_t i = 0; i < count; ++i) {
      Facts facts;
      topology::Match& match = facts.rule.match;
      if (Chance(random_, 40)) match.country = {OneOf(random_, countries_)};
      if (Chance(random_, 30)) match.continent = {OneOf(random_, continents_), "AN"};
      if (Chance(random_, 20)) match.subdivision = {OneOf(random_, subdivisions_)};
      if (Chance(random_, 20))
        match.asn = {64503, static_cast<uint32_t>(64500 + random_.Next() % 4)};
      if (Chance(random_, 20)) match.header = {{"X-Tenant", OneOf(random_, values_)}};
      if (Chance(random_, 30)) {
        const uint32_t base = 0xc6000000u + static_cast<uint32_t>(random_.Next() % 4096);
        const int length = static_cast<int>(16 + random_.Next() % 17);
        const net::Prefix prefix(net::IpAddress::V4(base), length);
        match.network = {prefix.ToString()};
        facts.networks = {{base, length}};
      }
      for (const topology::Site& site : world_.topology.sites) {
        if (Chance(random_, 35)) facts.rule.sites.push_back(site.name);
      }
      if (facts.rule.sites.empty()) {
        facts.rule.sites.push_back(OneOf(random_, world_.topology.sites).name);
      }
      if (match == topology::Match{}) match.country = {OneOf(random_, countries_)};
      facts.rule.strict = Chance(random_, 60);
      world_.web().rules.push_back(facts.rule);
      rules_.push_back(std::move(facts));
    }
  }

  // A session by source is its whole prefix, in the eyes of the fence too.
  const Facts* RuleOf(const Client& client) const {
    const topology::SessionPolicy& session = world_.topology.services[0].session;
    const bool masked = session.by == SessionBy::kSource && session.source_prefix_v4 == 24;
    const uint32_t ip = masked ? client.ip & ~0xffu : client.ip;
    for (const Facts& facts : rules_) {
      if (Holds(facts, client, ip)) return &facts;
    }
    return nullptr;
  }

  // Ejections end with time.
  void Pass(Duration time) {
    now_ += time;
    world_.registry.Sweep(now_);
  }
  void SetUp(const Endpoint& endpoint, bool up) {
    world_.registry.SetProbe(*endpoint.health, up ? health::Probe::kUp : health::Probe::kDown,
                             now_);
  }

  void Disturb() {
    Pass(std::chrono::seconds(random_.Next() % 20));
    for (const Endpoint& endpoint : world_.table().endpoints()) {
      if (Chance(random_, 50)) SetUp(endpoint, Chance(random_, 75));
      if (Chance(random_, 4)) {
        world_.registry.Report(*endpoint.health, health::Outcome::kConnectFailed,
                               world_.web().outliers, nullptr, 0, now_);
      }
    }
    for (const Site& site : world_.table().sites()) {
      if (Chance(random_, 30)) {
        const WallTime deadline =
            world_.wall + std::chrono::seconds(random_.Next() % 3) - std::chrono::seconds(1);
        const Intent intent = static_cast<Intent>(random_.Next() % 3);
        world_.SetIntent(site.name, Chance(random_, 60) ? Intent::kServe : intent, deadline);
      }
      world_.SetSessions(site.name, static_cast<uint32_t>(random_.Next() % 4));
    }
  }

  std::string Key() {
    if (world_.web().session.by == SessionBy::kCookie) {
      return Chance(random_, 80) ? OneOf(random_, cookies_) : "not a cookie";
    }
    return Chance(random_, 80) ? Format("user-{}", random_.Next() % 20) : "";
  }
  Query Asked(const Client& client, const std::string& key, const HeaderSource* headers) {
    Query query = world_.QueryOf(net::IpAddress::V4(client.ip), random_.Next(), key);
    query.headers = headers;
    return query;
  }

  const std::vector<std::string> countries_{"DE", "FR", "US"}, continents_{"EU", "NA"},
      subdivisions_{"BE", "TX"}, values_{"blue", "green"};
  net::Xoshiro random_;
  World world_;
  std::vector<Client> clients_;
  std::vector<Facts> rules_;
  std::vector<std::string> cookies_;
  MonotonicTime now_{std::chrono::seconds(1)};
  bool stays_empty_ = false;  // no session by source was remembered to have moved
};

TEST(FenceProperty, AStrictRuleIsNeverLeftOnAnySeed) {
  size_t held = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(Format("seed {}", seed));
    held += Trial(seed).Run();
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(held, 500u);
}

TEST(FenceProperty, TheFirstMatchingRulesSitesComeFirstOnAnySeed) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(Format("seed {}", seed));
    Trial(seed).RunCalm();
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace meridian::routing
