// YAML files to a validated Config, or every reason why not. All problems are found in one pass
// over everything, each with its place; nothing is ever half loaded.
#pragma once

#include <meridian/config/config.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace meridian::config {

struct Diagnostic {
  enum class Severity : uint8_t { kError, kWarning } severity = Severity::kError;
  std::string file;
  int line = 0, column = 0;  // from 1; 0: the file as a whole
  std::string message;  // "services.web.steering: 'neares' is not a steering policy; did you mean
                        // 'nearest'?"

  // "meridian.yaml:31:18: error: …"
  std::string ToString() const;
};

struct Loaded {
  std::optional<Config> config;         // present when there is no error
  std::vector<Diagnostic> diagnostics;  // errors and warnings, by file and place
  std::vector<std::string> files;       // every file read, the main one first

  size_t errors() const;
  size_t warnings() const;
};

// The value of ${NAME}, or empty if unset.
using Environment = std::function<std::optional<std::string>(std::string_view name)>;
Environment ProcessEnvironment();

// Reads `path` and what it includes. Never throws; a file that cannot be read is a diagnostic.
Loaded LoadFile(const std::string& path, const Environment& environment = ProcessEnvironment());
// The same from memory; `name` stands for the file in diagnostics, and its folder for relative
// paths.
Loaded LoadText(std::string_view yaml, const std::string& name,
                const Environment& environment = ProcessEnvironment());

// Why going from `running` to `next` should be refused unless forced: more than half of the sites
// or of the endpoints would go. Empty: fine.
std::optional<std::string> TooDrastic(const Config& running, const Config& next);

// JSON Schema (2020-12) of a configuration file, from the same table that LoadFile validates with.
std::string JsonSchema();

}  // namespace meridian::config
