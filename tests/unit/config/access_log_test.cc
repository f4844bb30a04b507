// log.access and retries.hedge_after: what is accepted, and what is said of the rest.
#include "unit/config/loading.h"

namespace meridian::config {
namespace {

std::optional<Config> LoadTop(const std::string& keys) {
  return LoadText(std::string(kBase) + keys + "\n", "m.yaml", NoVariables).config;
}

TEST(AccessLog, IsOffUnlessSaid) {
  EXPECT_EQ(LoadTop("")->log.access, AccessLog{});
  EXPECT_EQ(LoadTop("log: {access: {path: off}}")->log.access, AccessLog{});
}

TEST(AccessLog, GoesToStandardOutputOrAFileInEitherForm) {
  const Folder folder;
  EXPECT_EQ(LoadTop("log: {access: {path: stdout}}")->log.access, (AccessLog{"stdout", false}));
  const std::string file = folder.Write("there.log", "");
  const auto access = LoadTop("log: {access: {path: " + file + ", format: combined}}")->log.access;
  EXPECT_EQ(access, (AccessLog{file, true}));
  EXPECT_EQ(LoadTop("log: {access: {path: " + file + ".new}}")->log.access.path, file + ".new");
}

TEST(AccessLog, AFileThatCannotBeWrittenIsAnError) {
  EXPECT_EQ(DiagnoseTop("log: {access: {path: /nonexistent/a.log}}"),
            Expected{"m.yaml:9:22: error: log.access.path: '/nonexistent/a.log' cannot be made: "
                     "'/nonexistent/' No such file or directory"});
  EXPECT_EQ(
      DiagnoseTop("log: {access: {path: /tmp}}"),
      Expected{"m.yaml:9:22: error: log.access.path: '/tmp' is a directory; expected a file"});
}

TEST(AccessLog, AnUnknownFormIsRefused) {
  EXPECT_EQ(DiagnoseTop("log: {access: {format: csv}}"),
            Expected{"m.yaml:9:24: error: log.access.format: 'csv' is not an access log format; "
                     "expected json or combined"});
}

topology::RetryPolicy Retries(const std::string& keys) {
  const auto config =
      LoadText(std::string(kBase) + "    retries: {" + keys + "}\n", "m.yaml", NoVariables).config;
  return config->topology.services.front().retries;
}

TEST(HedgeAfter, IsOffATimeOrAPercentile) {
  EXPECT_EQ(Retries(""), topology::RetryPolicy{});
  EXPECT_EQ(Retries("hedge_after: off"), topology::RetryPolicy{});
  EXPECT_EQ(Retries("hedge_after: 150ms").hedge_after, std::chrono::milliseconds(150));
  EXPECT_FALSE(Retries("hedge_after: 150ms").hedge_p99);
  EXPECT_TRUE(Retries("hedge_after: p99").hedge_p99);
  EXPECT_EQ(Retries("hedge_after: p99").hedge_after, std::nullopt);
}

TEST(HedgeAfter, WithoutAttemptsItIsWarnedOf) {
  EXPECT_EQ(DiagnoseService("retries: {attempts: 0, hedge_after: p99}"),
            Expected{"m.yaml:9:41: warning: services.web.retries.hedge_after: has no effect with "
                     "attempts: 0"});
  EXPECT_EQ(DiagnoseService("retries: {hedge_after: p50}").size(), 1u);
}

}  // namespace
}  // namespace meridian::config
