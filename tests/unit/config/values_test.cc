// What a valid configuration becomes: every key in its place, defaults, shorthands, order.
#include "config/keys.h"
#include "unit/config/loading.h"

namespace meridian::config {
namespace {

Config LoadGood(const std::string& yaml) {
  Loaded loaded = LoadText(yaml, "m.yaml", NoVariables);
  EXPECT_EQ(loaded.errors(), 0u) << testing::PrintToString(Lines(loaded));
  return loaded.config.value_or(Config());
}

topology::Service LoadService(const std::string& keys) {
  const Config config = LoadGood(std::string(kBase) + "    " + keys + "\n");
  return config.topology.services.empty() ? topology::Service() : config.topology.services[0];
}

// The path with a name for each "*": services.*.panic -> services.web.panic.
std::string WithNames(std::string_view path) {
  std::string out(path);
  const auto replace = [&](const std::string& from, const std::string& to) {
    if (const size_t at = out.find(from); at != out.npos) out.replace(at, from.size(), to);
  };
  replace("regions.*.sites.*", "regions.r.sites.a");
  replace("services.*", "services.web");
  replace("listeners.*", "listeners.l");
  replace("health_checks.*", "health_checks.c");
  return out;
}

// Whether the key stands below one that is not supported yet.
bool IsInsideLater(std::string_view path) {
  return std::any_of(Keys().begin(), Keys().end(), [&](const Key& key) {
    return key.Has(kLater) && path.starts_with(std::string(key.path) + ".");
  });
}

// A tree of maps, written as YAML flow maps.
struct Tree {
  std::map<std::string, Tree> children;
  std::string value;

  void Set(const std::string& path, const std::string& text) {
    const size_t dot = path.find('.');
    Tree& child = children[path.substr(0, dot)];
    if (dot == path.npos) {
      child.value = text;
    } else {
      child.Set(path.substr(dot + 1), text);
    }
  }
  std::string ToYaml() const {
    if (children.empty()) return value;
    std::string out;
    for (const auto& [name, child] : children) {
      out += (out.empty() ? "" : ", ") + name + ": " + child.ToYaml();
    }
    return "{" + out + "}";
  }
};

Tree BaseTree() {
  Tree tree;
  tree.Set("regions.r.sites.a.latitude", "1");
  tree.Set("regions.r.sites.a.longitude", "1");
  tree.Set("regions.r.sites.a.services.web", "['10.0.0.1:80']");
  tree.Set("services.web", "{}");
  tree.Set("health_checks.c", "{}");
  tree.Set("listeners.l.bind", "['0.0.0.0:80']");
  tree.Set("listeners.l.service", "web");
  return tree;
}

// The same with a service in disaster recovery, for the keys that are for it alone.
Tree RecoveryTree() {
  Tree tree = BaseTree();
  tree.Set("regions.r.sites.b.latitude", "1");
  tree.Set("regions.r.sites.b.longitude", "1");
  tree.Set("regions.r.sites.b.services.web", "['10.0.0.2:80']");
  tree.Set("services.web.mode", "disaster-recovery");
  tree.Set("services.web.primary", "a");
  tree.Set("services.web.standby", "b");
  tree.Set("services.web.replication.check", "{}");
  return tree;
}

bool IsOfRecovery(std::string_view path) {
  constexpr std::string_view kParts[] = {"replication", "reads", "failover", "failback"};
  return std::any_of(std::begin(kParts), std::end(kParts), [&](std::string_view part) {
    return path.starts_with("services.*." + std::string(part));
  });
}

TEST(Defaults, WritingOneDownChangesNothing) {
  size_t written = 0;
  for (const Key& key : Keys()) {
    const std::string path = WithNames(key.path);
    const bool has_other_parts = path.find_first_of("[*") != path.npos;
    const bool is_of_tls = path.find(".tls.") != path.npos;  // which is off where nothing is said
    if (key.fallback.empty() || has_other_parts || is_of_tls || IsInsideLater(key.path)) continue;
    Tree tree = IsOfRecovery(key.path) ? RecoveryTree() : BaseTree();
    const Config base = LoadGood(tree.ToYaml());
    tree.Set(path, "'" + std::string(key.fallback) + "'");
    EXPECT_EQ(LoadGood(tree.ToYaml()), base) << path << ": " << key.fallback;
    ++written;
  }
  EXPECT_GT(written, 50u);
}

TEST(Defaults, OfSessionsDependOnTheirKey) {
  EXPECT_EQ(LoadService("session: {by: cookie}").session.on_recovery, topology::OnRecovery::kStay);
  EXPECT_EQ(LoadService("session: {by: cookie}").session.name, "meridian");
  EXPECT_EQ(LoadService("session: {by: cookie, on_recovery: return}").session.on_recovery,
            topology::OnRecovery::kReturn);
  const topology::SessionPolicy source = LoadService("session: {by: source}").session;
  EXPECT_EQ(source.on_recovery, topology::OnRecovery::kReturn);
  EXPECT_EQ(source.source_prefix_v4, 32);
  EXPECT_EQ(source.source_prefix_v6, 56);
}

TEST(Values, SessionsByQueryAndServerNameMayStay) {
  const topology::SessionPolicy one =
      LoadService("session: {by: 'query:user', on_recovery: stay}").session;
  EXPECT_EQ(one.by, topology::SessionBy::kQuery);
  EXPECT_EQ(one.name, "user");
  EXPECT_EQ(one.on_recovery, topology::OnRecovery::kStay);
  EXPECT_EQ(LoadService("session: {by: query, name: user, on_recovery: stay}").session, one);
  const topology::SessionPolicy sni = LoadService("session: {by: sni}").session;
  EXPECT_EQ(sni.by, topology::SessionBy::kSni);
  EXPECT_EQ(sni.on_recovery, topology::OnRecovery::kReturn);
}

TEST(Values, ListenersHoldWhoIsAdmittedAndServerNames) {
  Tree tree = BaseTree();
  tree.Set("listeners.l.allow", "{country: [US, CA], asn: 64500}");
  tree.Set("listeners.l.deny", "{network: [10.0.0.0/8], continent: AN}");
  const Listener http = LoadGood(tree.ToYaml()).listeners.at(0);
  topology::Match allow, deny;
  allow.country = {"US", "CA"};
  allow.asn = {64500};
  deny.network = {"10.0.0.0/8"};
  deny.continent = {"AN"};
  EXPECT_EQ(http.allow, allow);
  EXPECT_EQ(http.deny, deny);
  Tree other = BaseTree();
  other.children["listeners"] = {};
  other.Set("listeners.l.bind", "['0.0.0.0:80']");
  other.Set("listeners.l.protocol", "tcp");
  other.Set("listeners.l.routes",
            "[{sni: '*.Example.com', service: web}, {sni: '*', service: web}]");
  const Listener tcp = LoadGood(other.ToYaml()).listeners.at(0);
  EXPECT_EQ(tcp.service, "");
  EXPECT_EQ(tcp.routes, (std::vector<Route>{{"*.example.com", "", "web"}, {"", "", "web"}}));
}

TEST(Values, HeaderSessionsAreWrittenEitherWay) {
  const topology::SessionPolicy one = LoadService("session: {by: 'header:X-User'}").session;
  EXPECT_EQ(one.by, topology::SessionBy::kHeader);
  EXPECT_EQ(one.name, "X-User");
  EXPECT_EQ(LoadService("session: {by: header, name: X-User}").session, one);
}

TEST(Values, RetriesAreExactlyThoseNamed) {
  const topology::RetryPolicy retries =
      LoadService("retries: {attempts: 1, on: [reset, 504, 502], budget: 12.5%}").retries;
  EXPECT_EQ(retries.attempts, 1u);
  EXPECT_FALSE(retries.on_connect);
  EXPECT_TRUE(retries.on_reset);
  EXPECT_FALSE(retries.on_timeout);
  EXPECT_EQ(retries.on_status, (std::vector<uint16_t>{502, 504}));
  EXPECT_DOUBLE_EQ(retries.budget, 0.125);
}

TEST(Values, PoliciesArriveInTheirPlaces) {
  const topology::Service service = LoadService(
      "steering: weighted\n    balance: hash\n    panic: reject\n    on_down: keep\n"
      "    min_healthy: 30%\n    overprovision: 2\n    slow_start: 45s\n"
      "    outliers: {consecutive_errors: 3, error_rate: 10%, window: 1m, eject_for: 9s, "
      "max_ejected: 25%}\n"
      "    timeouts: {connect: 1s, race_after: 80ms, response: 2s, idle: 3s, session: 4s}\n"
      "    backend: {protocol: http2, max_idle: 5, max_connections: 6}\n"
      "    rules: [{match: {country: [DE, FR], continent: EU, subdivision: BE, asn: [1, 2], "
      "network: "
      "10.0.0.0/8, header: {X-A: b}}, sites: [c, a], strict: true}]");
  EXPECT_EQ(service.steering, topology::Steering::kWeighted);
  EXPECT_EQ(service.balance, topology::Balance::kHash);
  EXPECT_EQ(service.panic, topology::Panic::kReject);
  EXPECT_EQ(service.on_down, topology::OnDown::kKeep);
  EXPECT_DOUBLE_EQ(service.min_healthy, 0.3);
  EXPECT_DOUBLE_EQ(service.overprovision, 2);
  EXPECT_EQ(service.slow_start, std::chrono::seconds(45));
  EXPECT_EQ(service.outliers,
            (topology::Outliers{3, 0.1, std::chrono::minutes(1), std::chrono::seconds(9), 0.25}));
  using std::chrono::seconds;
  EXPECT_EQ(service.timeouts, (topology::Timeouts{seconds(1), std::chrono::milliseconds(80),
                                                  seconds(2), seconds(3), seconds(4)}));
  EXPECT_EQ(service.backend, (topology::BackendPolicy{topology::BackendProtocol::kHttp2, 5, 6}));
  ASSERT_EQ(service.rules.size(), 1u);
  const topology::Match match{{"DE", "FR"}, {"EU"}, {"BE"}, {1, 2}, {"10.0.0.0/8"}, {{"X-A", "b"}}};
  EXPECT_EQ(service.rules[0], (topology::Rule{match, {"c", "a"}, true}));
}

TEST(Values, ListenersArriveInTheirPlaces) {
  std::string yaml(kBase);
  const size_t start = yaml.find("listeners:");
  yaml.replace(start, yaml.find('\n', start) - start,
               "listeners: {z: {bind: ['127.0.0.1:0', 'unix:/run/x.sock'], routes: [{host: "
               "'*.EXAMPLE.com', path: /api/, service: web}, {host: '*', path: /, service: web}], "
               "trusted_proxies: 10.0.0.0/8, proxy_protocol: require, limits: {header_size: 8KiB, "
               "headers: 50, body_size: 1MiB, header_timeout: 3s}}, t: {bind: '[::1]:5432', "
               "protocol: tcp, service: web}, h: {bind: '[::1]:80', service: web}}");
  const Config config = LoadGood(yaml);
  ASSERT_EQ(config.listeners.size(), 3u);
  EXPECT_EQ(config.listeners[0].name, "h");
  EXPECT_EQ(config.listeners[0].routes, (std::vector<Route>{{"", "", "web"}}));
  EXPECT_EQ(config.listeners[1].protocol, Protocol::kTcp);
  EXPECT_EQ(config.listeners[1].service, "web");
  const Listener& listener = config.listeners[2];
  EXPECT_EQ(listener.bind.size(), 2u);
  EXPECT_TRUE(listener.bind[1].is_unix());
  EXPECT_EQ(listener.routes,
            (std::vector<Route>{{"*.example.com", "/api", "web"}, {"", "", "web"}}));
  EXPECT_EQ(listener.trusted_proxies, std::vector{*net::Prefix::Parse("10.0.0.0/8")});
  EXPECT_EQ(listener.proxy_protocol, Listener::ProxyProtocol::kRequire);
  Limits limits;
  limits.header_bytes = 8192;
  limits.headers = 50;
  limits.body_bytes = 1 << 20;
  limits.header_timeout = std::chrono::seconds(3);
  EXPECT_EQ(listener.limits, limits);
}

TEST(Values, SitesServicesAndChecksAreSortedByName) {
  const Config config = LoadGood(
      "regions: {y: {sites: {b: {latitude: -1.5, longitude: 2, country: DE, continent: EU, weight: "
      "7, bias: -3, capacity: 9, services: {web: '[::1]:80'}}}}, x: {sites: {a: {latitude: 0, "
      "longitude: 0, services: {db: [{address: '10.0.0.1:5', weight: 0}]}}}}}\n"
      "services: {web: {health_check: q}, db: {health_check: none}}\n"
      "health_checks: {q: {type: http, port: 81, path: /h, host: h.org, expect: 204}, p: {}}\n"
      "listeners: {l: {bind: '[::1]:1', service: web}}\n");
  ASSERT_EQ(config.topology.sites.size(), 2u);
  EXPECT_EQ(config.topology.sites[0].name, "a");
  EXPECT_EQ(config.topology.sites[0].services.at("db"),
            (std::vector<topology::Endpoint>{{"10.0.0.1:5", 0}}));
  topology::Site b;
  b.name = "b";
  b.region = "y";
  b.latitude = -1.5;
  b.longitude = 2;
  b.country = "DE";
  b.continent = "EU";
  b.weight = 7;
  b.bias = -3;
  b.capacity = 9;
  b.services["web"] = {{"[::1]:80", 1}};
  EXPECT_EQ(config.topology.sites[1], b);
  EXPECT_EQ(config.topology.services[0].name, "db");
  EXPECT_EQ(config.topology.services[0].health_check, "");
  EXPECT_EQ(config.topology.services[1].health_check, "q");
  EXPECT_EQ(config.topology.health_checks[0].name, "p");
  const topology::HealthCheck& check = config.topology.health_checks[1];
  EXPECT_EQ(check.type, topology::CheckType::kHttp);
  EXPECT_EQ(check.port, 81);
  EXPECT_EQ(check.path, "/h");
  EXPECT_EQ(check.host, "h.org");
  EXPECT_EQ(check.expect_low, 204);
  EXPECT_EQ(check.expect_high, 204);
}

TEST(Values, TheProcessAndItsPlaces) {
  const Config config = LoadGood(
      std::string(kBase) +
      "process: {workers: 3, state_directory: /s, drain_timeout: 1m, max_connections: 99, "
      "startup_grace: 0s}\n"
      "log: {level: error, format: json}\n"
      "geo: {networks: {10.0.0.0/8: {latitude: 1, longitude: 2, country: US, continent: NA, "
      "subdivision: TX, asn: 5}, '2001:db8::1': {country: DE}}, default: {}}\n"
      "admin: {socket: /a.sock, http: off, token_file: none}\n");
  EXPECT_EQ(config.process,
            (Process{3, "/s", std::chrono::minutes(1), 99, std::chrono::seconds(0)}));
  EXPECT_EQ(config.log, (Log{log::Level::kError, true, {}}));
  ASSERT_EQ(config.geo.networks.size(), 2u);
  EXPECT_EQ(config.geo.networks[0].second, (Place{1, 2, "US", "NA", "TX", 5}));
  EXPECT_EQ(config.geo.networks[1].first.length(), 128);
  EXPECT_EQ(config.geo.default_place, Place());
  EXPECT_EQ(config.admin, (Admin{"/a.sock", std::nullopt, ""}));
}

TEST(TooDrastic, MoreThanHalfOfTheSitesOrEndpoints) {
  const Config three = LoadGood(std::string(kBase));
  const auto keep = [&](size_t sites, size_t endpoints) {
    Config next = three;
    next.topology.sites.resize(sites);
    for (topology::Site& site : next.topology.sites) site.services["web"].resize(endpoints);
    return next;
  };
  EXPECT_EQ(TooDrastic(three, three), std::nullopt);
  EXPECT_EQ(TooDrastic(three, keep(2, 2)), std::nullopt);
  EXPECT_EQ(TooDrastic(three, keep(1, 2)), "it would remove 2 of 3 sites");
  EXPECT_EQ(TooDrastic(three, keep(3, 1)), std::nullopt);
  EXPECT_EQ(TooDrastic(three, keep(2, 1)), "it would remove 4 of 6 endpoints");
  EXPECT_EQ(TooDrastic(Config(), three), std::nullopt);
}

TEST(TooDrastic, ADifferentAddressIsADifferentEndpoint) {
  const Config three = LoadGood(std::string(kBase));
  Config moved = three;
  for (topology::Site& site : moved.topology.sites) {
    for (topology::Endpoint& endpoint : site.services["web"]) endpoint.address += "1";
  }
  EXPECT_EQ(TooDrastic(three, moved), "it would remove 6 of 6 endpoints");
}

}  // namespace
}  // namespace meridian::config
