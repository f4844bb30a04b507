// meridian drain, undrain: an operator's intent for a region, a site or one endpoint of a site.
#include <meridian/base/format.h>
#include <meridian/base/time.h>

#include <cstdio>

#include "commands.h"
#include "json_text.h"
#include "live_call.h"

namespace meridian::app {
int DrainCommand(const Command& self, Arguments arguments) {
  Live live;
  std::string target, deadline, reason;
  CommandLine line(
      self.name, self.summary,
      "New sessions go elsewhere; established and pinned ones finish. At the deadline, "
      "if there\nis one, what is left is cut. A drain survives restarts.\n"
      "Examples:\n"
      "  meridian drain dallas --deadline 5m --reason 'kernel update'\n"
      "  meridian drain us-south\n"
      "  meridian drain dallas/10.2.0.11:8080");
  line.Positional("NAME", target, "a region, a site, or SITE/ENDPOINT");
  line.Option("--deadline", deadline, "TIME", "when sessions are cut: 30s, 5m, 1h");
  line.Option("--reason", reason, "TEXT", "why, for whoever looks later");
  live.Declare(line);
  if (const auto status = line.Parse(arguments)) return *status;
  const auto parsed = ParseDuration(deadline);
  if (!deadline.empty() && (!parsed || parsed->count() <= 0)) {
    std::fprintf(stderr, "meridian drain: --deadline: '%s' is not a time such as 30s, 5m or 1h\n",
                 deadline.c_str());
    return kUsage;
  }
  std::string body =
      Format("{{\"target\":{},\"author\":{}", JsonQuote(target), JsonQuote(Author()));
  if (!deadline.empty()) body += Format(",\"deadline\":{}", JsonQuote(deadline));
  if (!reason.empty()) body += Format(",\"reason\":{}", JsonQuote(reason));
  const auto answer = Ask(live, "POST", "/v1/drain", body + "}");
  if (!answer) return kFailed;
  PrintText(
      live.json ? *answer
      : deadline.empty()
          ? Format("{} is draining: no new sessions, until 'meridian undrain {}'", target, target)
          : Format("{} is draining: no new sessions, what is left is cut in {}", target, deadline));
  return kDone;
}

int UndrainCommand(const Command& self, Arguments arguments) {
  Live live;
  std::string target;
  CommandLine line(self.name, self.summary,
                   "Ends a drain, also one whose deadline has passed.\n"
                   "Example: meridian undrain dallas");
  line.Positional("NAME", target, "a region, a site, or SITE/ENDPOINT, as it was drained");
  live.Declare(line);
  if (const auto status = line.Parse(arguments)) return *status;
  const auto answer =
      Ask(live, "DELETE", "/v1/drain", Format("{{\"target\":{}}}", JsonQuote(target)));
  if (!answer) return kFailed;
  PrintText(live.json ? *answer : Format("{} serves again", target));
  return kDone;
}

}  // namespace meridian::app
