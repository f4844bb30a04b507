// Routes as written: where each key arrives, and every sentence about what cannot be.
#include <meridian/config/path_pattern.h>

#include "testing/allocations.h"
#include "unit/config/loading.h"

namespace meridian::config {
namespace {

constexpr std::string_view kBefore = "listeners: {l: {bind: '[::]:80', routes: [";

std::vector<std::string> With(const std::string& routes) {
  return DiagnoseListeners(std::string(kBefore) + routes + "]}}");
}

// What With says of a mistake `column` characters into the routes.
Expected At(size_t column, const std::string& what) {
  return {"m.yaml:5:" + std::to_string(kBefore.size() + column + 1) + ": " + what};
}

std::vector<Route> Load(const std::string& routes) {
  std::string yaml(kBase);
  const size_t start = yaml.find("listeners:");
  yaml.replace(start, yaml.find('\n', start) - start, std::string(kBefore) + routes + "]}}");
  const Loaded loaded = LoadText(yaml, "m.yaml", NoVariables);
  EXPECT_EQ(loaded.errors(), 0u) << testing::PrintToString(Lines(loaded));
  return loaded.config ? loaded.config->listeners.at(0).routes : std::vector<Route>();
}

TEST(Routes, HoldWhatIsWritten) {
  Route full{"app.example.com", "/v[0-9]", "", PathMatch::kRegex};
  full.methods = {"GET", "POST"};
  full.headers = {{"X-Beta", "1"}};
  full.query = {{"q", "*"}};
  full.shares = {{"web", 3}};
  EXPECT_EQ(Load("{host: APP.example.com, path: {regex: '/v[0-9]'}, methods: [GET, POST], match: "
                 "{header: {X-Beta: '1'}, query: {q: '*'}}, services: {web: 3}}"),
            (std::vector<Route>{full}));
  EXPECT_EQ(Load("{path: {exact: /a/}, service: web}, {path: {prefix: /a/}, service: web}, "
                 "{path: '/x/../%62/', service: web}, {path: {}, service: web}"),
            (std::vector<Route>{{"", "/a/", "web", PathMatch::kExact},
                                {"", "/a", "web"},
                                {"", "/b", "web"},
                                {"", "", "web"}}));
}

TEST(Routes, APathIsOneOfThree) {
  EXPECT_EQ(With("{path: {exact: /a, prefix: /a}, service: web}"),
            At(1, "error: listeners.l.routes[0].path: more than one of prefix, exact and regex"));
  EXPECT_EQ(With("{path: [/a], service: web}"),
            At(7, "error: listeners.l.routes[0].path: a list where a path or a map was expected"));
  EXPECT_EQ(With("{path: {exact: a}, service: web}"),
            At(15,
               "error: listeners.l.routes[0].path.exact: 'a' is not a path which begins with "
               "'/' and has no '?', '#' or spaces"));
}

TEST(Routes, AnExpressionMustBeOne) {
  EXPECT_EQ(With("{path: {regex: '/(a'}, service: web}"),
            At(15,
               "error: listeners.l.routes[0].path.regex: '/(a' is not a regular expression: "
               "missing ): /(a"));
  EXPECT_EQ(With("{path: {regex: '/(a)\\1'}, service: web}"),
            At(15,
               "error: listeners.l.routes[0].path.regex: '/(a)\\1' is not a regular expression: "
               "invalid escape sequence: \\1"));
  EXPECT_EQ(With("{path: {regex: '((a{100}){100}){100}'}, service: web}").size(), 1u);
}

TEST(Routes, SharesAreOfServicesAndNotAllZero) {
  EXPECT_EQ(With("{services: {web: 0}}"),
            At(1, "error: listeners.l.routes[0].services: no service with a weight above 0"));
  EXPECT_EQ(With("{services: {wbe: 1, web: 1}}"),
            At(12,
               "error: listeners.l.routes[0].services.wbe: 'wbe' is not a service; did you "
               "mean 'web'?"));
  EXPECT_EQ(With("{service: web, services: {web: 1}}"),
            At(15,
               "error: listeners.l.routes[0].services: stands beside service; expected one of "
               "the two"));
}

TEST(Routes, TcpSeesNoRequests) {
  EXPECT_EQ(
      DiagnoseListeners("listeners: {l: {bind: '[::]:80', protocol: tcp, routes: [{sni: a, "
                        "methods: [GET], service: web}]}}"),
      Expected{"m.yaml:5:67: error: listeners.l.routes[0].methods: protocol tcp has no requests; "
               "expected `sni`, `alpn` and `service` alone"});
}

TEST(Routes, OnesThatAreNeverReachedAreToldWithAllTheyMatch) {
  const std::string told =
      "warning: listeners.l.routes[1]: is never reached: an earlier route to "
      "web takes all of it";
  const std::string first = "{path: /a, methods: [GET], service: web}, ";
  EXPECT_EQ(With(first + "{path: /a, service: web}"), Expected{});
  EXPECT_EQ(With(first + "{path: /a/b, methods: [GET], service: web}"), At(first.size(), told));
  EXPECT_EQ(With(first + "{path: {exact: /a}, methods: [GET], service: web}"),
            At(first.size(), told));
  EXPECT_EQ(With(first + "{path: {regex: /a}, methods: [GET], service: web}"), Expected{});
  const std::string header = "{match: {header: {X: y}}, service: web}, ";
  EXPECT_EQ(With(header + "{service: web}"), Expected{});
  EXPECT_EQ(With(header + "{path: /z, match: {header: {X: y}}, service: web}"),
            At(header.size(), told));
}

TEST(PathPattern, TakesAHostilePathInLinearTimeAndNoMemory) {
  const auto pattern = PathPattern::Parse("/(a*)*(a|aa)+b");
  ASSERT_TRUE(pattern.has_value());
  const std::string path = "/" + std::string(30000, 'a');
  EXPECT_FALSE(pattern->Matches(path));
  const fakes::Allocations allocations;
  EXPECT_FALSE(pattern->Matches(path));
  EXPECT_EQ(allocations.count(), 0u);
}

}  // namespace
}  // namespace meridian::config
