// meridian status, sites, services: views of a running instance.
#include <meridian/base/format.h>

#include "commands.h"
#include "live_call.h"

namespace meridian::app {

int StatusCommand(const Command& self, Arguments arguments) {
  Live live;
  CommandLine line(self.name, self.summary,
                   "Shows state, generation, listeners, services, and drains in force.\n"
                   "Example: meridian status --socket /tmp/admin.sock");
  live.Declare(line);
  if (const auto status = line.Parse(arguments)) return *status;
  return Show(live, "GET", "/v1/status", {}, admin::RenderStatus);
}

int SitesCommand(const Command& self, Arguments arguments) {
  Live live;
  CommandLine line(self.name, self.summary,
                   "A site is up while enough of its endpoint weight is; a drain or an operator's\n"
                   "'out' shows with its author and what is left of its time.\n"
                   "Example: meridian sites");
  live.Declare(line);
  if (const auto status = line.Parse(arguments)) return *status;
  return Show(live, "GET", "/v1/sites", {}, admin::RenderSites);
}

int ServicesCommand(const Command& self, Arguments arguments) {
  Live live;
  CommandLine line(self.name, self.summary,
                   "Redundancy is the number of usable sites less one: how many may still fail.\n"
                   "Example: meridian services");
  live.Declare(line);
  if (const auto status = line.Parse(arguments)) return *status;
  return Show(live, "GET", "/v1/services", {}, admin::RenderServices);
}

}  // namespace meridian::app
