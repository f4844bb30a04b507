// What a route does besides leading to a service: where each key arrives, and what is refused since
// it could split, frame or falsify a message.
#include "config/header_rules.h"
#include "unit/config/loading.h"

namespace meridian::config {
namespace {

constexpr std::string_view kBefore = "listeners: {l: {bind: '[::]:80', routes: [";

// The diagnostics of one route, without place and path of the route.
std::vector<std::string> Of(const std::string& route) {
  std::vector<std::string> out;
  for (std::string line : DiagnoseListeners(std::string(kBefore) + "{" + route + "}]}}")) {
    constexpr std::string_view kPath = "listeners.l.routes[0].";
    const size_t at = line.find(kPath);
    out.push_back(at == std::string::npos ? line : line.substr(at + kPath.size()));
  }
  return out;
}

Route Load(const std::string& route) {
  std::string yaml(kBase);
  const size_t start = yaml.find("listeners:");
  yaml.replace(start, yaml.find('\n', start) - start, std::string(kBefore) + "{" + route + "}]}}");
  const Loaded loaded = LoadText(yaml, "m.yaml", NoVariables);
  EXPECT_EQ(loaded.errors(), 0u) << testing::PrintToString(Lines(loaded));
  return loaded.config ? loaded.config->listeners.at(0).routes.at(0) : Route();
}

TEST(RouteActions, HoldWhatIsWritten) {
  const Route route = Load(
      "path: /api, service: web, rewrite: {prefix: /v2/, host: 'App.internal:8080'}, "
      "request_headers: {set: {X-A: '1'}, add: {X-B: '2'}, remove: [Cookie]}, "
      "headers: {set: {X-C: ''}, remove: [Server]}, "
      "timeouts: {response: 5s}, retries: {attempts: 0, on: [connect, 503]}");
  EXPECT_EQ(route.rewrite, (Rewrite{"/v2", "app.internal:8080"}));
  EXPECT_EQ(route.request_headers, (HeaderChanges{{{"X-A", "1"}}, {{"X-B", "2"}}, {"Cookie"}}));
  EXPECT_EQ(route.response_headers, (HeaderChanges{{{"X-C", ""}}, {}, {"Server"}}));
  EXPECT_EQ(route.response_timeout, std::chrono::seconds(5));
  EXPECT_EQ(route.idle_timeout, std::nullopt);
  EXPECT_EQ(route.retry_attempts, 0u);
  ASSERT_TRUE(route.retry_on.has_value());
  EXPECT_TRUE(route.retry_on->on_connect);
  EXPECT_FALSE(route.retry_on->on_reset);
  EXPECT_EQ(route.retry_on->on_status, std::vector<uint16_t>{503});
  EXPECT_EQ(Load("redirect: {to: /new}").redirect, (Redirect{"/new", 308}));
  EXPECT_EQ(Load("respond: {status: 403, body: no}").respond, (Respond{403, "no", "text/plain"}));
}

TEST(RouteActions, NamesThatFrameOrFalsifyAMessageAreRefused) {
  for (const char* name : {"Connection", "keep-alive", "TE", "Transfer-Encoding", "Trailer",
                           "Upgrade", "Expect", "Proxy-Connection"}) {
    const std::string told =
        "'" + std::string(name) + "' belongs to one connection and is never set this way";
    EXPECT_EQ(Of("service: web, headers: {remove: [" + std::string(name) + "]}"),
              Expected{"headers.remove[0]: " + told});
    EXPECT_EQ(Of("service: web, request_headers: {set: {" + std::string(name) + ": x}}"),
              Expected{"request_headers.set." + std::string(name) + ": " + told});
  }
  EXPECT_EQ(Of("service: web, request_headers: {add: {content-length: 5}}"),
            Expected{"request_headers.add.content-length: 'content-length' says where a body ends "
                     "and is never set this way"});
  EXPECT_EQ(Of("service: web, request_headers: {remove: [Host]}"),
            Expected{"request_headers.remove[0]: 'Host' is never set this way; expected "
                     "rewrite.host"});
  EXPECT_EQ(Of("service: web, request_headers: {set: {X-Forwarded-For: 1.2.3.4}}"),
            Expected{"request_headers.set.X-Forwarded-For: 'X-Forwarded-For' is written by "
                     "Meridian itself"});
  EXPECT_EQ(Of("service: web, headers: {set: {meridian-site: x}}"),
            Expected{"headers.set.meridian-site: 'meridian-site' is Meridian's own"});
  EXPECT_EQ(Of("service: web, headers: {set: {'X: y': x}}"),
            Expected{"headers.set: 'X: y' is not a header or cookie name such as X-User"});
}

TEST(RouteActions, ValuesThatEndALineAreRefused) {
  for (const char* value : {"a\\r\\nX-B: b", "a\\nb", "a\\rb", "a\\0b", "a\\x7fb", "\\x01"}) {
    const auto told = Of("service: web, headers: {set: {X-A: \"" + std::string(value) + "\"}}");
    ASSERT_EQ(told.size(), 1u) << value;
    EXPECT_NE(told[0].find("has a line break or another control character"), std::string::npos)
        << told[0];
  }
  EXPECT_EQ(Of("service: web, headers: {set: {X-A: ' a'}}"),
            Expected{"headers.set.X-A: ' a' begins or ends with a space"});
  EXPECT_EQ(ValueProblem("tab\tand bytes \xc3\xa9"), "");
  EXPECT_NE(ValueProblem(std::string(4097, 'a')), "");
}

TEST(RouteActions, ANameIsSetOrRemovedOnce) {
  EXPECT_EQ(Of("service: web, headers: {set: {X-A: a, x-a: b}}"),
            Expected{"headers: 'x-a' is set or removed more than once"});
  EXPECT_EQ(Of("service: web, headers: {set: {X-A: a}, remove: [X-a]}"),
            Expected{"headers: 'X-a' is set or removed more than once"});
  EXPECT_EQ(Of("service: web, headers: {set: {X-A: a}, add: {X-A: b}}"), Expected{});
}

TEST(RouteActions, ARewriteNeedsAPrefixAndAHost) {
  EXPECT_EQ(Of("service: web, path: {regex: '/a.*'}, rewrite: {prefix: /b}"),
            Expected{"rewrite.prefix: stands beside a path by regex, which has no prefix to "
                     "replace; expected path, or path.exact"});
  for (const char* host :
       {"''", "'*'", "'a b'", "'a:0'", "'a:99999'", "'a/b'", "\"a\\r\\nb\"", "'a@b'", "'*.a'"}) {
    EXPECT_EQ(Of("service: web, rewrite: {host: " + std::string(host) + "}").size(), 1u) << host;
  }
  for (const char* host : {"a.b", "'a:80'", "'[::1]'", "'[::1]:80'", "10.0.0.1"}) {
    EXPECT_EQ(Of("service: web, rewrite: {host: " + std::string(host) + "}"), Expected{}) << host;
  }
}

TEST(RouteActions, ARedirectLeadsToOneUrl) {
  for (const char* to : {"/new", "https://a.test", "'http://a.test/x?y'", "'https://{host}{path}'",
                         "'https://{host}:8443'", "'https://a.test/x{path}'"}) {
    EXPECT_EQ(Of("redirect: {to: " + std::string(to) + "}"), Expected{}) << to;
  }
  for (const char* to : {"new", "//a.test", "https://", "https:///x", "'javascript:x'", "'/{path}'",
                         "'https://a/{query}'", "'https://a/{'", "'https://a/}'",
                         "\"https://a/\\r\\nX: y\"", "'https://a/ b'", "''"}) {
    EXPECT_EQ(Of("redirect: {to: " + std::string(to) + "}").size(), 1u) << to;
  }
  EXPECT_EQ(Of("redirect: {to: /a, status: 304}"),
            Expected{"redirect.status: 304 is not a redirect; expected 301, 302, 303, 307 or 308"});
}

TEST(RouteActions, WhatIsAnsweredGoesNowhere) {
  EXPECT_EQ(Of("service: web, redirect: {to: /a}"),
            Expected{"service: stands beside redirect, which sends the request nowhere"});
  EXPECT_EQ(Of("respond: {status: 200}, rewrite: {host: a}"),
            Expected{"rewrite: stands beside respond, which sends the request nowhere"});
  EXPECT_EQ(Of("respond: {status: 200}, redirect: {to: /a}"),
            Expected{"respond: stands beside redirect; expected one of the two"});
  EXPECT_EQ(Of("respond: {status: 204, body: x}"),
            Expected{"respond.body: stands beside status 204, which has no body"});
  EXPECT_EQ(Of("respond: {status: 100}"), Expected{"respond.status: 100 is outside 200…599"});
}

TEST(RouteActions, AMirrorNeedsAServiceAndNoAnswer) {
  EXPECT_EQ(Load("service: web, mirror: {service: web, share: 5%}").mirror,
            (MirrorTo{"web", 0.05}));
  EXPECT_EQ(Load("service: web, mirror: {service: web}").mirror, (MirrorTo{"web", 1}));
  EXPECT_EQ(Of("service: web, mirror: {service: wbe}"),
            Expected{"mirror.service: 'wbe' is not a service; did you mean 'web'?"});
  EXPECT_EQ(Of("service: web, mirror: {service: web, share: 101%}"),
            Expected{"mirror.share: 101% is outside 0%…100%"});
  EXPECT_EQ(Of("respond: {status: 200}, mirror: {service: web}"),
            Expected{"mirror: stands beside respond, which sends the request nowhere"});
}

}  // namespace
}  // namespace meridian::config
