// What `meridian check` tells of a configuration that loads: what would run, and how long a failure
// could hurt. As text and as JSON. Values in, text out; control thread.
#pragma once

#include <meridian/config/load.h>
#include <meridian/snapshot/snapshot.h>

#include <string>
#include <vector>

namespace meridian::app {

struct CheckOutcome {
  config::Loaded loaded;
  snapshot::Compiled compiled;  // of loaded.config, if it has one

  size_t errors() const { return loaded.errors() + compiled.errors.size(); }
  size_t warnings() const { return loaded.warnings() + compiled.warnings.size(); }
};

// Loads and compiles `path`: opens what it names, touches nothing else.
CheckOutcome CheckFile(const std::string& path);

// Diagnostics, one a line, and "2 errors, 0 warnings".
std::string DescribeDiagnostics(const CheckOutcome& outcome);
// Precondition: no errors.
std::string DescribePlan(const snapshot::Snapshot& snapshot);
std::string CheckJson(const CheckOutcome& outcome);

}  // namespace meridian::app
