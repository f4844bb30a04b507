// meridian run: the engine on a configuration, until it is told to stop.
#include <cstdio>

#include "commands.h"
#include "engine.h"

namespace meridian::app {

int RunCommand(const Command& self, Arguments arguments) {
  std::string file;
  bool json = false;
  CommandLine line(
      self.name, self.summary,
      "Logs to standard error; one line per listener with its real address to standard "
      "output once\nit accepts, and READY=1 to systemd.\n"
      "SIGHUP reloads; SIGTERM and SIGINT drain for process.drain_timeout and end, a "
      "second one ends\nat once.\n"
      "Example: meridian run -c conf/minimal.yaml");
  line.Option("-c,--config", file, "FILE", "the configuration", CommandLine::Need::kRequired);
  line.Flag("--json", json, "log lines as JSON, whatever log.format says");
  if (const auto status = line.Parse(arguments)) return *status;
  if (json) log::Configure(log::Level::kInfo, true);
  auto loop = uvio::UvLoop::Create();
  if (!loop) {
    std::fprintf(stderr, "meridian run: %s\n", Describe(loop.error()).c_str());
    return kFailed;
  }
  Engine engine(**loop, {.config_file = file, .on_serving = {}, .json_log = json});
  if (!engine.Start()) return kFailed;
  (*loop)->Run();
  return kDone;
}

}  // namespace meridian::app
