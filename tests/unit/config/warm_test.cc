// Connections opened ahead of need, as written.
#include "unit/config/loading.h"

namespace meridian::config {
namespace {

TEST(Warm, HoldsWhatIsWritten) {
  const auto load = [](const std::string& backend) {
    const Loaded loaded =
        LoadText(std::string(kBase) + "    backend: {" + backend + "}\n", "m.yaml", NoVariables);
    EXPECT_EQ(loaded.errors(), 0u) << testing::PrintToString(Lines(loaded));
    return loaded.config ? loaded.config->topology.services.at(0).backend
                         : topology::BackendPolicy();
  };
  EXPECT_EQ(load("").warm, 0u);
  EXPECT_FALSE(load("warm: 4").warm_greeting);
  const topology::BackendPolicy both = load("warm: 4, warm_greeting: true, proxy_protocol: off");
  EXPECT_EQ(both.warm, 4u);
  EXPECT_TRUE(both.warm_greeting);
}

TEST(Warm, WhatCannotBeIsRefused) {
  EXPECT_EQ(DiagnoseService("backend: {warm: 1025}").size(), 1u);
  EXPECT_EQ(DiagnoseService("backend: {warm_greeting: true}"),
            Expected{"m.yaml:9:15: warning: services.web.backend.warm_greeting: has no effect "
                     "without warm"});
  EXPECT_EQ(DiagnoseService("backend: {protocol: http2, warm: 1}"),
            Expected{"m.yaml:9:32: error: services.web.backend.warm: is not for protocol http2, "
                     "whose requests share a connection"});
  std::string tcp(kBase);
  tcp.replace(tcp.find("bind:"), 5, "protocol: tcp, bind:");
  const Expected lines = Diagnose(
      tcp + "    backend: {warm: 1, proxy_protocol: v2, tls: {server_name: app.example.com}}\n");
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_NE(lines[0].find("services.web.backend.warm: is not possible with tls and proxy_protocol"),
            std::string::npos)
      << lines[0];
}

}  // namespace
}  // namespace meridian::config
