// What a client may do, as written.
#include "unit/config/loading.h"

namespace meridian::config {
namespace {

constexpr std::string_view kBefore = "listeners: {l: {bind: '[::]:80', service: web, limits: {";

// The diagnostics of these limits, without place and path of the listener.
std::vector<std::string> Of(const std::string& limits) {
  std::vector<std::string> out;
  for (std::string line : DiagnoseListeners(std::string(kBefore) + limits + "}}}")) {
    constexpr std::string_view kPath = "listeners.l.limits.";
    const size_t at = line.find(kPath);
    out.push_back(at == std::string::npos ? line : line.substr(at + kPath.size()));
  }
  return out;
}

Limits Load(const std::string& limits) {
  std::string yaml(kBase);
  const size_t start = yaml.find("listeners:");
  yaml.replace(start, yaml.find('\n', start) - start, std::string(kBefore) + limits + "}}}");
  const Loaded loaded = LoadText(yaml, "m.yaml", NoVariables);
  EXPECT_EQ(loaded.errors(), 0u) << testing::PrintToString(Lines(loaded));
  return loaded.config ? loaded.config->listeners.at(0).limits : Limits();
}

TEST(Limits, HoldWhatIsWritten) {
  const Limits limits = Load(
      "rate: 100, rate_burst: 500, rate_by: 'header:X-Key', connections_per_client: 10, "
      "requests_per_connection: 1000, body_timeout: 1m, min_rate: 1KiB");
  EXPECT_EQ(limits.rate, (RateLimit{100, 500, "X-Key"}));
  EXPECT_EQ(limits.connections_per_client, 10u);
  EXPECT_EQ(limits.requests_per_connection, 1000u);
  EXPECT_EQ(limits.body_timeout, std::chrono::minutes(1));
  EXPECT_EQ(limits.min_rate, 1024u);
  EXPECT_EQ(Load("rate: 7, rate_by: client, rate_burst: auto").rate, (RateLimit{7, 7, ""}));
  EXPECT_EQ(Load("rate: unlimited, connections_per_client: unlimited, requests_per_connection: "
                 "unlimited, body_timeout: unlimited, min_rate: unlimited"),
            Limits());
}

TEST(Limits, ARateIsOfSomebodyAndWithinAnHour) {
  EXPECT_EQ(Of("rate: 5, rate_by: header"),
            Expected{"rate_by: needs the header's name; expected such as header:X-Key"});
  EXPECT_EQ(Of("rate: 5, rate_by: address").size(), 1u);
  EXPECT_EQ(Of("rate: 5, rate_by: 'query:x'").size(), 1u);
  EXPECT_EQ(Of("rate: 1, rate_burst: 3600"),
            Expected{"rate_burst: is more than 1 requests a second make in an hour"});
  EXPECT_EQ(Of("rate: 0").size(), 1u);
  EXPECT_EQ(Of("rate_burst: 5"), Expected{"rate_burst: has no effect without rate"});
}

}  // namespace
}  // namespace meridian::config
