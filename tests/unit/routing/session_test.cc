// Sessions: cookies and their signature, sources, headers; what keeps them, what moves them, what
// rejects them.
#include "routing/cookie.h"
#include "unit/routing/world.h"

#include <gtest/gtest.h>

#include <set>

namespace meridian::routing {
namespace {

using health::Intent;
using topology::OnFailure;
using topology::OnRecovery;
using topology::SessionBy;
using topology::SessionScope;

class SessionTest : public testing::Test {
 protected:
  struct Got {
    std::string site, endpoint;
    Reason reason{};
    Pin pin{};
    NoChoice why{};
    bool wants_cookie = false;
  };

  // Three sites; the client is nearest to a, then b, then c.
  void Make(SessionBy by, int endpoints = 3) {
    world_.AddSite("a", 0, 0, endpoints);
    world_.AddSite("b", 0, 30, endpoints);
    world_.AddSite("c", 0, 60, endpoints);
    client_ = world_.AddClient(0, -10);
    world_.web().session.by = by;
    world_.Build();
  }
  Got Decide(std::string_view key = {}, uint64_t draw = 1) const {
    return Decide(client_, key, draw);
  }
  Got Decide(const net::IpAddress& client, std::string_view key = {}, uint64_t draw = 1) const {
    Walk walk;
    walk.Start(world_.table(), world_.QueryOf(client, draw, key));
    return Next(walk);
  }
  Got Next(Walk& walk) const {
    Choice choice;
    Got got;
    if (walk.Next(choice)) {
      got.site = world_.SiteName(choice.site);
      got.endpoint = world_.table().endpoint(choice.endpoint).address_text;
      got.reason = choice.reason;
    }
    got.pin = walk.pin();
    got.why = walk.why();
    got.wants_cookie = walk.wants_cookie();
    return got;
  }
  const Endpoint& EndpointAt(const char* site, size_t index) const {
    return world_.table().Pool(world_.service(), world_.table().FindSite(site))[index];
  }
  std::string CookieFor(const char* site, size_t index) const {
    std::array<char, kCookieBytes> text;
    const size_t bytes = MakeCookie(world_.table(), world_.service(), EndpointAt(site, index).id,
                                    world_.wall, text.data());
    return {text.data(), bytes};
  }

  World world_;
  net::IpAddress client_;
};
using CookieSession = SessionTest;
using SourceSession = SessionTest;
using HeaderSession = SessionTest;

TEST_F(CookieSession, BeginsWithANewCookie) {
  Make(SessionBy::kCookie);
  const Got got = Decide();
  EXPECT_EQ(got.site, "a");
  EXPECT_EQ(got.reason, Reason::kNearest);
  EXPECT_EQ(got.pin, Pin::kNew);
  EXPECT_TRUE(got.wants_cookie);
}

TEST_F(CookieSession, IsKeptWhereItIsPinned) {
  Make(SessionBy::kCookie);
  for (const char* site : {"a", "b", "c"}) {
    for (size_t i = 0; i < 3; ++i) {
      const Got got = Decide(CookieFor(site, i), i);
      EXPECT_EQ(got.site, site);
      EXPECT_EQ(got.endpoint, EndpointAt(site, i).address_text);
      EXPECT_EQ(got.reason, Reason::kSession);
      EXPECT_EQ(got.pin, Pin::kKept);
      EXPECT_FALSE(got.wants_cookie);
    }
  }
}

TEST_F(CookieSession, IsHonouredByAnyInstanceWithTheKeyAndAfterAReload) {
  Make(SessionBy::kCookie);
  const std::string cookie = CookieFor("c", 2);
  world_.topology.sites.insert(world_.topology.sites.begin(), world_.topology.sites[0]);
  world_.topology.sites[0].name = "aa";
  std::sort(world_.topology.sites.begin(), world_.topology.sites.end(),
            [](const auto& x, const auto& y) { return x.name < y.name; });
  world_.Build();
  EXPECT_EQ(Decide(cookie).endpoint, EndpointAt("c", 2).address_text);
}

TEST_F(CookieSession, IgnoresWhatItDidNotSign) {
  Make(SessionBy::kCookie);
  const std::string good = CookieFor("c", 0);
  std::vector<std::string> bad = {"",
                                  "x",
                                  std::string(52, 'A'),
                                  std::string(52, '='),
                                  good + "A",
                                  good.substr(1),
                                  std::string(5000, 'a')};
  for (size_t i = 0; i < good.size(); ++i) {
    std::string forged = good;
    forged[i] = forged[i] == 'A' ? 'B' : 'A';
    bad.push_back(forged);
  }
  for (const std::string& cookie : bad) {
    const Got got = Decide(cookie);
    EXPECT_EQ(got.site, "a") << cookie;
    EXPECT_EQ(got.pin, cookie.empty() ? Pin::kNew : Pin::kInvalid) << cookie;
    EXPECT_TRUE(got.wants_cookie);
  }
}

TEST_F(CookieSession, IsNotHonouredForAnotherServiceWithTheSameKey) {
  Make(SessionBy::kCookie);
  const std::string cookie = CookieFor("c", 0);
  topology::Service other = world_.web();
  other.name = "other";
  world_.topology.services.insert(world_.topology.services.begin(), other);
  for (auto& site : world_.topology.sites) site.services["other"] = site.services["web"];
  world_.Build();
  Query query = world_.QueryOf(client_, 1, cookie);
  query.service = world_.table().FindService("other");
  Walk walk;
  walk.Start(world_.table(), query);
  Choice choice;
  ASSERT_TRUE(walk.Next(choice));
  EXPECT_EQ(walk.pin(), Pin::kInvalid);
  EXPECT_EQ(Decide(cookie).pin, Pin::kKept);
}

TEST_F(CookieSession, ExpiresAndMayNotComeFromTheFuture) {
  Make(SessionBy::kCookie);
  const std::string cookie = CookieFor("c", 0);
  const WallTime issued = world_.wall;
  world_.wall = issued + world_.web().session.ttl;
  EXPECT_EQ(Decide(cookie).pin, Pin::kKept);
  world_.wall += std::chrono::seconds(1);
  EXPECT_EQ(Decide(cookie).pin, Pin::kInvalid);
  world_.wall = issued - std::chrono::minutes(4);
  EXPECT_EQ(Decide(cookie).pin, Pin::kKept) << "clocks differ a little";
  world_.wall = issued - std::chrono::minutes(6);
  EXPECT_EQ(Decide(cookie).pin, Pin::kInvalid);
}

TEST_F(CookieSession, OfTheSecondKeyIsHonouredAndReplacedByOneOfTheFirst) {
  const tls::HmacKey old("an old secret for these tests"), fresh("a new secret for these tests");
  world_.cookie_keys = {old, {}};
  Make(SessionBy::kCookie);
  const std::string cookie = CookieFor("c", 1);
  world_.cookie_keys = {fresh, old};
  world_.Build();
  const Got got = Decide(cookie);
  EXPECT_EQ(got.endpoint, EndpointAt("c", 1).address_text);
  EXPECT_EQ(got.pin, Pin::kKept);
  EXPECT_TRUE(got.wants_cookie);
  const std::string replaced = CookieFor("c", 1);
  EXPECT_NE(replaced, cookie);
  EXPECT_FALSE(Decide(replaced).wants_cookie);
  world_.cookie_keys = {fresh, {}};
  world_.Build();
  EXPECT_EQ(Decide(replaced).pin, Pin::kKept);
  EXPECT_EQ(Decide(cookie).pin, Pin::kInvalid);
  EXPECT_TRUE(Decide(cookie).wants_cookie);
}

TEST_F(CookieSession, OfAThirdKeyIsNone) {
  Make(SessionBy::kCookie);
  const std::string cookie = CookieFor("c", 1);
  world_.cookie_keys = {tls::HmacKey("one other secret of these"),
                        tls::HmacKey("another secret of these tests")};
  world_.Build();
  EXPECT_EQ(Decide(cookie).pin, Pin::kInvalid);
  EXPECT_EQ(Decide(cookie).site, "a");
}

TEST_F(CookieSession, OfTheSecondKeyExpiresAndKeepsItsPlaceWhenItIsToReturn) {
  world_.web().session.on_recovery = OnRecovery::kReturn;
  Make(SessionBy::kCookie);
  const std::string cookie = CookieFor("b", 1);
  world_.cookie_keys = {tls::HmacKey("a new secret for these tests"), world_.cookie_keys.signs};
  world_.Build();
  world_.SetSiteUp("b", false);
  EXPECT_EQ(Decide(cookie).pin, Pin::kMoved);
  EXPECT_FALSE(Decide(cookie).wants_cookie) << "a new one would name the wrong place";
  world_.SetSiteUp("b", true);
  EXPECT_EQ(Decide(cookie).site, "b");
  world_.wall += world_.web().session.ttl + std::chrono::seconds(1);
  EXPECT_EQ(Decide(cookie).pin, Pin::kInvalid);
}

// Two instances, each with its own moment of reloading: between them, nobody notices a new key.
TEST_F(CookieSession, LosesNoSessionWhenKeysAreReplacedInTwoSteps) {
  const tls::HmacKey old("an old secret for these tests"), fresh("a new secret for these tests");
  const std::vector<tls::HmacKeys> steps = {{old, {}}, {old, fresh}, {fresh, old}, {fresh, {}}};
  Make(SessionBy::kCookie);
  net::Xoshiro random(7);
  std::vector<std::pair<std::string, std::string>> sessions;  // cookie, endpoint
  world_.cookie_keys = steps[0];
  world_.Build();
  for (size_t i = 0; i < 3; ++i) {
    sessions.emplace_back(CookieFor("b", i), EndpointAt("b", i).address_text);
  }
  for (size_t step = 0; step + 1 < steps.size(); ++step) {
    for (int request = 0; request < 60; ++request) {
      // Some instances are at this step, some at the next.
      world_.cookie_keys = steps[step + random.Next() % 2];
      world_.Build();
      const size_t number = request < 3 ? static_cast<size_t>(request) : random.Next() % 3;
      auto& [cookie, endpoint] = sessions[number];
      const Got got = Decide(cookie);
      EXPECT_EQ(got.pin, Pin::kKept) << "step " << step;
      EXPECT_EQ(got.endpoint, endpoint);
      if (got.wants_cookie) cookie = CookieFor("b", number);
    }
    // All have reloaded; every session comes by once before the next step.
    world_.cookie_keys = steps[step + 1];
    world_.Build();
    for (size_t i = 0; i < 3; ++i) {
      if (Decide(sessions[i].first).wants_cookie) sessions[i].first = CookieFor("b", i);
    }
  }
}

TEST_F(CookieSession, SurvivesADrainUntilItsDeadline) {
  Make(SessionBy::kCookie);
  const std::string cookie = CookieFor("b", 1);
  world_.SetIntent("b", Intent::kDrain, world_.wall + std::chrono::minutes(5));
  EXPECT_EQ(Decide(cookie).endpoint, EndpointAt("b", 1).address_text);
  EXPECT_EQ(Decide(cookie).pin, Pin::kKept);
  world_.wall += std::chrono::minutes(5);
  const Got got = Decide(cookie);
  EXPECT_EQ(got.site, "a");
  EXPECT_EQ(got.pin, Pin::kMoved);
  world_.SetIntent("b", Intent::kOut);
  world_.wall -= std::chrono::minutes(5);
  EXPECT_EQ(Decide(cookie).site, "a");
}

TEST_F(CookieSession, IsTakenByASiteAtItsCapacityAndByAWeightOfZero) {
  Make(SessionBy::kCookie);
  world_.topology.sites[1].capacity = 10;
  world_.topology.sites[1].weight = 0;
  world_.topology.sites[1].services["web"][0].weight = 0;
  world_.Build();
  world_.SetSessions("b", 10);
  EXPECT_EQ(Decide(CookieFor("b", 0)).endpoint, EndpointAt("b", 0).address_text);
}

TEST_F(CookieSession, MovesWithinItsSiteFirstAndThenToTheClientsNext) {
  Make(SessionBy::kCookie);
  const std::string cookie = CookieFor("b", 1);
  world_.SetUp(EndpointAt("b", 1), false);
  Walk walk;
  walk.Start(world_.table(), world_.QueryOf(client_, 1, cookie));
  std::vector<std::string> sites;
  std::set<std::string> endpoints;
  for (Got got = Next(walk); !got.site.empty(); got = Next(walk)) {
    EXPECT_EQ(got.pin, Pin::kMoved);
    EXPECT_TRUE(got.wants_cookie);
    sites.push_back(got.site);
    EXPECT_TRUE(endpoints.insert(got.endpoint).second);
  }
  EXPECT_EQ(sites, (std::vector<std::string>{"b", "b", "a", "a", "a", "c", "c", "c", "b"}))
      << "the last in panic";
}

TEST_F(CookieSession, MovesOnWhenThePinnedEndpointFailsUnderway) {
  Make(SessionBy::kCookie);
  Walk walk;
  const std::string cookie = CookieFor("c", 0);
  walk.Start(world_.table(), world_.QueryOf(client_, 1, cookie));
  EXPECT_EQ(Next(walk).pin, Pin::kKept);
  const Got second = Next(walk);
  EXPECT_EQ(second.site, "c");
  EXPECT_EQ(second.pin, Pin::kMoved);
  EXPECT_TRUE(second.wants_cookie);
}

TEST_F(CookieSession, KeepsItsOldCookieWhenItIsToReturn) {
  Make(SessionBy::kCookie);
  world_.web().session.on_recovery = OnRecovery::kReturn;
  world_.Build();
  const std::string cookie = CookieFor("b", 1);
  world_.SetSiteUp("b", false);
  const Got away = Decide(cookie);
  EXPECT_EQ(away.site, "a");
  EXPECT_EQ(away.pin, Pin::kMoved);
  EXPECT_EQ(away.reason, Reason::kFailover);
  EXPECT_FALSE(away.wants_cookie);
  world_.SetSiteUp("b", true);
  EXPECT_EQ(Decide(cookie).endpoint, EndpointAt("b", 1).address_text);
}

TEST_F(CookieSession, IsRejectedWhileItsEndpointIsDownIfThePolicySaysSo) {
  Make(SessionBy::kCookie);
  world_.web().session.on_failure = OnFailure::kReject;
  world_.Build();
  const std::string cookie = CookieFor("b", 1);
  EXPECT_EQ(Decide(cookie).pin, Pin::kKept);
  world_.SetUp(EndpointAt("b", 1), false);
  EXPECT_EQ(Decide(cookie).why, NoChoice::kSessionRejected);
  EXPECT_EQ(Decide(cookie).endpoint, "");
  EXPECT_EQ(Decide().site, "a") << "new sessions go on";
  world_.SetUp(EndpointAt("b", 1), true);
  EXPECT_EQ(Decide(cookie).pin, Pin::kKept);
}

TEST_F(CookieSession, MovesWhenItsEndpointIsNoLongerConfigured) {
  Make(SessionBy::kCookie);
  world_.web().session.on_failure = OnFailure::kReject;
  world_.Build();
  const std::string cookie = CookieFor("b", 2), elsewhere = CookieFor("c", 0);
  world_.topology.sites[1].services["web"].pop_back();
  world_.topology.sites[2].services.clear();
  world_.Build();
  const Got got = Decide(cookie);
  EXPECT_EQ(got.site, "b");
  EXPECT_EQ(got.pin, Pin::kMoved);
  EXPECT_TRUE(got.wants_cookie);
  EXPECT_EQ(Decide(elsewhere).pin, Pin::kInvalid) << "the site no longer offers the service";
}

TEST_F(CookieSession, WithScopeSiteTakesAnyEndpointOfIt) {
  Make(SessionBy::kCookie);
  world_.web().session.scope = SessionScope::kSite;
  world_.Build();
  const std::string cookie = CookieFor("c", 1);
  std::set<std::string> endpoints;
  for (uint64_t draw = 1; draw < 200; ++draw) {
    const Got got = Decide(cookie, Mix(draw));
    EXPECT_EQ(got.site, "c");
    EXPECT_EQ(got.pin, Pin::kKept);
    endpoints.insert(got.endpoint);
  }
  EXPECT_EQ(endpoints.size(), 3u);
  world_.SetIntent("c", Intent::kDrain);
  EXPECT_EQ(Decide(cookie).site, "c");
  world_.SetSiteUp("c", false);
  EXPECT_EQ(Decide(cookie).site, "a");
  EXPECT_EQ(Decide(cookie).pin, Pin::kMoved);
}

TEST_F(SourceSession, IsOneForAWholePrefixAndStays) {
  Make(SessionBy::kSource);
  world_.web().session.source_prefix_v4 = 24;
  world_.Build();
  net::Xoshiro random(1);
  const Got home = Decide(client_, {}, random.Next());
  EXPECT_EQ(home.site, "a");
  EXPECT_EQ(home.pin, Pin::kKept);
  for (uint32_t host = 0; host < 256; ++host) {
    const Got got = Decide(net::IpAddress::V4(client_.v4() + host), {}, random.Next());
    EXPECT_EQ(got.endpoint, home.endpoint);
  }
}

TEST_F(SourceSession, FindsItsPlaceByTheMaskedAddress) {
  Make(SessionBy::kSource);
  world_.web().session.source_prefix_v4 = 16;
  // Were single addresses looked up, this half of the block would go to c.
  geo::Location far = world_.places[0].location;
  far.point = *geo::Point::At(0, 70);
  world_.places = {{net::Prefix(net::IpAddress::V4(0x0a000000), 24), world_.places[0].location},
                   {net::Prefix(net::IpAddress::V4(0x0a008000), 17), far}};
  world_.Build();
  EXPECT_EQ(Decide(net::IpAddress::V4(0x0a00ff01)).site, "a");
}

TEST_F(SourceSession, SpreadsOverEndpointsAndLosesOnlyThoseOfWhatFails) {
  Make(SessionBy::kSource, 10);
  world_.places[0].network = net::Prefix(net::IpAddress::V4(0), 1);
  world_.Build();
  net::Xoshiro random(2);
  std::map<std::string, int> load;
  std::vector<std::pair<net::IpAddress, std::string>> before;
  for (int i = 0; i < 5000; ++i) {
    const net::IpAddress client = net::IpAddress::V4(static_cast<uint32_t>(random.Next() >> 33));
    before.emplace_back(client, Decide(client).endpoint);
    ++load[before.back().second];
  }
  EXPECT_EQ(load.size(), 10u);
  for (const auto& [endpoint, sessions] : load)
    EXPECT_TRUE(WithinBinomial(sessions, 5000, 0.1)) << sessions;
  const Endpoint& failed = EndpointAt("a", 4);
  world_.SetUp(failed, false);
  int moved = 0;
  for (const auto& [client, endpoint] : before) {
    const Got got = Decide(client);
    if (got.site != "a")
      continue;  // not of the share that nine of ten keep: none, as 0.9 × 1.4 > 1
    moved += got.endpoint != endpoint;
    if (endpoint == failed.address_text) {
      EXPECT_EQ(got.pin, Pin::kMoved);
    } else {
      EXPECT_EQ(got.endpoint, endpoint);
    }
  }
  EXPECT_EQ(moved, load[failed.address_text]);
}

TEST_F(SourceSession, MovesAboutItsShareWhenAnEndpointIsAddedOrRemoved) {
  Make(SessionBy::kSource, 10);
  net::Xoshiro random(3);
  std::vector<std::pair<net::IpAddress, std::string>> before;
  for (int i = 0; i < 5000; ++i) {
    const net::IpAddress client = RandomClient(random);
    before.emplace_back(client, Decide(client).endpoint);
  }
  const auto moved = [&] {
    return std::count_if(before.begin(), before.end(), [&](const auto& item) {
      return Decide(item.first).endpoint != item.second;
    });
  };
  // Clients of unknown place spread over the three sites, so a tenth of a third is the optimum:
  // 167.
  auto& pool = world_.topology.sites[0].services["web"];
  pool.push_back({"10.9.9.9:80", 1});
  world_.Build();
  EXPECT_LE(moved(), 2 * 5000 / 30);
  EXPECT_GE(moved(), 5000 / 30 / 2);
  pool.pop_back();
  pool.erase(pool.begin() + 5);
  world_.Build();
  EXPECT_LE(moved(), 2 * 5000 / 30);
}

TEST_F(SourceSession, IsRejectedAwayFromHomeIfThePolicySaysSo) {
  Make(SessionBy::kSource);
  world_.web().session.on_failure = OnFailure::kReject;
  world_.Build();
  const Got home = Decide();
  EXPECT_EQ(home.site, "a");
  EXPECT_EQ(home.reason, Reason::kSession);
  for (size_t i = 0; i < 3; ++i)
    world_.SetUp(EndpointAt("a", i), EndpointAt("a", i).address_text != home.endpoint);
  EXPECT_EQ(Decide().why, NoChoice::kSessionRejected);
  world_.SetSiteUp("a", true);
  EXPECT_EQ(Decide().endpoint, home.endpoint);
}

TEST_F(HeaderSession, KeepsAllRequestsOfAKeyTogetherWhereverTheyComeFrom) {
  Make(SessionBy::kHeader);
  const net::IpAddress far = world_.AddClient(0, 61);
  world_.Build();
  std::map<std::string, int> sites;
  for (int key = 0; key < 900; ++key) {
    const std::string text = "user-" + std::to_string(key);
    const Got got = Decide(client_, text, 1);
    const Got other = Decide(far, text, 2);
    EXPECT_EQ(got.endpoint, other.endpoint);
    EXPECT_EQ(got.reason, Reason::kSession);
    EXPECT_EQ(got.pin, Pin::kKept);
    ++sites[got.site];
  }
  for (const auto& [site, count] : sites)
    EXPECT_TRUE(WithinBinomial(count, 900, 1 / 3.0)) << site << count;
}

TEST_F(HeaderSession, BytesDecideAlone) {
  Make(SessionBy::kBytes);
  const net::IpAddress far = world_.AddClient(0, 61);
  world_.Build();
  std::set<std::string> sites;
  for (int key = 0; key < 50; ++key) {
    const Got got = Decide(client_, std::to_string(key), 1);
    EXPECT_EQ(got.endpoint, Decide(far, std::to_string(key), 2).endpoint);
    sites.insert(got.site);
  }
  EXPECT_EQ(sites.size(), 3u);
}

TEST_F(HeaderSession, ACallGoesToItsCallersSiteAndKeepsToAServerThere) {
  Make(SessionBy::kSipCallId);
  const net::IpAddress far = world_.AddClient(0, 61);
  world_.Build();
  std::map<std::string, int> servers;
  for (int call = 0; call < 900; ++call) {
    const std::string id = std::to_string(call) + "@a";
    const Got got = Decide(client_, id, 1);
    EXPECT_EQ(got.site, "a");
    EXPECT_EQ(got.pin, Pin::kKept);
    EXPECT_EQ(got.endpoint, Decide(client_, id, 2).endpoint);
    EXPECT_EQ(Decide(far, id).site, "c");
    ++servers[got.endpoint];
  }
  EXPECT_EQ(servers.size(), 3u);
  for (const auto& [server, count] : servers)
    EXPECT_TRUE(WithinBinomial(count, 900, 1 / 3.0)) << server << count;
}

TEST_F(HeaderSession, WithoutTheHeaderIsNone) {
  Make(SessionBy::kHeader);
  const Got got = Decide();
  EXPECT_EQ(got.site, "a");
  EXPECT_EQ(got.reason, Reason::kNearest);
  EXPECT_EQ(got.pin, Pin::kNone);
}

TEST_F(HeaderSession, StaysTogetherWhenItsHomeFailsAndReturns) {
  Make(SessionBy::kHeader);
  const Got home = Decide("key");
  world_.SetSiteUp(home.site, false);
  const Got away = Decide("key", 5), again = Decide("key", 6);
  EXPECT_NE(away.site, home.site);
  EXPECT_EQ(away.endpoint, again.endpoint);
  EXPECT_EQ(away.pin, Pin::kMoved);
  world_.SetSiteUp(home.site, true);
  EXPECT_EQ(Decide("key").endpoint, home.endpoint);
}

TEST_F(HeaderSession, DrawsOnlyFromTheSitesThatTheFenceLeaves) {
  Make(SessionBy::kHeader);
  topology::Rule rule;
  rule.match.country = {"US"};
  rule.sites = {"b", "c"};
  rule.strict = true;
  world_.web().rules = {rule};
  world_.Build();
  std::set<std::string> sites;
  for (int key = 0; key < 200; ++key) sites.insert(Decide("user-" + std::to_string(key)).site);
  EXPECT_EQ(sites, (std::set<std::string>{"b", "c"}));
}

TEST(Cookie, ReadsBackWhatItWroteToTheSecond) {
  const tls::HmacKey key("a secret for these tests");
  net::Xoshiro random(1);
  for (int i = 0; i < 500; ++i) {
    const Cookie cookie{random.Next(), random.Next(),
                        WallTime(std::chrono::seconds(random.Next() % 4'000'000'000))};
    std::array<char, kCookieBytes> text;
    WriteCookie(cookie, key, 7, text.data());
    const std::string_view written(text.data(), kCookieText);
    EXPECT_EQ(written.find_first_not_of(
                  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
              std::string_view::npos);
    const std::optional<Cookie> read = ReadCookie(written, key, 7);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->site_key, cookie.site_key);
    EXPECT_EQ(read->endpoint_key, cookie.endpoint_key);
    EXPECT_EQ(read->issued, cookie.issued);
    EXPECT_FALSE(ReadCookie(written, key, 8).has_value());
    EXPECT_FALSE(ReadCookie(written, tls::HmacKey("another secret"), 7).has_value());
  }
}

}  // namespace
}  // namespace meridian::routing
