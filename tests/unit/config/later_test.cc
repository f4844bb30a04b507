// What is known and not supported yet is refused as such, unless it says what holds anyway; the
// contract's whole example is not.
#include "unit/config/loading.h"

namespace meridian::config {
namespace {

TEST(Later, HarmlessValuesAreAccepted) {
  EXPECT_EQ(DiagnoseService("retries: {}\n"
                            "    backend: {protocol: http1, tls: off, warm: 0}"),
            Expected{});
  EXPECT_EQ(DiagnoseListeners("listeners: {l: {bind: '[::]:80', service: web, tls: off, limits: "
                              "{rate: unlimited}}}"),
            Expected{});
}

TEST(Later, TheContractsExampleIsSupported) {
  const std::filesystem::path file =
      std::filesystem::path(MERIDIAN_SOURCE_DIR) / "tests/unit/config/contract.yaml";
  std::string yaml = ReadWhole(file);
  const Folder folder;
  for (const std::string name : {"session.key", "app.pem", "app.key"}) {
    yaml.replace(yaml.find(name), name.size(), folder.Write(name, "secret"));
  }
  Expected errors;
  for (const Diagnostic& diagnostic : LoadText(yaml, "m.yaml", NoVariables).diagnostics) {
    if (diagnostic.severity == Diagnostic::Severity::kError) errors.push_back(diagnostic.message);
  }
  EXPECT_EQ(errors, Expected{});
}

}  // namespace
}  // namespace meridian::config
