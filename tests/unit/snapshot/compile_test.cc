// A configuration to a snapshot: what it holds, what survives a reload, and every reason why it
// cannot be used.
#include <meridian/routing/decide.h>
#include <meridian/snapshot/snapshot.h>

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "testing/certificates.h"

namespace meridian::snapshot {
namespace {

config::Config Minimal() {
  config::Config config;
  topology::Site& site = config.topology.sites.emplace_back();
  site.name = "paris";
  site.region = "europe";
  site.services["web"] = {{"10.0.0.1:80", 1}, {"10.0.0.2:80", 2}};
  config.topology.services.emplace_back().name = "web";
  config::Listener& http = config.listeners.emplace_back();
  http.name = "http";
  http.routes = {{"", "", "web"}};
  config::Listener& tcp = config.listeners.emplace_back();
  tcp.name = "tcp";
  tcp.protocol = config::Protocol::kTcp;
  tcp.service = "web";
  return config;
}

class CompileTest : public testing::Test {
 protected:
  Compiled Run(const config::Config& config, uint64_t generation = 1) {
    return Compile(config, generation, registry_, keys_);
  }
  std::string File(const std::string& name, std::string_view content) {
    const std::string path = testing::TempDir() + name;
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }
  static routing::Pin PinOf(const Snapshot& snapshot, std::string_view cookie) {
    routing::Walk walk;
    walk.Start(*snapshot.table, {.service = ServiceId{0},
                                 .client = net::IpAddress::V4(1),
                                 .session_key = cookie,
                                 .wall = WallTime(std::chrono::seconds(1000))});
    return walk.pin();
  }
  static std::string CookieOf(const Snapshot& snapshot) {
    std::array<char, routing::kCookieBytes> text;
    const WallTime now(std::chrono::seconds(1000));
    return {text.data(),
            routing::MakeCookie(*snapshot.table, ServiceId{0}, EndpointId{1}, now, text.data())};
  }

  health::Registry registry_;
  Keys keys_;
};

TEST_F(CompileTest, HoldsTheConfigurationItsTablesAndItsListeners) {
  const Compiled compiled = Run(Minimal(), 7);
  ASSERT_NE(compiled.snapshot, nullptr);
  EXPECT_TRUE(compiled.errors.empty() && compiled.warnings.empty());
  const Snapshot& snapshot = *compiled.snapshot;
  EXPECT_EQ(snapshot.generation, 7u);
  EXPECT_EQ(snapshot.config, Minimal());
  EXPECT_EQ(snapshot.table->endpoints().size(), 2u);
  EXPECT_EQ(snapshot.table->site(SiteId{0}).region, "europe");
  ASSERT_NE(snapshot.FindListener("http"), nullptr);
  EXPECT_EQ(snapshot.FindListener("http")->routes->MatchHello("h", {}), ServiceId{0});
  EXPECT_EQ(snapshot.FindListener("tcp")->service, ServiceId{0});
  EXPECT_EQ(snapshot.FindListener("none"), nullptr);
}

TEST_F(CompileTest, PlacesClientsByOverridesAndDefault) {
  config::Config config = Minimal();
  config::Place dallas;
  dallas.latitude = 32.78;
  dallas.longitude = -96.8;
  dallas.country = "US";
  dallas.continent = "NA";
  dallas.subdivision = "TX";
  dallas.asn = 64500;
  config.geo.networks = {{*net::Prefix::Parse("10.20.0.0/16"), dallas}};
  config::Place elsewhere;
  elsewhere.country = "FR";
  config.geo.default_place = elsewhere;
  const Compiled compiled = Run(config);
  ASSERT_NE(compiled.snapshot, nullptr);
  const geo::Location known =
      compiled.snapshot->locator->Locate(*net::IpAddress::Parse("10.20.1.2"));
  EXPECT_TRUE(known.has_coordinates);
  EXPECT_NEAR(known.point.latitude, 32.78, 1e-4);
  EXPECT_EQ(known.country.view(), "US");
  EXPECT_EQ(known.subdivision.view(), "TX");
  EXPECT_EQ(known.asn, 64500u);
  const geo::Location other =
      compiled.snapshot->locator->Locate(*net::IpAddress::Parse("192.0.2.1"));
  EXPECT_EQ(other.country.view(), "FR");
  EXPECT_FALSE(other.has_coordinates);
}

TEST_F(CompileTest, KeepsHealthOverAReload) {
  config::Config config = Minimal();
  const Compiled first = Run(config, 1);
  registry_.SetIntent("europe", {health::Intent::kDrain, "ops", "", {}, {}});
  config.topology.sites[0].services["web"].push_back({"10.0.0.3:80", 1});
  const Compiled second = Run(config, 2);
  EXPECT_EQ(second.snapshot->table->endpoints()[0].health,
            first.snapshot->table->endpoints()[0].health);
  EXPECT_EQ(second.snapshot->table->endpoints()[2].health->state(), health::State::kDraining);
}

TEST_F(CompileTest, MakesAnEphemeralKeyWithAWarningAndKeepsItOverAReload) {
  config::Config config = Minimal();
  config.topology.services[0].session.by = topology::SessionBy::kCookie;
  const Compiled first = Run(config, 1);
  ASSERT_EQ(first.warnings.size(), 1u);
  EXPECT_NE(first.warnings[0].find("services.web.session"), std::string::npos);
  const std::string cookie = CookieOf(*first.snapshot);
  const Compiled second = Run(config, 2);
  EXPECT_EQ(PinOf(*second.snapshot, cookie), routing::Pin::kKept);
  Keys others;
  const Compiled stranger = Compile(config, 1, registry_, others);
  EXPECT_EQ(PinOf(*stranger.snapshot, cookie), routing::Pin::kInvalid);
}

TEST_F(CompileTest, SignsWithTheKeyFile) {
  config::Config config = Minimal();
  config.topology.services[0].session.by = topology::SessionBy::kCookie;
  config.topology.services[0].session.key_file =
      File("session.key", "0123456789abcdef0123456789abcdef\n");
  const Compiled one = Run(config, 1);
  EXPECT_TRUE(one.warnings.empty());
  Keys others;
  health::Registry elsewhere;
  const Compiled two = Compile(config, 1, elsewhere, others);
  EXPECT_EQ(PinOf(*two.snapshot, CookieOf(*one.snapshot)), routing::Pin::kKept);
}

TEST_F(CompileTest, HonoursCookiesOfBothKeysAndRereadsTheFile) {
  const std::string old = "0123456789abcdef", fresh = "fedcba9876543210";
  config::Config config = Minimal();
  config.topology.services[0].session.by = topology::SessionBy::kCookie;
  config.topology.services[0].session.key_file = File("rotated.key", old + "\n");
  const Compiled before = Run(config, 1);
  const std::string cookie = CookieOf(*before.snapshot);
  File("rotated.key", fresh + "\n" + old + "\n");
  const Compiled both = Run(config, 2);
  EXPECT_EQ(PinOf(*both.snapshot, cookie), routing::Pin::kKept);
  EXPECT_EQ(PinOf(*before.snapshot, CookieOf(*both.snapshot)), routing::Pin::kInvalid)
      << "it signs with the first";
  File("rotated.key", fresh + "\n");
  const Compiled after = Run(config, 3);
  EXPECT_EQ(PinOf(*after.snapshot, cookie), routing::Pin::kInvalid);
  EXPECT_EQ(PinOf(*after.snapshot, CookieOf(*both.snapshot)), routing::Pin::kKept);
}

TEST_F(CompileTest, KeepsMovedSessionsOverReloads) {
  config::Config config = Minimal();
  topology::SessionPolicy& session = config.topology.services[0].session;
  session.by = topology::SessionBy::kSource;
  session.on_recovery = topology::OnRecovery::kReturn;
  EXPECT_EQ(Run(config, 1).snapshot->table->moved_sessions(), nullptr);
  session.on_recovery = topology::OnRecovery::kStay;
  config.process.session_table = 1000;
  const Compiled first = Run(config, 2);
  ASSERT_NE(first.snapshot->table->moved_sessions(), nullptr);
  EXPECT_EQ(first.snapshot->table->moved_sessions()->capacity(), 1024u);
  EXPECT_EQ(Run(config, 3).snapshot->table->moved_sessions(),
            first.snapshot->table->moved_sessions());
}

class AccessTest : public CompileTest {
 protected:
  // 10.1/16 is DE in EU of AS 1, 10.2/16 US in NA of AS 2; all else is nowhere.
  std::string Admitted(std::optional<topology::Match> allow, std::optional<topology::Match> deny) {
    config::Config config = Minimal();
    config::Place berlin, dallas;
    berlin.country = "DE", berlin.continent = "EU", berlin.asn = 1;
    dallas.country = "US", dallas.continent = "NA", dallas.asn = 2;
    config.geo.networks = {{*net::Prefix::Parse("10.1.0.0/16"), berlin},
                           {*net::Prefix::Parse("10.2.0.0/16"), dallas}};
    config.listeners[0].allow = std::move(allow);
    config.listeners[0].deny = std::move(deny);
    const Compiled compiled = Run(config);
    EXPECT_NE(compiled.snapshot, nullptr);
    std::string admitted;
    const Access& access = compiled.snapshot->FindListener("http")->access;
    if (access.Admits(*net::IpAddress::Parse("10.1.2.3"))) admitted += "DE ";
    if (access.Admits(*net::IpAddress::Parse("10.2.2.3"))) admitted += "US ";
    if (access.Admits(*net::IpAddress::Parse("2001:db8::1"))) admitted += "6 ";
    if (access.Admits({})) admitted += "none ";
    return admitted;
  }
  static topology::Match Country(const char* code) {
    topology::Match match;
    match.country = {code};
    return match;
  }
};

TEST_F(AccessTest, IsForEveryoneWithoutLists) {
  EXPECT_EQ(Admitted({}, {}), "DE US 6 none ");
}

TEST_F(AccessTest, AllowsOnlyWhomOneOfItsListsHolds) {
  EXPECT_EQ(Admitted(Country("DE"), {}), "DE ");
  topology::Match match;
  match.continent = {"NA"};
  EXPECT_EQ(Admitted(match, {}), "US ");
  match.continent.clear();
  match.asn = {7, 1};
  EXPECT_EQ(Admitted(match, {}), "DE ");
  match.network = {"2001:db8::/32"};
  EXPECT_EQ(Admitted(match, {}), "DE 6 ") << "any of the lists will do";
}

TEST_F(AccessTest, DeniesWhomOneOfItsListsHoldsWhateverIsAllowed) {
  EXPECT_EQ(Admitted({}, Country("DE")), "US 6 none ");
  topology::Match match = Country("DE");
  match.network = {"10.2.0.0/16"};
  EXPECT_EQ(Admitted({}, match), "6 none ");
  EXPECT_EQ(Admitted(Country("DE"), match), "");
  topology::Match office;
  office.network = {"10.1.2.0/24"};
  EXPECT_EQ(Admitted(office, Country("DE")), "") << "deny wins";
}

TEST_F(AccessTest, ReportsNetworksThatAreNone) {
  config::Config config = Minimal();
  topology::Match match;
  match.network = {"10.0.0.0/99"};
  config.listeners[0].deny = match;
  const Compiled compiled = Run(config);
  ASSERT_EQ(compiled.errors.size(), 1u);
  EXPECT_EQ(compiled.errors[0], "listeners.http.deny: '10.0.0.0/99' is not a network");
}

TEST_F(CompileTest, RoutesTcpByServerName) {
  config::Config config = Minimal();
  config.listeners[1].service.clear();
  config.listeners[1].routes = {{"*.example.com", "", "web"}};
  const Compiled compiled = Run(config);
  const Listener& tcp = *compiled.snapshot->FindListener("tcp");
  EXPECT_TRUE(tcp.reads_hello);
  EXPECT_TRUE(tcp.routes->MatchHello("a.example.com", {}).ok());
  EXPECT_FALSE(tcp.routes->MatchHello({}, {}).ok());
  EXPECT_FALSE(Run(Minimal()).snapshot->FindListener("tcp")->reads_hello);
}

TEST_F(CompileTest, ReportsEveryFileItCannotUseAtOnce) {
  config::Config config = Minimal();
  const std::string broken = File("broken.mmdb", "this is no database");
  config.geo.databases = {testing::TempDir() + "absent.mmdb", broken};
  config.topology.services[0].session.by = topology::SessionBy::kCookie;
  config.topology.services[0].session.key_file = File("short.key", "short");
  const Compiled compiled = Run(config);
  EXPECT_EQ(compiled.snapshot, nullptr);
  ASSERT_EQ(compiled.errors.size(), 3u);
  EXPECT_NE(compiled.errors[0].find("absent.mmdb"), std::string::npos);
  EXPECT_NE(compiled.errors[1].find("broken.mmdb"), std::string::npos);
  EXPECT_NE(compiled.errors[2].find("short.key"), std::string::npos);
}

TEST_F(CompileTest, ReportsCodesNetworksAndPlacesThatAreNone) {
  config::Config config = Minimal();
  topology::Rule rule;
  rule.match.country = {"Germany"};
  rule.match.network = {"10.0.0.0/99"};
  rule.sites = {"paris"};
  config.topology.services[0].rules = {rule};
  config::Place place;
  place.latitude = 91;
  place.longitude = 0;
  config.geo.networks = {{*net::Prefix::Parse("10.0.0.0/8"), place}};
  const Compiled compiled = Run(config);
  EXPECT_EQ(compiled.snapshot, nullptr);
  EXPECT_EQ(compiled.errors.size(), 3u);
}

TEST_F(CompileTest, RefusesMoreSitesThanTheTablesHold) {
  config::Config config = Minimal();
  while (config.topology.sites.size() <= 4096) {
    topology::Site& site = config.topology.sites.emplace_back();
    site.name = "site-" + std::to_string(config.topology.sites.size());
  }
  const Compiled compiled = Run(config);
  EXPECT_EQ(compiled.snapshot, nullptr);
  ASSERT_EQ(compiled.errors.size(), 1u);
  EXPECT_NE(compiled.errors[0].find("4096"), std::string::npos);
}

config::Config WithTls(const fakes::Issued& issued) {
  config::Config config = Minimal();
  config.listeners[0].tls.emplace().certificates = {{issued.certificate, issued.key, ""}};
  return config;
}

TEST_F(CompileTest, CertificatesAreReadAgainAtEachReload) {
  fakes::CertificateFolder folder;
  const fakes::Issued issued = folder.Issue("a", {.subject = "a", .names = {"a.test"}});
  const Compiled first = Run(WithTls(issued));
  ASSERT_TRUE(first.snapshot) << testing::PrintToString(first.errors);
  ASSERT_TRUE(first.snapshot->listeners[0].tls);
  EXPECT_FALSE(first.snapshot->listeners[1].tls);
  folder.Write("a.key", "not a key");
  const Compiled second = Run(WithTls(issued), 2);
  EXPECT_FALSE(second.snapshot);
  ASSERT_EQ(second.errors.size(), 1u);
  EXPECT_EQ(second.errors[0].find("listeners.http.tls: " + issued.key + ": holds no private key"),
            0u);
}

TEST_F(CompileTest, TicketKeysWithoutAFileSurviveAReload) {
  fakes::CertificateFolder folder;
  const fakes::Issued issued = folder.Issue("a", {.subject = "a", .names = {"a.test"}});
  ASSERT_TRUE(Run(WithTls(issued)).snapshot);
  ASSERT_TRUE(keys_.tickets);
  const auto before = keys_.tickets->first().name;
  ASSERT_TRUE(Run(WithTls(issued), 2).snapshot);
  EXPECT_EQ(keys_.tickets->first().name, before);
  config::Config config = WithTls(issued);
  config.listeners[0].tls->ticket_key_file = File("short-tickets", "short\n");
  const Compiled compiled = Run(config, 3);
  ASSERT_EQ(compiled.errors.size(), 1u);
  EXPECT_NE(compiled.errors[0].find("line 1 has less than 32 characters"), std::string::npos);
}

TEST_F(CompileTest, BackendTlsStaysTheSameWhileNothingInItChanges) {
  fakes::CertificateFolder folder;
  const std::string ca =
      folder.Write("ca.pem", fakes::CertificateFolder::ReadAll(folder.authority().certificate));
  config::Config config = Minimal();
  config.topology.services[0].backend.tls.emplace().ca = ca;
  const Compiled first = Run(config), second = Run(config, 2);
  ASSERT_TRUE(first.snapshot && second.snapshot);
  ASSERT_TRUE(first.snapshot->backend_tls[0]);
  EXPECT_EQ(first.snapshot->backend_tls[0], second.snapshot->backend_tls[0]);
  fakes::CertificateFolder other;
  folder.Write("ca.pem", fakes::CertificateFolder::ReadAll(other.authority().certificate));
  EXPECT_NE(Run(config, 3).snapshot->backend_tls[0], first.snapshot->backend_tls[0]);
  folder.Write("ca.pem", "nothing");
  const Compiled broken = Run(config, 4);
  ASSERT_EQ(broken.errors.size(), 1u);
  EXPECT_EQ(broken.errors[0].find("services.web.backend.tls: " + ca), 0u);
}

}  // namespace
}  // namespace meridian::snapshot
