// meridian check: validates a configuration as `run` would, and tells what it would do.
#include <cstdio>

#include "check_report.h"
#include "commands.h"

namespace meridian::app {

int CheckCommand(const Command& self, Arguments arguments) {
  std::string file;
  bool json = false;
  CommandLine line(
      self.name, self.summary,
      "Diagnostics go to standard error, one a line (file:line:column); the summary of "
      "what would\nrun, with the worst-case failover time of each service, to standard "
      "output.\nNeither sockets nor state are touched. Exit status 1 if there are "
      "errors.\nExample: meridian check -c conf/example.yaml");
  line.Option("-c,--config", file, "FILE", "the configuration", CommandLine::Need::kRequired);
  line.Flag("--json", json, "everything as one JSON object on standard output");
  if (const auto status = line.Parse(arguments)) return *status;
  const CheckOutcome outcome = CheckFile(file);
  if (json) {
    std::fputs(CheckJson(outcome).c_str(), stdout);
  } else {
    std::fputs(DescribeDiagnostics(outcome).c_str(), stderr);
    if (outcome.errors() == 0) std::fputs(DescribePlan(*outcome.compiled.snapshot).c_str(), stdout);
  }
  return outcome.errors() == 0 ? kDone : kFailed;
}

}  // namespace meridian::app
