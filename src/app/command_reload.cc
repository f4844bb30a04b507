// meridian reload, stop: what the signals do, with an answer.
#include <cstdio>

#include "commands.h"
#include "live_call.h"

namespace meridian::app {

int ReloadCommand(const Command& self, Arguments arguments) {
  Live live;
  bool force = false;
  CommandLine line(
      self.name, self.summary,
      "As SIGHUP, but tells what came of it. A configuration with an error is refused "
      "with all its\ndiagnostics and changes nothing; so is one that would remove more "
      "than half of the sites or\nendpoints, unless forced. Exit status 1 if refused.\n"
      "Example: meridian reload");
  line.Flag("--force", force, "also if it removes more than half of the sites or endpoints");
  live.Declare(line);
  if (const auto status = line.Parse(arguments)) return *status;
  auto answer =
      admin::Call(live.socket, "POST", force ? "/v1/reload?force=true" : "/v1/reload", {});
  if (!answer) {
    PrintFault(live, answer.error());
    return kFailed;
  }
  const bool accepted = admin::FieldOf(answer->body, "/accepted") == "true";
  const bool told = admin::FieldOf(answer->body, "/accepted").has_value();
  if (live.json) {
    PrintText(answer->body);
  } else if (told) {
    const std::string text = admin::RenderReload(answer->body, accepted && ColorOutput());
    std::fprintf(accepted ? stdout : stderr, "%s%s", text.c_str(),
                 text.ends_with('\n') ? "" : "\n");
  } else {
    std::fprintf(stderr, "meridian: %s\n", admin::RenderError(answer->body).c_str());
  }
  return accepted ? kDone : kFailed;
}

int StopCommand(const Command& self, Arguments arguments) {
  Live live;
  bool now = false;
  CommandLine line(self.name, self.summary,
                   "As SIGTERM: accepts nothing new, lets established sessions finish for\n"
                   "process.drain_timeout, then ends. Returns at once.\n"
                   "Example: meridian stop --now");
  line.Flag("--now", now, "cut what is established");
  live.Declare(line);
  if (const auto status = line.Parse(arguments)) return *status;
  const auto answer = Ask(live, "POST", now ? "/v1/stop?now=true" : "/v1/stop");
  if (!answer) return kFailed;
  PrintText(live.json ? *answer : now ? "stopping" : "draining, then stopping");
  return kDone;
}

}  // namespace meridian::app
