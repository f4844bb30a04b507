// Configuration texts of arbitrary bytes. Holds: loading ends, with a configuration or with at
// least one error, never both or neither; every diagnostic has a text and a place that is none or
// counts from 1; and the same text tells the same again. Texts that include others are left out,
// since what they name would be read from this machine.
#include <meridian/base/check.h>
#include <meridian/config/load.h>

#include <string>
#include <string_view>

#include "fuzz/target.h"

namespace meridian::config {
namespace {

std::string Told(const Loaded& loaded) {
  MERIDIAN_CHECK(loaded.config.has_value() == (loaded.errors() == 0));
  MERIDIAN_CHECK(loaded.errors() + loaded.warnings() == loaded.diagnostics.size());
  std::string told;
  for (const Diagnostic& diagnostic : loaded.diagnostics) {
    MERIDIAN_CHECK(!diagnostic.message.empty());
    MERIDIAN_CHECK(diagnostic.line >= 0 && diagnostic.column >= 0);
    told += diagnostic.ToString() + "\n";
  }
  return told;
}

Loaded Load(std::string_view text) {
  const Environment environment = [](std::string_view name) -> std::optional<std::string> {
    if (name == "SET") return "value";
    return std::nullopt;
  };
  return LoadText(text, "fuzz.yaml", environment);
}

}  // namespace
}  // namespace meridian::config

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (text.find("include") != std::string_view::npos) return 0;
  const std::string told = meridian::config::Told(meridian::config::Load(text));
  MERIDIAN_CHECK(told == meridian::config::Told(meridian::config::Load(text)));
  return 0;
}
