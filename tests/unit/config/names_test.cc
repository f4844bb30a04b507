// Endpoints that are names: what is taken for one, what it becomes, and what is refused.
#include "unit/config/loading.h"

namespace meridian::config {
namespace {

std::string With(const std::string& endpoint) {
  std::string yaml(kBase);
  yaml.replace(yaml.find("\"10.0.0.2:80\""), 13, endpoint);
  return yaml;
}

topology::Site LoadSite(const std::string& endpoint) {
  const Loaded loaded = LoadText(With(endpoint), "m.yaml", NoVariables);
  EXPECT_EQ(Lines(loaded), std::vector<std::string>());
  return loaded.config ? loaded.config->topology.sites[0] : topology::Site();
}

TEST(Names, StandBesideAddresses) {
  const topology::Site site = LoadSite("App.Internal.:8080");
  ASSERT_EQ(site.services.at("web").size(), 1u);
  EXPECT_EQ(site.services.at("web")[0].address, "10.0.0.1:80");
  ASSERT_EQ(site.names.at("web").size(), 1u);
  EXPECT_EQ(site.names.at("web")[0],
            (topology::EndpointName{.name = "app.internal", .port = 8080}));
}

TEST(Names, HaveWeightAndPriority) {
  const topology::Site site = LoadSite(
      "{address: 'app.internal:80', weight: 3, priority: 2}, {address: '10.9.0.1:80', "
      "priority: 1}");
  EXPECT_EQ(
      site.names.at("web")[0],
      (topology::EndpointName{.name = "app.internal", .port = 80, .weight = 3, .priority = 2}));
  EXPECT_EQ(site.services.at("web")[1].priority, 1u);
}

TEST(Names, MayBeLookedUpAsServices) {
  const topology::Site site = LoadSite("{srv: _web._tcp.app.internal}");
  EXPECT_EQ(site.names.at("web")[0],
            (topology::EndpointName{.name = "_web._tcp.app.internal", .srv = true}));
}

TEST(Names, AServiceWithNothingElseIsOfferedNevertheless) {
  std::string yaml = With("x.internal:80");
  yaml.replace(yaml.find("\"10.0.0.1:80\", "), 15, "");
  const Loaded loaded = LoadText(yaml, "m.yaml", NoVariables);
  EXPECT_EQ(Lines(loaded), std::vector<std::string>());
  const topology::Site& site = loaded.config->topology.sites[0];
  ASSERT_TRUE(site.services.contains("web"));
  EXPECT_TRUE(site.services.at("web").empty());
}

TEST(Names, WhatIsNoneIsRefusedWithItsPlace) {
  const std::string at = "m.yaml:2:66: error: regions.r.sites.a.services.web[1]: ";
  const std::string expected =
      " is not an address such as 10.1.0.11:8080, app.internal:8080, [2001:db8::1]:80 or "
      "unix:/run/a.sock";
  const auto refused = [](const std::string& endpoint) { return Diagnose(With(endpoint)); };
  for (const std::string bad :
       {"app..internal:80", "-app.internal:80", "app-.internal:80", "app/x:80", "10.0.0:80",
        "300.1.1.1:80", ":80", "app.internal:70000", "app.internal:x", "*.internal:80"}) {
    EXPECT_EQ(refused("'" + bad + "'"), std::vector<std::string>{at + "'" + bad + "'" + expected});
  }
  const std::string label(64, 'a');
  EXPECT_EQ(refused(label + ":80"), std::vector<std::string>{at + "'" + label + ":80'" + expected});
  EXPECT_EQ(refused("app.internal"),
            std::vector<std::string>{at + "'app.internal' has no port; expected such as "
                                          "app.internal:8080"});
  EXPECT_EQ(refused("'app.internal:0'"),
            std::vector<std::string>{at + "'app.internal:0' has port 0; expected the port the "
                                          "server listens on"});
  EXPECT_EQ(refused("{srv: 'x y'}"),
            std::vector<std::string>{
                "m.yaml:2:72: error: regions.r.sites.a.services.web[1].srv: 'x y' is not a DNS "
                "name such as _web._tcp.app.internal"});
  EXPECT_EQ(refused("{srv: x.internal, weight: 2}"),
            std::vector<std::string>{"m.yaml:2:66: error: regions.r.sites.a.services.web[1].weight:"
                                     " stands beside srv, whose answer tells it"});
  EXPECT_EQ(refused("'x.internal:80', 'X.internal.:80'"),
            std::vector<std::string>{
                "m.yaml:2:83: error: regions.r.sites.a.services.web[2]: 'X.internal.:80' is listed "
                "twice; expected each endpoint once"});
}

TEST(Names, TheResolverIsReadAndJudged) {
  const auto with = [](const std::string& keys) {
    return LoadText(std::string(kBase) + "resolver: " + keys + "\n", "m.yaml", NoVariables);
  };
  const Loaded loaded = with(
      "{servers: ['127.0.0.1:5300'], timeout: 200ms, attempts: 1, min_ttl: 500ms, max_ttl: 2s}");
  ASSERT_TRUE(loaded.config);
  const topology::ResolverPolicy& policy = loaded.config->resolver;
  EXPECT_EQ(policy.servers, std::vector<std::string>{"127.0.0.1:5300"});
  EXPECT_EQ(policy.timeout, std::chrono::milliseconds(200));
  EXPECT_EQ(policy.attempts, 1u);
  EXPECT_EQ(policy.min_ttl, std::chrono::milliseconds(500));
  EXPECT_EQ(policy.max_ttl, std::chrono::seconds(2));
  EXPECT_EQ(Lines(with("{servers: ['unix:/x']}")),
            std::vector<std::string>{"m.yaml:9:22: error: resolver.servers[0]: 'unix:/x' is not an "
                                     "IP address with a port"});
  EXPECT_EQ(Lines(with("{min_ttl: 2s, max_ttl: 1s}")),
            std::vector<std::string>{"m.yaml:9:34: error: resolver.max_ttl: min_ttl is 2s, max_ttl "
                                     "1s; expected it to be no less"});
}

TEST(Names, WhatANameStandsForIsNoMatterOfAReload) {
  const Config next = *LoadText(With("x.internal:80"), "m.yaml", NoVariables).config;
  Config running = next;
  for (int i = 0; i < 100; ++i) {
    running.topology.sites[0].services["web"].push_back(
        {.address = "10.1.0." + std::to_string(i) + ":80", .name = "x.internal:80"});
  }
  EXPECT_EQ(TooDrastic(running, next), std::nullopt);
  Config without = next;
  for (topology::Site& site : without.topology.sites) {
    site.names.clear();
    site.services["web"].resize(std::min<size_t>(site.services["web"].size(), 1));
  }
  EXPECT_EQ(TooDrastic(running, without), std::nullopt);
  without.topology.sites[0].services.clear();
  EXPECT_EQ(TooDrastic(running, without), "it would remove 4 of 6 endpoints");
}

}  // namespace
}  // namespace meridian::config
