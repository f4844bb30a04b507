// meridian wait: asks the API until a condition holds.
#include <meridian/base/time.h>

#include <chrono>
#include <cstdio>
#include <thread>

#include "commands.h"
#include "live_call.h"
#include "wait_condition.h"

namespace meridian::app {
namespace {

using SteadyClock = std::chrono::steady_clock;
constexpr auto kPause = std::chrono::milliseconds(50);

// An instance that is not there yet is waited for as well; a name it does not know is final.
int Poll(const WaitCondition& condition, const Live& live, SteadyClock::time_point deadline) {
  std::string seen = "no meridian is listening on " + live.socket;
  for (;;) {
    const auto answer =
        admin::Call(live.socket, "GET", condition.Target(), {}, std::chrono::seconds(5));
    if (answer && answer->status == 200 && condition.Holds(answer->body, seen)) {
      if (live.json) PrintText(answer->body);
      return kDone;
    }
    if (answer && answer->status == 404) {
      std::fprintf(stderr, "meridian: %s\n", admin::RenderError(answer->body).c_str());
      return kFailed;
    }
    if (SteadyClock::now() >= deadline) break;
    std::this_thread::sleep_for(kPause);
  }
  std::fprintf(stderr, "meridian wait: '%s' did not come in time: %s\n", condition.text().c_str(),
               seen.c_str());
  return kFailed;
}

}  // namespace

int WaitCommand(const Command& self, Arguments arguments) {
  Live live;
  std::vector<std::string> words;
  std::string timeout = "30s";
  CommandLine line(self.name, self.summary,
                   "Conditions:\n"
                   "  ready                 listeners accept\n"
                   "  generation N          generation N or a later one runs\n"
                   "  site/NAME STATE       up, degraded, draining, down or out\n"
                   "  site/NAME drained     it takes nothing new and has no session left; also of\n"
                   "                        region/NAME and endpoint/SITE/ADDRESS, once drained\n"
                   "  service/NAME STATE    normal, failed-over, blocked, ready …; up or down\n"
                   "  service/NAME at SITE  that site is active (disaster recovery)\n"
                   "Exit status 1 when the time is over.\n"
                   "Examples:\n"
                   "  meridian drain dallas && meridian wait site/dallas drained\n"
                   "  meridian failover db && meridian wait service/db at dallas");
  line.Positional("CONDITION", words, "what to wait for");
  line.Option("--timeout", timeout, "TIME", "how long at most (30s)");
  live.Declare(line);
  if (const auto status = line.Parse(arguments)) return *status;
  std::string fault;
  const auto condition = WaitCondition::Parse(words, fault);
  const auto limit = ParseDuration(timeout);
  if (!limit) fault = "--timeout: '" + timeout + "' is not a time such as 30s or 5m";
  if (!condition || !limit) {
    std::fprintf(stderr, "meridian wait: %s\n", fault.c_str());
    return kUsage;
  }
  return Poll(*condition, live, SteadyClock::now() + *limit);
}

}  // namespace meridian::app
