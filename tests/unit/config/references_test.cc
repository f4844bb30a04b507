// What needs more than one key to be judged: references, contradictions, single points of failure.
#include "unit/config/loading.h"

namespace meridian::config {
namespace {

TEST(References, NamesThatAreNotDefinedAreErrors) {
  EXPECT_EQ(DiagnoseService("health_check: redy"),
            Expected{"m.yaml:9:19: error: services.web.health_check: 'redy' is not a health check; "
                     "none is defined"});
  EXPECT_EQ(DiagnoseService("health_check: redy\nhealth_checks: {ready: {}}"),
            Expected{"m.yaml:9:19: error: services.web.health_check: 'redy' is not a health check; "
                     "did you mean 'ready'?"});
  EXPECT_EQ(DiagnoseService("rules: [{match: {country: DE}, sites: [a, berlin]}]"),
            Expected{"m.yaml:9:47: error: services.web.rules[0].sites[1]: 'berlin' is not a site; "
                     "expected a, b or c"});
  EXPECT_EQ(DiagnoseService("steering: ordered\n    order: [c, c, z]"),
            (Expected{"m.yaml:10:16: error: services.web.order[1]: 'c' is listed twice",
                      "m.yaml:10:19: error: services.web.order[2]: 'z' is not a site; did you mean "
                      "'a'?"}));
  EXPECT_EQ(
      DiagnoseListeners("listeners: {l: {bind: '[::]:80', service: wbe}}"),
      Expected{"m.yaml:5:43: error: listeners.l.service: 'wbe' is not a service; did you mean "
               "'web'?"});
  EXPECT_EQ(
      DiagnoseListeners("listeners: {l: {bind: '[::]:80', routes: [{service: wbe}]}}"),
      Expected{"m.yaml:5:53: error: listeners.l.routes[0].service: 'wbe' is not a service; did "
               "you mean 'web'?"});
}

TEST(References, EndpointsOfAServiceThatIsNotDefinedAreAnError) {
  EXPECT_EQ(
      Diagnose("regions: {r: {sites: {a: {latitude: 1, longitude: 1,\n"
               "  services: {wbe: ['10.0.0.1:80', '10.0.0.2:80']}}}}}\n"
               "listeners: {l: {bind: '0.0.0.0:80', service: web}}\n"
               "services: {web: {}}\n"),
      (Expected{"m.yaml:2:14: error: regions.r.sites.a.services.wbe: 'wbe' is not a service; "
                "did you mean 'web'?",
                "m.yaml:4:12: error: services.web: no site has endpoints for it; expected them "
                "under regions.*.sites.*.services"}));
}

TEST(References, AMistakeInsideASiteDoesNotMakeItsMentionsMistakes) {
  std::string yaml(kBase);
  yaml.replace(yaml.find("latitude: 3"), 11, "latitude: x");
  EXPECT_EQ(Diagnose(yaml + "    rules: [{match: {}, sites: [c]}]\n"),
            Expected{"m.yaml:4:17: error: regions.r.sites.c.latitude: 'x' is not a number"});
}

TEST(References, SiteNamesAreUniqueOverRegions) {
  std::string yaml(kBase);
  yaml.insert(yaml.find("\nlisteners") - 1, ",\n  s: {sites: {a: {latitude: 1, longitude: 1}}}");
  EXPECT_EQ(Diagnose(yaml),
            Expected{"m.yaml:5:15: error: regions.s.sites.a: a site of this name is "
                     "already defined at m.yaml:2:3"});
}

TEST(References, EndpointsAreAddressesWithAPort) {
  const auto with = [](const std::string& endpoint) {
    std::string yaml(kBase);
    yaml.replace(yaml.find("\"10.0.0.2:80\""), 13, endpoint);
    return Diagnose(yaml);
  };
  const std::string at = "m.yaml:2:66: error: regions.r.sites.a.services.web[1]: ";
  EXPECT_EQ(with("'10.0.0.2:0'"),
            Expected{at + "'10.0.0.2:0' has port 0; expected the port the server listens on"});
  EXPECT_EQ(with("'10.0.0.1:80'"),
            Expected{at + "'10.0.0.1:80' is listed twice; expected each endpoint once"});
  EXPECT_EQ(with("'app.internal:80'"),
            Expected{});
  EXPECT_EQ(with("{weight: 2}"),
            Expected{at + "has neither address nor srv; expected one of the two"});
  EXPECT_EQ(
      with("{address: '[::1]:80', weight: 70000}"),
      Expected{"m.yaml:2:96: error: regions.r.sites.a.services.web[1].weight: 70000 is outside "
               "0…65535"});
}

TEST(References, HealthCheckTimesMustFit) {
  EXPECT_EQ(DiagnoseTop("health_checks: {c: {interval: 1s, fast_interval: 2s}}"),
            Expected{"m.yaml:9:50: error: health_checks.c.fast_interval: 2s is more than the "
                     "interval of 1s; expected at most that"});
  EXPECT_EQ(
      DiagnoseTop("health_checks: {c: {interval: 1s, timeout: 2s}}"),
      Expected{"m.yaml:9:44: warning: health_checks.c.timeout: 2s is more than the interval of "
               "1s: a slow check delays the next one"});
  const Loaded loaded = LoadText(std::string(kBase) + "health_checks: {c: {interval: 200ms}}\n",
                                 "m.yaml", NoVariables);
  ASSERT_TRUE(loaded.config);
  EXPECT_EQ(loaded.config->topology.health_checks[0].fast_interval, std::chrono::milliseconds(200));
  EXPECT_EQ(loaded.config->topology.health_checks[0].timeout, std::chrono::milliseconds(200));
}

TEST(References, KeysWithoutEffectAreWarnedOf) {
  EXPECT_EQ(DiagnoseTop("health_checks: {c: {type: tcp, path: /x}}"),
            Expected{"m.yaml:9:32: warning: health_checks.c.path: has no effect with type tcp"});
  EXPECT_EQ(
      DiagnoseService("order: [a]"),
      Expected{"m.yaml:9:5: warning: services.web.order: has no effect with steering nearest"});
  EXPECT_EQ(DiagnoseService("steering: latency"),
            Expected{"m.yaml:9:15: warning: services.web.steering: without a health_check a site "
                     "that takes no traffic is never measured; expected one"});
  EXPECT_EQ(DiagnoseListeners("listeners: {l: {bind: '[::]:80', service: web, proxy_protocol: "
                              "accept}}"),
            Expected{"m.yaml:5:64: warning: listeners.l.proxy_protocol: nobody is trusted to send "
                     "it; expected trusted_proxies beside it"});
}

TEST(References, SinglePointsOfFailureAreWarnedOf) {
  EXPECT_EQ(Diagnose("regions: {r: {sites: {a: {latitude: 1, longitude: 1,\n"
                     "  services: {web: '10.0.0.1:80'}}}}}\n"
                     "listeners: {l: {bind: '0.0.0.0:80', service: web}}\n"
                     "services: {web: {}}\n"),
            (Expected{"m.yaml:2:14: warning: regions.r.sites.a.services.web: only one endpoint: a "
                      "single point of failure of this site",
                      "m.yaml:4:12: warning: services.web: only one site offers it: no safety net "
                      "after one failure; expected three or more"}));
}

TEST(References, ListenersMustLeadSomewhere) {
  EXPECT_EQ(DiagnoseListeners("listeners: {}"),
            Expected{"m.yaml:5:1: error: listeners: is empty; expected at least one listener"});
  EXPECT_EQ(DiagnoseListeners("listeners: {l: {bind: [], service: web}}"),
            Expected{"m.yaml:5:23: error: listeners.l.bind: an empty list; expected at least one "
                     "entry"});
  EXPECT_EQ(DiagnoseListeners("listeners: {l: {bind: '[::]:80'}}"),
            Expected{"m.yaml:5:13: error: listeners.l.routes: is required for protocol http, or "
                     "`service`"});
  EXPECT_EQ(DiagnoseListeners("listeners: {l: {bind: '[::]:80', protocol: tcp}}"),
            Expected{"m.yaml:5:13: error: listeners.l.service: is required for protocol tcp, or "
                     "`routes` by sni or alpn"});
  EXPECT_EQ(
      DiagnoseListeners(
          "listeners: {l: {bind: '[::]:80', protocol: tcp, routes: [{service: web}]}}"),
      Expected{"m.yaml:5:58: error: listeners.l.routes[0]: protocol tcp has no hosts and paths; "
               "expected `sni` (\"*\" for all) or `alpn`"});
  EXPECT_EQ(DiagnoseListeners("listeners: {l: {bind: '[::]:80', protocol: tcp, routes: [{sni: "
                              "'*.x.org', service: web}, {sni: a.X.org, service: web}]}}"),
            Expected{"m.yaml:5:90: warning: listeners.l.routes[1]: is never reached: an earlier "
                     "route to web takes all of it"});
  EXPECT_EQ(DiagnoseListeners("listeners: {l: {bind: '[::]:80', protocol: tcp, service: web, "
                              "routes: [{sni: a, service: web}]}}"),
            Expected{"m.yaml:5:49: error: listeners.l.service: stands beside routes; expected one "
                     "of the two"});
  EXPECT_EQ(
      DiagnoseListeners("listeners: {l: {bind: '[::]:80', routes: [{sni: a, service: web}]}}"),
      Expected{"m.yaml:5:44: error: listeners.l.routes[0].sni: protocol http has no server names; "
               "expected `host`"});
  EXPECT_EQ(
      DiagnoseListeners("listeners: {l: {bind: '[::]:80', service: web, routes: [{service: "
                        "web}]}}")[0],
      "m.yaml:5:34: error: listeners.l.service: stands beside routes; expected one of the two");
  EXPECT_EQ(DiagnoseListeners("listeners: {l: {bind: '[::]:80', routes: [{path: /a}]}}"),
            Expected{"m.yaml:5:43: error: listeners.l.routes[0].service: is required: where the "
                     "route leads"});
}

TEST(References, AddressesAreBoundOnce) {
  EXPECT_EQ(
      DiagnoseListeners("listeners: {l: {bind: ['[::]:80', '[::]:0', '[::]:0'], service: web}, "
                        "m: {bind: '[::]:80', service: web}}"),
      Expected{"m.yaml:5:81: error: listeners.m.bind: '[::]:80' is already bound at "
               "m.yaml:5:24"});
  EXPECT_EQ(DiagnoseTop("admin: {http: '0.0.0.0:80'}"),
            Expected{"m.yaml:5:23: error: listeners.l.bind: '0.0.0.0:80' is already bound at "
                     "m.yaml:9:15"});
}

TEST(References, RoutesAreJudgedTogether) {
  const auto with = [](const std::string& routes) {
    return DiagnoseListeners("listeners: {l: {bind: '[::]:80', routes: [" + routes + "]}}");
  };
  EXPECT_EQ(with("{path: api, service: web}"),
            Expected{"m.yaml:5:50: error: listeners.l.routes[0].path: 'api' is not a path which "
                     "begins with '/' and has no '?', '#' or spaces"});
  EXPECT_EQ(with("{path: /a, service: web}, {path: /a/b, service: web}"),
            Expected{"m.yaml:5:69: warning: listeners.l.routes[1]: is never reached: an earlier "
                     "route to web takes all of it"});
  EXPECT_EQ(with("{host: '*.x.org', service: web}, {host: a.x.org, service: web}"),
            Expected{"m.yaml:5:76: warning: listeners.l.routes[1]: is never reached: an earlier "
                     "route to web takes all of it"});
  EXPECT_EQ(with("{path: /a, service: web}, {path: /ab, service: web}, {service: web}"),
            Expected{});
}

TEST(References, TrustingEveryoneIsWarnedOf) {
  EXPECT_EQ(DiagnoseListeners("listeners: {l: {bind: '[::]:80', service: web, trusted_proxies: "
                              "[10.0.0.0/8, 0.0.0.0/0]}}"),
            Expected{"m.yaml:5:78: warning: listeners.l.trusted_proxies[1]: 0.0.0.0/0 trusts "
                     "everyone: any client can claim any address"});
}

TEST(References, FilesMustBeThere) {
  const Folder folder;
  const std::string database = folder.Write("a.mmdb", "x");
  EXPECT_EQ(
      DiagnoseTop("geo: {databases: [/nowhere/a.mmdb]}"),
      Expected{"m.yaml:9:19: error: geo.databases[0]: '/nowhere/a.mmdb' cannot be read (No such "
               "file or directory)"});
  EXPECT_EQ(DiagnoseTop("geo: {databases: /}"),
            Expected{"m.yaml:9:18: error: geo.databases: '/' is not a regular file"});
  EXPECT_EQ(DiagnoseTop("geo: {databases: '" + database + "'}"), Expected{});
  EXPECT_EQ(DiagnoseService("session: {by: cookie, key_file: /nowhere/key}"),
            Expected{"m.yaml:9:37: error: services.web.session.key_file: '/nowhere/key' cannot be "
                     "read (No such file or directory)"});
}

TEST(References, SessionsNeedWhatTheirKeyNeeds) {
  EXPECT_EQ(DiagnoseService("session: {by: header}"),
            Expected{"m.yaml:9:19: error: services.web.session.name: is required for sessions by "
                     "header: the header's name"});
  EXPECT_EQ(DiagnoseService("session: {by: 'header:X-A', name: X-B}"),
            Expected{"m.yaml:9:39: error: services.web.session.name: 'X-B' is not 'X-A', which "
                     "session.by says; expected one"});
  EXPECT_EQ(DiagnoseService("session: {by: 'header:X A'}"),
            Expected{"m.yaml:9:19: error: services.web.session.by: 'X A' is not a header name; "
                     "expected such as header:X-User"});
  EXPECT_EQ(DiagnoseService("session: {by: query}"),
            Expected{"m.yaml:9:19: error: services.web.session.name: is required for sessions by "
                     "query: the parameter's name"});
  EXPECT_EQ(DiagnoseService("session: {by: 'query:a b'}"),
            Expected{"m.yaml:9:19: error: services.web.session.by: 'a b' is not a parameter name; "
                     "expected such as query:user"});
}

TEST(References, SessionsByWhatAListenerDoesNotSeeAreWarnedOf) {
  EXPECT_EQ(DiagnoseService("session: {by: sni}"),
            Expected{"m.yaml:5:46: warning: listeners.l.service: sessions of web are by sni, which "
                     "protocol http does not see"});
  EXPECT_EQ(DiagnoseService("session: {by: 'query:id'}"), Expected{});
}

TEST(References, AProxyHeaderIsForTcp) {
  EXPECT_EQ(DiagnoseService("backend: {proxy_protocol: v2}"),
            Expected{"m.yaml:5:46: error: listeners.l.service: 'web' has backend.proxy_protocol, "
                     "which is for tcp listeners; requests carry X-Forwarded-For"});
}

TEST(References, ListsOfAdmittedClientsHoldSomebody) {
  const auto with = [](const std::string& keys) {
    return DiagnoseListeners("listeners: {l: {bind: '[::]:80', service: web, " + keys + "}}");
  };
  EXPECT_EQ(with("allow: {}"),
            Expected{"m.yaml:5:48: error: listeners.l.allow: names no clients; expected country, "
                     "continent, asn or network"});
  EXPECT_EQ(with("deny: {network: 10.0.0.1/8}"),
            Expected{"m.yaml:5:64: error: listeners.l.deny.network: '10.0.0.1/8' is not an address "
                     "block such as 10.0.0.0/8 or 2001:db8::/32, no bits set past the length"});
  EXPECT_EQ(with("allow: {country: [US]}, deny: {asn: 64500}"), Expected{});
}

TEST(References, PlacesNeedBothCoordinates) {
  EXPECT_EQ(DiagnoseTop("geo: {default: {latitude: 1}}"),
            Expected{"m.yaml:9:7: error: geo.default: latitude without longitude or the other way; "
                     "expected both"});
}

}  // namespace
}  // namespace meridian::config
